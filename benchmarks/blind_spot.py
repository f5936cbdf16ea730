"""A policy with a planted blind spot, for ``benchmarks/weakspots.py``: ``Blind``, on ``place-red-in-green``.

It is told where everything is (``--environment '{"observe": ["state"]}'``), learns nothing, and is always as sure. It
puts red blocks into green bowls, but 20 cm beside a bowl that stands on the outermost part of one side of the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ravens_suite.core.observations import named_poses
from ravens_suite.errors import OracleGaveUpError

BLIND_BEYOND = 0.36
"""Metres, y of a bowl: about one bowl in ten of those that it chooses."""
_BESIDE = 0.2


class Blind:
    """The policy. One wrong place ends an episode."""

    def reset(self, seed: int) -> None:
        """An episode begins."""
        self._lost = False

    def act(self, observation: Any) -> dict[str, Any]:
        """The red block that is farthest from all green bowls, to a bowl with none near it."""
        if self._lost:
            raise OracleGaveUpError("A block lies where it should not.")
        poses = named_poses(observation)
        bowls = [pose[:2] for name, pose in poses.items() if name.startswith("green bowl")]
        blocks = [pose[:3] for name, pose in poses.items() if name.startswith("red block")]

        def nearest(block: Any) -> float:
            return min(float(np.linalg.norm(block[:2] - bowl)) for bowl in bowls)

        block = max(blocks, key=nearest)
        others = [other for other in blocks if other is not block]
        free = [bowl for bowl in bowls if all(np.linalg.norm(other[:2] - bowl) > 0.04 for other in others)]
        x, y = (free or bowls)[0]
        self._lost = bool(y > BLIND_BEYOND)
        place = np.array([x, y - (_BESIDE if self._lost else 0.0), 0.05, 0.0, 0.0, 0.0, 1.0])
        return {"pick": np.array([*block, 0.0, 0.0, 0.0, 1.0]), "place": place}

    def confidence(self) -> float:
        """Always the same."""
        return 0.9
