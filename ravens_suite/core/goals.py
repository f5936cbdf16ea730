"""What scores: goals, and the scorer that turns object poses into rewards.

Nothing here knows of a simulator: goals are handed poses by body name (Transporter Networks, section 4, and
the published benchmark's pose and zone metrics).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import numpy as np

from ravens_suite.core.geometry import Array, Pose, angle_error, tilt_error
from ravens_suite.core.numbers import is_finite
from ravens_suite.core.workspace import FLOOR
from ravens_suite.errors import TaskDefinitionError

FULL_TURN = 2 * math.pi
"""Symmetry of an object that looks the same only after a full turn."""

LATTICE_SPACING = 0.02
"""Metres between the points that stand for an object in the zone metric."""

COMPLETE = 0.99
"""Progress from which an episode counts as done."""

Poses = Mapping[str, Pose]


def all_to_all(objects: int, targets: int) -> tuple[tuple[bool, ...], ...]:
    """Match matrix that lets every object go to every target."""
    return ((True,) * targets,) * objects


@dataclass(frozen=True, kw_only=True)
class Goal(ABC):
    """One goal step: objects, the targets each may go to, and the share of the total reward.

    Attributes:
        objects: names of the movable bodies that count.
        targets: where they may go, world frame. A target may serve several objects.
        matches: ``matches[i][j]`` says whether object i may go to target j.
        symmetries: for each object the angle in radians after which it looks the same; 0 if its rotation is free.
        share: part of the total reward, in (0, 1].
        rotate: whether the oracle turns the object to the target's yaw.
        replace: whether targets may be used again (the oracle does not strike off what is done).
        full_pose: whether z, roll and pitch are set by the target too (6-DoF).
    """

    objects: tuple[str, ...]
    targets: tuple[Pose, ...]
    matches: tuple[tuple[bool, ...], ...]
    symmetries: tuple[float, ...]
    share: float = 1.0
    rotate: bool = True
    replace: bool = False
    full_pose: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be a goal; raises TaskDefinitionError, which names field and value."""
        kind, objects, targets = type(self).__name__, self.objects, self.targets
        if isinstance(objects, str) or not objects or not all(isinstance(name, str) for name in objects):
            raise TaskDefinitionError(f"objects of {kind} is {objects!r}: give names of bodies, as a tuple.")
        if len(set(objects)) < len(objects):
            raise TaskDefinitionError(f"objects of {kind} names a body twice ({objects!r}): name each once.")
        if isinstance(targets, Pose) or not targets or not all(isinstance(pose, Pose) for pose in targets):
            raise TaskDefinitionError(f"targets of {kind} is {targets!r}: give poses, as a tuple.")
        shape = [len(row) for row in self.matches]
        if shape != [len(targets)] * len(objects):
            raise TaskDefinitionError(
                f"matches of {kind} has rows of lengths {shape}, but there are {len(objects)} objects and "
                f"{len(targets)} targets: give a row for each object, with an entry for each target (all_to_all does)."
            )
        for name, row in zip(objects, self.matches, strict=True):
            if not any(row):
                raise TaskDefinitionError(f"matches of {kind} lets {name!r} go to no target: allow it at least one.")
        if len(self.symmetries) != len(objects):
            raise TaskDefinitionError(
                f"symmetries of {kind} has {len(self.symmetries)} entries for {len(objects)} objects: give each one."
            )
        for angle in self.symmetries:
            if not (is_finite(angle) and angle >= 0):
                raise TaskDefinitionError(f"symmetries of {kind} has {angle!r}: give radians, 0 where it is free.")
        if not 1 - COMPLETE < self.share <= 1 + 1e-9:
            raise TaskDefinitionError(
                f"share of {kind} is {self.share!r}: give a part of the reward above {1 - COMPLETE:.2f}, at most 1; a "
                "step that lacks less than that counts as complete."
            )

    @abstractmethod
    def counted(self, poses: Poses) -> Array:
        """(len(objects),) float64 in [0, 1]: the part of each object that counts for the published score."""

    @abstractmethod
    def weights(self) -> Array:
        """(len(objects),) float64: how much each object counts; they sum to 1."""

    def met(self, poses: Poses) -> dict[str, bool]:
        """Whether each object is strictly where it should be."""
        return {name: bool(part >= 1) for name, part in zip(self.objects, self.counted(poses), strict=True)}

    def progress(self, poses: Poses) -> float:
        """Published score of this step alone, in [0, 1]."""
        return float(np.dot(self.weights(), self.counted(poses)))

    def reached(self, poses: Poses) -> list[tuple[int, int]]:
        """(object, target) index pairs that the oracle need not work on any more."""
        return []

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """What the oracle may move next, first choice first: objects, each with where it is to go.

        By default those that are still to be moved, farthest first, each to its nearest allowed target.
        """
        done = [] if self.replace else self.reached(poses)
        done_objects, used_targets = {i for i, _ in done}, {j for _, j in done}
        pending: list[tuple[float, str, Pose]] = []
        for i, name in enumerate(self.objects):
            if name not in poses or i in done_objects:
                continue
            allowed = [target for j, target in enumerate(self.targets) if self.matches[i][j] and j not in used_targets]
            if allowed:
                nearest = min(allowed, key=lambda target: distance(poses[name], target))
                pending.append((distance(poses[name], nearest), name, nearest))
        pending.sort(key=lambda item: -item[0])
        return [(name, target) for _, name, target in pending]


