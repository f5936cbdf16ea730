"""Outlines tell which slot an object goes into, and which way round."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.slot_fit import SlotFit, top_of
from ravens_suite.agents.transporter.candidates import place_candidates
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.network import PlaceFeatures
from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

WHITE, BROWN, GREY, RED = (235, 235, 235), (150, 110, 90), (60, 60, 60), (200, 60, 60)
F_SHAPE = np.array([[-7, -9], [7, -9], [7, -5], [-2, -5], [-2, -1], [5, -1], [5, 3], [-2, 3], [-2, 9], [-7, 9]], float)
SQUARE = np.array([[-8, -8], [8, -8], [8, 8], [-8, 8]], float)
PICK, PLACE, OTHER = np.array([40.0, 60.0]), np.array([80.0, 220.0]), np.array([115.0, 220.0])
"""Pixels: where the object lies, and the middles of its slot and of a square one."""
YAWS = np.arange(36) * math.radians(10)


def _fill(scene: Heightmap, outline: Array, yaw: float, at: Array, color: tuple[int, int, int], height: float) -> None:
    c, s = math.cos(yaw), math.sin(yaw)
    points = outline @ np.array([[c, s], [-s, c]]) + at
    mask = np.zeros(scene.height.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16 - 8).astype(np.int32)], 1, shift=4)
    scene.color[mask > 0], scene.height[mask > 0] = color, height


def _scene(yaw: float) -> Heightmap:
    """A red F on the table, and a board with two slots; the F fits its own when it is turned by the yaw."""
    scene = Heightmap(np.full((320, 160, 3), WHITE, np.uint8), np.zeros((320, 160), np.float32))
    _fill(scene, np.array([[-30, -30], [65, -30], [65, 30], [-30, 30]], float), 0.0, PLACE, BROWN, 0.006)
    _fill(scene, F_SHAPE, 0.3 + yaw, PLACE, GREY, 0.007)
    _fill(scene, SQUARE, 0.2, OTHER, GREY, 0.007)
    _fill(scene, F_SHAPE, 0.3, PICK, RED, 0.02)
    return scene


@given(turn=st.integers(0, 35), off=st.floats(-3, 3), x=st.floats(-2, 2), y=st.floats(-2, 2))
@settings(max_examples=25, deadline=None)
def test_an_object_fits_its_slot_best_the_right_way_round(turn: int, off: float, x: float, y: float) -> None:
    """Also where the pose that was thought likely is turned wrongly, and some pixels beside it."""
    fit = SlotFit(_scene(float(YAWS[turn])), PICK, YAWS)
    fits = fit.at(PLACE + np.array([x, y]), float(YAWS[turn]) + math.pi + math.radians(off))
    assert fits is not None and fits.argmax() == turn and fits.max() > 0.7
    away = np.abs((np.arange(36) - turn + 18) % 36 - 18) >= 3
    assert fits[away].max() < fits.max() - 0.05
    other = fit.at(OTHER, float(YAWS[turn]))
    assert other is None or other.max() < fits.max() - 0.1


@pytest.mark.parametrize("what", ["bare table", "something on top", "a slot of another size"])
def test_where_no_slot_is_seen_there_is_no_fit(what: str) -> None:
    scene = _scene(0.0)
    if what == "something on top":
        _fill(scene, F_SHAPE, 0.3, PLACE, GREY, 0.02)
    if what == "a slot of another size":
        _fill(scene, F_SHAPE * 1.8, 0.3, PLACE, GREY, 0.007)
    place = np.array([60.0, 140.0]) if what == "bare table" else PLACE
    assert SlotFit(scene, PICK, YAWS).at(place, 0.0) is None


def test_stripes_of_several_colours_are_no_slot() -> None:
    """Channel by channel, the colour in the middle is that of the board around them."""
    scene = _scene(0.0)
    _fill(scene, np.array([[-30, -30], [65, -30], [65, 30], [-30, 30]], float), 0.0, PLACE, (20, 20, 20), 0.006)
    _fill(scene, F_SHAPE, 0.3, PLACE, (1, 2, 3), 0.006)
    rows, columns = np.nonzero((scene.color == (1, 2, 3)).all(axis=-1))
    scene.color[rows, columns] = np.where(np.eye(3, dtype=bool)[rows % 3], 220, 20)
    assert SlotFit(scene, PICK, YAWS).at(PLACE, 0.0) is None


def test_what_is_picked_is_one_piece_of_one_colour_and_height() -> None:
    scene = _scene(0.0)
    _fill(scene, SQUARE, 0.0, PICK + np.array([14, 0]), (60, 60, 200), 0.02)
    mask = top_of(scene, PICK - np.array([4, 0]))
    assert mask is not None
    assert (scene.color[mask] == RED).all() and mask.sum() == (scene.color == RED).all(axis=-1).sum()
    lonely = _scene(0.0)
    lonely.color[100, 100] = RED
    assert top_of(lonely, np.array([100.5, 100.5])) is None


@pytest.mark.parametrize("seen", [False, True])
def test_a_place_is_turned_as_the_outlines_say(*, seen: bool) -> None:
    """Matching likes one yaw a little better; the outline of the slot says another one."""
    scene, config = _scene(float(YAWS[4])), TransporterConfig()
    query, key = torch.zeros(1, 16, 25, 25), torch.zeros(1, 16, 80, 40)
    query[:, 0, 12, 12] = 1
    key[:, 0, int(PLACE[1]) // 4, int(PLACE[0]) // 4] = 20.0
    features = PlaceFeatures(query, key, torch.zeros(1, 16, 29, 29), torch.zeros(1, 16, 160, 80))
    picks = torch.tensor(PICK, dtype=torch.float32)[None]
    angles = torch.tensor(YAWS, dtype=torch.float32)
    (found,) = place_candidates(config, features, angles, picks, (), scene if seen else None)
    best = int(found.log_probabilities.argmax())
    angle = int(found.refined[best].amax(dim=(1, 2)).argmax())
    assert np.linalg.norm(found.positions[best] - PLACE) < 8
    assert (angle == 4) == seen
