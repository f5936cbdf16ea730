"""What a Bullet world keeps of two bodies: joints, and that they pass through each other. Both end with either body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ravens_suite.core.geometry import Pose
from ravens_suite.sim.bullet_shapes import bullet


@dataclass(frozen=True, eq=False)
class Joint:
    """A joint of two bodies, or of a body and the world.

    Attributes:
        number: Bullet's.
        bodies: Bullet's ids of the one or two bodies that it ties.
    """

    number: int
    bodies: tuple[int, ...]


class Joints:
    """The joints of one world.

    Bullet 3.25 (PyBullet 3.2.7) needs care in two points. It keeps the joints of a plain rigid body when that is
    removed, so that they hang on to whatever body gets its id next. And it stores a limit in newtons as an impulse at
    the time step of the moment, so that another time step changes the limit.

    Args:
        client: gives Bullet's client number.
    """

    def __init__(self, client: Callable[[], int]) -> None:
        self._client = client
        self._limits: dict[Joint, float | None] = {}

    def __contains__(self, joint: Joint) -> bool:
        return joint in self._limits

    def __len__(self) -> int:
        return len(self._limits)

    def make(self, a: int, b: int | None, kind: int, frame_a: Pose, frame_b: Pose) -> Joint:
        """Tie body ``a`` to body ``b``, or to the world.

        Args:
            a: Bullet's id of a body.
            b: of another one; None for the world.
            kind: ``bullet.JOINT_FIXED`` or ``bullet.JOINT_POINT2POINT``.
            frame_a: of the joint, in the frame of ``a``.
            frame_b: of the joint, in the frame of ``b`` or in the world.
        """
        number = bullet.createConstraint(
            a,
            -1,
            -1 if b is None else b,
            -1,
            kind,
            [0, 0, 0],
            frame_a.position,
            frame_b.position,
            frame_a.quaternion,
            frame_b.quaternion,
            physicsClientId=self._client(),
        )
        joint = Joint(number, (a,) if b is None else (a, b))
        self._limits[joint] = None
        return joint

    def pull(self, joint: Joint, pose: Pose, force: float) -> None:
        """Pull the body of a joint with the world towards a pose from the next step on.

        Args:
            joint: of an articulated body.
            pose: world.
            force: newtons along each axis of the world, and newton metres about it, that it exerts at most.
        """
        self._limits[joint] = force
        bullet.changeConstraint(
            joint.number, pose.position, pose.quaternion, maxForce=force, physicsClientId=self._client()
        )

    def end(self, joint: Joint) -> None:
        """Take a joint away. It may have ended already."""
        if joint in self._limits:
            del self._limits[joint]
            bullet.removeConstraint(joint.number, physicsClientId=self._client())

    def end_those_of(self, body: int) -> None:
        """Take away every joint of a body, which is about to be removed."""
        for joint in [joint for joint in self._limits if body in joint.bodies]:
            self.end(joint)

    def forget(self) -> None:
        """The world has been emptied, and all joints with it."""
        self._limits.clear()

    def renew_limits(self) -> None:
        """Give every limit once more, since the time step has changed."""
        for joint, force in self._limits.items():
            if force is not None:
                bullet.changeConstraint(joint.number, maxForce=force, physicsClientId=self._client())


class IgnoredPairs:
    """Pairs of bodies that pass through each other.

    Bullet 3.25 keys them by the bodies' ids and keeps them when a body is removed, but gives its id to the next one.

    Args:
        client: gives Bullet's client number.
    """

    def __init__(self, client: Callable[[], int]) -> None:
        self._client = client
        self._pairs: set[tuple[int, int]] = set()

    def add(self, a: int, b: int) -> None:
        """Let two bodies of Bullet's ids ``a`` and ``b`` pass through each other."""
        self._pairs.add((a, b))
        bullet.setCollisionFilterPair(a, b, -1, -1, 0, physicsClientId=self._client())

    def end_those_of(self, body: int) -> None:
        """Let a body, which is about to be removed, collide with all others again."""
        for pair in sorted(pair for pair in self._pairs if body in pair):
            self._pairs.discard(pair)
            bullet.setCollisionFilterPair(*pair, -1, -1, 1, physicsClientId=self._client())

    def forget(self) -> None:
        """The world has been emptied, and all pairs with it."""
        self._pairs.clear()
