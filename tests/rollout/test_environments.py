"""Arguments of an environment may not contradict the task, the split or the command that they are given to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_environment import TASK

from ravens_suite.benchmark.grid import BenchmarkPlan
from ravens_suite.benchmark.trials import TrialSettings
from ravens_suite.cli.main import main
from ravens_suite.core.cameras import published_cameras
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, UnknownOptionError
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import checked_arguments, differing_arguments, make_environment
from ravens_suite.rollout.evaluate import evaluate

_CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"task": "block-insertion"}, r"task is 'block-insertion'.*'fake-task'"),
    ({"split": "val"}, r"split is 'val'.*'(train|test)'"),
    ({"control": "waypoint"}, r"control is 'waypoint'.*'primitive'"),
    ({"max_episode_steps": 2}, r"max_episode_steps is 2.* 3"),
    ({"render_mode": "rgb_array_list"}, r"render_mode is 'rgb_array_list'.*None"),
    ({"id": "ravens_suite/SweepingPiles-v0"}, r"id is 'ravens_suite/SweepingPiles-v0'.*FakeTask-v0'"),
]


@pytest.mark.parametrize(("arguments", "both_values"), _CONTRADICTIONS)
def test_what_contradicts_the_command_is_refused_with_both_values(
    tmp_path: Path, arguments: dict[str, Any], both_values: str
) -> None:
    entrances: list[Callable[[], Any]] = [
        lambda: collect(TASK, episodes=1, data=tmp_path, arguments=arguments),
        lambda: evaluate("oracle", TASK, episodes=1, out=tmp_path, arguments=arguments),
    ]
    if "render_mode" not in arguments:
        entrances.append(lambda: make_environment(TASK, "test", arguments))
    for entrance in entrances:
        with pytest.raises(ConflictError, match=both_values):
            entrance()
    assert not list(tmp_path.iterdir())


def test_a_benchmark_refuses_before_anything_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    from ravens_suite.training import loop

    monkeypatch.setattr(loop, "check_plan", lambda plan: None)
    settings = TrialSettings(arguments={"task": "block-insertion"})
    with pytest.raises(ConflictError, match=r"'block-insertion'.*'fake-task'"):
        BenchmarkPlan(agents=("fake-agent",), tasks=(TASK,), settings=settings).check()


def test_no_row_is_written_under_the_name_of_another_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "r.csv"
    words = ["evaluate", "oracle", "packing-boxes", "--episodes", "1", "--environment", '{"task": "block-insertion"}']
    assert main([*words, "--record", str(table), "--out", str(tmp_path / "out")]) == 1
    assert "'packing-boxes'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_repeats_the_command_is_left_out_and_changes_nothing() -> None:
    repeated = {"task": TASK, "split": "val", "control": "primitive", "max_episode_steps": 3}
    assert checked_arguments(TASK, "val", {**repeated, "render_mode": None, "shade": 2}) == {"shade": 2}
    environment = make_environment(TASK, "val", {**repeated, "shade": 2})
    assert environment.get_wrapper_attr("shade") == 2


def test_arguments_that_make_another_variant_are_refused() -> None:
    with pytest.raises(ConflictError, match=r"not 'block-insertion' but 'block-insertion-six-dof'"):
        checked_arguments("block-insertion", "test", {"variant": "six-dof"})
    with pytest.raises(ConflictError, match=r"'block-insertion-continuous' but 'block-insertion-six-dof-continuous'"):
        checked_arguments("block-insertion-continuous", "test", {"variant": "six-dof"})
    with pytest.raises(ConflictError, match=r"but 'packing-objects-seq-unseen'.* leave objects out"):
        checked_arguments("packing-objects-seq", "test", {"folder": "meshes", "objects": "unseen"})
    with pytest.raises(ConflictError, match=r"variant is 'standard'.*'easy'"):
        checked_arguments("block-insertion-easy", "test", {"variant": "standard"})
    assert checked_arguments("block-insertion", "test", {"variant": "standard"}) == {"variant": "standard"}
    assert checked_arguments("block-insertion-easy", "test", {"variant": "easy"}) == {}


def test_a_continuous_form_keeps_its_control_and_its_step_limit() -> None:
    name = "block-insertion-continuous"
    assert checked_arguments(name, "test", {"control": "waypoint", "max_episode_steps": 48}) == {}
    with pytest.raises(ConflictError, match=r"control is 'primitive'.*'waypoint'"):
        checked_arguments(name, "test", {"control": "primitive"})
    with pytest.raises(ConflictError, match=r"max_episode_steps is 3, .* 48"):
        checked_arguments(name, "test", {"max_episode_steps": 3})


def test_cameras_are_noted_as_the_values_that_they_stand_for(tmp_path: Path) -> None:
    """Environments take a ``Camera``; a folder of episodes was refused where one was among its settings."""
    (camera, *_) = published_cameras((24, 32))
    arguments = {"observe": ["state"], "cameras": [camera]}
    collect("block-insertion", episodes=1, data=tmp_path, arguments=arguments)
    noted = EpisodeStore.of(tmp_path, "block-insertion", "train").manifest()["arguments"]
    assert noted == {"observe": ["state"], "cameras": [camera.to_json()]}
    assert not differing_arguments("block-insertion", noted, arguments)


def test_an_unknown_option_is_named_without_what_gymnasium_adds() -> None:
    said = r"Did you mean 'structure'\?.*\(unexpected keyword argument 'structures'\)$"
    with pytest.raises(UnknownOptionError, match=said):
        make_environment("build", "test", {"structures": [[0, 0, 0]]})
