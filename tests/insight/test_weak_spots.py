"""Weak spots: what is found, that it is found again, that others are evaluated on it, and the guess behind it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from ravens_suite.cli.commands.weakspots import SearchedAxis
from ravens_suite.cli.main import main
from ravens_suite.data.atomic import write_json
from ravens_suite.data.scenes import SceneSet, SceneSpec, read_scenes
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    DamagedDataError,
    MissingDataError,
    OracleGaveUpError,
    UserCodeError,
)
from ravens_suite.execution.protocols import Outcome
from ravens_suite.execution.serial import SerialPool
from ravens_suite.insight.axes import AXES
from ravens_suite.insight.calibration import Calibration, calibration_path, read_calibration
from ravens_suite.insight.guess import Guess, Sight, choose_arm
from ravens_suite.insight.proposals import Look, Proposal, ProposalWorker, Tried
from ravens_suite.insight.search_plan import SearchPlan, changes_left_out, changes_to_search
from ravens_suite.insight.weak_spots import WeakSpots, _Search, find_weak_spots
from ravens_suite.registry import load_task
from ravens_suite.report import weak_spots
from ravens_suite.report.page import ReportPlan, write_report
from ravens_suite.rollout.evaluate_scenes import evaluate_scenes
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, plan_evaluation
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.replay import Decision, Replay
from ravens_suite.rollout.rollout import Rollout
from ravens_suite.tasks.sentences import Sentences

TASK = "place-red-in-green"
FINDER = f"{Path(__file__).parent / 'finders.py'}:Finder"
SMALL = {"observe": ["state"]}
PLAN = SearchPlan(budget=10, axes=("distractors",), grades=(1,), threshold=0.02, looks=2)


class StoppedError(Exception):
    """The machine was switched off."""


class FailingPool(SerialPool):
    """Runs backwards, and stops after some jobs."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def outcomes(
        self, make: Callable[[], Any], jobs: Sequence[Any], *rest: Any
    ) -> Generator[Outcome[Any, Any], None, None]:
        for outcome in super().outcomes(make, list(jobs)[::-1], *rest):
            if self.left == 0:
                raise StoppedError
            self.left -= 1
            yield outcome


def search(out: Path, pool: SerialPool | None = None, plan: SearchPlan = PLAN) -> WeakSpots:
    return find_weak_spots(FINDER, TASK, plan, calibration_episodes=2, arguments=SMALL, out=out, pool=pool)


def timeless(found: WeakSpots) -> list[Tried]:
    return [replace(tried, seconds=(0.0, 0.0)) for tried in found.tried]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> WeakSpots:
    return search(tmp_path_factory.mktemp("found"))


def test_what_is_found_fails_again_and_only_as_it_was_found(found: WeakSpots, tmp_path: Path) -> None:
    figures = found.to_json()
    assert figures["episodes"] == 10 and figures["looks"] >= 10
    assert 0 < figures["sure_and_wrong"] <= figures["failures"]
    scenes = read_scenes(str(found.path))
    assert scenes == found.scenes and sum(figures["kinds"].values()) == len(scenes.scenes)
    again = evaluate_scenes(FINDER, scenes, arguments=SMALL, out=tmp_path)
    assert again.summary.success_rate == 0
    assert [outcome.seed for outcome in again.outcomes] == [scene.seed for scene in scenes.scenes]
    for scene, outcome in zip(scenes.scenes, again.outcomes, strict=True):
        assert outcome.rewards[scene.notes["step"] - 1] <= 0 and scene.notes["confidence"] >= 0.02
    before = again.path.read_bytes()
    one = evaluate_scenes(FINDER, read_scenes(f"{found.path}#1"), arguments=SMALL, out=tmp_path)
    assert one.outcomes == again.outcomes[:1] and again.path.read_bytes() == before
    oracle = evaluate_scenes("oracle", read_scenes(f"{found.path}#1"), out=tmp_path / "oracle")
    assert oracle.summary.success_rate == 100 and len(oracle.outcomes) == 1


def test_a_stopped_search_goes_on_in_any_order_and_a_larger_budget_too(
    found: WeakSpots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoppedError):
        search(tmp_path, FailingPool(3 + 5))  # Three of these are the calibration.
    with pytest.raises(StoppedError):
        search(tmp_path, FailingPool(3))
    less = search(tmp_path, FailingPool(100), replace(PLAN, budget=9))
    assert timeless(less) == timeless(found)[:9]
    more = search(tmp_path, FailingPool(100))
    assert timeless(more) == timeless(found)
    assert more.scenes.scenes == found.scenes.scenes
    monkeypatch.setattr(
        "ravens_suite.insight.weak_spots.provenance", lambda: {"commit": "later", "command": "shows what is there"}
    )
    shown = search(tmp_path, FailingPool(0))
    assert shown.scenes == more.scenes, "who ran nothing made nothing of it"


