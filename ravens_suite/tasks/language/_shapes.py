"""Words for the shapes of kits, and for where one of several equal slots lies."""

from __future__ import annotations

from collections.abc import Sequence

NAMES = (
    *("letter R", "letter A", "triangle", "square", "plus", "letter T", "diamond", "pentagon", "rectangle", "flower"),
    *("star", "circle", "letter G", "letter V", "letter E", "letter L", "ring", "hexagon", "heart", "letter M"),
)
"""By shape id."""


def place_words(spots: Sequence[tuple[float, float]]) -> list[str]:
    """Where each of some spots lies among them, seen from above with the robot at the top: ``""`` for a single one.

    A spot is at the top (or bottom) if its x is least (greatest), and differs from that of every other spot by more
    than its y does; otherwise left (right) if its y is least (greatest); otherwise in the middle.

    Args:
        spots: (x, y) of each, metres, world frame.
    """
    return [_word(spot, [other for j, other in enumerate(spots) if j != i]) for i, spot in enumerate(spots)]


def _word(spot: tuple[float, float], others: Sequence[tuple[float, float]]) -> str:
    if not others:
        return ""
    gaps = [(x - spot[0], y - spot[1]) for x, y in others]
    if all(abs(dx) > abs(dy) for dx, dy in gaps):
        if all(dx > 0 for dx, _ in gaps):
            return "top"
        if all(dx < 0 for dx, _ in gaps):
            return "bottom"
    if all(dy > 0 for _, dy in gaps):
        return "left"
    return "right" if all(dy < 0 for _, dy in gaps) else "middle"
