"""Robustness: what the grades are, that every figure is made once and the same however it is made, and its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import ravens_suite
from ravens_suite.cli.commands.robustness import AxisName
from ravens_suite.cli.main import main
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.errors import ConfigError, DamagedDataError
from ravens_suite.execution.protocols import Outcome
from ravens_suite.execution.serial import SerialPool
from ravens_suite.insight.axes import AXES, GRADES, applicable, checked_axes, checked_grades
from ravens_suite.insight.robustness import has_other_paraphrases, measure_robustness, read_robustness
from ravens_suite.insight.search_plan import SearchPlan
from ravens_suite.registry import load_task
from ravens_suite.report.page import write_report
from ravens_suite.report.robustness import find_policies, robustness_section
from ravens_suite.rollout import evaluation_record, provenance
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.tasks.sentences import Sentences

TASK = "place-red-in-green"


class BackwardsPool(SerialPool):
    """Does the last job first, and counts."""

    done = 0

    def outcomes(
        self, make: Callable[[], Any], jobs: Sequence[Any], *rest: Any
    ) -> Generator[Outcome[Any, Any], None, None]:
        self.done += len(jobs)
        yield from super().outcomes(make, list(jobs)[::-1], *rest)


def test_grades_may_be_numpys_numbers_and_are_whole() -> None:
    """As of an array; what ``to_json`` gave of the points was no JSON, and half a grade ended in a traceback."""
    grades = checked_grades(tuple(np.arange(3, 0, -1)))
    assert grades == (1, 2, 3) and json.dumps(grades) == "[1, 2, 3]"
    with pytest.raises(ConfigError, match=r"whole numbers from 1 to 5; got 1\.5"):
        checked_grades((1.5,))  # type: ignore[arg-type]


@pytest.mark.parametrize("axis", AXES.values(), ids=list(AXES))
def test_every_grade_is_an_environment_and_keeps_what_the_policy_knows(axis: Any) -> None:
    assert len(axis.changes) == len(axis.amounts) == GRADES
    own = {"observe": ["state", "instruction"], "perturb": {"color": 0.01, "camera": 0.001}}
    assert axis.arguments(0, own) == own
    made = [axis.arguments(grade, own) for grade in range(1, GRADES + 1)]
    for arguments in (made[0], made[-1]):
        make_environment("put-block-in-bowl-seen", "test", arguments).close()
        assert arguments["observe"] == own["observe"] and "color" in arguments["perturb"]
    assert len({json.dumps(arguments, sort_keys=True) for arguments in made}) == GRADES


def test_the_command_the_guide_and_the_table_name_the_same_axes() -> None:
    assert get_args(AxisName) == tuple(AXES)
    page = (Path(__file__).parents[2] / "docs" / "robustness.md").read_text()
    for axis in AXES.values():
        assert f"| `{axis.name}` | {axis.title} | {axis.unit} | {', '.join(axis.amounts)} |" in page
    assert "instruction" in applicable({"observe": ["images", "instruction"]})
    assert "instruction" not in applicable({})


def test_axes_that_change_nothing_for_a_policy_or_more_than_it_can_take_are_left_out(tmp_path: Path) -> None:
    on_states = {"observe": ["state"]}
    assert applicable(on_states) == ("layout", "distractors", "occluders")
    assert applicable(on_states, learnt=True) == ("layout",)
    assert set(applicable({"observe": ["segmentation"]}, learnt=True)) == set(AXES) - {"instruction"}
    with pytest.raises(ConfigError, match="'light' here: no image is observed"):
        measure_robustness(f"{__file__}:nothing", TASK, axes=["light"], arguments=on_states, out=tmp_path)
    with pytest.raises(ConfigError, match="'distractors' here: more bodies make the observed state longer"):
        checked_axes(("distractors",), on_states, learnt=True)
    assert {axis for axis, _ in SearchPlan().arms(on_states, learnt=True)} == {"", "layout"}


class Polite(load_task(TASK)[0]):  # type: ignore[misc]
    """Has paraphrases where an option asks for them."""

    def __init__(self, split: Any = "train", polite: bool = False) -> None:
        super().__init__(split)
        held_out = ("please put the red blocks in the green bowls",) if polite else ()
        self.sentences = Sentences(held_out=held_out)


@pytest.mark.usefixtures("registrations")
def test_options_of_a_task_decide_whether_there_are_other_paraphrases() -> None:
    """They were asked of the task as it is without options, and the grade was left out."""
    ravens_suite.register_task("polite", Polite)
    plans = [EvaluationPlan(PolicySpec("oracle", "oracle"), "polite", "test", {"polite": one}) for one in (True, False)]
    assert [has_other_paraphrases(plan) for plan in plans] == [True, False]


def nothing(observation: Any) -> Any:
    """A policy."""


def test_a_figure_is_made_once_and_in_any_order(tmp_path: Path) -> None:
    def measure(out: str, pool: SerialPool, **further: Any) -> Any:
        return measure_robustness("oracle", TASK, episodes=2, out=tmp_path / out, pool=pool, **further)

    first, pool = measure("a", SerialPool(), axes=["layout", "occluders"], grades=[1, 5]), BackwardsPool()
    assert [point.grade for point in first.curve("layout")] == [0, 1, 5]
    assert first.nominal.figures.episodes == 2
    measure("b", pool, axes=["occluders"], grades=[5])
    assert pool.done == 4
    both = measure("b", pool, axes=["occluders", "layout"], grades=[1, 5])
    assert pool.done == 10
    # A part of it asked for again leaves the rest in the summary.
    again = measure("b", pool, axes=["layout"], grades=[1])
    assert pool.done == 10
    assert first.to_json() == both.to_json() == again.to_json() == read_robustness(again.path).to_json()


def test_a_summary_names_the_commits_and_commands_of_all_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_by(command: str, axis: str) -> tuple[str, str]:
        now = {"commit": command[0], "command": command}
        for module in (evaluation_record, provenance):
            monkeypatch.setattr(module, "provenance", lambda: now)
        done = measure_robustness("oracle", TASK, axes=[axis], grades=[1], episodes=1, out=tmp_path)
        noted = json.loads(done.path.read_text())["provenance"]
        return noted["commit"], noted["command"]

    assert made_by("a", "layout") == ("a", "a")
    assert made_by("b", "occluders") == ("a and b", "a && b")
    assert made_by("c", "layout") == ("a and b and c", "a && b && c"), "of what it shows the first made a part"


def test_figures_of_a_policy_that_may_be_another_one_by_now_are_not_joined(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may answer otherwise than it did, as an evaluation of it says."""
    (tmp_path / "mine.py").write_text(
        "import socket\nfrom ravens_suite.errors import OracleGaveUpError\n"
        "def act(observation): raise OracleGaveUpError('Nobody answers.')\n"
    )

    def measure(axis: str, **further: Any) -> tuple[str, ...]:
        arguments = {"observe": ["proprioception"]}
        chosen: dict[str, Any] = {"axes": [axis], "grades": [1], "episodes": 1, "arguments": arguments, **further}
        return tuple(measure_robustness(f"{tmp_path}/mine.py:act", TASK, out=tmp_path / "out", **chosen).axes)

    assert measure("layout") == ("layout",)
    assert measure("occluders") == ("occluders",)
    assert "summary.json was of a policy that asks another process (it imports socket)" in caplog.text
    assert measure("layout", force=True) == ("layout", "occluders")


