"""Whether training says what an agent cannot give."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ravens_suite.agents.base import Agent
from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.errors import CapabilityWarning, RavensWarning
from ravens_suite.registry import agent_names, load_agent
from ravens_suite.rollout.collect import collect
from ravens_suite.training.capabilities import greatest_tilt, warn_of_sentences, warn_of_tilts
from ravens_suite.training.data import open_demonstrations


def episode(task: str, tilt: float, **others: Any) -> Any:
    place = Pose((0.5, 0.0, 0.1), euler_quaternion(tilt, 0.0, 1.0)).vector()
    actions = {"pick": np.array([Pose((0.5, 0.0, 0.02)).vector()]), "place": np.array([place]), **others}
    return SimpleNamespace(summary=SimpleNamespace(task=task), actions=lambda: actions)


def said(agent: Any, *episodes: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_tilts(agent, episodes)  # type: ignore[arg-type]
    assert all(issubclass(each.category, CapabilityWarning | RavensWarning) for each in caught)
    return [str(each.message) for each in caught]


def test_demonstrations_that_tilt_the_tool_are_named() -> None:
    level = SimpleNamespace(name="level", tilts=False)
    (message,) = said(level, episode("flat", 0.0), episode("tilted", 0.5), episode("tilted", -0.7))
    assert "demonstrations of tilted tilt it by up to 40 degrees" in message
    assert "those that tilt, see: ravens-suite agents" in message
    assert not said(level, episode("flat", 0.02, gripper=np.array([1])))
    assert not said(SimpleNamespace(name="any", tilts=True), episode("tilted", 0.5))


@pytest.mark.parametrize("tilt", [0.0, 0.1, 1.0, math.pi / 2, math.pi])
def test_a_tilt_is_the_angle_against_the_upright(tilt: float) -> None:
    poses = np.array([Pose((0, 0, 0), euler_quaternion(0.0, tilt, 2.0)).vector() * 3, Pose().vector()])
    assert greatest_tilt(poses) == pytest.approx(tilt, abs=1e-6)
    assert greatest_tilt(np.array([0, 1, 1])) == greatest_tilt(np.zeros((0, 7))) == 0.0


def test_every_agent_declares_it() -> None:
    declared = {name: load_agent(name).tilts for name in agent_names()}
    assert not declared["transporter"] and not declared["transporter-2020"]
    assert declared["state-mlp"] and Agent.tilts


def test_the_six_dof_task_is_said_to_a_transporter(tmp_path: Path) -> None:
    arguments = {"observe": ["proprioception"]}
    task = "block-insertion-six-dof"
    seeds = collect(task, episodes=1, data=tmp_path, arguments=arguments)
    assert seeds
    demonstrations = open_demonstrations(tmp_path, {task: [_first_seed(tmp_path, task)]})
    with pytest.warns(CapabilityWarning, match=f"transporter turns the tool .* demonstrations of {task} tilt"):
        warn_of_tilts(load_agent("transporter"), demonstrations)


def _first_seed(data: Path, task: str) -> int:
    return min(int(path.stem) for path in (data / task / "train").glob("*.safetensors"))


def told(agent: str, task: str, reads: list[str], **arguments: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_sentences(load_agent(agent), {task: {"id": "some", "arguments": arguments}}, reads)
    return [str(each.message) for each in caught]


def test_an_agent_that_is_not_told_what_only_a_sentence_says_is_named() -> None:
    task, pictures = "put-block-in-bowl-seen", ["color", "depth"]
    (message,) = told("transporter", task, pictures)
    assert f"what is meant in a scene of {task}" in message and "--observe images instruction" in message
    (message,) = told("state-mlp", task, ["state"])
    assert "state-mlp cannot be told, so choose an agent that can" in message
    assert not told("transporter", task, [*pictures, "instruction"])
    assert not told("transporter", task, [*pictures, "goal_color", "goal_depth"]), "the goal picture says it"
    assert not told("transporter", "block-insertion", pictures)
    assert not told("transporter", "hidden-blocks-in-bowls", pictures), "it says the same in every scene"


@pytest.mark.parametrize(
    ("condition", "task", "observe"),
    [("instruction", "put-block-in-bowl-seen", "state instruction"), ("goal", "build-tower", "state goal")],
)
def test_what_is_to_be_observed_is_named_with_what_the_agent_reads(condition: str, task: str, observe: str) -> None:
    """Without it the agent could not learn from what was collected then; images were named."""

    class Told(load_agent("state-mlp")):  # type: ignore[misc]
        conditions = (condition,)

    environments = {each: {"id": "some", "arguments": {}} for each in (task, "build-row")}
    with pytest.warns(CapabilityWarning, match=f"collect them with --observe {observe}"):
        warn_of_sentences(Told, environments, ["state"])


def test_so_are_sentences_that_are_held_out_for_tests() -> None:
    reads = ["color", "depth", "instruction"]
    for task in ("put-block-in-bowl-seen", "block-insertion"):
        (message,) = told("transporter", task, reads, wording="held-out")
        assert f"The demonstrations of {task} have sentences that are held out for tests" in message
        assert not told("transporter", task, reads, wording="training")
    assert not told("transporter", "block-insertion", reads[:2], wording="held-out"), "it reads none"


def test_so_are_held_out_sentences_of_further_data_and_of_changed_scenes(tmp_path: Path) -> None:
    """What the first folder says of its sentences holds for no other one."""
    for name, wording in (("first", "training"), ("more", "held-out")):
        arguments = {"observe": ["instruction"], "wording": wording}
        collect("block-insertion", episodes=1, data=tmp_path / name, arguments=arguments)
    seed = {"block-insertion": [_first_seed(tmp_path / "first", "block-insertion")]}
    environments = {"block-insertion": {"id": "some", "arguments": {"wording": "training"}}}
    reads = ["color", "depth", "instruction"]
    both = open_demonstrations(tmp_path / "first", seed, {str(tmp_path / "more"): seed})
    with pytest.warns(
        CapabilityWarning, match="The demonstrations of block-insertion have sentences that are held out"
    ):
        warn_of_sentences(load_agent("transporter"), environments, reads, both)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = open_demonstrations(tmp_path / "first", seed)
        warn_of_sentences(load_agent("transporter"), environments, reads, alone)


def test_so_are_structures_that_only_a_goal_picture_tells_apart() -> None:
    environments = {name: {"id": "some", "arguments": {}} for name in ("build-tower", "build-row")}
    transporter, reads = load_agent("transporter"), ["color", "depth"]
    with pytest.warns(CapabilityWarning, match=r"which of build-tower, build-row is meant.*--observe images goal"):
        warn_of_sentences(transporter, environments, reads)
    with pytest.warns(CapabilityWarning, match="form2fit cannot be told, so choose an agent"):
        warn_of_sentences(load_agent("form2fit"), environments, reads)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_sentences(transporter, environments, [*reads, "goal_color", "goal_depth"])
        warn_of_sentences(transporter, {"build-tower": environments["build-tower"]}, reads)


def test_own_data_have_no_sentences_that_are_known() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_sentences(load_agent("transporter"), {"own": {"id": "", "arguments": {}}}, ["color", "depth"])
