"""The tools at the arm's flange: a suction gripper and a spatula.

A tool is one simulated body, pulled towards the commanded tip pose by a force-limited constraint, plus parts that are
only seen. The tool's frame is its tip, with z pointing back into the arm. Poses are in the world frame.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from ravens_suite.core.geometry import Pose
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body
from ravens_suite.sim.constraints import Grasp, Mount
from ravens_suite.sim.scene import JOINT_STIFFNESS, Scene

SUCTION_FORCE = 50.0
"""Newtons: the most with which the suction head is pulled towards its commanded pose; this is its only compliance."""

SPATULA_FORCE = 1000.0
"""Newtons: the same for the spatula; so much that what it pushes does not hold it up."""


class Tool(ABC):
    """A tool mounted on the arm. Tools that grip override ``can_hold`` and what follows from it.

    Attributes:
        name: of the simulated body in the scene.
        force: newtons, the most that the mount can pull along each axis of the world.
        stiffness: of the mount, in (0, 1]: the part of the error in pose that a ``TIME_STEP`` makes up.
        body: shape and mass; its frame is the tip.
        can_hold: whether it can grip bodies.
        mount: what is seen between the flange and the tool and touches nothing, in the flange's frame.

    Args:
        scene: where it is; a tool is made anew after every reset of the scene.
        pose: of the tip.
    """

    name: ClassVar[str]
    force: ClassVar[float]
    stiffness: ClassVar[float]
    body: ClassVar[Body]
    can_hold: ClassVar[bool] = False
    mount: ClassVar[Body] = Body(())

    def __init__(self, scene: Scene, pose: Pose) -> None:
        self._scene = scene
        scene.add(self.name, self.body, pose, "robot")
        self._mount = Mount(scene, self.name, self.force, self.stiffness)

    @property
    def parts(self) -> list[str]:
        """Names of the simulated bodies that move with the tool: the tool itself and what it holds."""
        return [self.name]

    @property
    def holds(self) -> bool:
        """Whether a body is gripped."""
        return False

    def activate(self) -> bool:
        """Grip what the tip touches, if the tool can; returns whether a body is gripped now."""
        return False

    def release(self) -> None:  # noqa: B027 (most tools hold nothing)
        """Let go of the gripped body, if there is one."""

    @property
    def tip(self) -> Pose:
        """The commanded tip pose."""
        return self._mount.target

    def command(self, pose: Pose) -> None:
        """Pull the tool towards a tip pose from the next physics step on."""
        self._mount.command(pose)

    def jump(self, pose: Pose) -> None:
        """Put the tool, and what it holds, at a tip pose at once, without physics."""
        self._mount.jump(pose)

    def part_poses(self, tip: Pose) -> dict[str, Pose]:
        """Where the moving bodies would be with the tip at a pose."""
        return {self.name: tip}

    def touching(self) -> list[str]:
        """Names of the bodies that the tool touches; while it holds a body, of those that the held body touches."""
        return self._scene.touching(self.name)

    def touches(self) -> bool:
        """Whether ``touching`` names any body."""
        return bool(self.touching())


class Spatula(Tool):
    """A blade for pushing.

    Its mount yields like that of the suction head: during a push it lags 5 mm behind its command, and up to 16 mm while
    it comes down, so it stops softly. With a stiffness of 0.9 it lags by 0.1 and 0.4 mm, and the oracle of
    sweeping-piles needs 12.9 pushes in place of 10.5 and fails now and then (``benchmarks/tracking.py``; training seeds
    0 to 99).
    """

    name: ClassVar[str] = "spatula"
    force: ClassVar[float] = SPATULA_FORCE
    stiffness: ClassVar[float] = JOINT_STIFFNESS
    body: ClassVar[Body] = objects.spatula()
    mount: ClassVar[Body] = objects.tool_parts("spatula")["spatula_mount"]


class Suction(Tool):
    """A suction cup that grips what its tip touches: a rigid joint without a seal model or a load limit."""

    name: ClassVar[str] = "suction"
    force: ClassVar[float] = SUCTION_FORCE
    stiffness: ClassVar[float] = JOINT_STIFFNESS
    body: ClassVar[Body] = objects.suction_head()
    mount: ClassVar[Body] = objects.tool_parts("suction")["suction_mount"]
    can_hold: ClassVar[bool] = True

    def __init__(self, scene: Scene, pose: Pose) -> None:
        super().__init__(scene, pose)
        self._last_grasp: Grasp | None = None

    @property
    def _grasp(self) -> Grasp | None:
        """The grasp of the body that is held; there is none any more when that body has been removed."""
        grasp = self._last_grasp
        return grasp if grasp is not None and grasp.holds else None

    @property
    def held(self) -> str | None:
        """Name of the body in the gripper."""
        grasp = self._grasp
        return grasp.held if grasp else None

    @property
    def holds(self) -> bool:
        """Whether a body is gripped."""
        return self._grasp is not None

    @property
    def parts(self) -> list[str]:
        """The gripper and the body it holds."""
        grasp = self._grasp
        return [self.name] if grasp is None else [self.name, grasp.held]

    def part_poses(self, tip: Pose) -> dict[str, Pose]:
        """Where the gripper and the held body would be with the tip at a pose."""
        grasp = self._grasp
        held = {} if grasp is None else {grasp.held: tip @ grasp.offset}
        return {self.name: tip} | held

    def jump(self, pose: Pose) -> None:
        """Put the gripper, and what it holds, at a tip pose at once."""
        super().jump(pose)
        grasp = self._grasp
        if grasp is not None:
            self._scene.move(grasp.held, pose @ grasp.offset)

    def touching(self) -> list[str]:
        """What the empty gripper touches; while it holds a body, what that body touches."""
        grasp = self._grasp
        if grasp is None:
            return self._scene.touching(self.name)
        return self._scene.touching(grasp.held, ignore=(self.name,))

    def touches(self) -> bool:
        """Whether ``touching`` names any body; quicker, since it is asked after every step of a descent."""
        grasp = self._grasp
        if grasp is None:
            return self._scene.touches(self.name)
        return self._scene.touches(grasp.held, ignore=self.name)

    def activate(self) -> bool:
        """Grip the last movable body in the list of contacts; returns whether a body is held."""
        movable = [name for name in self._scene.touching(self.name) if self._scene.kind(name) == "movable"]
        if movable and self._grasp is None:
            self._last_grasp = Grasp(self._scene, self.name, movable[-1])
        return self._grasp is not None

    def release(self) -> None:
        """Let go of whatever is held."""
        if self._last_grasp is not None:
            self._last_grasp.release()
            self._last_grasp = None
