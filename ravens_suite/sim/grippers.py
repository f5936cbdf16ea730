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
from ravens_suite.sim.scene import Scene

SUCTION_FORCE = 50.0
"""Newtons: the most with which the suction head is pulled towards its commanded pose; this is its only compliance."""

SPATULA_FORCE = 1000.0
"""Newtons: the same for the spatula, which is mounted stiffly."""


class Tool(ABC):
    """A tool mounted on the arm. Tools that grip override ``can_hold`` and what follows from it.

    Attributes:
        name: of the simulated body in the scene.
        force: newtons, the most that the mount can pull.
        stiffness: of the mount, in (0, 1]: the part of the position error that a physics step corrects.
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


class Spatula(Tool):
    """A blade for pushing."""

    name: ClassVar[str] = "spatula"
    force: ClassVar[float] = SPATULA_FORCE
    stiffness: ClassVar[float] = 0.9
    body: ClassVar[Body] = objects.spatula()
    mount: ClassVar[Body] = objects.tool_parts("spatula")["spatula_mount"]


class Suction(Tool):
    """A suction cup that grips what its tip touches: a rigid joint without a seal model or a load limit."""

    name: ClassVar[str] = "suction"
    force: ClassVar[float] = SUCTION_FORCE
    stiffness: ClassVar[float] = 0.2
    body: ClassVar[Body] = objects.suction_head()
    mount: ClassVar[Body] = objects.tool_parts("suction")["suction_mount"]
    can_hold: ClassVar[bool] = True

    def __init__(self, scene: Scene, pose: Pose) -> None:
        super().__init__(scene, pose)
        self._grasp: Grasp | None = None

    @property
    def held(self) -> str | None:
        """Name of the body in the gripper."""
        return self._grasp.held if self._grasp else None

    @property
    def holds(self) -> bool:
        """Whether a body is gripped."""
        return self._grasp is not None

    @property
    def parts(self) -> list[str]:
        """The gripper and the body it holds."""
        return [self.name] if self._grasp is None else [self.name, self._grasp.held]

    def part_poses(self, tip: Pose) -> dict[str, Pose]:
        """Where the gripper and the held body would be with the tip at a pose."""
        poses = {self.name: tip}
        if self._grasp is not None:
            poses[self._grasp.held] = tip @ self._grasp.offset
        return poses

    def jump(self, pose: Pose) -> None:
        """Put the gripper, and what it holds, at a tip pose at once."""
        super().jump(pose)
        if self._grasp is not None:
            self._scene.move(self._grasp.held, pose @ self._grasp.offset)

    def touching(self) -> list[str]:
        """What the empty gripper touches; while it holds a body, what that body touches."""
        if self._grasp is None:
            return self._scene.touching(self.name)
        return self._scene.touching(self._grasp.held, ignore=(self.name,))

    def activate(self) -> bool:
        """Grip the last movable body in the list of contacts; returns whether a body is held."""
        movable = [name for name in self._scene.touching(self.name) if self._scene.kind(name) == "movable"]
        if movable and self._grasp is None:
            self._grasp = Grasp(self._scene, self.name, movable[-1])
        return self._grasp is not None

    def release(self) -> None:
        """Let go of whatever is held."""
        if self._grasp is not None:
            self._grasp.release()
            self._grasp = None
