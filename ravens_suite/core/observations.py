"""What passes between an environment and a policy: the keys of an observation, their groups, and the interface.

An environment is asked for *groups* of keys and renders nothing that nobody asked for. A policy names the *keys* that
it reads.

| group | keys | shape, dtype | unit, frame |
|---|---|---|---|
| ``images`` | ``color`` | (N, H, W, 3) uint8 | RGB |
| | ``depth`` | (N, H, W) float32 | metres along the optical axis, whole multiples of ``DEPTH_UNIT`` |
| | ``camera_intrinsics`` | (N, 3, 3) float64 | pixels; pinhole matrices |
| | ``camera_poses`` | (N, 4, 4) float64 | metres; world from camera, OpenCV axes (x right, y down, z forward) |
| ``segmentation`` | ``segmentation`` | (N, H, W) int32 | body labels |
| ``state`` | ``state`` | (K * 11,) float64 | see ``STATE_FIELDS``; world frame |
| | ``state_names`` | text | names of the K bodies, one a line; empty lines for free places |
| | ``state_names_bytes`` | (K * 65,) uint8 | the same in UTF-8, zeros after it; ``decode_text`` reads it |
| ``proprioception`` | ``tip_pose`` | (7,) float64 | metres, quaternion (x, y, z, w), world frame |
| | ``gripper_state`` | (2,) float32 | 1 where the tool touches something, 1 where it holds something |
| ``goal`` | ``goal_`` before each key of the groups above | as there | the same scene when its task is done |
| ``instruction`` | ``instruction`` | text | what is to be done |
| | ``instruction_bytes`` | (512,) uint8 | the same in UTF-8, zeros after it; ``decode_text`` reads it |

Texts come as bytes, too, for those who can only handle arrays. Gymnasium's ``AsyncVectorEnv`` is one of them: with
shared memory, its default, it reads texts once, before there are any (Gymnasium 1.4.0, ``vector/async_vector_env.py``;
``findings/gymnasium_text_in_shared_memory.sh``), so that ``instruction`` never arrives there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.errors import ConfigError

Observation = dict[str, Any]
"""Arrays and texts by key; see the table above."""

ObservationGroup = Literal["images", "segmentation", "state", "proprioception", "goal", "instruction"]
OBSERVATION_GROUPS: tuple[ObservationGroup, ...] = get_args(ObservationGroup)
OBSERVED: tuple[ObservationGroup, ...] = ("images",)
"""The groups that an environment shows unless it is asked for others."""

CAMERA_KEYS = ("camera_intrinsics", "camera_poses")
GROUP_KEYS: Mapping[ObservationGroup, tuple[str, ...]] = {
    "images": ("color", "depth", *CAMERA_KEYS),
    "segmentation": ("segmentation", *CAMERA_KEYS),
    "state": ("state", "state_names", "state_names_bytes"),
    "proprioception": ("tip_pose", "gripper_state"),
    "instruction": ("instruction", "instruction_bytes"),
}
"""Keys by group; those of ``goal`` are the keys of ``GOAL_GROUPS`` with ``goal_`` before them."""

GOAL = "goal_"
GOAL_GROUPS: tuple[ObservationGroup, ...] = ("images", "segmentation", "state")
"""Groups that are also given of the goal scene, where they are observed at all."""

TEXT = "str"
"""What stands for the dtype of a text in an ``ArraySpec``."""

BYTES = "_bytes"
"""After the key of a text: the same text as bytes."""

INSTRUCTION_BYTES = 512
"""Length of ``instruction_bytes``; no instruction may be longer in UTF-8."""

NAME_BYTES = 65
"""Bytes of ``state_names_bytes`` for each body: a name of at most 64 and the end of its line."""

STATE_FIELDS = ("present", "x", "y", "z", "qx", "qy", "qz", "qw", "width", "length", "height")
"""The numbers of one body in ``state``: 1 if it is there, position in metres, quaternion, and its size in metres along
the axes of its own frame. A place without a body is all zeros."""

ControlName = Literal["primitive", "waypoint"]
WAYPOINT_KEYS = frozenset({"pose", "gripper"})
"""Keys of an action with ``control="waypoint"``; no primitive has both."""
"""How actions reach the robot: whole motions, or way-points of the tool."""


@dataclass(frozen=True)
class ArraySpec:
    """One entry of an observation or an action.

    Attributes:
        shape: of the array; empty for a number or a text.
        dtype: NumPy name, or ``"str"`` for a text.
    """

    shape: tuple[int, ...]
    dtype: str

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        return {"shape": list(self.shape), "dtype": self.dtype}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> ArraySpec:
        """The inverse of ``to_json``."""
        return ArraySpec(tuple(int(length) for length in value["shape"]), str(value["dtype"]))


@dataclass(frozen=True)
class Interface:
    """What an environment gives and takes; an agent builds its networks by it.

    Attributes:
        observation: spec of every observed key.
        action: spec of every key of an action.
        control: ``primitive`` or ``waypoint``.
    """

    observation: Mapping[str, ArraySpec] = field(default_factory=dict)
    action: Mapping[str, ArraySpec] = field(default_factory=dict)
    control: str = "primitive"

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an observed key.

        Raises:
            ConfigError: it is not observed; the message says which option observes it.
        """
        if key not in self.observation:
            raise ConfigError(missing_keys_message([key], self.observation))
        return self.observation[key].shape

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        return {
            "observation": {key: spec.to_json() for key, spec in sorted(self.observation.items())},
            "action": {key: spec.to_json() for key, spec in sorted(self.action.items())},
            "control": self.control,
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Interface:
        """The inverse of ``to_json``."""
        return Interface(
            {key: ArraySpec.from_json(spec) for key, spec in value["observation"].items()},
            {key: ArraySpec.from_json(spec) for key, spec in value["action"].items()},
            str(value["control"]),
        )


def checked_groups(observe: Sequence[str]) -> tuple[ObservationGroup, ...]:
    """The groups asked for, each once and in the order of ``OBSERVATION_GROUPS``.

    Raises:
        ConfigError: a name is unknown, there is none, or only the goal of nothing is asked for.
    """
    known = ", ".join(OBSERVATION_GROUPS)
    if isinstance(observe, str) or not isinstance(observe, Sequence) or not observe:
        raise ConfigError(f"observe must be a list of names out of {known}; got {observe!r}.")
    if unknown := [name for name in observe if name not in OBSERVATION_GROUPS]:
        raise ConfigError(f"There is nothing named {unknown[0]!r} to observe; there are {known}.")
    groups = tuple(name for name in OBSERVATION_GROUPS if name in observe)
    if "goal" in groups and not set(groups) & set(GOAL_GROUPS):
        raise ConfigError(f"observe 'goal' together with what shall be seen of it: {', '.join(GOAL_GROUPS)}.")
    return groups


def keys_of(groups: Sequence[ObservationGroup]) -> tuple[str, ...]:
    """The keys of an observation of some groups, each once."""
    keys = [key for group in groups if group != "goal" for key in GROUP_KEYS[group]]
    if "goal" in groups:
        keys += [GOAL + key for group in groups if group in GOAL_GROUPS for key in GROUP_KEYS[group]]
    return tuple(dict.fromkeys(keys))


def groups_with(keys: Iterable[str]) -> tuple[ObservationGroup, ...]:
    """The fewest groups that have all of some keys, in the order of ``OBSERVATION_GROUPS``; unknown keys have none."""
    keys = list(keys)
    plain = {key.removeprefix(GOAL) for key in keys}
    wanted: set[ObservationGroup] = {"goal"} if any(key.startswith(GOAL) for key in keys) else set()
    for group in ("images", "segmentation", "state", "proprioception", "instruction"):
        if (plain - set(CAMERA_KEYS)) & set(GROUP_KEYS[group]):
            wanted.add(group)
    if plain & set(CAMERA_KEYS) and not wanted & {"images", "segmentation"}:
        wanted.add("images")
    return tuple(group for group in OBSERVATION_GROUPS if group in wanted)


def missing_keys_message(missing: Sequence[str], present: Iterable[str]) -> str:
    """What to tell somebody whose observations lack some keys."""
    groups = " ".join(groups_with([*missing, *present]))
    hint = "no environment of the suite gives them"
    if groups_with(missing):
        hint = f"observe them (--observe {groups}; of demonstrations that is said when they are collected)"
    return f"The observations have no {', '.join(map(repr, missing))}: {hint}."


def named_poses(observation: Mapping[str, Any], prefix: str = "") -> dict[str, Array]:
    """The poses in an observation with ``state``: body name to (7,) float64, position and quaternion, world frame.

    Args:
        observation: with ``state`` and ``state_names`` or ``state_names_bytes``.
        prefix: ``goal_`` for those of the goal scene.

    Raises:
        ConfigError: there is no state in it.
    """
    key = f"{prefix}state_names"
    if f"{prefix}state" not in observation or not {key, key + BYTES} & observation.keys():
        raise ConfigError(missing_keys_message([f"{prefix}state", key], observation))
    # In a vector environment the bytes are there when the text is not.
    text = decode_text(observation[key + BYTES]) if key + BYTES in observation else str(observation[key])
    rows: NDArray[np.float64] = np.reshape(observation[f"{prefix}state"], (-1, len(STATE_FIELDS)))
    return {name: row[1:8].copy() for name, row in zip(text.split("\n"), rows, strict=False) if name and row[0]}


def instruction_in(observation: Mapping[str, Any]) -> str | None:
    """What an observation says is to be done; ``None`` where it does not say.

    Where shared memory has made something else of the text, as in an ``AsyncVectorEnv``, its bytes say it.

    Args:
        observation: of one environment, with ``instruction``, ``instruction_bytes`` or both.

    Raises:
        ConfigError: the instruction is no text.
    """
    text = _text_of(observation["instruction"]) if "instruction" in observation else None
    # Of memory that nobody has written to Gymnasium reads the first character of the space, as often as there is room.
    lost = text is None or (len(text) == INSTRUCTION_BYTES and len(set(text)) == 1)
    key = "instruction" + BYTES
    return decode_text(observation[key]) if lost and key in observation else text


def _text_of(said: Any) -> str:
    one_text = isinstance(said, np.ndarray) and said.ndim == 0 and said.dtype.kind == "U"  # As numpy.load gives it.
    if not (isinstance(said, str) or one_text):
        raise ConfigError(f"The instruction of an observation must be a text; got {said!r:.60}.")
    return str(said)


def encode_text(text: str, length: int) -> NDArray[np.uint8]:
    """A text as an array of fixed length.

    Args:
        text: without the character NUL.
        length: of the array.

    Returns:
        (length,) uint8: UTF-8, and zeros after it.

    Raises:
        ConfigError: the text is longer, or holds a NUL.
    """
    encoded = text.encode()
    if len(encoded) > length or 0 in encoded:
        raise ConfigError(
            f"The text {text[:40]!r}... has {len(encoded)} bytes in UTF-8: {length} at most, and no NUL, are observed."
        )
    array = np.zeros(length, dtype=np.uint8)
    array[: len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)
    return array


def decode_text(array: NDArray[np.uint8]) -> str:
    """The inverse of ``encode_text``: the text in a (length,) uint8 array."""
    return np.asarray(array, dtype=np.uint8).tobytes().rstrip(b"\0").decode()
