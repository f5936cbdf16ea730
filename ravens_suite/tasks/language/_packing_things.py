"""What the tasks that pack things share: a container, and things around it that fit into its cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ravens_suite.core.geometry import Pose, euler_quaternion
from ravens_suite.core.goals import ZoneGoal
from ravens_suite.core.seeding import Split
from ravens_suite.core.workspace import TASK_WORKSPACE
from ravens_suite.errors import ConfigError, PlacementError
from ravens_suite.sim import objects as bodies
from ravens_suite.sim.precision import TIME_STEP
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._packing import HEIGHT, Cell, divide, floor
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._things import Objects, Thing, things_of
from ravens_suite.tasks.placement import free_pose

SIDES = (0.20, 0.35)
"""Metres: the least and greatest inner width and depth of the container."""

LEAST_CELL = 0.08
"""Metres: no cut of the container's floor leaves less than this on either side."""

DROP, MOST_TILT = 0.05, math.radians(20)
"""Metres above the table, and radians of roll and pitch at most, from which things fall."""

FALL_STEPS = 960
"""Physics steps that the fall may take: two seconds. Some things roll on, for ten seconds at most."""

MARGIN = 0.03
"""Metres from the workspace's border within which no thing may come to rest."""


@dataclass(frozen=True)
class Packed:
    """A thing in the scene.

    Attributes:
        name: of the body.
        thing: what it is.
        scale: of its meshes.
        target: middle of its cell in the container, its x axis along the longer side; world frame.
    """

    name: str
    thing: Thing
    scale: float
    target: Pose


class PackingThings(LanguageTask):
    """A task that packs some of the things that lie around a container.

    Args:
        split: decides the things.
        objects: ``seen``, ``unseen``, ``unseen-shapes`` or ``unseen-looks``; see ``Objects``.
        folder: of meshes of your own in place of the suite's.

    Raises:
        ConfigError: ``objects`` is none of these, or the folder does not fit.
    """

    def __init__(self, split: Split = "train", objects: Objects = "seen", folder: str | None = None) -> None:
        super().__init__(split)
        if folder is not None and not isinstance(folder, str):
            raise ConfigError(f"folder must be the path of one, as a text; got {folder!r}.")
        self.things = things_of(objects, split, folder)
        if folder is not None:
            self.files = tuple(Path(mesh) for thing in self.things for mesh, _ in thing.parts)
        self._zone = (Pose(), (0.0, 0.0))

    def add_container(self, scene: Scene, rng: np.random.Generator) -> tuple[Pose, list[Cell]]:
        """An open box anywhere free: its pose, and the cells of its floor."""
        width, depth = (float(side) for side in rng.uniform(*SIDES, size=2))
        container = free_pose(scene, (width, depth, HEIGHT), rng)
        scene.add("container", bodies.container((width, depth, HEIGHT)), container, "fixed")
        self._zone = (container, (width, depth))
        return container, divide(floor(width, depth), rng, LEAST_CELL)

    def add_things(
        self, scene: Scene, container: Pose, cells: Sequence[Cell], things: Sequence[Thing], rng: np.random.Generator
    ) -> list[Packed]:
        """Let things fall around the container, each as large as its cell allows.

        Args:
            scene: with the container.
            container: its pose.
            cells: one for each thing.
            things: what falls.
            rng: draws places and tilts.

        Returns:
            The things that found a place; the first of them must.

        Raises:
            PlacementError: the first thing finds no place, or a thing rolls away or into the container.
        """
        packed: list[Packed] = []
        for i, (cell, thing) in enumerate(zip(cells, things, strict=True)):
            scale, target = _fitted(cell, thing, container)
            x, y, z = (scale * side for side in thing.size())
            try:
                place = free_pose(scene, (x, y, z), rng)
            except PlacementError:
                if not packed:
                    raise
                continue
            roll, pitch = (float(angle) for angle in rng.uniform(-MOST_TILT, MOST_TILT, size=2))
            above = Pose((*place.position[:2], DROP + z / 2), euler_quaternion(roll, pitch, place.yaw))
            packed.append(Packed(f"{thing.name} {i + 1}", thing, scale, target))
            scene.add(packed[-1].name, thing.body(scale), above, "movable")
        # What rolls is waited for: it must not leave the table after it has been looked for.
        if not (scene.settle_coarsely(FALL_STEPS, TIME_STEP) or scene.settle()):
            raise PlacementError("A thing does not come to rest.")
        for one in packed:
            self._check_rest(scene.pose(one.name))
        return packed

    def _check_rest(self, pose: Pose) -> None:
        """Raise PlacementError for where no thing may lie at the start."""
        (low, high), (container, size) = TASK_WORKSPACE.limits(), self._zone
        x, y, _ = pose.position
        inner = (container.inverse() @ pose).position
        if not (low[0] + MARGIN < x < high[0] - MARGIN and low[1] + MARGIN < y < high[1] - MARGIN):
            raise PlacementError("A thing has rolled off the table.")
        if abs(inner[0]) < size[0] / 2 and abs(inner[1]) < size[1] / 2:
            raise PlacementError("A thing has rolled into the container.")

    def goal(self, packed: Sequence[Packed], share: float = 1.0) -> ZoneGoal:
        """All of some things in the container."""
        zone, size = self._zone
        count = len(packed)
        return ZoneGoal(
            objects=tuple(one.name for one in packed),
            targets=tuple(one.target for one in packed),
            matches=tuple(tuple(i == j for j in range(count)) for i in range(count)),
            symmetries=(0.0,) * count,
            share=share,
            zone=zone,
            size=size,
            lattices=tuple(one.thing.surface(one.scale) for one in packed),
        )


def _fitted(cell: Cell, thing: Thing, container: Pose) -> tuple[float, Pose]:
    """The scale at which a thing fills a cell, its longer side along the cell's, and where it lies then."""
    width, depth, _ = cell.size
    x, y, _ = thing.size()
    turn = 0.0 if (width >= depth) == (x >= y) else math.pi / 2
    along, across = (width, depth) if turn == 0.0 else (depth, width)
    return min(along / x, across / y), container @ cell.pose @ Pose.planar(0, 0, 0, turn)
