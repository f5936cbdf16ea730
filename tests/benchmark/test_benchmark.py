"""The grid: what a trial leaves behind, and that nothing done is done again."""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_environment import TASK, FakeTask

from ravens_suite import registry
from ravens_suite.agents.base import Agent
from ravens_suite.benchmark import grid as module
from ravens_suite.benchmark import trials
from ravens_suite.benchmark.grid import BenchmarkPlan, BenchmarkResult, benchmark
from ravens_suite.benchmark.trials import Trial, TrialSettings
from ravens_suite.cli.commands.benchmark import Benchmark
from ravens_suite.cli.main import main, parse
from ravens_suite.core.observations import Interface
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.locks import locked
from ravens_suite.data.tables import read_rows
from ravens_suite.envs import definition
from ravens_suite.errors import ConfigError, ConflictError, UnknownNameError
from ravens_suite.execution.pool import make_pool
from ravens_suite.execution.progress import silent
from ravens_suite.report.runs import find_runs
from ravens_suite.rollout import evaluate as evaluating
from ravens_suite.training import loop
from ravens_suite.training.settings import TrainingSettings

COLUMNS = "agent,task,demos,seed,score,strict,low,high,steps,train_seconds,val_episodes,commit,command"
SETTINGS = TrialSettings(training=TrainingSettings(val_episodes=3), episodes=4)
PLAN = BenchmarkPlan(("fake-learner",), (TASK,), demos=(1, 3), settings=SETTINGS)


def changed(settings: TrialSettings = SETTINGS, **training: Any) -> TrialSettings:
    """Settings with other settings of training."""
    return replace(settings, training=replace(settings.training, **training))


@dataclass(frozen=True)
class FakeLearnerConfig:
    steps: int = 4
    device: str = "auto"
    fails: bool = False


class FakeLearner(Agent[Demonstrations]):
    """Counts its steps; acts as if every scene were that of seed 2."""

    name = "fake-learner"
    config_type = FakeLearnerConfig
    observation_keys = ("color",)
    stepped = 0
    stop_at = -1

    def __init__(
        self, config: FakeLearnerConfig | None = None, seed: int = 0, interface: Interface | None = None
    ) -> None:
        super().__init__(config, seed, interface)
        self.count = torch.zeros(1)

    def make_dataset(self, demonstrations: Demonstrations) -> Demonstrations:
        return demonstrations

    def fit_step(self, dataset: Demonstrations, step: int) -> dict[str, float]:
        FakeLearner.stepped += 1
        if self.config.fails:
            raise ConfigError("It will not learn.")
        if FakeLearner.stepped == FakeLearner.stop_at:
            raise KeyboardInterrupt
        self.count += 1
        return {"loss": 1.0}

    def act(self, observation: Any) -> dict[str, Any]:
        return {"pick": np.full(7, 2.0), "place": np.zeros(7)}

    def weights(self) -> dict[str, torch.Tensor]:
        return {"count": self.count}

    def set_weights(self, weights: dict[str, torch.Tensor]) -> None:
        self.count = weights["count"]

    training_state = weights
    set_training_state = set_weights


