"""Kits: the twenty shapes, which of them are held out for testing, and the slots of the board."""

from __future__ import annotations

from ravens_suite.core.goals import FULL_TURN

SHAPES = tuple(range(14))
"""Shape ids of training."""

HELD_OUT = tuple(range(14, 20))
"""Shape ids of validation and testing."""

OBJECT_SIZE = (0.08, 0.08, 0.02)
"""Metres: the footprint that an object of any shape is given, and its thickness."""

SLOTS = ((-0.09, 0.045), (0.0, 0.045), (0.09, 0.045), (-0.045, -0.045), (0.045, -0.045))
"""Metres: the silhouettes in the board's frame."""

_FOLDS = (1, 1, 3, 4, 4, 1, 2, 5, 2, 4, 5, 0, 1, 1, 1, 1, 0, 6, 1, 1)

SYMMETRIES = tuple(FULL_TURN / fold if fold else 0.0 for fold in _FOLDS)
"""Radians, by shape: the angle after which it looks the same; 0 for the disc and the ring."""
