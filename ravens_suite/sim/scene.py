"""The scene: the one owner of a Bullet client. Bodies are addressed by name, never by Bullet's integer ids."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ravens_suite.core.geometry import Array, Pose, Vector
from ravens_suite.core.workspace import PLANE_HEIGHT, SHEET_HEIGHT, TASK_WORKSPACE
from ravens_suite.errors import ConfigError, TaskDefinitionError, UnknownNameError
from ravens_suite.sim.bodies import Body, Box, Shape, Visual, marker
from ravens_suite.sim.bullet_bodies import create_alike
from ravens_suite.sim.bullet_shapes import (
    blank_shape,
    bullet,
    collision_points,
    collision_radius,
    collision_shape,
    disconnect,
)
from ravens_suite.sim.joints import IgnoredPairs, Joints
from ravens_suite.sim.kinds import Kind, check_kind, of_kind
from ravens_suite.sim.precision import EXACT, TIME_STEP, Precision

GRAVITY = -9.8
STILL_SPEED = 0.005
"""Metres a second below which a body counts as settled."""

SETTLE_BUDGET = 2400
"""Physics steps after which a scene that still moves is left as it is (5 s)."""

JOINT_STIFFNESS = 0.2
"""Share of the error of a joint or a mount that a ``TIME_STEP`` makes up, unless a tool asks for more: Bullet's
default."""

COARSE_TIME_STEP, COARSE_ITERATIONS = 1 / 240, 10
"""Seconds a physics step and solver iterations of ``settle_coarsely``."""

_CHECK_INTERVAL = 4

GROUND_NAME = "plane"
SHEET_NAME = "workspace"
"""Names of the level bodies that make up the table, which are in every scene."""

_PLANE = Body(
    visuals=(Visual(Box((3.0, 3.0, 1.0)), (0.30, 0.47, 0.66)),),
    collisions=(Box((20.0, 20.0, 1.0)),),
)
_SHEET = marker((Box((0.5, 1.0, 2 * SHEET_HEIGHT)),), (0.2, 0.2, 0.2))


@dataclass(frozen=True)
class Drawable:
    """One coloured shape that cameras see.

    Attributes:
        name: the body's name.
        label: the body's segmentation label.
        visual: shape (with its pose in the body's frame) and colour.
        pose: the body's world pose.
    """

    name: str
    label: int
    visual: Visual
    pose: Pose


@dataclass
class _Entry:
    body: Body
    kind: Kind
    label: int
    handle: int | None
    pose: Pose


class Scene:
    """Rigid bodies on a table under gravity.

    Bullet is given what collides and nothing that is only seen, whatever the renderer: visual shapes and more bodies
    would change the order in which it solves contacts, and with it the last bits of poses.

    Args:
        precision: of the physics.

    Attributes:
        steps: since the last reset, in units of ``TIME_STEP`` but for those of ``settle_coarsely``, which count as one
            each.
        stride: units of ``TIME_STEP`` in a physics step.
        on_step: called after each of ``steps``.
        crowding: objects are placed on the share 1 - ``crowding`` of the free places nearest to what stands there.
    """

    def __init__(self, precision: Precision = EXACT) -> None:
        self._precision = precision
        self.stride = precision.stride
        self._entries: dict[str, _Entry] = {}
        self._names: dict[int, str] = {}
        client = _client_of(weakref.ref(self))
        self._ignored = IgnoredPairs(client)
        self.joints = Joints(client)
        self._shapes: dict[tuple[Shape, ...], int] = {}
        self._blank = -1
        self._next_label = 0
        self.steps = 0
        self.on_step: Callable[[], None] | None = None
        self.crowding = 0.0
        self._client: int | None = bullet.connect(bullet.DIRECT)
        # Whoever drops a scene without closing it gets its memory back (28 MB) when the last reference to it goes.
        self._disconnect = weakref.finalize(self, disconnect, self._client)
        self._disconnect.atexit = False  # The process gives everything back by itself.
        self.reset()

    # ---------------------------------------------------------------- life

    @property
    def client(self) -> int:
        """Bullet's client number."""
        if self._client is None:
            raise RuntimeError("This scene is closed; make a new environment.")
        return self._client

    def close(self) -> None:
        """Disconnect from Bullet. Closing twice is fine. A scene that is dropped without it is closed, too."""
        self._client = None
        self._disconnect()

    def reset(self) -> None:
        """An empty world: the ground plane and the dark sheet that marks the workspace."""
        client = self.client
        bullet.resetSimulation(physicsClientId=client)
        bullet.setGravity(0, 0, GRAVITY, physicsClientId=client)
        bullet.setPhysicsEngineParameter(
            deterministicOverlappingPairs=1,
            enableFileCaching=0,
            solverResidualThreshold=self._precision.residual,
            physicsClientId=client,
        )
        self._entries.clear()
        self._names.clear()
        self._ignored.forget()
        self.joints.forget()
        self._set_precision(self.stride * TIME_STEP, self._precision.iterations)
        self.stiffen(JOINT_STIFFNESS)
        self._shapes.clear()
        self._blank = blank_shape(client)
        self._next_label = 0
        self.steps = 0
        centre_x = (TASK_WORKSPACE.low[0] + TASK_WORKSPACE.high[0]) / 2
        self.add(GROUND_NAME, _PLANE, Pose((0.0, 0.0, PLANE_HEIGHT - 0.5)), "fixed")
        self.add(SHEET_NAME, _SHEET, Pose((centre_x, 0.0, 0.0)), "marker")

    # -------------------------------------------------------------- bodies

    def add(self, name: str, body: Body, pose: Pose, kind: Kind) -> None:
        """Put a body into the scene.

        Args:
            name: unique in the scene.
            body: its description.
            pose: where its frame is, world.
            kind: what it is for; robot parts with mass are simulated, without mass they are only seen.

        Raises:
            ValueError: the name is taken.
            TaskDefinitionError: there is no such kind, or the body is not of it.
        """
        self._enter([name], [self._checked(name, body, pose, kind)], [pose], kind)

    def add_alike(self, bodies: Mapping[str, Body], poses: Mapping[str, Pose], kind: Kind) -> None:
        """Put bodies into the scene that differ in colour and position only, ten times as fast as one by one.

        Args:
            bodies: descriptions by name, unique in the scene.
            poses: where their frames are, world, all of one orientation.
            kind: what they are for, see ``add``.

        Raises:
            ValueError: a name is taken, or the bodies differ in more than colour and position.
            TaskDefinitionError: there is no such kind, or the bodies are not of it.
        """
        given = [self._checked(name, body, poses[name], kind) for name, body in bodies.items()]
        placed = [poses[name] for name in bodies]
        alike = [
            (body.collisions, body.mass, body.friction, pose.quaternion)
            for body, pose in zip(given, placed, strict=True)
        ]
        if any(each != alike[0] for each in alike):
            raise ValueError("Bodies added at once must have the same shape, mass, friction and orientation.")
        if given:
            self._enter(list(bodies), given, placed, kind)

    def _checked(self, name: str, body: Body, pose: Pose, kind: Kind) -> Body:
        """A body that may come into the scene, as its kind has it."""
        check_kind(name, body, kind)
        if not isinstance(pose, Pose):
            raise TaskDefinitionError(f"pose of {name!r} is {pose!r}: give a Pose, such as Pose((x, y, z)).")
        if name in self._entries:
            raise ValueError(f"The scene already has a body named {name!r}; names are unique.")
        return of_kind(body, kind)

    def _enter(self, names: Sequence[str], bodies: Sequence[Body], poses: Sequence[Pose], kind: Kind) -> None:
        """Put checked bodies that are alike into the scene."""
        handles: Sequence[int | None] = [None] * len(bodies)
        if bodies[0].collisions:
            collision = self._collision_shape(bodies[0].collisions)
            articulated = kind == "robot"
            handles = create_alike(self.client, bodies[0], poses, collision, self._blank, articulated=articulated)
        for name, body, pose, handle in zip(names, bodies, poses, handles, strict=True):
            if handle is not None:
                self._names[handle] = name
            self._entries[name] = _Entry(body, kind, self._next_label, handle, pose)
            self._next_label += 1

    def remove(self, name: str) -> None:
        """Take a body out of the scene, and with it its joints and which bodies it passed through."""
        entry = self._entry(name)
        if entry.handle is not None:
            self.joints.end_those_of(entry.handle)
            self._ignored.end_those_of(entry.handle)
            bullet.removeBody(entry.handle, physicsClientId=self.client)
            del self._names[entry.handle]
        del self._entries[name]

    def recolor(self, name: str, body: Body) -> None:
        """Give a body the colours of ``body``, and nothing else of it.

        Raises:
            ValueError: it has another number of visual shapes.
        """
        entry = self._entry(name)
        if len(body.visuals) != len(entry.body.visuals):
            raise ValueError(f"{name!r} has {len(entry.body.visuals)} visual shapes, not {len(body.visuals)}.")
        colored = zip(entry.body.visuals, body.visuals, strict=True)
        entry.body = replace(entry.body, visuals=tuple(replace(own, color=other.color) for own, other in colored))

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self, *kinds: Kind) -> list[str]:
        """Names of the bodies of some kinds (all but robot parts when none is given), in the order they were added."""
        wanted = kinds or ("movable", "fixed", "marker")
        return [name for name, entry in self._entries.items() if entry.kind in wanted]

    def objects(self) -> list[str]:
        """Names of what a task placed: everything but the robot, the plane and the workspace sheet."""
        return [name for name in self.names() if name not in (GROUND_NAME, SHEET_NAME)]

    def kind(self, name: str) -> Kind:
        """What a body is for."""
        return self._entry(name).kind

    def body(self, name: str) -> Body:
        """The description of a body."""
        return self._entry(name).body

    def labels(self) -> dict[str, int]:
        """Segmentation label by body name; the plane is 0."""
        return {name: entry.label for name, entry in self._entries.items()}

    # --------------------------------------------------------------- poses

    def pose(self, name: str) -> Pose:
        """World pose of a body's frame."""
        entry = self._entry(name)
        if entry.handle is None or entry.body.mass == 0:
            return entry.pose
        position, quaternion = bullet.getBasePositionAndOrientation(entry.handle, physicsClientId=self.client)
        return Pose(position, quaternion)

    def placed(self, name: str) -> Pose:
        """World pose in which a body was added, or last moved to; what physics did to it since does not count."""
        return self._entry(name).pose

    def poses(self) -> dict[str, Pose]:
        """World poses of everything a task placed."""
        return {name: self.pose(name) for name in self.objects()}

    def move(self, name: str, pose: Pose) -> None:
        """Put a body somewhere else, at rest."""
        entry = self._entry(name)
        entry.pose = pose
        if entry.handle is not None:
            client = self.client
            bullet.resetBasePositionAndOrientation(entry.handle, pose.position, pose.quaternion, physicsClientId=client)
            if entry.body.mass:
                bullet.resetBaseVelocity(entry.handle, [0, 0, 0], [0, 0, 0], physicsClientId=client)

    def bounds(self, name: str, pose: Pose | None = None) -> tuple[Array, Array]:
        """World axis-aligned bounds ``(low, high)``, each ``(3,)`` float64 metres, of a body's collision shapes.

        Args:
            name: a body that collides.
            pose: where the body would be; where it is now when left out.

        Raises:
            ValueError: the body has no collision shape.
        """
        self.handle(name)
        points = (pose or self.pose(name)).apply(collision_points(self._entry(name).body.collisions))
        return points.min(axis=0), points.max(axis=0)

    def extent(self, name: str, point: Vector) -> float:
        """Metres within which all of what collides of a body lies of a point (x, y, z), world frame; an upper bound."""
        corners = collision_radius(self._entry(name).body.collisions)
        return math.dist(self.pose(name).position, point) + corners

    def handle(self, name: str) -> int:
        """Bullet's id of a body that collides, for calls of Bullet that this class has no method for.

        Raises:
            ValueError: the body has no collision shape.
        """
        handle = self._entry(name).handle
        if handle is None:
            raise ValueError(f"{name!r} has no collision shape, so Bullet does not know it.")
        return handle

    def colliders(self) -> list[str]:
        """Names of all bodies that collide, robot parts included."""
        return [name for name, entry in self._entries.items() if entry.body.collisions]

    def drawables(self) -> list[Drawable]:
        """Everything that cameras see."""
        return [
            Drawable(name, entry.label, visual, pose)
            for name, entry in self._entries.items()
            for pose in (self.pose(name),)
            for visual in entry.body.visuals
        ]

    # ------------------------------------------------------------- physics

    def step(self, count: int = 1) -> None:
        """Advance the physics by ``count`` times ``TIME_STEP``, or a little more: by whole physics steps."""
        client = self.client
        for _ in range(0, count, self.stride):
            bullet.stepSimulation(physicsClientId=client)
            for _ in range(self.stride):
                self.steps += 1
                if self.on_step is not None:
                    self.on_step()

    def still(self, ignore: Collection[str] = ()) -> bool:
        """Whether every movable body, but for those to ignore, is slower than ``STILL_SPEED``."""
        limit, client = STILL_SPEED**2, self.client
        for name, entry in self._entries.items():
            if entry.kind == "movable" and entry.handle is not None and name not in ignore:
                (vx, vy, vz), _ = bullet.getBaseVelocity(entry.handle, physicsClientId=client)
                if vx * vx + vy * vy + vz * vz >= limit:
                    return False
        return True

    def settle(self, budget: int = SETTLE_BUDGET) -> bool:
        """Step until the scene is still; returns whether it was within ``budget`` steps of ``TIME_STEP``."""
        for _ in range(0, budget, _CHECK_INTERVAL):
            # Step first: a body that was let go in the air has no speed yet.
            self.step(_CHECK_INTERVAL)
            if self.still():
                return True
        return False

    def stiffen(self, stiffness: float) -> None:
        """Set the share of their error that all joints and mounts make up in a ``TIME_STEP``, until reset.

        Bullet 3.25 takes it from the world's parameter "erp". Its joints report the ``erp`` of ``changeConstraint``
        back, but fixed ones and those of plain rigid bodies do not use it. Contacts have another parameter.

        Args:
            stiffness: in (0, 1].

        Raises:
            ValueError: it is not.
        """
        if not 0 < stiffness <= 1:
            raise ValueError(
                f"The stiffness of joints is a share of their error, above 0 and at most 1; got {stiffness}."
            )
        share = stiffness if self.stride == 1 else 1 - (1 - stiffness) ** self.stride
        bullet.setPhysicsEngineParameter(erp=share, physicsClientId=self.client)

    def settle_coarsely(self, budget: int, time_step: float = COARSE_TIME_STEP) -> bool:
        """Settle with fewer solver iterations and, by default, longer steps, at a quarter of the cost.

        For bodies that fall into place before an episode, where only the kind of outcome matters.

        Args:
            budget: physics steps that it may take.
            time_step: seconds of one of them.

        Raises:
            ConfigError: the time step is not above 0.
        """
        if not 0 < time_step < math.inf:
            raise ConfigError(f"time_step of settle_coarsely must be above 0, in seconds; got {time_step}.")
        self.stride = 1
        self._set_precision(time_step, COARSE_ITERATIONS)
        try:
            return self.settle(budget)
        finally:
            self.stride = self._precision.stride
            self._set_precision(self.stride * TIME_STEP, self._precision.iterations)

    def touching(self, name: str, *, ignore: Collection[str] = ()) -> list[str]:
        """Names of the bodies in contact with a body after the last step, in Bullet's order, without repeats."""
        handle = self.handle(name)
        points = bullet.getContactPoints(bodyA=handle, physicsClientId=self.client)
        names = (self._names[point[2]] for point in points or () if point[8] <= 0)
        return [other for other in dict.fromkeys(names) if other not in ignore]

    def touches(self, name: str, *, ignore: str | None = None) -> bool:
        """Whether ``touching`` would name any body."""
        points = bullet.getContactPoints(bodyA=self.handle(name), physicsClientId=self.client)
        ignored = None if ignore is None else self.handle(ignore)
        return any(point[8] <= 0 and point[2] != ignored for point in points or ())

    def distance(self, names: Collection[str], limit: float) -> float:
        """Metres between some bodies and the nearest of all others that collide, where they are now.

        Args:
            names: bodies that collide.
            limit: metres, above 0; the answer where nothing is nearer.

        Returns:
            At most ``limit``; below 0 where bodies overlap.
        """
        client, nearest = self.client, limit
        moving = [self.handle(name) for name in names]
        others = [handle for handle in self._names if handle not in moving]
        for own in moving:
            for other in others:
                for point in bullet.getClosestPoints(own, other, nearest, physicsClientId=client):
                    nearest = min(nearest, point[8])
                if nearest <= 0:
                    return nearest
        return nearest

    def ignore_collisions(self, a: str, b: str) -> None:
        """Let two bodies pass through each other, as long as both are in the scene."""
        self._ignored.add(self.handle(a), self.handle(b))

    # ------------------------------------------------------------ internals

    def _set_precision(self, time_step: float, iterations: int) -> None:
        bullet.setPhysicsEngineParameter(
            fixedTimeStep=time_step, numSolverIterations=iterations, physicsClientId=self.client
        )
        self.joints.renew_limits()

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownNameError("body", name, self._entries) from None

    def _collision_shape(self, shapes: tuple[Shape, ...]) -> int:
        """Bullet's number of a shape; bodies of the same shape share it, since reading hulls from files takes long."""
        if shapes not in self._shapes:
            self._shapes[shapes] = collision_shape(shapes, self.client)
        return self._shapes[shapes]


def _client_of(reference: weakref.ref[Scene]) -> Callable[[], int]:
    """Gives the client number of a scene without keeping the scene."""

    def client() -> int:
        scene = reference()
        if scene is None:
            raise RuntimeError("This scene is gone; make a new environment.")
        return scene.client

    return client
