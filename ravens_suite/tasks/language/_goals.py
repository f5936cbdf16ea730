"""Goals that several language tasks need: things in their zones, things on other things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ravens_suite.core.geometry import Array, Pose, angle_error
from ravens_suite.core.goals import Goal, Poses, all_to_all, distance


@dataclass(frozen=True, kw_only=True)
class Together(Goal):
    """Several goals that may be met in any order, as one goal step.

    Attributes:
        parts: their shares say how much each counts.
    """

    parts: tuple[Goal, ...]

    @staticmethod
    def of(parts: Sequence[Goal], share: float = 1.0) -> Together:
        """Of goals whose shares sum to 1, and whose objects are different ones."""
        targets = tuple(target for part in parts for target in part.targets)
        matches = []
        for i, part in enumerate(parts):
            before = len([target for other in parts[:i] for target in other.targets])
            after = len(targets) - before - len(part.targets)
            matches += [(False,) * before + row + (False,) * after for row in part.matches]
        return Together(
            objects=tuple(name for part in parts for name in part.objects),
            targets=targets,
            matches=tuple(matches),
            symmetries=tuple(angle for part in parts for angle in part.symmetries),
            share=share,
            parts=tuple(parts),
        )

    def counted(self, poses: Poses) -> Array:
        """As in each part."""
        return np.concatenate([part.counted(poses) for part in self.parts])

    def weights(self) -> Array:
        """Those of the parts, by their shares."""
        return np.concatenate([part.share * part.weights() for part in self.parts])

    def met(self, poses: Poses) -> dict[str, bool]:
        """As in each part."""
        return {name: met for part in self.parts for name, met in part.met(poses).items()}

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """Those of the parts, one part after the other."""
        return [move for part in self.parts for move in part.moves(poses)]


@dataclass(frozen=True, kw_only=True)
class OnTop(Goal):
    """Each object counts when it lies on the one that belongs below it, wherever that is now.

    Attributes:
        below: for each object the name of the body that it belongs on.
        rise: metres between the middles of the two.
        position_tolerance: metres in the plane.
        height_tolerance: metres.
        rotation_tolerance: radians of yaw between the two, modulo the symmetry.
    """

    below: tuple[str, ...]
    rise: float
    position_tolerance: float = 0.01
    height_tolerance: float = 0.015
    rotation_tolerance: float = math.radians(15)

    @staticmethod
    def of(pairs: Sequence[tuple[str, str]], rise: float, symmetry: float, share: float = 1.0) -> OnTop:
        """Of (object, body below) pairs, with the angle after which an object looks the same; 0 if it may turn."""
        count = len(pairs)
        return OnTop(
            objects=tuple(upper for upper, _ in pairs),
            below=tuple(lower for _, lower in pairs),
            targets=(Pose((0.5, 0.0, 0.0)),),  # Not used: where an object belongs moves with the body below.
            matches=all_to_all(count, 1),
            symmetries=(symmetry,) * count,
            rise=rise,
            share=share,
        )

    def counted(self, poses: Poses) -> Array:
        """One for each object that lies on its own body, else zero."""
        return np.array([float(self._lies(i, poses)) for i in range(len(self.objects))])

    def weights(self) -> Array:
        """Every object counts the same."""
        return np.full(len(self.objects), 1 / len(self.objects))

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """Objects that do not lie there yet, farthest first."""
        pending = []
        for i, (name, below) in enumerate(zip(self.objects, self.below, strict=True)):
            if name in poses and below in poses and not self._lies(i, poses):
                target = poses[below].level().raised(self.rise)
                pending.append((-distance(poses[name], target), name, target))
        return [(name, target) for _, name, target in sorted(pending, key=lambda item: item[:2])]

    def _lies(self, index: int, poses: Poses) -> bool:
        upper, lower = poses.get(self.objects[index]), poses.get(self.below[index])
        if upper is None or lower is None:
            return False
        (x, y, z), (x0, y0, z0) = upper.position, lower.position
        symmetry = self.symmetries[index]
        return (
            math.hypot(x - x0, y - y0) < self.position_tolerance
            and abs(z - z0 - self.rise) < self.height_tolerance
            and (not symmetry or angle_error(upper.yaw - lower.yaw, symmetry) < self.rotation_tolerance)
        )
