"""Constraints between bodies: the mount of a tool, the grasp of a gripper, the links of a chain.

They end with the bodies that they tie.
"""

from __future__ import annotations

import math

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.errors import ConfigError
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.joints import Joint
from ravens_suite.sim.scene import Scene


class Mount:
    """A body held at a commanded pose by a force-limited constraint, as an arm holds its tool.

    Args:
        scene: where it is.
        name: a robot part with mass.
        force: newtons along each axis of the world, and newton metres about it, that the mount exerts at most.
        stiffness: share of the error in pose that a ``TIME_STEP`` makes up, in (0, 1]; it becomes that of all joints
            of the scene, see ``Scene.stiffen``. With physics steps of that length, a body that follows a command of
            constant speed lags behind by (1 / stiffness - 1) times the way of one step.

    Attributes:
        target: the commanded pose.

    Raises:
        ConfigError: the force is not above 0, or the body is none that can be mounted.
        ValueError: the stiffness is not in (0, 1].
    """

    def __init__(self, scene: Scene, name: str, force: float, stiffness: float) -> None:
        if not 0 < force < math.inf:
            raise ConfigError(f"The force of the mount of {name!r} must be above 0, in newtons; got {force}.")
        if scene.kind(name) != "robot" or scene.body(name).mass == 0:
            raise ConfigError(
                f"{name!r} cannot be mounted: only a body of kind 'robot' with a mass follows a command (others are in "
                "maximal coordinates, whose joints to the world cannot be moved)."
            )
        self._scene = scene
        self._name = name
        self._force = force
        self.target = scene.pose(name)
        scene.stiffen(stiffness)
        self._joint = _join(scene, name, None, bullet.JOINT_FIXED, Pose(), self.target)
        self.command(self.target)

    def command(self, pose: Pose) -> None:
        """Pull the body towards ``pose`` from the next step on.

        Raises:
            RuntimeError: the body has been removed from the scene.
        """
        if self._joint not in self._scene.joints:
            raise RuntimeError(f"{self._name!r} is not in the scene any more: call Robot.reset() for a new tool.")
        self.target = pose
        self._scene.joints.pull(self._joint, pose, self._force)

    def jump(self, pose: Pose) -> None:
        """Put the body at ``pose`` at once, at rest."""
        self._scene.move(self._name, pose)
        self.command(pose)


class Grasp:
    """A rigid joint between a gripper and a body, at their present relative pose; ``release`` ends it.

    Attributes:
        held: name of the body.
        offset: its pose in the gripper's frame.
    """

    def __init__(self, scene: Scene, holder: str, held: str) -> None:
        self._scene = scene
        self.held = held
        self.offset = scene.pose(holder).inverse() @ scene.pose(held)
        self._joint = _join(scene, holder, held, bullet.JOINT_FIXED, self.offset, Pose())

    @property
    def holds(self) -> bool:
        """Whether the joint is still there: not after its release, nor when the body has been removed."""
        return self._joint in self._scene.joints

    def release(self) -> None:
        """Let go. Releasing twice is fine."""
        self._scene.joints.end(self._joint)


def link(scene: Scene, a: str, b: str, pivot_a: Vector, pivot_b: Vector) -> None:
    """Join a point of body ``a`` to a point of body ``b``, each in its own frame; the joint never breaks or yields.

    There is no limit to its force: Bullet 3.25 takes one from ``changeConstraint(maxForce=...)`` and reports it back,
    but a joint of two plain rigid bodies does not use it (``findings/pybullet_rigid_joint_force_ignored.sh``).

    Args:
        scene: of both bodies.
        a: a body.
        b: another.
        pivot_a: (x, y, z) of the point in the frame of ``a``, metres.
        pivot_b: (x, y, z) of the point in the frame of ``b``, metres.

    Raises:
        ConfigError: both are one body.
    """
    if a == b:
        raise ConfigError(f"A joint ties two bodies; got {a!r} twice.")
    _join(scene, a, b, bullet.JOINT_POINT2POINT, Pose(pivot_a), Pose(pivot_b))


def _join(scene: Scene, a: str, b: str | None, kind: int, frame_a: Pose, frame_b: Pose) -> Joint:
    """A new joint of body ``a`` to ``b``, or to the world."""
    return scene.joints.make(scene.handle(a), None if b is None else scene.handle(b), kind, frame_a, frame_b)
