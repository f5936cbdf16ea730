"""The search over candidates: what an action is imagined to do, and which first action leads to the goal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.agents.transporter import planning
from ravens_suite.agents.transporter.candidates import Candidates, PickCandidate, PlaceCandidates
from ravens_suite.agents.transporter.config import FINE, TransporterConfig
from ravens_suite.agents.transporter.imagining import Imagined, closed_off, imagine
from ravens_suite.agents.transporter.planning import plan
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from tests.agents import scenes

_CUBE = np.array([[-20, -20], [20, -20], [20, 20], [-20, 20]]) / 1000
_RED = (200, 60, 60)
_A, _B, _FOOT, _BESIDE = (0.35, -0.3), (0.4, 0.3), (0.6, 0.0), (0.6, 0.1)
"""Metres: two loose cubes, the foot of the tower that the goal shows, and a wrong place."""


def draw(*stacks: tuple[tuple[float, float], int]) -> Heightmap:
    """Stacks of so many cubes."""
    scene = scenes.Scene(_CUBE, 0.04, _RED, np.zeros(3), (), ()).draw(np.array([9.0, 9.0, 0.0]))
    color, height = scene.color.copy(), scene.height.copy()
    for (x, y), count in stacks:
        mask = scenes.fill(scenes.place(_CUBE, np.array([x, y, 0.0])))
        color[mask], height[mask] = _RED, 0.04 * count
    return Heightmap(color, height)


def at(position: tuple[float, float]) -> Array:
    return to_pixels(Pose((*position, 0.0)))


SCENE, GOAL = draw((_A, 1), (_B, 1)), draw((_FOOT, 2))


def candidates(
    config: TransporterConfig, picks: dict[tuple[float, float], dict[tuple[float, float], float]]
) -> Candidates:
    """Picks with the log-probabilities of their places."""
    found = []
    side = 2 * config.fine_reach + 1
    for places in picks.values():
        refined = torch.zeros(len(places), 1, side, side)
        refined[:, 0, config.fine_reach, config.fine_reach] = 1
        positions = np.stack([at(place) for place in places])
        logs = np.array(list(places.values()))
        found.append(PlaceCandidates(torch.zeros(1, 80, 40), refined, positions / FINE, positions, logs))
    return Candidates(torch.zeros(160, 80), [PickCandidate(at(pick), -0.7) for pick in picks], found, 0.5)


@pytest.mark.parametrize(
    ("scene", "place", "gain", "height"),
    [
        (SCENE, _FOOT, 1.0, 0.04),
        (draw((_A, 1), (_FOOT, 1)), _FOOT, 1.0, 0.08),
        (SCENE, _BESIDE, 0.0, 0.04),
        (draw((_A, 1), (_FOOT, 2)), _FOOT, 0.0, 0.12),
    ],
)
def test_a_cube_counts_where_the_goal_is_filled(
    scene: Heightmap, place: tuple[float, float], gain: float, height: float
) -> None:
    after = imagine(scene, GOAL, at(_A), at(place), 0.0)
    assert after.gain == pytest.approx(gain, abs=0.12)
    column, row = at(place).astype(int)
    assert after.scene.height[row, column] == pytest.approx(height, abs=1e-3)
    column, row = at(_A).astype(int)
    assert after.scene.height[row, column] < 1e-3, "it has left its old place"


_LEFT, _MIDDLE, _RIGHT = (0.6, -0.025), (0.6, 0.0), (0.6, 0.025)
"""Metres: of two cubes beside each other, and of one that rests on both."""
_BUILDING = draw((_LEFT, 2), (_RIGHT, 2), (_MIDDLE, 3))
_FIRST_LAYER = draw((_A, 1), (_LEFT, 1), (_RIGHT, 1))


@pytest.mark.parametrize("place", [_LEFT, _RIGHT])
def test_a_layer_is_filled_from_its_sides(place: tuple[float, float]) -> None:
    """A cube in the middle, above which the goal is highest, leaves gaps that no cube fits into."""
    side = imagine(_FIRST_LAYER, _BUILDING, at(_A), at(place), 0.0).gain
    assert side > 0.8
    assert imagine(_FIRST_LAYER, _BUILDING, at(_A), at(_MIDDLE), 0.0).gain < 0


def test_a_gap_that_is_covered_later_is_not_closed_off() -> None:
    assert not closed_off(draw(), _BUILDING, 12.0, 0.04).any()
    assert not closed_off(_FIRST_LAYER, _BUILDING, 12.0, 0.04).any()
    closed = closed_off(draw((_LEFT, 1), (_RIGHT, 1), (_MIDDLE, 2)), _BUILDING, 12.0, 0.04)
    assert closed.any()
    rows, columns = np.nonzero(closed)
    middle = at(_MIDDLE)
    assert np.hypot(columns + 0.5 - middle[0], rows + 0.5 - middle[1]).min() > 4, "the middle itself can be filled"


def test_what_is_covered_is_never_filled() -> None:
    """A roof that reaches over a gap in the layer below fills the goal as seen from above, but not below it."""
    half = draw((_A, 1), (_LEFT, 2), (_RIGHT, 1))
    early = imagine(half, _BUILDING, at(_A), at(_MIDDLE), 0.0).gain
    late = imagine(draw((_A, 1), (_LEFT, 2), (_RIGHT, 2)), _BUILDING, at(_A), at(_MIDDLE), 0.0).gain
    assert late > 0.7
    assert late - early > 0.6, "half of it stands on nothing, and nothing fits beside it any more"


def test_holes_in_the_heights_close_nothing_off() -> None:
    """Single pixels that no camera sees have no height; a cube fits where they are."""
    seen = _BUILDING.height.copy()
    rows, columns = np.nonzero(seen > 0.03)
    seen[rows[::9], columns[::9]] = 0.0
    holed = Heightmap(_BUILDING.color, seen)
    assert not closed_off(_FIRST_LAYER, holed, 12.0, 0.04).any()
    assert closed_off(draw((_LEFT, 1), (_RIGHT, 1), (_MIDDLE, 2)), holed, 12.0, 0.04).any()


def test_what_a_cube_stood_on_is_seen_once_it_is_gone() -> None:
    after = imagine(draw((_FOOT, 1), (_MIDDLE, 2)), GOAL, at(_MIDDLE), at(_BESIDE), 0.0)
    column, row = at(_BESIDE).astype(int)
    assert after.scene.height[row, column] == pytest.approx(0.08, abs=1e-3), "nothing lower is seen around a tower"
    wide = draw((_LEFT, 1), (_RIGHT, 1), (_MIDDLE, 2))
    after = imagine(wide, GOAL, at(_MIDDLE), at((0.4, 0.1)), 0.0)
    column, row = at(_MIDDLE).astype(int)
    assert after.scene.height[row, column] == pytest.approx(0.04, abs=1e-3)
    column, row = at((0.4, 0.1)).astype(int)
    assert after.scene.height[row, column] == pytest.approx(0.04, abs=1e-3)


def test_a_place_beside_the_right_one_is_moved_there() -> None:
    beside = (0.607, 0.011)

    def find(scene: Heightmap) -> Candidates:
        return candidates(TransporterConfig(), {_A: {beside: -0.1}})

    place = plan(TransporterConfig(lookahead=1), SCENE, GOAL, find).place
    assert np.linalg.norm(place - at(beside)) > 3
    assert np.linalg.norm(place - at(_FOOT)) < 1


@pytest.mark.parametrize(("slope", "moves"), [(0.01, False), (0.05, True)])
def test_a_place_is_not_moved_for_next_to_nothing(slope: float, moves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cube that follows noise across the goal stands where the next one goes."""
    start = at(_FOOT)

    def gaining(scene: Heightmap, goal: Heightmap, pick: Array, place: Array, yaw: float) -> Imagined:
        return Imagined(scene, 0.8 + slope * float(place[0] - start[0]))

    def find(scene: Heightmap) -> Candidates:
        return candidates(TransporterConfig(), {_A: {_FOOT: -0.1}})

    monkeypatch.setattr(planning, "imagine", gaining)
    place = plan(TransporterConfig(lookahead=1), SCENE, GOAL, find).place
    assert (np.linalg.norm(place - start) > 5) == moves


