"""Bends: their way back, what they leave alone, and objects that keep to them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.bending import Bend, draw_bend
from ravens_suite.agents.pick_place.free_objects import paste
from ravens_suite.agents.pick_place.plane import IDENTITY, rigid
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_SQUARE = np.array([[-30, -30], [30, -30], [30, 30], [-30, 30]]) / 1000


@st.composite
def _bends(draw: st.DrawFn) -> Bend:
    """Any bend of an object at (60, 90) pixels."""
    radius, axis = draw(st.floats(3, 40)), draw(st.floats(-math.pi, math.pi))
    strength, kind = draw(st.floats(0, 0.7)), draw(st.floats(-math.pi, math.pi))
    frame = rigid(axis, np.array([60.0, 90.0]), np.zeros(2), 1 / radius)
    return Bend(frame, strength * math.cos(kind), strength * math.sin(kind))


@settings(deadline=None)
@given(bend=_bends(), column=st.floats(-50, 200), row=st.floats(-50, 400))
def test_there_is_a_way_back(bend: Bend, column: float, row: float) -> None:
    point = np.array([column, row])
    np.testing.assert_allclose(bend.sources(bend.points(point)), point, atol=1e-6)
    np.testing.assert_allclose(bend.points(bend.sources(point)), point, atol=1e-6)


@settings(deadline=None)
@given(bend=_bends(), column=st.floats(-50, 200), row=st.floats(-50, 400))
def test_nothing_moves_far(bend: Bend, column: float, row: float) -> None:
    """However far it is from the object: it is pushed aside by no more than the object's own edge."""
    point = np.array([column, row])
    radius = np.linalg.det(bend.frame[:, :2]) ** -0.5
    assert np.linalg.norm(bend.points(point) - point) <= (abs(bend.taper) + abs(bend.bow)) * radius + 1e-6


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_object_and_its_mask_bend_alike(seed: int) -> None:
    """At the edge of the map too, beyond which its window may reach; and so it is drawn."""
    rng = np.random.default_rng(seed)
    start = np.array([0.285, 0.1, rng.choice([0.0, math.pi / 2])])
    step = scenes.Scene(_SQUARE, 0.03, (200, 60, 60), start, (np.array([0.6, 0.2, 0.7]),), ()).step(rng)
    # A pick on the object's very edge may miss it.
    assume(step.free_objects)
    (free_object,) = step.free_objects
    bend = draw_bend(free_object, step.centre, rng)
    bent, mask = bend.free_object(free_object), bend.mask((step.pick_affinity > 0).astype(np.uint8)).astype(bool)
    assert bent.window[1].start < 0
    assert np.all(bent.color[bent.mask] == (200, 60, 60))
    color, height = np.zeros((*mask.shape, 3), np.uint8), np.zeros(mask.shape, np.float32)
    paste(Heightmap(color, height), [bent], [IDENTITY])
    np.testing.assert_array_equal((color == (200, 60, 60)).all(axis=-1), mask)
    assert mask.sum() > 0.6 * free_object.mask.sum()
