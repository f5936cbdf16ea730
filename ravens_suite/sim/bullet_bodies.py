"""How Bullet is given rigid bodies."""

from __future__ import annotations

from collections.abc import Sequence

from ravens_suite.core.geometry import Pose
from ravens_suite.sim.bodies import Body
from ravens_suite.sim.bullet_shapes import bullet

INERTIA_SCALE = 3.0
"""Factor on the inertia that Bullet computes from shape and mass; it damps the tumbling of small bodies."""


def create_alike(
    client: int, body: Body, poses: Sequence[Pose], collision: int, blank: int, *, articulated: bool
) -> tuple[int, ...]:
    """Bodies that are alike but for their positions.

    Args:
        client: Bullet's client number.
        body: what they all are.
        poses: where their frames are, world, all of one orientation.
        collision: Bullet's number of their collision shape.
        blank: Bullet's number of a visual shape of nothing.
        articulated: whether they are one-link multibodies, as tools are, rather than plain rigid bodies.

    Returns:
        Bullet's numbers of the bodies, in the order of the poses.
    """
    made: int | tuple[int, ...] = bullet.createMultiBody(
        body.mass,
        collision,
        blank,
        poses[0].position,
        poses[0].quaternion,
        # Plain rigid bodies step more than twice as fast as Bullet's articulated ones, but only an articulated body
        # can be held by a constraint whose target moves, which the robot's tool needs.
        useMaximalCoordinates=not articulated,
        physicsClientId=client,
        **({"batchPositions": [pose.position for pose in poses]} if len(poses) > 1 else {}),
    )
    handles = (made,) if isinstance(made, int) else made
    for handle in handles:
        _set_dynamics(client, handle, body)
    return handles


def _set_dynamics(client: int, handle: int, body: Body) -> None:
    bullet.changeDynamics(handle, -1, lateralFriction=body.friction, physicsClientId=client)
    if body.mass:
        inertia = bullet.getDynamicsInfo(handle, -1, physicsClientId=client)[2]
        bullet.changeDynamics(
            handle,
            -1,
            mass=body.mass,  # Bullet loses a rigid body's mass when only its inertia is changed.
            localInertiaDiagonal=[INERTIA_SCALE * value for value in inertia],
            physicsClientId=client,
        )