@pytest.fixture(autouse=True)
def evaluated(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """The learner is known, everything runs in this process; (split, seed) of all episodes lived for evaluation."""
    lived: list[tuple[str, int]] = []
    real = evaluating.roll_out

    def roll_out(environment: Any, policy: Any, seed: int, **options: Any) -> Any:
        lived.append((environment.unwrapped.split, seed))
        return real(environment, policy, seed, **options)

    learner = registry.Entry("fake-learner", __name__, "FakeLearner")
    monkeypatch.setitem(registry.entries.agents(), learner.name, learner)
    monkeypatch.setattr(module, "available_cores", lambda: 1)
    monkeypatch.setattr(trials, "make_pool", lambda workers: make_pool(workers=1))
    monkeypatch.setattr(evaluating, "roll_out", roll_out)
    FakeLearner.stepped, FakeLearner.stop_at = 0, -1
    yield lived


def _run(folder: Path, plan: BenchmarkPlan = PLAN) -> BenchmarkResult:
    return benchmark(plan, folder / "data", folder / "out", lambda title: nullcontext(silent), pool=make_pool())


def test_a_grid_may_be_given_by_arrays_and_by_single_names() -> None:
    plan = BenchmarkPlan("fake-learner", TASK, demos=np.array([1, 3]), seeds=range(2))  # type: ignore[arg-type]
    assert plan == replace(PLAN, settings=TrialSettings(), seeds=(0, 1))
    assert all(type(trial.demos) is type(trial.seed) is int for trial in plan.trials())


def test_a_trial_leaves_a_record_a_row_and_a_run(tmp_path: Path, evaluated: list[tuple[str, int]]) -> None:
    done = _run(tmp_path)
    assert (len(done.records), done.made, done.failures) == (2, 2, {})
    assert (tmp_path / "out" / "scores.csv").read_text().splitlines()[0] == COLUMNS
    rows = read_rows(tmp_path / "out" / "scores.csv")
    assert [row["demos"] for row in rows] == ["1", "3"]
    record = json.loads((tmp_path / "out" / "trials" / f"fake-learner-{TASK}-3-0.json").read_text())
    assert record["mean_score"] == pytest.approx((1 + 3 * 0.3) / 4 * 100, abs=0.1)
    assert (record["success_rate"], record["steps"], record["val_score"] is not None) == (25.0, 4, True)
    assert record["selection"] == "best mean score on validation episodes"
    assert len(record["demonstrations"]) == 3 and record["versions"]["numpy"] and record["machine"]["cores"]
    assert record["success_rate_interval_95"] == [float(rows[1]["low"]), float(rows[1]["high"])]
    assert rows[1]["command"].startswith(f"ravens-suite benchmark --agents fake-learner --tasks {TASK} --demos 3 ")
    assert evaluated == [("test", seed) for seed in range(4)] * 2
    assert [(run.demos, run.test is not None) for run in find_runs(tmp_path / "out")] == [(1, True), (3, True)]


def test_what_was_made_of_another_task_is_refused_unless_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path)
    build = FakeTask.build
    monkeypatch.setattr(definition, "_known", {})
    monkeypatch.setattr(
        FakeTask, "build", lambda *given: [replace(goal, position_tolerance=0.005) for goal in build(*given)]
    )
    refused = _run(tmp_path)
    assert (refused.made, len(refused.failures)) == (0, 2)
    assert all("its goals" in why and "--force" in why for why in refused.failures.values())
    forced = _run(tmp_path, replace(PLAN, settings=replace(SETTINGS, force=True)))
    assert (forced.made, len(forced.records), forced.failures) == (0, 2, {})
    command = parse(["benchmark", "--agents", "fake-learner", "--tasks", TASK, "--force"])
    assert isinstance(command, Benchmark) and command.force


def test_what_is_done_is_not_done_again_and_lost_rows_come_back(
    tmp_path: Path, evaluated: list[tuple[str, int]]
) -> None:
    first = _run(tmp_path)
    table = (tmp_path / "out" / "scores.csv").read_bytes()
    (tmp_path / "out" / "scores.csv").unlink()
    evaluated.clear()
    second = _run(tmp_path)
    assert (second.records, second.made, FakeLearner.stepped, evaluated) == (first.records, 0, 8, [])
    assert (tmp_path / "out" / "scores.csv").read_bytes() == table
    third = _run(tmp_path, replace(PLAN, demos=(1, 2, 3), settings=changed(threads=5)))
    assert (len(third.records), third.made, FakeLearner.stepped) == (3, 1, 12)


def test_a_trial_some_of_whose_scenes_cannot_be_placed_is_done_all_the_same(
    tmp_path: Path, evaluated: list[tuple[str, int]]
) -> None:
    plan = replace(PLAN, demos=(1,), settings=replace(SETTINGS, episodes=10))
    (record,) = _run(tmp_path, plan).records
    assert (record["episodes"], record["not_placed"]) == (9, 1)
    evaluated.clear()
    again = _run(tmp_path, plan)
    assert (again.records, again.made, evaluated) == ((record,), 0, [])


def test_an_interrupted_trial_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = loop.train
    monkeypatch.setattr(loop, "train", lambda *args, **more: real(*args, save_every=2, **more))
    FakeLearner.stop_at = 8
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path)
    assert [row["demos"] for row in read_rows(tmp_path / "out" / "scores.csv")] == ["1"]
    done = _run(tmp_path)
    assert done.made == 1
    assert FakeLearner.stepped == 8 + 2, "the four steps of the first trial and two of the second were kept"
    assert done.records[1]["steps"] == 4


def test_a_failed_trial_is_reported_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = FakeLearner.fit_step

    def fit_step(agent: FakeLearner, demos: Any, step: int) -> dict[str, float]:
        if len(demos) == 1:
            raise ConfigError("One is too few.")
        return real(agent, demos, step)

    monkeypatch.setattr(FakeLearner, "fit_step", fit_step)
    monkeypatch.setattr(benchmark, "__kwdefaults__", {"pool": make_pool()})
    options = ["--demos", "1,3", "--episodes", "4", "--val-episodes", "3", "--json"]
    folders = ["--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")]
    arguments = ["benchmark", "--agents", "fake-learner", "--tasks", TASK, *options, *folders]
    assert main(arguments) == 1
    shown = capsys.readouterr()
    value = json.loads(shown.out.splitlines()[-1])
    assert value["trials"] == value["made"] == 1
    assert value["failed"] == {f"fake-learner-{TASK}-1-0": "One is too few."}
    assert value["means"][0]["demos"] == 3
    assert "1 of 2 trials failed" in shown.err
    monkeypatch.setattr(FakeLearner, "fit_step", real)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["trials"] == 2


