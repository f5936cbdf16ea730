"""Colours of the language tasks, and how they are divided between training and testing.

As published: training shows seven colours; testing on unseen ones has four that training never shows, beside three that
it does. Unlike there, no distractor is in a colour that the split does not have.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ravens_suite.core.palette import PALETTE, Color
from ravens_suite.core.seeding import Split
from ravens_suite.errors import ConfigError

Colors = Literal["seen", "unseen", "full"]
"""seen: the colours of training in every split; unseen: other ones in ``val`` and ``test``; full: all of both."""

TRAINING = ("blue", "red", "green", "yellow", "brown", "gray", "cyan")
EVALUATION = ("blue", "red", "green", "orange", "purple", "pink", "white")
"""The last four are never shown in training."""

RGB: dict[str, Color] = {**PALETTE, "white": (1.0, 1.0, 1.0)}

_EVERY = tuple(dict.fromkeys((*TRAINING, *EVALUATION)))
_CHOICES = ("seen", "unseen", "full")


def colors_of(colors: Colors, split: Split) -> tuple[str, ...]:
    """Names of the colours that scenes of a split have.

    Raises:
        ConfigError: ``colors`` is none of its choices.
    """
    check_colors(colors)
    if colors == "full":
        return _EVERY
    return EVALUATION if colors == "unseen" and split != "train" else TRAINING


def check_colors(colors: Any) -> None:
    """Raise ConfigError for what is no choice of ``colors``."""
    if not isinstance(colors, str) or colors not in _CHOICES:
        raise ConfigError(f"colors must be one of {', '.join(_CHOICES)}; got {colors!r}.")


def draw_colors(names: tuple[str, ...], count: int, rng: np.random.Generator) -> list[str]:
    """So many different colours out of some, in random order."""
    return [names[i] for i in rng.permutation(len(names))[:count]]