@dataclass(frozen=True, kw_only=True)
class PoseGoal(Goal):
    """Objects count when they lie at an allowed target within a planar and a yaw tolerance.

    Attributes:
        position_tolerance: metres in the plane.
        rotation_tolerance: radians of yaw, modulo the symmetry.
    """

    position_tolerance: float = 0.01
    rotation_tolerance: float = math.radians(15)

    def __post_init__(self) -> None:
        """See ``Goal``."""
        super().__post_init__()
        for name in ("position_tolerance", "rotation_tolerance"):
            _check_positive("PoseGoal", name, getattr(self, name))

    def matched(self, index: int, target: int, poses: Poses, *, strict: bool = False) -> bool:
        """Whether object ``index`` lies at target ``target``.

        The published metric looks from above; ``strict`` adds z, roll and pitch where they count, and the floor.
        """
        if not self.matches[index][target] or self.objects[index] not in poses:
            return False
        pose, wanted = poses[self.objects[index]], self.targets[target]
        if not _planar_distance(pose, wanted) < self.position_tolerance:
            return False
        if self.symmetries[index] and not (
            angle_error(pose.yaw - wanted.yaw, self.symmetries[index]) < self.rotation_tolerance
        ):
            return False
        if strict and pose.position[2] < min(wanted.position[2], 0.0) + FLOOR:
            return False  # It has fallen through the table, below its target.
        if strict and self.full_pose:
            height_error = abs(pose.position[2] - wanted.position[2])
            return height_error < self.position_tolerance and tilt_error(pose, wanted) < self.rotation_tolerance
        return True

    def counted(self, poses: Poses) -> Array:
        """(len(objects),) float64: 1 for each object at an allowed target, else 0. Several may share a target."""
        columns = range(len(self.targets))
        return np.array([float(any(self.matched(i, j, poses) for j in columns)) for i in range(len(self.objects))])

    def weights(self) -> Array:
        """(len(objects),) float64: every object counts the same."""
        return np.full(len(self.objects), 1 / len(self.objects))

    def met(self, poses: Poses) -> dict[str, bool]:
        """Whether each object is at an allowed target, in the full pose where that is set."""
        columns = range(len(self.targets))
        return {
            name: any(self.matched(i, j, poses, strict=True) for j in columns) for i, name in enumerate(self.objects)
        }

    def reached(self, poses: Poses) -> list[tuple[int, int]]:
        """Pairs of objects and targets that are done; each target is used up by one object.

        What has fallen below its target uses it up, too: no other object could be told from it by the score.
        """
        pairs: list[tuple[int, int]] = []
        taken: set[int] = set()
        for i in range(len(self.objects)):
            for j in range(len(self.targets)):
                if j not in taken and self.matched(i, j, poses):
                    pairs.append((i, j))
                    taken.add(j)
                    break
        return pairs


@dataclass(frozen=True, kw_only=True)
class ZoneGoal(Goal):
    """Objects count by the part of their volume, sampled on a lattice, that lies in a rectangular zone.

    Attributes:
        zone: pose of the zone's centre.
        size: (x, y) size of the zone in its own frame, metres.
        lattices: for each object ``(P, 3)`` points in the object's frame (see ``lattice``).
        ceiling: world z in metres below which points count. As published there is no lower limit to the score, so what
            has fallen through the table below the zone counts; strict success and the oracle have one, ``FLOOR``.
    """

    zone: Pose
    size: tuple[float, float]
    lattices: tuple[Array, ...] = field(compare=False)
    ceiling: float = 0.30

    def __post_init__(self) -> None:
        """See ``Goal``."""
        super().__post_init__()
        if len(self.size) != 2:
            raise TaskDefinitionError(f"size of ZoneGoal is {self.size!r}: give (x, y) in metres.")
        for length in self.size:
            _check_positive("ZoneGoal", "size", length)
        if len(self.lattices) != len(self.objects):
            raise TaskDefinitionError(
                f"lattices of ZoneGoal has {len(self.lattices)} entries for {len(self.objects)} objects: give each one "
                "(lattice(size))."
            )
        for name, points in zip(self.objects, self.lattices, strict=True):
            if np.ndim(points) != 2 or np.shape(points)[1] != 3 or len(points) == 0:
                raise TaskDefinitionError(
                    f"the lattice of {name!r} in ZoneGoal has shape {np.shape(points)}: give (P, 3) points, P > 0."
                )
        if math.isnan(self.ceiling):
            raise TaskDefinitionError("ceiling of ZoneGoal is not a number: give metres.")

    def counted(self, poses: Poses) -> Array:
        """(len(objects),) float64: the part of each object's lattice points inside the zone.

        Points below the table count, as published.
        """
        return self._parts(poses, -math.inf)

    def met(self, poses: Poses) -> dict[str, bool]:
        """Whether each object lies wholly in the zone, and on the table."""
        return {name: bool(part >= 1) for name, part in zip(self.objects, self._parts(poses, FLOOR), strict=True)}

    def _parts(self, poses: Poses, floor: float) -> Array:
        to_zone = self.zone.inverse()
        turn, shift = to_zone.rotation().T, np.asarray(to_zone.position)
        width, depth = self.size
        parts = np.zeros(len(self.objects))
        for i, (name, points) in enumerate(zip(self.objects, self.lattices, strict=True)):
            if name not in poses:
                continue
            world = poses[name].apply(points)
            x, y, _ = np.abs(world @ turn + shift).T
            inside = (x < width / 2) & (y < depth / 2) & (world[:, 2] < self.ceiling) & (world[:, 2] > floor)
            parts[i] = np.count_nonzero(inside) / len(inside)
        return parts

    def weights(self) -> Array:
        """(len(objects),) float64: objects count by their number of lattice points; sums to 1."""
        counts = np.array([len(points) for points in self.lattices], dtype=np.float64)
        weights: Array = counts / counts.sum()
        return weights

    def reached(self, poses: Poses) -> list[tuple[int, int]]:
        """Objects that lie wholly in the zone and on the table, each with its nearest allowed free target."""
        if self.replace:
            return []
        pairs: list[tuple[int, int]] = []
        taken: set[int] = set()
        for i, part in enumerate(self._parts(poses, FLOOR)):
            if part < 1:
                continue
            pose = poses[self.objects[i]]
            free = [j for j in range(len(self.targets)) if self.matches[i][j] and j not in taken]
            if free:
                nearest = min(free, key=lambda j: _planar_distance(pose, self.targets[j]))
                pairs.append((i, nearest))
                taken.add(nearest)
        return pairs


