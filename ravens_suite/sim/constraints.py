"""Constraints between bodies: the mount of a tool, the grasp of a gripper, the links of a chain."""

from __future__ import annotations

from ravens_suite.core.geometry import Pose, Vector
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.scene import Scene


class Mount:
    """A body held at a commanded pose by a force-limited constraint, as an arm holds its tool.

    Args:
        scene: where it is.
        name: a robot part with mass.
        force: newtons that the mount exerts at most.
        stiffness: share of the position error that one physics step corrects, in (0, 1].

    Attributes:
        target: the commanded pose.
    """

    def __init__(self, scene: Scene, name: str, force: float, stiffness: float) -> None:
        self._scene = scene
        self._name = name
        self._force = force
        self._stiffness = stiffness
        self.target = scene.pose(name)
        self._constraint = _constrain(scene, name, None, bullet.JOINT_FIXED, Pose(), self.target)
        self.command(self.target)

    def command(self, pose: Pose) -> None:
        """Pull the body towards ``pose`` from the next step on."""
        self.target = pose
        bullet.changeConstraint(
            self._constraint,
            pose.position,
            pose.quaternion,
            maxForce=self._force,
            erp=self._stiffness,
            physicsClientId=self._scene.client,
        )

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
        self._constraint: int | None = _constrain(scene, holder, held, bullet.JOINT_FIXED, self.offset, Pose())

    def release(self) -> None:
        """Let go. Releasing twice is fine."""
        if self._constraint is not None:
            bullet.removeConstraint(self._constraint, physicsClientId=self._scene.client)
            self._constraint = None


def link(scene: Scene, a: str, b: str, pivot_a: Vector, pivot_b: Vector, force: float) -> None:
    """Join a point of body ``a`` to a point of body ``b`` (each in its own frame), by at most ``force`` newtons."""
    constraint = _constrain(scene, a, b, bullet.JOINT_POINT2POINT, Pose(pivot_a), Pose(pivot_b))
    bullet.changeConstraint(constraint, maxForce=force, physicsClientId=scene.client)


def _constrain(scene: Scene, a: str, b: str | None, joint: int, frame_a: Pose, frame_b: Pose) -> int:
    """Bullet's number of a new joint of body ``a`` to ``b``, or to the world."""
    constraint: int = bullet.createConstraint(
        scene.handle(a),
        -1,
        -1 if b is None else scene.handle(b),
        -1,
        joint,
        [0, 0, 0],
        frame_a.position,
        frame_b.position,
        frame_a.quaternion,
        frame_b.quaternion,
        physicsClientId=scene.client,
    )
    return constraint
