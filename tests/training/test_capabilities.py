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
from ravens_suite.training.capabilities import greatest_tilt, warn_of_tilts
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
    assert "tilts = True" in message
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
