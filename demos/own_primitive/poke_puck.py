"""A task with a motion primitive of its own: poke a puck onto a marked spot with the edge of a spatula.

An action of this primitive has one pose: where the blade touches the table, and, by its yaw, which way it pokes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.core.types import Action
from ravens_suite.sim.bodies import Cylinder, marker, solid
from ravens_suite.sim.grippers import Spatula, Tool
from ravens_suite.sim.robot import TRAVEL_STEP, Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import MotionReport, Primitive, Waypoint, expand
from ravens_suite.tasks.primitives.motion import above, move, over

RADIUS, HEIGHT = 0.03, 0.025
"""Metres: the puck."""

MARGIN = 0.18
"""Metres: side of the square that is kept free for the puck and for the spot, so that the blade fits behind them."""


@dataclass(frozen=True)
class Poke(Primitive):
    """A straight push of fixed length along the x axis of the one pose of an action.

    Attributes:
        length: metres that the blade moves.
        step: metres a physics step meanwhile (0.12 m/s): so slow that the puck stops with the blade.
        height: metres of the blade's edge above z = 0.
        contact: metres from the middle of the blade to the middle of what it pushes.
        gap: metres left between the two where the blade comes down.
    """

    length: float = 0.2
    step: float = 0.00025
    height: float = 0.005
    contact: float = RADIUS + 0.0025
    gap: float = 0.015

    name: ClassVar[str] = "poke"
    tool: ClassVar[type[Tool]] = Spatula
    poses: ClassVar[tuple[str, ...]] = ("poke",)

    def __call__(self, robot: Robot, action: Action) -> MotionReport:
        """Come down at the start, push, and rise."""
        start, end = self.ends(action)
        if not (robot.reaches(start) and robot.reaches(end)):
            return MotionReport("unreachable")
        robot.travel(above(start))
        move(robot, start, TRAVEL_STEP)
        robot.line(end, self.step)
        robot.lift(above(end))
        return MotionReport("done")

    def ends(self, action: Action) -> tuple[Pose, Pose]:
        """Poses of the blade's edge where the push begins and ends; of the action only x, y and yaw count."""
        start = action["poke"].level().at(z=self.height)
        return start, start @ Pose((self.length, 0.0, 0.0))

    def plan(self, current: Pose, target: Pose, point: Vector, goal: Goal) -> Action:
        """Poke towards the target: from close behind the body, or from farther back so as not to go beyond."""
        (x0, y0, _), (x1, y1, _) = current.position, target.position
        way, yaw = math.hypot(x1 - x0, y1 - y0), math.atan2(y1 - y0, x1 - x0)
        back = self.contact + max(self.length - way, self.gap)
        return Action(poke=Pose.planar(x0 - back * math.cos(yaw), y0 - back * math.sin(yaw), self.height, yaw))

    def rest(self) -> Action:
        """A poke out of reach. The default is an upside-down tool, which ``ends`` would level, and poke."""
        return Action(poke=Pose((0.75, 0.5, self.height)))

    def waypoints(self, robot: Robot, action: Action) -> list[Waypoint]:
        """The same motion in the continuous form: over the start, down, along to the end, and up."""
        start, end = self.ends(action)
        path = ((over(start), False), (start, False), (end, True), (over(end), False))
        return expand(robot, [Waypoint(tip, engaged) for tip, engaged in path])

    def advance(self, robot: Robot, waypoint: Waypoint) -> None:
        """In the continuous form ``gripper`` 1 asks for the slow motion of a push."""
        if waypoint.engaged:
            robot.line(waypoint.tip, self.step)
        else:
            super().advance(robot, waypoint)


class PokePuck(Task):
    """Push the blue puck onto the green spot, in as many pokes as it takes."""

    max_steps: ClassVar[int] = 12
    instruction: ClassVar[str] = "push the blue puck onto the green spot"
    primitive: ClassVar[Primitive] = Poke()

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The spot, then the puck, anywhere free."""
        spot = free_pose(scene, (MARGIN, MARGIN, 0.0), rng)
        scene.add("spot", marker((Cylinder(RADIUS + 0.01, 0.001),), PALETTE["green"]), spot, "marker")
        puck = solid(Cylinder(RADIUS, HEIGHT), PALETTE["blue"], mass=0.05)
        scene.add("puck", puck, free_pose(scene, (MARGIN, MARGIN, HEIGHT), rng), "movable")
        return [
            PoseGoal(
                objects=("puck",),
                targets=(spot.at(z=HEIGHT / 2),),
                matches=((True,),),
                symmetries=(0.0,),
            )
        ]