def test_other_settings_are_not_mixed_and_more_episodes_are_added(
    tmp_path: Path, evaluated: list[tuple[str, int]]
) -> None:
    _run(tmp_path)
    other = _run(tmp_path, replace(PLAN, settings=changed(steps=6)))
    assert len(other.failures) == 2 and not other.records
    assert "made with steps None, not 6" in next(iter(other.failures.values()))
    assert len(_run(tmp_path, replace(PLAN, settings=changed(steps=4))).records) == 2, "as the recorded command says"
    evaluated.clear()
    longer = _run(tmp_path, replace(PLAN, settings=replace(SETTINGS, episodes=6)))
    assert longer.made == 2 and FakeLearner.stepped == 8
    assert evaluated == [("test", 4), ("test", 5)] * 2


@pytest.mark.parametrize("what", ["agent", "code", "outside"])
def test_a_cell_of_another_agent_or_of_ones_own_before_a_change_is_named(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counted as one of today; two agents in ``a/b.py`` and ``a-b.py`` have one file, so that they counted alike."""
    _run(tmp_path)
    path = tmp_path / "out" / "trials" / f"fake-learner-{TASK}-3-0.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, what: "other"}))
    done = _run(tmp_path)
    assert (len(done.records), done.made) == (1, 0)
    (why,) = done.failures.values()
    words = {"agent": "is of other, not of fake-learner", "code": "change of the code of fake-learner"}
    assert words.get(what, "change of the code that its settings name") in why and "name another --out" in why
    forced = _run(tmp_path, replace(PLAN, settings=replace(SETTINGS, force=True)))
    assert len(forced.records) == (1 if what == "agent" else 2)
    del record["code"]  # As of earlier versions.
    path.write_text(json.dumps(record))
    assert len(_run(tmp_path).records) == 2


def test_a_cell_of_a_changed_task_is_named_and_not_shown_as_one_of_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path)
    real = trials.define
    monkeypatch.setattr(trials, "define", lambda *of: {**real(*of), "goals": "others"})
    done = _run(tmp_path)
    assert (len(done.records), len(done.failures)) == (0, 2)
    assert "another fake-task. Since then there is a change of its goals." in next(iter(done.failures.values()))


def test_a_trial_keeps_the_threads_and_the_pool_it_was_begun_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path, replace(PLAN, demos=(5,)))
    real, FakeLearner.stop_at = loop.train, FakeLearner.stepped + 3
    monkeypatch.setattr(loop, "train", lambda *args, **more: real(*args, save_every=2, **more))
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, replace(PLAN, demos=(3,), pool=4))
    (record,) = _run(tmp_path, replace(PLAN, demos=(3,), settings=changed(threads=2))).records
    assert "--pool 4 --episodes 4 --threads 1 " in record["command"] and max(record["demonstrations"]) <= 4
    repeated = parse(shlex.split(record["command"])[1:])
    assert isinstance(repeated, Benchmark)
    assert (repeated.agents, repeated.tasks, repeated.demos, repeated.seeds) == (("fake-learner",), (TASK,), (3,), (0,))
    assert (repeated.training.steps, repeated.training.threads) == (4, 1)


def test_a_task_with_more_seeds_counts_no_more_than_others() -> None:
    trials = (("x", 0, 40.0), ("x", 1, 60.0), ("y", 0, 100.0))
    records = [
        {"agent": "a", "task": task, "demos": 1, "seed": seed, "mean_score": score, "success_rate": score}
        for task, seed, score in trials
    ]
    (row,) = BenchmarkResult(tuple(records), 0, {}, Path()).means()
    assert (row["trials"], row["tasks"], row["mean_score"], row["success_rate"]) == (3, 2, 75.0, 75.0)


def test_trials_without_a_scene_that_could_be_placed_have_no_part_in_means() -> None:
    rows = (("x", 0, 60.0, 9), ("x", 1, 0.0, 0), ("x", 2, 80.0, 9), ("y", 0, 0.0, 0))
    records = [
        {
            "agent": "a",
            "task": task,
            "demos": 1,
            "seed": seed,
            "mean_score": mean,
            "success_rate": mean,
            "episodes": many,
        }
        for task, seed, mean, many in rows
    ]
    result = BenchmarkResult(tuple(records), 0, {}, Path())
    (row,), (over,) = result.means(), result.over_seeds()
    assert (row["mean_score"], row["tasks"], row["trials"]) == (70.0, 1, 2)
    assert (over["mean_score"], over["seeds"]) == (70.0, [0, 2])


def test_episodes_that_broke_a_rule_are_counted_apart() -> None:
    scored = {"agent": "a", "demos": 1, "mean_score": 50.0, "success_rate": 50.0}
    records = [{**scored, "task": "x", "seed": seed, "failures": broken} for seed, broken in ((0, 2), (1, 3))]
    records.append({**scored, "task": "y", "seed": 0})
    (row,) = BenchmarkResult(tuple(records), 0, {}, Path()).means()
    assert row["failures"] == 5


def test_a_benchmark_waits_for_another_that_collects_into_the_same_folder(tmp_path: Path) -> None:
    with ExitStack() as other:
        other.enter_context(locked(tmp_path / "data" / TASK / "train", "collecting into"))
        threading.Timer(0.2, other.close).start()
        result = _run(tmp_path, replace(PLAN, demos=(1,)))
    assert not result.failures


def test_a_task_without_demonstrations_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def collect(task: str, **_: Any) -> None:
        raise ConflictError("No room.")

    monkeypatch.setattr(module, "collect", collect)
    assert set(_run(tmp_path).failures.values()) == {"no demonstrations: No room."}


def test_what_cannot_learn_here_is_refused_before_anything_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no GPU here"):
        _run(tmp_path, replace(PLAN, settings=changed(device="cuda")))
    monkeypatch.setattr(FakeLearner, "observation_keys", ("color", "state"))
    assert all("have no 'state'" in why for why in _run(tmp_path).failures.values())
    assert not list(tmp_path.iterdir())


def test_a_grid_that_is_done_needs_no_device(
    tmp_path: Path, evaluated: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(tmp_path)
    monkeypatch.setattr(FakeLearner, "observation_keys", ("state",))
    assert (_run(tmp_path).made, _run(tmp_path).failures) == (0, {})


def test_a_plan_that_cannot_be_done_is_refused_before_anything_is_begun(tmp_path: Path) -> None:
    for changes, error in (
        ({"agents": ("transprter",)}, UnknownNameError),
        ({"agents": ("fake-learner", "progress")}, ConfigError),
        ({"tasks": ("nothing",)}, UnknownNameError),
        ({"demos": ()}, ConfigError),
        ({"demos": (0,)}, ConfigError),
        ({"seeds": (-1,)}, ConfigError),
        ({"settings": changed(threads=0)}, ConfigError),
        ({"tasks": (f"{TASK}-continuous",)}, ConfigError),
        ({"settings": changed(candidates=0)}, ConfigError),
        ({"settings": replace(SETTINGS, config={"fake-learner": {"stpes": 3}})}, ConfigError),
        ({"settings": replace(SETTINGS, config={"nobody": {}})}, UnknownNameError),
        ({"settings": replace(SETTINGS, config={"transporter": {}})}, ConfigError),
    ):
        with pytest.raises(error):
            _run(tmp_path, replace(PLAN, **changes))
    assert not list(tmp_path.iterdir())


def test_every_trial_comes_once_and_columns_come_whole() -> None:
    trials = BenchmarkPlan(("a", "b"), ("x", "y"), demos=(1, 10, 1), seeds=(0, 1)).trials()
    assert len(trials) == len(set(trials)) == 16
    assert [trial.demos for trial in trials[:8]] == [1] * 4 + [10] * 4


@pytest.mark.parametrize("place", ["mine.py", "lab/mine.py", "../mine.py", "/home/lab/mine.py", "lab.mine"])
def test_all_of_an_agent_of_ones_own_lies_in_the_folder_of_the_benchmark(tmp_path: Path, place: str) -> None:
    """Where its file is, is part of its name; two of one name in two folders are two."""
    trial, other = (Trial(f"{where}:Mine", TASK, 1, 0) for where in (place, f"other/{place}"))
    assert trial.record_path(tmp_path).parent == tmp_path / "trials"
    assert trial.run(tmp_path).path.parent.parent == tmp_path / "runs"
    assert (other.record_path(tmp_path), other.run(tmp_path)) != (trial.record_path(tmp_path), trial.run(tmp_path))


def test_a_cell_of_several_seeds_has_a_mean_and_a_spread() -> None:
    cells = [(1, 0, 40.0), (1, 1, 60.0), (10, 0, 90.0)]
    records = tuple(
        {"agent": "a", "task": TASK, "demos": demos, "seed": seed, "mean_score": score, "success_rate": score / 2}
        for demos, seed, score in cells
    )
    (cell,) = BenchmarkResult(records, 0, {}, Path("scores.csv")).over_seeds()
    assert (cell["demos"], cell["seeds"]) == (1, [0, 1])
    assert (cell["mean_score"], cell["mean_score_deviation"]) == (50.0, pytest.approx(200**0.5, abs=1e-3))
    assert (cell["success_rate"], cell["success_rate_deviation"]) == (25.0, pytest.approx(50**0.5, abs=1e-3))
