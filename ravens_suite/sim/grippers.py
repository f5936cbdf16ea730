"""The two tools at the arm's flange: a suction gripper and a spatula.

A tool is one simulated body, held at the arm's commanded tip pose by a force-limited constraint, plus parts that are
only seen. The tool's frame is its tip, z pointing back into the arm.
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
"""Newtons: the most that the suction head's mount can pull; its only compliance."""

SPATULA_FORCE = 1000.0
"""Newtons: the spatula is mounted stiffly."""


class Tool(ABC):
    """A tool mounted on the arm.

    Args:
        scene: where it is; add the tool after every reset of the scene.
        pose: tip pose, world frame.
    """

    name: str
    force: float
    stiffness: float
    body: Body

    def __init__(self, scene: Scene, pose: Pose) -> None:
        self._scene = scene
        scene.add(self.name, self.body, pose, "robot")
        self._mount = Mount(scene, self.name, self.force, self.stiffness)

    @property
    def parts(self) -> list[str]:
        """Names of the simulated bodies that move with the tool: the tool itself and what it holds."""
        return [self.name]

    can_hold: ClassVar[bool] = False
    """Whether bodies can be gripped with it."""

    @property
    def holds(self) -> bool:
        """Whether the tool holds a body."""
        return False

    def activate(self) -> bool:
        """Grip what the tip touches, if the tool can; returns whether a body is held."""
        return False

    def release(self) -> None:  # noqa: B027 (most tools hold nothing)
        """Let go of what is held, if anything is."""

    @property
    def tip(self) -> Pose:
        """The commanded tip pose."""
        return self._mount.target

    def command(self, pose: Pose) -> None:
        """Pull the tool towards a tip pose from the next step on."""
        self._mount.command(pose)

    def jump(self, pose: Pose) -> None:
        """Put the tool, and what it holds, at a tip pose at once."""
        self._mount.jump(pose)

    def part_poses(self, tip: Pose) -> dict[str, Pose]:
        """Where the moving bodies would be with the tip at a pose."""
        return {self.name: tip}

    def touching(self) -> list[str]:
        """Names of the bodies that the tool touches, or those that the held body touches."""
        return self._scene.touching(self.name)


class Spatula(Tool):
    """A blade for pushing."""

    name = "spatula"
    force = SPATULA_FORCE
    stiffness = 0.9
    body = objects.spatula()


class Suction(Tool):
    """A suction cup that grips what its tip touches: a rigid joint without a seal model or a load limit."""

    name = "suction"
    can_hold: ClassVar[bool] = True
    force = SUCTION_FORCE
    stiffness = 0.2
    body = objects.suction_head()

    def __init__(self, scene: Scene, pose: Pose) -> None:
        super().__init__(scene, pose)
        self._grasp: Grasp | None = None

    @property
    def held(self) -> str | None:
        """Name of the body in the gripper."""
        return self._grasp.held if self._grasp else None

    @property
    def holds(self) -> bool:
        """Whether the tool holds a body."""
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
