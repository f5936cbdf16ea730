"""Limits of the numbers that users give, so that a mistyped one is refused before anything is begun."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from ravens_suite.errors import ConfigError

UNREADABLE = (TypeError, ValueError, OverflowError, RuntimeError)
"""What conversions to float raise of a value that holds no numbers: the third of whole numbers beyond the largest
float, the last is of tensors of PyTorch that require gradients."""
MOST_SEED = 2**63 - 1
"""The largest seed: what 64 bits with a sign hold, as files and libraries store it."""
MOST_EPISODES = 1_000_000
"""The most episodes of a task, or demonstrations of a run, that one command takes."""


def check_number(option: str, value: int, least: int, most: int) -> int:
    """Refuse a number that cannot work; it may be one of Python's or of NumPy's.

    Callers count on with what is returned: sums of NumPy's short numbers would begin again at the smallest.

    Args:
        option: of the command line, for the message.
        value: as given.
        least: the smallest that is taken.
        most: the largest that is taken.

    Returns:
        It, as one of Python's.

    Raises:
        ConfigError: it is beyond these, or no whole number; the message says which they are.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ConfigError(f"{option} must be a whole number, not {value!r}.")
    number = int(value)
    if number < least:
        raise ConfigError(f"{option} must be at least {least}, not {number}.")
    if number > most:
        raise ConfigError(f"{option} must be at most {most}, not {number}.")
    return number


def is_finite(value: Any) -> bool:
    """Whether it is a number of Python's or NumPy's that a float can hold; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # Of whole numbers beyond the largest float.
        return False


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own, which JSON, messages and comparisons know; all else as it is."""
    return value.item() if isinstance(value, np.generic) else value
