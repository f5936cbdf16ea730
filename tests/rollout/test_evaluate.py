"""Evaluating: who is asked, on which seeds, what is written, and that it goes on after a stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_environment
import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError, PolicyServerLostError, UnknownNameError
from ravens_suite.execution.protocols import Outcome, ignore_note
from ravens_suite.execution.serial import SerialPool
from ravens_suite.registry import environment_id
from ravens_suite.report.runs import Score
from ravens_suite.rollout import evaluate as module
from ravens_suite.rollout import evaluation_record
from ravens_suite.rollout.evaluate import evaluate

_SOLVED = [0, 2, 3, 5, 7, 8]


def _make_run(folder: Path, seeds: list[int], **arguments: object) -> Path:
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    (folder / "policy" / "agent.json").write_text('{"agent": "fake-agent", "config": {}, "seed": 0}')
    (folder / "policy" / "weights.safetensors").write_text(" ".join(str(seed) for seed in seeds))
    record = {
        "plan": {"tasks": [TASK], "agent": "fake-agent"},
        "environments": {TASK: {"id": environment_id(TASK), "arguments": {"shade": 0, **arguments}}},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def test_the_oracle_is_scored_on_the_seeds_of_a_split(tmp_path: Path) -> None:
    done = evaluate("oracle", TASK, episodes=10, out=tmp_path)
    assert [result.seed for result in done.outcomes] == list(range(10))
    assert [result.seed for result in done.outcomes if result.success] == _SOLVED
    assert {result.outcome.split(":")[0] for result in done.outcomes} == {"done", "step limit", "gave up", "not placed"}
    row = done.to_json()
    assert (row["episodes"], row["not_placed"]) == (9, 1)
    assert row["mean_score"] == pytest.approx(100 * (6 + 2 * 0.3 + 0.1) / 9, abs=1e-4)
    assert row["success_rate"] == pytest.approx(100 * 6 / 9, abs=1e-4)
    low, high = row["success_rate_interval_95"]
    assert 30 < low < 66 < high < 90
    value = json.loads((tmp_path / "test.json").read_text())
    assert value["task"] == TASK
    assert value["renderer"] == "none"
    assert value["results"][2]["goals"] == {"block": True}
    assert value["provenance"]["versions"]["numpy"]


def test_scenes_that_cannot_be_placed_say_nothing_of_a_policy(tmp_path: Path) -> None:
    alone = evaluate("oracle", TASK, episodes=1, first_seed=9, out=tmp_path)
    assert [outcome.outcome for outcome in alone.outcomes] == ["not placed: Seed 9 has no room."]
    row = alone.to_json()
    assert (row["episodes"], row["not_placed"]) == (0, 1)
    assert row["mean_score_interval_95"] == row["success_rate_interval_95"] == [0.0, 100.0]
    assert Summary.from_json(row) == alone.summary
    # The other scenes have the figures that they have without it.
    both, rest = evaluate("oracle", TASK, episodes=10, out=tmp_path), evaluate("oracle", TASK, episodes=9, out=tmp_path)
    assert {**both.summary.to_json(), "not_placed": 0} == {**rest.summary.to_json(), "not_placed": 0}
    assert "not_placed" not in rest.to_json()
    score = Score.from_json(json.loads((tmp_path / "test.json").read_text()))
    assert score.failed_seeds == [6, 1, 4], "a report shows what failed, not where nobody acted"


def test_a_trained_agent_is_found_in_its_run_and_sees_images_only(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "run", [0, 1, 5])
    done = evaluate(str(run), episodes=3)
    assert (done.plan.policy.name, done.plan.task) == ("fake-agent", TASK)
    assert [result.score for result in done.outcomes] == pytest.approx([1.0, 0.3, 0.3])
    assert done.path == run / "eval" / "test.json"


def test_a_second_call_goes_on_where_the_first_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    real = module.EvaluationWorker.run

    def run(worker: module.EvaluationWorker, seed: int) -> tuple[EpisodeOutcome, str]:
        if len(tried) == 3:
            raise KeyboardInterrupt
        tried.append(seed)
        return real(worker, seed)

    monkeypatch.setattr(module.EvaluationWorker, "run", run)
    with pytest.raises(KeyboardInterrupt):
        evaluate("oracle", TASK, episodes=5, out=tmp_path)
    monkeypatch.setattr(module.EvaluationWorker, "run", lambda w, seed: (tried.append(seed), real(w, seed))[1])
    done = evaluate("oracle", TASK, episodes=5, out=tmp_path)
    assert tried == [0, 1, 2, 3, 4]
    assert len(done.outcomes) == 5
    assert evaluate("oracle", TASK, episodes=4, out=tmp_path).outcomes == done.outcomes[:4]
    assert len(tried) == 5


class _LastFirst(SerialPool):
    """The last seed is done first, and the first one fails."""

    def outcomes(self, make: Any, jobs: Any, on_note: Any = ignore_note) -> Any:
        yield from super().outcomes(make, list(jobs)[:0:-1], on_note)
        yield Outcome(0, jobs[0], error=PolicyServerLostError("gone"))


def test_what_was_finished_out_of_turn_is_kept_when_another_seed_fails(tmp_path: Path) -> None:
    with pytest.raises(PolicyServerLostError, match="gone"):
        evaluate("oracle", TASK, episodes=4, out=tmp_path, pool=_LastFirst())
    assert [row["seed"] for row in json.loads((tmp_path / "test.json").read_text())["results"]] == [1, 2, 3]
    done = evaluate("oracle", TASK, episodes=4, out=tmp_path)
    assert done.outcomes == evaluate("oracle", TASK, episodes=4, out=tmp_path / "at-once").outcomes


def test_seeds_that_newer_code_added_are_named_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for commit, episodes in (("old", 2), ("new", 2), ("new", 4)):
        monkeypatch.setattr(evaluation_record, "provenance", lambda commit=commit: {"commit": commit})
        evaluate("oracle", TASK, episodes=episodes, out=tmp_path)
        value = json.loads((tmp_path / "test.json").read_text())
        assert value["provenance"]["commit"] == ("old" if episodes == 2 else "old and new")


def test_every_command_is_named_that_made_what_is_there_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "import numpy\n\ndef act(observation):\n    return dict.fromkeys(('pick', 'place'), numpy.full(7, {}))\n"
    Path("picks.py").write_text(text.format("float(open('n.txt').read())"))
    Path("n.txt").write_text("0")

    def made_by(command: str, **more: Any) -> tuple[str, str]:
        now = {"commit": command[0], "command": command}
        monkeypatch.setattr(evaluation_record, "provenance", lambda: now)
        noted = json.loads(evaluate("picks.py:act", TASK, out=tmp_path, **more).path.read_text())["provenance"]
        return noted["commit"], noted["command"]

    assert made_by("a", episodes=2) == ("a", "a")
    assert made_by("b", episodes=2) == ("a", "a"), "it made nothing"
    assert made_by("c", episodes=1, first_seed=7) == ("a and c", "a && c")
    assert made_by("a", episodes=3) == ("a and c", "a && c")
    Path("n.txt").write_text("1")
    assert made_by("d", episodes=2) == ("d", "d"), "what was there came out otherwise, and was made anew"


def test_other_weights_or_settings_are_evaluated_anew(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "run", [0, 1, 5])
    evaluate(str(run), episodes=3)
    assert evaluate(str(_make_run(run, [0, 1, 2])), episodes=3).summary.success_rate == pytest.approx(66.6667)
    evaluate(str(_make_run(run, [0, 1, 2], shade=3)), episodes=2)
    assert json.loads((run / "eval" / "test.json").read_text())["episodes"] == 2


def test_an_argument_that_contradicts_the_run_is_refused_with_both_values(tmp_path: Path) -> None:
    run = _make_run(tmp_path / "run", [0, 1, 5], shade=3, image_size=[6, 8])
    assert len(evaluate(str(run), episodes=2, arguments={"shade": 3}).outcomes) == 2
    with pytest.raises(ConflictError, match=r"shade 3, and 4 is asked for now"):
        evaluate(str(run), episodes=2, arguments={"shade": 4})
    with pytest.raises(ConflictError, match=r"image_size \[6, 8\], and \[480, 640\]"):
        evaluate(str(run), episodes=2, arguments={"image_size": (480, 640)})
    with pytest.raises(ConflictError, match=r"observe \['images'\], and \['state'\]"):
        evaluate(str(run), episodes=2, arguments={"observe": ["state"]})


def test_a_plain_function_and_a_class_are_policies(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n"
        "def always_five(observation):\n"
        "    assert observation['instruction'].startswith('step')\n"
        "    return {'pick': np.full(7, 5.0), 'place': np.zeros(7)}\n"
        "class Five:\n"
        "    def reset(self, seed): self.seed = seed\n"
        "    def act(self, observation): return always_five(observation)\n"
    )
    for name in ("always_five", "Five"):
        done = evaluate(f"{file}:{name}", TASK, episodes=7, out=tmp_path / name)
        assert [outcome.seed for outcome in done.outcomes if outcome.success] == [5]
    with pytest.raises(ConfigError, match="no_such"):
        evaluate(f"{file}:no_such", TASK, episodes=1, out=tmp_path / "none")


def test_torch_has_as_many_threads_afterwards_as_before(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        evaluate(str(_make_run(tmp_path / "run", [0, 1, 5])), episodes=2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_damaged_result_is_evaluated_anew(tmp_path: Path) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    (tmp_path / "test.json").write_text('{"agent": ')
    assert len(evaluate("oracle", TASK, episodes=2, out=tmp_path).outcomes) == 2


def test_random_actions_depend_on_the_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actions: dict[int, list[list[float]]] = {}
    real = fake_environment.FakeEnvironment.step

    def step(environment: fake_environment.FakeEnvironment, action: dict) -> tuple:
        actions.setdefault(environment._seed, []).append(action["pick"].tolist())
        return real(environment, action)

    monkeypatch.setattr(fake_environment.FakeEnvironment, "step", step)
    evaluate("random", TASK, episodes=3, out=tmp_path / "a")
    first = dict(actions)
    actions.clear()
    evaluate("random", TASK, episodes=1, first_seed=2, out=tmp_path / "b")
    assert actions[2] == first[2]
    assert first[0] != first[2]


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="as in oracle TASK"):
        evaluate("oracle")
    with pytest.raises(MissingDataError, match="no trained agent"):
        evaluate(str(tmp_path))
    with pytest.raises(UnknownNameError):
        evaluate("oracle", "nothing")
    with pytest.raises(ConfigError, match="at least 1"):
        evaluate("oracle", TASK, episodes=0)


def test_a_second_evaluation_of_the_same_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    refused: list[str] = []

    def second(done: int, total: int, note: str = "") -> None:
        evaluate("oracle", TASK, split="val", episodes=1, out=tmp_path)
        with pytest.raises(ConflictError, match=r"Another process is evaluating into .*test\.json: wait") as error:
            evaluate("oracle", TASK, episodes=1, out=tmp_path)
        refused.append(str(error.value))

    evaluate("oracle", TASK, episodes=2, out=tmp_path, on_progress=second)
    assert len(refused) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.json", "val.json"]


def test_what_a_killed_evaluation_left_half_written_is_removed(tmp_path: Path) -> None:
    for _ in range(2):
        left = tmp_path / ".test.json.0123456789abcdef0123456789abcdef.tmp"
        left.touch()
        evaluate("oracle", TASK, episodes=1, out=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["test.json"]


def test_several_tasks_may_be_evaluated_into_one_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each keeps its outcomes, in whatever order they are asked for again."""
    other = "block-insertion"
    first, second = (evaluate("oracle", task, episodes=1, out=tmp_path) for task in (TASK, other))
    assert first.path == tmp_path / "test.json"
    assert second.path == tmp_path / f"{other}-test.json"
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for done in (second, first):
        again = evaluate("oracle", done.plan.task, episodes=1, out=tmp_path)
        assert (again.path, again.outcomes) == (done.path, done.outcomes)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == written
    first.path.unlink()
    assert evaluate("oracle", other, episodes=1, out=tmp_path).path == second.path
    assert not caplog.records


def test_seeds_may_be_counted_in_short_numbers_of_numpy(tmp_path: Path) -> None:
    done = evaluate("oracle", TASK, episodes=np.uint8(3), first_seed=np.uint8(254), out=tmp_path)
    assert [outcome.seed for outcome in done.outcomes] == [254, 255, 256]
