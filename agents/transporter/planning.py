"""Search over what the agent would do, for goals that no demonstration showed.

The candidates of a scene are imagined: the picked object's pixels are taken away and drawn where they would go, on top
of what is there. What is imagined is a scene again, for which the agent has further candidates. A beam of the best
sequences is kept, and the first action of the best one is carried out (after Transporters with Visual Foresight, arXiv
2202.10765, which learns what is imagined here by moving pixels).

A sequence is worth the log-probabilities of its actions, and how much nearer to the goal they bring the scene. Distance
is what would have to be filled or taken away, so that a cube at the foot of a tower counts, and one beside it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..pick_place.plane import rigid, warp
from ..pick_place.table import COLOR_TOLERANCE, HEIGHT_TOLERANCE, table_appearance
from .config import TransporterConfig
from .decision import Candidates, Decision, decision_of

_BEAM = 4
"""Sequences that are kept after each action."""
_WORTH = 5.0
"""Of an action that brings its object wholly to where the goal has one, in log-probability."""
_LEAST = -5.0
"""Lower limit of a log-probability: differences below it are noise."""
_COLOR = 0.01
"""Metres of height that a wrong colour counts as."""
_FACE = 0.006
"""Metres by which heights of the upper face of one object differ."""
_RESTS = 90
"""Percentile of the heights below an object that it rests on."""


class Imagined(NamedTuple):
    """A scene after an action.

    Attributes:
        scene: as it would be.
        gain: 1 if all that is moved leaves a wrong place for a right one; -1 for the opposite.
    """

    scene: Heightmap
    gain: float


class _Sequence(NamedTuple):
    """Some actions: the scene after them, the first of them, and what they are worth."""

    scene: Heightmap
    first: Decision | None
    worth: float


def plan(
    config: TransporterConfig, scene: Heightmap, goal: Heightmap, find: Callable[[Heightmap], Candidates]
) -> Decision:
    """The first action of the best sequence.

    Args:
        config: settings; ``lookahead`` is the greatest length of a sequence.
        scene: what is seen.
        goal: the finished scene.
        find: the candidates of a scene.
    """
    beam = [_Sequence(scene, None, 0.0)]
    for _ in range(config.lookahead):
        # A sequence may also end before: when all is done, any action only does harm.
        longer = [sequence for sequence in beam if sequence.first is not None]
        for sequence in beam:
            longer += _continued(config, sequence, goal, find(sequence.scene))
        beam = sorted(longer, key=lambda sequence: -sequence.worth)[:_BEAM]
    assert beam[0].first is not None
    return beam[0].first


def _continued(
    config: TransporterConfig, sequence: _Sequence, goal: Heightmap, found: Candidates
) -> Iterator[_Sequence]:
    """A sequence with each of the candidates after it."""
    for pick, (chosen, places) in enumerate(zip(found.picks, found.places, strict=True)):
        for place, log_probability in enumerate(places.log_probabilities):
            decision = decision_of(config, found, pick, place)
            after = imagine(sequence.scene, goal, decision.pick, decision.place, decision.yaw)
            own = max(chosen.log_probability + float(log_probability), _LEAST)
            yield _Sequence(after.scene, sequence.first or decision, sequence.worth + own + _WORTH * after.gain)


def imagine(scene: Heightmap, goal: Heightmap, pick: Array, place: Array, yaw: float) -> Imagined:
    """A scene after an action.

    Args:
        scene: before it.
        goal: the finished scene.
        pick: (2,) float64 pixels.
        place: (2,) float64 pixels.
        yaw: radians, of the place pose relative to the pick pose.

    Returns:
        The same scene, without a gain, if nothing stands at the pick or it would be put off the map.
    """
    mask = _upper_face(scene, pick)
    motion = rigid(yaw, pick, place)
    arrived = warp(mask.astype(np.uint8), motion).astype(bool)
    if not mask.any() or not arrived.any():
        return Imagined(scene, 0.0)
    table_color, table_height = table_appearance(scene)
    thickness = float(np.median(scene.height[mask])) - table_height
    color, height = scene.color.copy(), scene.height.copy()
    color[mask], height[mask] = table_color, table_height
    color[arrived] = warp(scene.color, motion)[arrived]
    height[arrived] = np.percentile(height[arrived], _RESTS) + thickness
    after = Heightmap(color, height)
    moved = mask | arrived
    nearer = _distance(scene, goal, moved) - _distance(after, goal, moved)
    return Imagined(after, nearer / (2 * np.count_nonzero(mask) * (thickness + _COLOR)))


def _upper_face(scene: Heightmap, pick: Array) -> NDArray[np.bool_]:
    """(rows, columns) bool: the connected pixels as high as that of a pick; none where that is table."""
    rows, columns = scene.height.shape
    row, column = min(max(int(pick[1]), 0), rows - 1), min(max(int(pick[0]), 0), columns - 1)
    top = scene.height[row, column]
    if top <= table_appearance(scene)[1] + HEIGHT_TOLERANCE:
        return np.zeros(scene.height.shape, dtype=bool)
    _, labels = cv2.connectedComponents((np.abs(scene.height - top) <= _FACE).astype(np.uint8), connectivity=4)
    face: NDArray[np.bool_] = labels == labels[row, column]
    return face


def _distance(scene: Heightmap, goal: Heightmap, where: NDArray[np.bool_]) -> float:
    """Metres of height, summed over some pixels, that are to be filled or taken away, with wrong colours."""
    wrong = np.abs(scene.color[where].astype(np.int16) - goal.color[where]).max(axis=-1) > COLOR_TOLERANCE
    heights = np.abs(scene.height[where] - goal.height[where])
    return float(heights.sum(dtype=np.float64) + _COLOR * np.count_nonzero(wrong))