def test_neighbours_within_the_window_of_a_place_are_tried() -> None:
    """The agent is surer of the middle of a layer than of its sides, which lie in the same window."""
    config = TransporterConfig(lookahead=1)

    def find(scene: Heightmap) -> Candidates:
        found = candidates(config, {_A: {_MIDDLE: -0.1}})
        window = found.places[0].refined[0, 0]
        column, row = np.round((at(_RIGHT) - at(_MIDDLE)) / FINE).astype(int) + config.fine_reach
        window[row, column] = 0.5
        return found

    place = plan(config, _FIRST_LAYER, _BUILDING, find).place
    assert min(np.linalg.norm(place - at(side)) for side in (_LEFT, _RIGHT)) < 1.5


def test_taking_the_goal_apart_loses_what_it_gained() -> None:
    assert imagine(GOAL, GOAL, at(_FOOT), at(_BESIDE), 0.0).gain < -0.9


def test_nothing_is_imagined_of_a_pick_on_the_table() -> None:
    after = imagine(SCENE, GOAL, at(_BESIDE), at(_FOOT), 0.0)
    assert after.scene is SCENE and after.gain == 0


@pytest.mark.parametrize("lookahead", [1, 2, 3])
def test_the_likelier_place_is_left_for_the_one_that_the_goal_shows(lookahead: int) -> None:
    config = TransporterConfig(lookahead=lookahead)

    def find(scene: Heightmap) -> Candidates:
        return candidates(config, {_A: {_BESIDE: -0.1, _FOOT: -2.4}, _B: {_BESIDE: -0.1}})

    decision = plan(config, SCENE, GOAL, find)
    np.testing.assert_allclose(decision.pick, at(_A))
    np.testing.assert_allclose(decision.place, at(_FOOT))


def test_what_is_worth_less_at_first_may_lead_further() -> None:
    """To be put right, the cube beside the foot has to be moved; the agent knows where to only after another move."""
    scene, goal = draw((_A, 1), (_BESIDE, 1)), draw((_A, 1), (_FOOT, 1))

    def planned(lookahead: int) -> Array:
        config = TransporterConfig(lookahead=lookahead)

        def find(seen: Heightmap) -> Candidates:
            column, row = at(_B).astype(int)
            if seen.height[row, column] > 0.01:
                return candidates(config, {_B: {_FOOT: -0.1}})
            return candidates(config, {_A: {_BESIDE: -0.1}, _BESIDE: {_B: -0.5}})

        return plan(config, scene, goal, find).pick

    np.testing.assert_allclose(planned(2), at(_BESIDE))


def test_what_is_hardly_higher_than_the_table_does_not_take_it_along() -> None:
    """Of the whole table, taken for one object of no thickness, gains were no numbers."""
    flat = draw((_A, 1), (_B, 1))
    table = float(np.median(flat.height))
    low = flat.height.copy()
    low[low > table + 0.01] = table + 0.005
    scene = Heightmap(flat.color, low)
    moved = imagine(scene, GOAL, at(_A), at(_FOOT), 0.0)
    assert np.isfinite(moved.gain)
    column, row = at(_FOOT).astype(int)
    assert moved.scene.height[row, column] == pytest.approx(table + 0.005, abs=1e-4)
    assert (moved.scene.height != low).sum() < 3000
