"""Checks of an action before anything moves: positions outside the workspace are clipped, the malformed is refused.

Quaternions need not have length 1: every one that is not zero (shorter than 1e-6) is normalised.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.workspace import Workspace
from ravens_suite.errors import InvalidActionError

_LEAST_NORM = 1e-6
"""A shorter quaternion counts as zero."""


@dataclass(frozen=True)
class CheckedPose:
    """A well-formed pose.

    Attributes:
        pose: position inside the workspace in metres, unit quaternion, world frame.
        clipped: whether the position lay outside and was moved to the border.
        vector: (7,) float64, the position inside the workspace and the quaternion as it was given.
    """

    pose: Pose
    clipped: bool
    vector: Array


def as_mapping(action: Any, keys: Collection[str]) -> Any:
    """An action by name; where there is one name only, its value may come without it."""
    if len(keys) == 1 and not isinstance(action, Mapping):
        return dict.fromkeys(keys, action)
    return action


def checked_pose(action: Any, key: str, workspace: Workspace) -> CheckedPose:
    """One of the poses of an action.

    Args:
        action: the mapping given to ``step``.
        key: which entry to read: (7,) numbers, position in metres and quaternion (x, y, z, w), world frame.
        workspace: where its position may lie.

    Raises:
        InvalidActionError: the entry is missing, has another shape, is not finite, or its quaternion is zero.
    """
    vector = _vector(action, key)
    if math.hypot(*vector[3:]) < _LEAST_NORM:  # Unlike NumPy's norm, of any size without an overflow.
        raise InvalidActionError(f"action[{key!r}] has a zero quaternion; give a rotation, for example (0, 0, 0, 1).")
    position = np.clip(vector[:3], *workspace.limits())
    clipped = bool(np.any(position != vector[:3]))
    pose = Pose.from_vector(np.concatenate([position, vector[3:] / np.abs(vector[3:]).max()]))
    return CheckedPose(pose, clipped, np.concatenate([position, vector[3:]]))


def checked_flag(action: Any, key: str) -> bool:
    """An entry of an action that is 0 or 1.

    Args:
        action: the mapping given to ``step``.
        key: which entry to read.

    Raises:
        InvalidActionError: the entry is missing or is neither 0 nor 1.
    """
    value = entry(action, key)
    try:
        number = np.asarray(value)
    except UNREADABLE as error:
        raise InvalidActionError(f"action[{key!r}] must be 0 or 1; got {_describe(value, error)}.") from None
    if number.size != 1 or number.dtype.kind not in "biuf" or number.item() not in (0, 1):
        raise InvalidActionError(f"action[{key!r}] must be 0 or 1; got {_describe(value)}.")
    return bool(number.item())


def entry(action: Any, key: str) -> Any:
    """One entry of an action.

    Args:
        action: the mapping given to ``step``.
        key: which.

    Raises:
        InvalidActionError: the action has none of this name.
    """
    if not isinstance(action, Mapping) or key not in action:
        raise InvalidActionError(f"An action is a mapping with the key {key!r}; got {_describe(action)}.")
    return action[key]


def _vector(action: Any, key: str) -> Array:
    value = entry(action, key)
    try:
        given = np.asarray(value)
        # NumPy would read numbers out of texts, and drop the imaginary part of complex ones.
        if given.dtype.kind not in "biufO":
            raise TypeError
        vector = given.astype(np.float64)
    except UNREADABLE as error:
        raise InvalidActionError(f"action[{key!r}] must be seven numbers; got {_describe(value, error)}.") from None
    if vector.shape != (7,):
        raise InvalidActionError(f"action[{key!r}] must have shape (7,), position + quaternion; got {vector.shape}.")
    if not np.all(np.isfinite(vector)):
        raise InvalidActionError(f"action[{key!r}] holds a value that is not finite: {vector.tolist()}.")
    return vector


def _describe(value: Any, error: Exception | None = None) -> str:
    if isinstance(value, Mapping):
        return f"a mapping with the keys {sorted(map(str, value))}"
    # What PyTorch says of its tensors is the way out.
    why = f" ({error})" if isinstance(error, RuntimeError) else ""
    return f"a value of type {type(value).__name__}{why}"