def test_a_search_with_other_options_keeps_the_earlier_one(
    found: WeakSpots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(found.path.parents[1], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "weakspots"
    before = {path.name: path.read_bytes() for path in (found.path, found.search_path)}
    search(tmp_path, plan=replace(PLAN, budget=1, threshold=0.03))
    assert all((folder / f"{name}.old").read_bytes() == content for name, content in before.items())
    assert "another search (threshold)" in caplog.text
    # The calibration was of this policy in this environment, and in no other one.
    pool = FailingPool(0)
    with pytest.raises(StoppedError):
        find_weak_spots(FINDER, TASK, PLAN, arguments={**SMALL, "distractors": 1}, out=tmp_path, pool=pool)
    assert read_calibration(tmp_path / "calibration" / f"{TASK}.json").is_of(
        plan_evaluation(FINDER, TASK, "test", SMALL)
    )


def test_a_search_of_a_policy_that_may_be_another_one_by_now_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.py").write_text("import socket\ndef act(observation): return {}\n")
    evaluation = plan_evaluation(f"{tmp_path}/mine.py:act", TASK, "test", {"observe": ["proprioception"]})
    search = _Search(evaluation, SearchPlan(axes=("none",)), Calibration(), tmp_path)
    write_json(search.path, {"settings": search._settings, "proposals": []})
    search.load(force=True)
    assert search.path.exists() and not caplog.records
    search.load()
    assert not search.path.exists() and search.path.with_name(f"{search.path.name}.old").exists()
    assert "is of a policy that asks another process (it imports socket)" in caplog.text


def test_a_search_into_another_folder_takes_the_calibration_that_lies_with_the_policy(
    found: WeakSpots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = calibration_path(plan_evaluation(FINDER, TASK, "test", SMALL))
    home.parent.mkdir(parents=True)
    shutil.copy(found.path.parents[1] / "calibration" / f"{TASK}.json", home)
    again = search(tmp_path / "elsewhere", FailingPool(1), replace(PLAN, budget=1))
    assert timeless(again) == timeless(found)[:1]


def test_a_policy_that_gives_up_at_once_or_raises_in_a_look() -> None:
    class Odd:
        """Acts in no scene."""

        error: Exception = OracleGaveUpError("Not here.")

        def reset(self, seed: int) -> None:
            """Nothing to forget."""

        def act(self, observation: Any) -> dict[str, Any]:
            """Raises."""
            raise self.error

    plan = plan_evaluation(FINDER, TASK, "test", SMALL)
    worker = ProposalWorker(plan, Calibration())
    try:
        environment, _ = worker._make("", 0)
        worker._made = ("", 0), environment, Odd()
        job = Proposal(0, "", 0, (1, 2), Guess(0.8))
        assert worker.run(job, lambda note: None) == Tried(0, "", 0, ())
        Odd.error = ValueError("no block")
        with pytest.raises(UserCodeError, match="at the first step of seed 1, raised ValueError: no block"):
            worker.run(job, lambda note: None)
    finally:
        worker.close()


def test_every_kind_has_a_picture_in_the_report(found: WeakSpots, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    asked: list[Any] = []

    def rerun(policy: Any, task: str, seeds: Sequence[int], **further: Any) -> dict[int, Replay]:
        asked.append((seeds, further["split"], further["arguments"]))
        decisions = (Decision({}, {}),) * 9
        return {seed: Replay(Rollout(seed), decisions, (frame,) * 10) for seed in seeds}

    monkeypatch.setattr(weak_spots, "replay", rerun)
    folder = found.path.parents[1]
    page = write_report(folder, plan=ReportPlan(0, 0, 0)).path.read_text()
    kinds = found.to_json()["kinds"]
    assert len(asked) == len(kinds) and asked[0][1] == "test"
    assert asked[0][2]["observe"] == ["state"]  # What the policy reads, though nobody trained it here.
    assert all(kind in page for kind in kinds) and page.count("Before action") == 2 * len(kinds)
    assert f"Sure and wrong in {len(found.scenes.scenes)} of 10 episodes" in page


@pytest.mark.parametrize("kept", ["weakspots", "calibration"])
def test_a_policy_of_which_nothing_else_lies_there_has_a_page(
    found: WeakSpots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """As a search with --out leaves it, where the run was calibrated before."""
    monkeypatch.setattr(weak_spots, "replay", lambda *_, **__: {})
    home = tmp_path / "search"
    shutil.copytree(found.path.parents[1] / kept, home / kept)
    page = write_report(tmp_path, plan=ReportPlan(0, 0, 0)).path.read_text()
    assert {"weakspots": "Sure and wrong in", "calibration": "<h3>Confidence</h3>"}[kept] in page
    assert f"{TASK}, Finder" in page, "named as one without a score"
    (home / "run.json").write_text("{}")  # Of a run that cannot be read nothing is shown as of another policy.
    with pytest.raises(MissingDataError):
        write_report(tmp_path)


def test_weak_spots_of_a_task_that_has_changed_since_are_not_shown(
    found: WeakSpots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(found.path.parents[1], tmp_path / "home")
    path = tmp_path / "home" / found.path.relative_to(found.path.parents[1])
    path.write_text(json.dumps({**json.loads(path.read_text()), "definition": {"goals": "others"}}))
    page = write_report(tmp_path / "home", plan=ReportPlan(0, 0, 0)).path.read_text()
    assert "Sure and wrong" not in page
    assert f"{path} was made of another {TASK}" in caplog.text and "Search again." in caplog.text


def test_plans_that_cannot_work_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (
        {"budget": 0},
        {"threshold": 1.0},
        {"looks": 0},
        {"grades": (7,)},
        {"axes": ("smell",)},
    ):
        with pytest.raises(ConfigError):
            search(tmp_path, plan=replace(PLAN, **wrong))  # type: ignore[arg-type]
    for axes in (("none", "light"), ("instruction",)):
        with pytest.raises(ConfigError, match=r"stands alone|told no instruction"):
            search(tmp_path, FailingPool(0), replace(PLAN, axes=axes))  # Before any episode of a calibration.
    with pytest.raises(ConfigError, match=r"none changes no scene, so that --grades 3 means nothing: leave it out"):
        search(tmp_path, FailingPool(0), replace(PLAN, axes=("none",), grades=(3,)))
    assert SearchPlan(axes=("none",)).arms({}) == [("", 0)]
    assert ("calibration", 1) not in SearchPlan().arms({}) and ("", 0) in SearchPlan().arms({})
    assert get_args(SearchedAxis) == ("none", *AXES)
    assert main(["weakspots", "random", TASK, "--budget", "1", "--out", str(tmp_path)]) == 1
    assert "does not say how sure" in capsys.readouterr().err


def test_an_axis_of_which_nothing_is_left_is_refused_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes as they are were searched alone, without a word."""
    monkeypatch.setattr(load_task("build")[0], "sentences", Sentences())
    without = EvaluationPlan(PolicySpec("oracle", "oracle"), "build", "test", {"observe": ["images", "instruction"]})
    with pytest.raises(ConfigError, match=r"build has no paraphrases .* grades 2 3 of instruction need"):
        changes_to_search(SearchPlan(axes=("instruction",), grades=(2, 3)), without)
    some = changes_to_search(SearchPlan(axes=("instruction",), grades=(1, 2)), without)
    assert some == [("", 0), ("instruction", 1)]
    everything = changes_to_search(SearchPlan(grades=(2,)), without)
    assert ("light", 2) in everything and "instruction" not in dict(everything)
    assert changes_left_out(SearchPlan(), without).endswith("grade 2 and 3 of instruction is not searched.")
    assert changes_left_out(SearchPlan(grades=(1,)), without) == ""


@pytest.mark.parametrize(
    "task",
    ["block-insertion-six-dof-ood", "build-row", "hanging-discs", "place-red-in-green-six-dof-ood", "stacking-shapes"],
)
def test_tasks_beside_ravens_and_language_have_every_grade_of_instruction(task: str) -> None:
    """They had no paraphrases, and grades were left out."""
    told = EvaluationPlan(PolicySpec("oracle", "oracle"), task, "test", {"observe": ["images", "instruction"]})
    plan = SearchPlan(axes=("instruction",), grades=(1, 2, 3, 4, 5), plain=False)
    assert changes_to_search(plan, told) == [("instruction", grade) for grade in range(1, 6)]
    assert changes_left_out(plan, told) == ""


def write(path: Path, **changed: Any) -> Path:
    scene = {"seed": 3, "split": "val", "changes": {"distractors": 1}, "kind": "clutter", "why": "a note"}
    value = {"format": "ravens-suite scenes", "version": 1, "name": "two", "task": TASK, "scenes": [scene, {"seed": 3}]}
    path.write_text(json.dumps({**value, **changed}))
    return path


def test_a_set_of_scenes_may_be_written_by_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "two.json")
    scenes = read_scenes(str(path))
    assert scenes.scenes == (
        SceneSpec(3, "val", {"distractors": 1}, "clutter", {"why": "a note"}),
        SceneSpec(3),
    )
    scenes.write(tmp_path / "copy.json")
    assert read_scenes("copy.json") == scenes
    assert main(["evaluate", "oracle", "--scenes", str(path), "--json", "--workers", "1"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["episodes"] == 2 and figures["kinds"]["clutter"]["episodes"] == 1
    results = tmp_path / "runs" / "oracle" / TASK / "scenes" / "two"
    (before,) = results.glob("summary-*.json")
    # Another set of that name, as of another run of the same agent, leaves the figures of the first alone.
    other = write(tmp_path / "other.json", scenes=[{"seed": 3}])
    assert main(["evaluate", "oracle", "--scenes", str(other), "--json", "--workers", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 1
    assert json.loads(before.read_text())["episodes"] == 2 and len(list(results.glob("summary-*.json"))) == 2
    wrong = write(tmp_path / "wrong.json", scenes=[{"seed": 3}, {"seed": 4, "changes": {"pertub": {"light": 1}}}])
    for command in (["evaluate", "oracle", "--scenes", str(wrong)], ["evaluate", "oracle", "--scenes", f"{wrong}#2"]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "The scene of seed 4 in 'two" in said and "'pertub'" in said and said.count("\n") == 1
    assert main(["evaluate", "oracle", "block-insertion", "--scenes", str(path)]) == 1
    assert main(["evaluate", "oracle", "--scenes", str(path), "--episodes", "3"]) == 1
    assert "leave the task out" in capsys.readouterr().err


def test_sets_of_two_tasks_with_one_name_keep_their_outcomes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for task in (TASK, "block-insertion", TASK, "block-insertion"):
        done = evaluate_scenes("oracle", SceneSet("mine", task, (SceneSpec(3),)), out=tmp_path)
        assert done.summary.success_rate == 100 and done.to_json()["task"] == task
    assert not caplog.text and not list(tmp_path.rglob("*.old"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"format": "other"}, "format"),
        ({"version": 2}, "version"),
        ({"task": 3}, "'task'"),
        ({"scenes": {}}, "'scenes'"),
        ({"scenes": [3]}, "scene 1"),
        ({"scenes": [{"seed": -1}]}, "'seed' of scene 1"),
        ({"scenes": [{"seed": True}]}, "'seed' of scene 1"),
        ({"scenes": [{"seed": 1}, {"seed": 1, "split": "dev"}]}, "'split' of scene 2"),
        ({"scenes": [{"seed": 1, "changes": {"perturb": 3}}]}, "'changes' of scene 1"),
        ({"scenes": [{"seed": 1, "kind": 3}]}, "'kind' of scene 1"),
    ],
)
def test_a_damaged_set_says_where(changed: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(DamagedDataError, match=why):
        read_scenes(str(write(tmp_path / "x.json", **changed)))
    write(tmp_path / "good.json")
    for number in ("0", "3", "x"):
        with pytest.raises(ConfigError, match="scenes 1 to 2"):
            read_scenes(f"{tmp_path / 'good.json'}#{number}")
    (tmp_path / "run#1").mkdir()
    write(tmp_path / "run#1" / "good.json")
    assert len(read_scenes(f"{tmp_path / 'run#1' / 'good.json'}").scenes) == 2
    assert len(read_scenes(f"{tmp_path / 'run#1' / 'good.json'}#2").scenes) == 1
    with pytest.raises(MissingDataError, match=r"run#1/none\.json"):
        read_scenes(f"{tmp_path / 'run#1' / 'none.json'}")
    # The user wrote it: nobody should be told to delete it.
    (tmp_path / "x.json").write_text('{"scenes": [},')
    with pytest.raises(DamagedDataError, match=r"line 1 column 13.*mend it there"):
        read_scenes(str(tmp_path / "x.json"))
    with pytest.raises(ConfigError, match="nothing to evaluate"):
        evaluate_scenes("oracle", SceneSet("none", TASK, ()))
    assert ConflictError


def sight(confidence: float = 0.9, *, wrong: bool = False, severity: float = 0.0, place: float = 0.0) -> Sight:
    return Sight(confidence, wrong, False, severity, (place,) * 4)


def test_the_guess_begins_with_sense_and_learns() -> None:
    fresh = Guess(0.8)
    assert fresh(sight(wrong=True)) > 0.5 > fresh(sight(0.3, wrong=True)) > fresh(sight())
    # Failures lie where nothing was imagined to be wrong: at one place, and at severe changes.
    rng = np.random.default_rng(0)
    sights = [sight(severity=float(rng.random()), place=float(rng.random() * 6)) for _ in range(120)]
    hits = [each.severity > 0.6 or each.layout[0] < 1 for each in sights]
    learnt = Guess.fit(0.8, sights, hits)
    assert learnt(sight(severity=0.9, place=4.0)) > 2 * learnt(sight(severity=0.1, place=4.0))
    assert learnt(sight(severity=0.1, place=0.2)) > 1.5 * learnt(sight(severity=0.1, place=4.0))
    assert Guess.fit(0.8, sights, hits) == learnt


def test_changes_that_paid_are_looked_at_more_often() -> None:
    arms = [("", 0), ("light", 1), ("light", 2), ("noise", 1)]
    tried = [(("light", 2), True)] * 6 + [(("noise", 1), False)] * 6 + [(("", 0), False)] * 6
    rng = np.random.default_rng(1)
    chosen = [choose_arm(rng, arms, tried) for _ in range(200)]
    assert chosen.count(("light", 2)) > 100
    # The next grade of the same axis is worth a look, too.
    assert chosen.count(("light", 1)) > chosen.count(("noise", 1))


def test_a_failure_speaks_for_larger_changes_and_a_success_for_smaller_ones() -> None:
    arms = [("light", 1), ("light", 3), ("noise", 1), ("noise", 3)]
    rng = np.random.default_rng(0)
    fresh = [choose_arm(rng, arms, []) for _ in range(400)]
    assert fresh.count(("light", 3)) + fresh.count(("noise", 3)) > 220, "larger changes are tried first"
    failed = [choose_arm(rng, arms, [(("light", 1), True)] * 4) for _ in range(400)]
    assert failed.count(("light", 3)) > 5 * failed.count(("noise", 3))
    solved = [choose_arm(rng, arms, [(("light", 3), False)] * 8) for _ in range(400)]
    assert solved.count(("noise", 1)) > 2 * solved.count(("light", 1)), "what is easier is solved, too"


def test_a_proposal_survives_its_file() -> None:
    from ravens_suite.data.outcomes import EpisodeOutcome

    outcome = EpisodeOutcome(5, 0.5, False, 2, "step limit", rewards=(0.5, 0.0), confidences=(0.9, 0.95))
    look = Look(5, 0.9, "block", 0.5, (0.1, 0.2))
    tried = Tried(0, "light", 2, (look,), 0, outcome, ("", "places elsewhere"), (1.0, 2.0))
    again = Tried.from_json(json.loads(json.dumps(tried.to_json())))
    assert again == tried and again.outcome is not None and again.outcome.confidences == outcome.confidences
    assert tried.wrong_step(Calibration(), 0.8) == 1
    assert tried.wrong_step(Calibration(), 0.99) is None
    assert replace(tried, outcome=replace(outcome, success=True)).wrong_step(Calibration(), 0.8) is None


def test_the_options_of_the_task_are_part_of_what_is_found(tmp_path: Path) -> None:
    """Whoever is evaluated on the set is to see those scenes, not others of the same seeds."""
    tower = [[0, 0, 0], [0, 0, 1]]
    plan = SearchPlan(budget=2, axes=("none",), threshold=0.02, looks=1)
    arguments = {"observe": ["state"], "structure": tower}
    found = find_weak_spots(
        f"{__file__}:Lost", "build", plan, calibration_episodes=1, arguments=arguments, out=tmp_path
    )
    assert found.scenes.scenes and {scene.kind.split(":")[0] for scene in found.scenes.scenes} == {"As it is"}
    assert all(scene.changes == {"structure": tower} for scene in found.scenes.scenes)
    again = evaluate_scenes("oracle", read_scenes(f"{found.path}#1"), out=tmp_path / "oracle")
    assert again.outcomes[0].success and len(again.outcomes[0].goals) == len(tower)


class Lost:
    """Picks where nothing is, and is sure of it."""

    def reset(self, seed: int) -> None:
        """Nothing is remembered."""

    def act(self, observation: Any) -> dict[str, Any]:
        """A corner of the table, twice."""
        corner = [0.26, -0.49, 0.0, 0.0, 0.0, 0.0, 1.0]
        return {"pick": corner, "place": corner}

    def confidence(self) -> float:
        """Always the same."""
        return 0.9
