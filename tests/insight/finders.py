"""A policy without learning, for ``place-red-in-green``: it is told where things are, and is wrong on one side."""

from __future__ import annotations

from typing import Any

import numpy as np

from ravens_suite.core.observations import named_poses
from ravens_suite.errors import OracleGaveUpError

WRONG_BEYOND = 0.0
"""Metres, y of the bowl from which it places 20 cm away."""


class Finder:
    """Puts the red block that is farthest from all green bowls into a bowl; always as sure. One wrong place ends it."""

    def reset(self, seed: int) -> None:
        """An episode begins."""
        self.lost = False

    def act(self, observation: Any) -> dict[str, Any]:
        """Pick and place, straight down."""
        if self.lost:
            raise OracleGaveUpError("A block lies where it should not.")
        poses = named_poses(observation)
        bowls = [pose[:2] for name, pose in poses.items() if name.startswith("green bowl")]
        blocks = [pose[:3] for name, pose in poses.items() if name.startswith("red block")]
        block = max(blocks, key=lambda place: min(float(np.linalg.norm(place[:2] - bowl)) for bowl in bowls))
        used = [min(range(len(bowls)), key=lambda i: float(np.linalg.norm(other[:2] - bowls[i]))) for other in blocks]
        x, y = bowls[next(i for i in range(len(bowls)) if i not in used[1:] or i == len(bowls) - 1)]
        self.lost = bool(y > WRONG_BEYOND)
        place = np.array([x, y - (0.2 if self.lost else 0.0), 0.05, 0.0, 0.0, 0.0, 1.0])
        return {"pick": np.array([*block, 0.0, 0.0, 0.0, 1.0]), "place": place}

    def confidence(self) -> float:
        """Always the same."""
        return 0.9
