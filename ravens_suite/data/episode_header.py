"""The header of an episode file: what it says, once every part of it agrees with every other and with the file.

Nothing of an episode is read before. So a file that was forged, cut, or written by something else is refused by name
before it costs memory, wherever an episode is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ravens_suite.core.cameras import Camera
from ravens_suite.data.container import Container
from ravens_suite.data.fields import Damaged, Fields, is_number, is_whole
from ravens_suite.data.frames import Layout

FORMAT = "ravens-suite episode 2"
_TEXTS_OF_CAMERAS = {"name", "mount"}
"""Keys of ``Camera.to_json`` whose values are no numbers."""
_LONGEST_TEXTS = 2**28
"""Characters of a text key over an episode, each step counted as long as the longest: so NumPy holds them."""


@dataclass(frozen=True)
class EpisodeSummary:
    """What is known of an episode without reading its arrays.

    Attributes:
        task: for example ``"block-insertion"``.
        split: ``train``, ``val`` or ``test``.
        seed: of the scene.
        steps: number of actions, T.
        score: sum of rewards.
        success: strict success at the end.
        cameras: the N cameras of the images, in order.
        metadata: JSON values: versions, renderer, environment arguments, motion outcomes.
    """

    task: str
    split: str
    seed: int
    steps: int
    score: float
    success: bool
    cameras: tuple[Camera, ...]
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Header:
    """Everything but the arrays.

    Attributes:
        summary: of the episode.
        bodies: names of the rows of ``poses``.
        texts: by key, runs of equal texts as (how many, text).
        layouts: by key, of the images.
    """

    summary: EpisodeSummary
    bodies: tuple[str, ...]
    texts: Mapping[str, tuple[tuple[int, str], ...]]
    layouts: Mapping[str, Layout]

    @staticmethod
    def of(container: Container) -> Header:
        """The header of a file.

        Raises:
            DamagedDataError: it is not the header of an episode, or contradicts itself or the arrays in the file.
        """
        damaged = container.damaged
        fields = Fields(container.value, damaged)
        if fields.text("format") != FORMAT:
            damaged(f"it is not an episode of this version, {FORMAT!r}, but {fields.text('format')[:60]!r}")
        steps = fields.whole("steps")
        summary = EpisodeSummary(
            fields.text("task"),
            fields.text("split"),
            fields.whole("seed"),
            steps,
            fields.number("score"),
            fields.flag("success"),
            tuple(_camera(value, damaged) for value in fields.items("cameras")),
            fields.mapping("metadata"),
        )
        # First of all: it bounds the number of steps by the size of the file.
        _check_array(container, "rewards", (steps,), "float64")
        header = Header(
            summary,
            tuple(fields.texts("bodies")),
            {key: _runs(key, value, steps + 1, damaged) for key, value in fields.mapping("texts").items()},
            {key: Layout.of(Fields(value, damaged, key), damaged) for key, value in fields.mapping("images").items()},
        )
        header.check_arrays(container)
        return header

    def check_arrays(self, container: Container) -> None:
        """Check that the file has the arrays of this header, each as long as the episode, and no others."""
        steps, damaged = self.summary.steps, container.damaged
        known = {"rewards", "poses"}
        _check_array(container, "poses", (len(self.bodies), steps + 1, 7), "float64")
        for key, layout in self.layouts.items():
            if layout.shape[0] != steps + 1:
                damaged(f"{key!r} has {layout.shape[0]} images; an episode of {steps} steps has {steps + 1}")
            for name in image_names(key, steps + 1, layout.planes):
                _check_array(container, name, (container.entry(name).shape or (0,))[:1], "uint8")
                known.add(name)
        for name in set(container.names) - known:
            group, _, key = name.partition("/")
            length = {"actions": steps, "observations": steps + 1}.get(group)
            if not key or length is None or key in self.layouts or key in self.texts or "/" in key:
                damaged(f"it has an array {name!r} that no episode has")
            if container.entry(name).shape[:1] != (length,):
                damaged(f"{name!r} is not as long as the episode, {length}")


def image_names(key: str, count: int, planes: int) -> list[str]:
    """Names of the coded planes of an image sequence."""
    return [image_name(key, frame, plane) for frame in range(count) for plane in range(planes)]


def image_name(key: str, frame: int, plane: int) -> str:
    """Name of one coded plane."""
    return f"observations/{key}/{frame:04}/{plane}"


def _check_array(container: Container, name: str, shape: tuple[int, ...], dtype: str) -> None:
    entry = container.entry(name)
    if entry.shape != shape or entry.dtype != dtype:
        container.damaged(f"{name!r} is {entry.dtype} {entry.shape}, not {dtype} {shape}")


def _camera(value: Any, damaged: Damaged) -> Camera:
    fields = Fields(value, damaged, "a camera")
    for name in _TEXTS_OF_CAMERAS & value.keys() | {"name"}:
        fields.text(name)
    if not all(_numbers(item) for name, item in value.items() if name not in _TEXTS_OF_CAMERAS):
        damaged("a camera has a value that is no number")
    try:
        return Camera.from_json(value)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        damaged(f"a camera is not one: {error!r}")


def _numbers(value: Any) -> bool:
    return all(map(_numbers, value)) if isinstance(value, list) else is_number(value)


def _runs(key: str, value: Any, count: int, damaged: Damaged) -> tuple[tuple[int, str], ...]:
    """The texts of a key, [how many, text] for equal ones in a row, as many as there are observations."""
    runs = value if isinstance(value, list) else []
    for run in runs:
        pair = isinstance(run, list) and len(run) == 2
        if not pair or not is_whole(run[0]) or run[0] < 1 or not isinstance(run[1], str):
            damaged(f"the texts of {key!r} are not pairs of a number and a text")
    if sum(number for number, _ in runs) != count:
        damaged(f"{key!r} does not have {count} texts")
    if count * max(len(text) for _, text in runs) > _LONGEST_TEXTS:
        damaged(f"the texts of {key!r} are too long to be read")
    return tuple((number, text) for number, text in runs)
