"""In which environment a trained policy is evaluated: in its own, of its tasks and of others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import place_of
from ravens_suite.errors import ConflictError, UnknownOptionError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    own_arguments,
    plan_evaluation,
    warn_of_training,
    where_weights_lie,
)
from ravens_suite.rollout.policies import PolicySpec

TOWER = [[0, 0, 0], [0, 0, 1]]
GATE = [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]
LEARNT: dict[str, dict[str, Any]] = {"build-tower": {"observe": ["state", "goal"], "image_size": [24, 32]}}


def test_options_of_a_task_that_was_not_learned_are_free() -> None:
    """An agent that learned from the suite's structures is tried on one of the user's own."""
    arguments = own_arguments("run", LEARNT, "build", {"structure": GATE})
    assert arguments == {**LEARNT["build-tower"], "structure": GATE}
    environment = make_environment("build", "test", arguments)
    environment.reset(seed=0)
    assert len(environment.unwrapped._scene.names("movable")) == len(GATE)  # type: ignore[attr-defined]
    environment.close()


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        ("build", {"structure": GATE, "image_size": [48, 64]}, r"image_size \[24, 32\], and \[48, 64\]"),
        ("build-tower", {"observe": ["images"]}, "or collect and train with it"),
        ("build-tower", {"wording": "held-out"}, "ravens-suite probe-language tells it held-out sentences"),
    ],
)
def test_what_contradicts_the_training_is_refused(task: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConflictError, match=f"run was trained with .*{said}"):
        own_arguments("run", LEARNT, task, given)


def test_an_option_that_nobody_has_is_not_said_to_contradict_the_training() -> None:
    with pytest.raises(UnknownOptionError, match=r"^build-tower has no option 'obsrve'\. Did you mean 'observe'\?"):
        own_arguments("run", LEARNT, "build-tower", {"obsrve": ["state"]})


def test_an_option_of_another_version_in_a_run_is_named_with_the_run() -> None:
    with pytest.raises(ConflictError, match=r"^run was trained with frames 2, which is no option of build-tower"):
        own_arguments("run", {"build-tower": {"frames": 2}}, "build-tower", {})


def test_options_of_the_learned_task_hold_as_far_as_another_one_has_them() -> None:
    own = {"build": {"observe": ["images", "goal"], "structure": GATE}}
    assert own_arguments("run", own, "build", {}) == own["build"]
    assert own_arguments("run", own, "build", {"structure": GATE[:2]}) == {**own["build"], "structure": GATE[:2]}
    assert own_arguments("run", own, "build-stair", {}) == {"observe": ["images", "goal"]}, "its name says which"
    assert own_arguments("run", own, "block-insertion", {}) == {"observe": ["images", "goal"]}
    meshes = {"packing-objects-seq-seen": {"observe": ["instruction"], "folder": "meshes"}}
    assert own_arguments("run", meshes, "packing-objects-group", {})["folder"] == "meshes"
    beside = {"assembling-kits-seq": {"observe": ["images", "instruction"]}, **meshes}
    assert own_arguments("run", beside, "packing-objects-group", {})["folder"] == "meshes", "not the first alone"
    assert "folder" not in own_arguments("run", beside, "packing-shapes", {})
    assert own_arguments("run", meshes, "packing-objects-group", {"folder": "others"})["folder"] == "others"


@pytest.mark.parametrize(
    ("learnt", "given"), [("build", {}), ("build", {"structure": GATE}), ("build-tower", {}), ("", {})]
)
def test_results_with_other_options_lie_in_a_folder_of_their_own(
    tmp_path: Path, learnt: str, given: dict[str, Any]
) -> None:
    """Structures of one's own take the place of no other, nor of what the run was trained on."""
    own = {"structure": GATE} if learnt == "build" else {}
    record = {"plan": {"tasks": [learnt]}, "environments": {learnt: {"arguments": {"observe": ["images"], **own}}}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    policy = PolicySpec("agent", "transporter", str(tmp_path / "policy")) if learnt else PolicySpec("oracle", "oracle")
    usual, other, third = (
        plan_evaluation(policy, "build", "test", arguments)
        for arguments in (given, {"structure": TOWER}, {"structure": TOWER[:1]})
    )
    home = usual.path(None).parent
    assert home == (tmp_path / "eval" if learnt else Path("runs/oracle/build"))
    assert not usual.options
    assert other.path(None).parent != third.path(None).parent
    assert {other.path(None).parents[1], third.path(None).parents[1]} == {home / "options"}
    assert other.settings["options"] == {"structure": TOWER}
    assert usual.home(None) == (tmp_path if learnt else home), "robustness, probes, calibration, weak spots"
    assert other.home(None) == other.path(None).parent != third.home(None)
    assert other.path(tmp_path / "mine").parent == other.home(tmp_path / "mine") == tmp_path / "mine", (
        "who names a folder finds all there"
    )


@pytest.mark.parametrize("finished", [False, True])
def test_of_a_run_that_is_not_finished_it_is_said_which_weights_are_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, finished: bool
) -> None:
    record = {"plan": {"tasks": ["build"]}, "finished": finished, "training": {"best_step": 300}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    warn_of_training(EvaluationPlan(PolicySpec("agent", "state-mlp"), "build", "test", run=str(tmp_path)))
    assert ("not finished: these are its weights after step 300" in caplog.text) is not finished


@pytest.mark.parametrize(
    ("folder", "usual"),
    [("run/checkpoints/00000005", "runs/run-00000005"), ("weights", "runs/transporter")],
    ids=["copies of two runs of one name", "weights without a run"],
)
def test_results_of_two_policies_of_one_name_lie_apart(
    folder: str, usual: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They shared a folder, and each evaluation took the place of the other's."""
    monkeypatch.chdir(tmp_path)
    plans = []
    for parent in ("a", "b"):
        Path(parent, folder).mkdir(parents=True)
        record = {"plan": {"tasks": ["build"]}, "environments": {"build": {"arguments": {}}}}
        (Path(parent) / "run").mkdir(exist_ok=True)
        (Path(parent) / "run" / "run.json").write_text(json.dumps(record))
        policy = PolicySpec("agent", "transporter", f"{parent}/{folder}", fingerprint=parent)
        plans.append(plan_evaluation(policy, "build", "test", {}))
    first, second = plans
    assert first.home(None) == second.home(None) == Path(usual, "build"), "nobody has the name yet"

    def write(plan: EvaluationPlan, **changed: Any) -> None:
        path = plan.home(None) / "robustness" / "build" / "test" / "summary.json"
        value = {"policy": plan.policy.to_json(), **where_weights_lie(plan.policy, path), **changed}
        write_json(path, value)

    write(first)
    place = place_of(f"b/{folder}")
    assert first.home(None) == Path(usual, "build") and second.home(None) == Path(f"{usual}-{place}", "build")
    assert second.path(None) == Path(f"{usual}-{place}", "build", "test.json")
    write(second)
    shutil.rmtree(usual)
    assert second.home(None) == Path(f"{usual}-{place}", "build"), "it stays where it is"
    # What is trained on, or was moved, is the same policy.
    write(first, policy={**first.policy.to_json(), "fingerprint": "of weights of before"})
    assert first.home(None) == Path(usual, "build")
    write(first, weights="elsewhere")
    assert first.home(None) == Path(usual, "build")


def test_a_copy_of_weights_from_along_the_way_knows_the_environment_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was evaluated in the default environment, with other images and cameras than it had learnt from."""
    record = {"plan": {"tasks": ["build-tower"]}, "environments": {"build-tower": {"arguments": LEARNT["build-tower"]}}}
    copy = tmp_path / "first" / "checkpoints" / "00000005"
    copy.mkdir(parents=True)
    (tmp_path / "first" / "run.json").write_text(json.dumps(record))
    monkeypatch.chdir(tmp_path)
    for folder in (copy, copy.relative_to(tmp_path)):
        policy = PolicySpec("agent", "transporter", str(folder))
        plan = plan_evaluation(policy, None, "test", {})
        assert (plan.task, plan.arguments) == ("build-tower", LEARNT["build-tower"])
        # None of the results of the run gives way, nor do those of another copy.
        assert plan.path(None) == Path("runs/first-00000005/build-tower/test.json")
        assert plan.home(None) == plan.path(None).parent
        with pytest.raises(ConflictError, match="was trained with image_size"):
            plan_evaluation(policy, "build-tower", "test", {"image_size": [48, 64]})
    run = plan_evaluation(PolicySpec("agent", "transporter", "first/policy"), None, "test", {})
    assert run.path(None) == Path("first/eval/test.json")
    monkeypatch.chdir(copy)
    assert plan_evaluation("oracle", "build-tower", "test", {}).path(None).parts[:2] == ("runs", "oracle")