def test_a_summary_never_joins_figures_of_different_environments_seeds_or_tasks(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def measure(axis: str, **further: Any) -> Any:
        found = measure_robustness("oracle", TASK, axes=[axis], grades=[1], out=tmp_path, **{"episodes": 1, **further})
        return tuple(found.axes)

    assert measure("light") == ("light",)
    assert measure("color") == ("light", "color") and not caplog.records
    assert measure("noise", arguments={"renderer": "tiny"}) == ("noise",)
    assert "another environment" in caplog.text
    assert measure("light", arguments={"renderer": "tiny"}) == ("light", "noise")
    assert measure("color", arguments={"renderer": "tiny"}, episodes=2) == ("color",)
    assert "seeds 0 to 0" in caplog.text
    path = next(tmp_path.rglob("summary.json"))
    value = json.loads(path.read_text())
    path.write_text(json.dumps({**value, "definition": {**value["definition"], "goals": "others"}}))
    (run,) = find_policies(tmp_path)
    assert not robustness_section([run]).rows and "Measure robustness again" in caplog.text
    assert measure("light", arguments={"renderer": "tiny"}, episodes=2) == ("light",)
    assert "before a change of its goals" in caplog.text


def test_a_grade_of_which_no_scene_could_be_placed_has_no_score(tmp_path: Path) -> None:
    measure_robustness("oracle", TASK, axes=["light"], grades=[1, 2], episodes=1, out=tmp_path)
    path = next(tmp_path.rglob("summary.json"))
    value = json.loads(path.read_text())
    value["axes"]["light"]["grades"][1] |= {"episodes": 0, "mean_score": 0.0, "not_placed": 1}
    path.write_text(json.dumps(value))
    section = robustness_section(find_policies(tmp_path))
    (row,) = section.rows
    assert row.points[2] is not None and row.points[2].figures.episodes == 0
    assert section.charts[0].svg.count("<circle") == 2  # Grades 0 and 1.


def test_what_makes_no_sense_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for wrong in ({"axes": ["instruction"]}, {"axes": ["smell"]}, {"grades": [6]}, {"episodes": 0}):
        with pytest.raises(ConfigError):
            measure_robustness("oracle", TASK, out=tmp_path, **wrong)  # type: ignore[arg-type]
    assert main(["robustness", "oracle", TASK, "--grades", "0", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["robustness", "oracle"]) == 1
    said = capsys.readouterr().err
    assert "as in oracle TASK" in said and "evaluate" not in said
    damaged = tmp_path / "summary.json"
    damaged.write_text("{}")
    with pytest.raises(DamagedDataError, match="robustness again"):
        read_robustness(damaged)


def test_curves_of_weights_that_lie_elsewhere_give_way_to_those_of_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An agent may be measured apart from its training, which then goes on."""
    weights = PolicyFolder(tmp_path / "run" / "policy")
    weights.path.mkdir(parents=True)
    weights.settings.write_text("{}")
    weights.weights.write_bytes(b"")
    path = measure_robustness("oracle", TASK, axes=["light"], grades=[1], episodes=1, out=tmp_path / "out").path
    value = json.loads(path.read_text())

    def rows(fingerprint: str) -> int:
        policy = {"kind": "agent", "name": "a", "folder": str(weights.path), "fingerprint": fingerprint}
        path.write_text(json.dumps({**value, "policy": policy}))
        return len(robustness_section(find_policies(tmp_path)).rows)

    assert rows(weights.fingerprint()) == 1 and not caplog.records
    assert rows("before") == 0 and "of other weights than the run holds now" in caplog.text


def test_several_policies_stand_on_one_page(tmp_path: Path) -> None:
    for name in ("oracle", "random"):
        measure_robustness(name, TASK, axes=["distractors"], grades=[2], episodes=1, out=tmp_path / name)
    assert [run.agent for run in find_policies(tmp_path)] == ["oracle", "random"]
    page = write_report(tmp_path).path.read_text()
    assert page.count("Distractors: 1, 2, 3, 5, 8 (other bodies)") == 1
    assert page.count('class="bar c0"') == page.count('class="bar c1"') == 2
    assert "<td>oracle</td>" in page and "<td>random</td>" in page
    assert "<td>Distractors<small>1, 2, 3, 5, 8; other bodies</small></td>" in page
    assert "Nothing was evaluated on test scenes yet" in page and "over no episodes" not in page


def test_only_what_was_measured_is_told_with_its_grade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["robustness", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", str(tmp_path)]
    assert main([*asked, "--axes", "light", "--grades", "2", "5"]) == 0
    assert main([*asked, "--axes", "color", "--grades", "5"]) == 0
    head, light, color = capsys.readouterr().out.splitlines()[-4:-1]
    assert head.split() == ["axis", "grade", "0", "grade", "2", "grade", "5"]
    assert light.split("  ")[0] == "light" and light.count("100.0 (100 %)") == 3
    assert color.split("  ")[0] == "color" and color.count("100.0 (100 %)") == 2 and " - " in color


@pytest.mark.usefixtures("registrations")
def test_a_task_without_other_paraphrases_has_no_grade_of_them_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = Path(__file__).parents[2] / "demos" / "own_task" / "cube_line.py"
    ravens_suite.register_task("own-line", f"{file}:CubeLine")

    def grades(*asked: int) -> list[int]:
        found = measure_robustness(
            "oracle",
            "own-line",
            axes=["instruction"],
            grades=asked,
            episodes=1,
            out=tmp_path,
            arguments={"observe": ["instruction"]},
        )
        return [point.grade for point in found.curve("instruction")]

    assert grades(1, 2, 3) == [0, 1, 3]
    (said,) = [record.getMessage() for record in caplog.records if "paraphrases" in record.getMessage()]
    assert said == (
        "own-line has no paraphrases that are held out of training (sentences of the task): grade 2 of instruction is "
        "left out; grade 3 of instruction mistypes words of its other sentences."
    )
    with pytest.raises(ConfigError, match="no paraphrases that are held out"):
        grades(2)
