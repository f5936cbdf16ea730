"""Picks that came to nothing: an agent without memory that sees the same table again does the same again, for ever."""

from __future__ import annotations

import numpy as np

from ravens_suite.values.geometry import Array
from ravens_suite.values.heightmap import Heightmap

from .table import changed

_NEAR = 16
"""Pixels about a pick, 50 mm, in which something must change for the action to have had an effect."""
_CHANGED = 9
"""Pixels that have to change."""


class FutilePicks:
    """Remembers an episode's picks since the last that changed the table where it was.

    Attributes:
        picks: (2,) pixel positions (column, row).
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """An episode begins."""
        self.picks: list[Array] = []
        self._last: tuple[Heightmap, Array] | None = None

    def look(self, heightmap: Heightmap) -> None:
        """See what has become of the last pick."""
        if self._last is None:
            return
        before, pick = self._last
        if _same_about(pick, before, heightmap):
            self.picks.append(pick)
        else:
            self.picks = []

    def note(self, heightmap: Heightmap, pick: Array) -> None:
        """The pick that is tried next, at a pixel position (2,)."""
        self._last = heightmap, pick


def _same_about(pick: Array, before: Heightmap, after: Heightmap) -> bool:
    column, row = (int(value) for value in pick)
    near = (slice(max(row - _NEAR, 0), row + _NEAR + 1), slice(max(column - _NEAR, 0), column + _NEAR + 1))
    parts = (Heightmap(view.color[near], view.height[near]) for view in (before, after))
    return int(np.count_nonzero(changed(*parts))) < _CHANGED