def lattice(size: tuple[float, float, float]) -> Array:
    """Points of a box with ``LATTICE_SPACING``, starting at its minimum corner.

    Args:
        size: (x, y, z) in metres, centred at the origin.

    Returns:
        ``(P, 3)`` float64; at least one point.
    """
    axes = [np.arange(-length / 2, length / 2, LATTICE_SPACING) for length in size]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


class Scorer:
    """Follows an episode through its goal steps and turns poses into rewards.

    Only the current goal step is scored; once its progress is within 0.01 of complete its share is locked in and the
    next step starts, to be scored from the next action on.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self.goals = tuple(goals)
        self._current = 0
        self._locked = 0.0
        self._total = 0.0
        self._taken: dict[str, bool] = {}

    @property
    def goal(self) -> Goal | None:
        """The goal step being worked on; ``None`` after the last."""
        return self.goals[self._current] if self._current < len(self.goals) else None

    @property
    def steps_done(self) -> int:
        """Number of goal steps that are complete."""
        return self._current

    @property
    def progress(self) -> float:
        """Sum of rewards so far, in [0, 1]."""
        return self._total

    @property
    def done(self) -> bool:
        """Whether every step is complete or the total exceeds 0.99."""
        return self.goal is None or self._total > COMPLETE

    def update(self, poses: Poses) -> float:
        """Score the current step and return the change of the total."""
        goal = self.goal
        if goal is None:
            return 0.0
        earned = goal.share * goal.progress(poses)
        total = min(self._locked + earned, 1.0)
        if abs(goal.share - earned) < 1 - COMPLETE:
            self._locked = min(self._locked + goal.share, 1.0)
            total = self._locked
            self._current += 1
        reward, self._total = total - self._total, total
        return reward

    def preview(self, poses: Poses) -> float:
        """The change of the total that ``update`` would return; nothing changes."""
        twin = copy(self)
        return twin.update(poses)

    def forfeit(self) -> float:
        """Take back what was earned, and return the change of the total: at most 0."""
        reward, self._locked, self._total = -self._total, 0.0, 0.0
        return reward

    def take_away(self, names: Sequence[str], poses: Poses) -> None:
        """Remember of bodies that leave the scene whether they were where they should be.

        Args:
            names: of the bodies.
            poses: of all bodies before.
        """
        met = self.met(poses)
        self._taken.update({name: met[name] for name in names if name in met})

    def met(self, poses: Poses) -> dict[str, bool]:
        """For every object whether it is where the last goal step that names it wants it; or was when it was taken."""
        result: dict[str, bool] = {}
        for goal in self.goals:
            result.update(goal.met(poses))
        return result | {name: met for name, met in self._taken.items() if name not in poses}

    def success(self, poses: Poses) -> bool:
        """Strict success: every object at the end where its last goal step wants it, and full 6-DoF poses."""
        return all(self.met(poses).values())


def _check_positive(kind: str, name: str, value: float) -> None:
    if not (is_finite(value) and value > 0):
        raise TaskDefinitionError(f"{name} of {kind} is {value!r}: give a number above 0.")


def distance(a: Pose, b: Pose) -> float:
    """Metres between the positions of two poses."""
    return math.dist(a.position, b.position)


def _planar_distance(a: Pose, b: Pose) -> float:
    return math.hypot(a.position[0] - b.position[0], a.position[1] - b.position[1])
