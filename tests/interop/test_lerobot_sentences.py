"""What frames of LeRobot say where no sentence was observed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ravens_suite
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.rollout.collect import collect
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task

parquet = pytest.importorskip("pyarrow.parquet")


class ToAColor(Task):
    """An option says which of two spots is meant, in a sentence that is the same in every scene."""

    max_steps = 2
    instruction = "put the block on the {color} spot"

    def __init__(self, split: Any = "train", color: str = "red") -> None:
        super().__init__(split)
        self.color = color

    def slots(self, step: int) -> Mapping[str, str]:
        """Of the option."""
        return {"color": self.color}

    def build(self, scene: Scene, rng: np.random.Generator) -> list[Goal]:
        """One block, with one place."""
        scene.add("block", objects.block(PALETTE[self.color]), Pose((0.4, 0.1, 0.02)), "movable")
        target = Pose((0.5, -0.1, 0.02))
        return [PoseGoal(objects=("block",), targets=(target,), matches=((True,),), symmetries=(0.0,))]


@pytest.mark.usefixtures("registrations")
def test_options_of_the_environment_decide_what_is_said(tmp_path: Path) -> None:
    """Episodes of another option had the sentence of the default."""
    ravens_suite.register_task("to-a-color", ToAColor)
    arguments = {"observe": ["images"], "image_size": [8, 12], "color": "blue"}
    collect("to-a-color", episodes=1, data=tmp_path / "data", arguments=arguments)
    (made,) = export_lerobot(tmp_path / "data", tmp_path / "out")
    tasks = parquet.read_table(made.folder / "meta" / "tasks.parquet").to_pylist()
    assert ["put the block on the blue spot" in row.values() for row in tasks] == [True]
