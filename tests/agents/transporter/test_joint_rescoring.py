"""Picks that want the same place get it once, and what is carried out is likely in all."""

from __future__ import annotations

import math
from itertools import combinations, product
from typing import TypeAlias

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.transporter.joint_rescoring import LEAST, NEAR, is_settled, rescore_jointly

Scene: TypeAlias = tuple[list[float], list[np.ndarray], list[np.ndarray]]

SHARING = 0.03
HERE, THERE, FAR = (20.0, 20.0), (100.0, 20.0), (100.0, 220.0)


def logs(*values: float) -> np.ndarray:
    return np.log(np.array(values))


def test_a_single_pick_goes_where_it_is_likeliest() -> None:
    assert rescore_jointly([0.0], [np.array([HERE, THERE])], [logs(0.3, 0.7)], 0.01) == (0, 1)


def test_what_has_another_place_to_go_leaves_the_first_to_what_has_none() -> None:
    """The first is likelier to be picked and surer of the wrong place than of the right one."""
    places = [np.array([HERE, THERE]), np.array([HERE, THERE])]
    assert rescore_jointly(logs(0.9, 0.1), places, [logs(0.7, 0.3), logs(0.999, 0.001)], 0.001) == (0, 1)


def test_where_all_want_the_same_place_the_likelier_pick_gets_it() -> None:
    places = [np.array([HERE, THERE])] * 3
    certain = logs(0.99, 0.01)
    assert rescore_jointly(logs(0.2, 0.7, 0.1), places, [certain] * 3, 0.001) == (1, 0)


def test_of_two_free_picks_the_one_with_a_certain_place_comes_first() -> None:
    places = [np.array([HERE]), np.array([THERE])]
    assert rescore_jointly(logs(0.5, 0.3), places, [logs(0.3), logs(0.9)], 0.001) == (1, 0)


def test_places_a_little_apart_are_one() -> None:
    beside = (HERE[0] + 0.7 * NEAR, HERE[1] - 0.7 * NEAR)
    places = [np.array([HERE, THERE]), np.array([beside, THERE])]
    assert rescore_jointly(logs(0.9, 0.1), places, [logs(0.6, 0.4), logs(0.999, 0.001)], 0.001) == (0, 1)


def test_where_demonstrations_use_places_again_every_pick_is_judged_alone() -> None:
    places = [np.array([HERE, THERE]), np.array([HERE, THERE])]
    place_log_probabilities = [logs(0.9, 0.1), logs(0.999, 0.001)]
    assert rescore_jointly(logs(0.92, 0.08), places, place_log_probabilities, 0.95) == (0, 0)
    assert rescore_jointly(logs(0.92, 0.08), places, place_log_probabilities, 0.001) == (0, 1)


def test_noise_among_unlikely_places_decides_nothing() -> None:
    """A pick without a chance is not preferred because its rival has the better of two hopeless places."""
    places = [np.array([HERE, FAR]), np.array([HERE, THERE])]
    place_log_probabilities = [np.array([-0.01, -9.0]), np.array([-0.01, -30.0])]
    assert rescore_jointly(logs(0.8, 0.2), places, place_log_probabilities, 0.001) == (0, 0)
    assert rescore_jointly(logs(0.2, 0.8), places, place_log_probabilities, 0.001) == (1, 0)


@st.composite
def scenes(draw: st.DrawFn, crowded: bool = False) -> Scene:
    count = draw(st.integers(1, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, count)
    pick_log_probabilities = np.log(rng.dirichlet(np.ones(count))).tolist()
    places = [rng.uniform(0, 30 if crowded else 160, (size, 2)) for size in sizes]
    return pick_log_probabilities, places, [np.log(rng.dirichlet(np.full(size, 0.3)) + 1e-12) for size in sizes]


def best_score(scene: Scene, pick: int, place: int) -> float:
    """The product that the module's text describes, as a logarithm, by trying everything."""
    pick_log_probabilities, places, place_log_probabilities = scene
    best = -math.inf
    for way in product(*(range(-1, len(points)) for points in places)):
        taken = [places[index][option] for index, option in enumerate(way) if option >= 0]
        shared = sum(float(np.hypot(*(one - other))) < NEAR for one, other in combinations(taken, 2))
        if way[pick] == place:
            values = [max(c[o], LEAST) if o >= 0 else LEAST for c, o in zip(place_log_probabilities, way, strict=True)]
            best = max(best, sum(values) + shared * math.log(SHARING) + pick_log_probabilities[pick] + values[pick])
    return best


@given(scenes())
def test_no_other_pick_and_place_is_likelier(scene: Scene) -> None:
    pick, place = rescore_jointly(*scene, SHARING)
    every = [best_score(scene, other, option) for other, points in enumerate(scene[1]) for option in range(len(points))]
    assert math.isclose(best_score(scene, pick, place), max(every), abs_tol=1e-9)


@given(scenes())
def test_without_conflicts_every_pick_has_its_best_place(scene: Scene) -> None:
    pick_log_probabilities, places, place_log_probabilities = scene
    apart = [points + 1000.0 * index for index, points in enumerate(places)]
    pick, place = rescore_jointly(pick_log_probabilities, apart, place_log_probabilities, SHARING)
    best = [float(max(values.max(), LEAST)) for values in place_log_probabilities]
    scores = np.array(pick_log_probabilities) + best
    assert math.isclose(scores[pick], scores.max(), abs_tol=1e-9)
    assert math.isclose(float(max(place_log_probabilities[pick][place], LEAST)), best[pick], abs_tol=1e-9)


@given(scenes(crowded=True), st.integers(1, 3), st.floats(0.5, 1.0))
def test_once_it_is_settled_the_other_picks_change_nothing(scene: Scene, known: int, sharing: float) -> None:
    picks, places, values = scene
    if is_settled(picks[:known], places[:known], values[:known], sharing, picks[known:]):
        some = rescore_jointly(picks[:known], places[:known], values[:known], sharing)
        assert rescore_jointly(*scene, sharing) == some


def test_a_likely_pick_with_a_certain_place_settles_it() -> None:
    places, certain = [np.array([HERE, THERE])], [logs(0.99, 0.01)]
    assert is_settled(logs(0.9).tolist(), places, certain, 0.8, logs(0.05, 0.05).tolist())
    assert is_settled(logs(0.9).tolist(), places, certain, 0.001, [])
    # The other one may be as likely with its place; may want the same place; and which place it is may hang on it.
    assert not is_settled(logs(0.5).tolist(), places, certain, 0.8, logs(0.5).tolist())
    assert not is_settled(logs(0.9).tolist(), places, certain, 0.01, logs(0.1).tolist())
    assert not is_settled(logs(0.98).tolist(), places, [logs(0.51, 0.49)], 0.8, logs(0.02).tolist())
    # A lead that is one of rounding alone may be lost in longer sums.
    assert not is_settled(logs(0.98).tolist(), places, [logs(0.5 + 1e-13, 0.5 - 1e-13)], 1.0, logs(0.02).tolist())
