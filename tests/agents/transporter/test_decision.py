"""What is decided from given logits: which pick, which place, and what the history of the episode changes."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.sampling import angle_grid
from ravens_suite.agents.common.sentences import FORMS, form_of
from ravens_suite.agents.pick_place.habits import Habits
from ravens_suite.agents.pick_place.history import NEAR, NO_MOVE, NO_TURN, UNKNOWN, History, Move
from ravens_suite.agents.transporter import candidates as module
from ravens_suite.agents.transporter.agent import Transporter
from ravens_suite.agents.transporter.candidates import (
    Candidates,
    Tried,
    find_candidates,
    pick_candidates,
    place_candidates,
)
from ravens_suite.agents.transporter.config import COARSE, FINE, TransporterConfig
from ravens_suite.agents.transporter.decision import Decision, decide
from ravens_suite.agents.transporter.network import PlaceFeatures
from ravens_suite.core.heightmap import Heightmap

CONFIG = TransporterConfig(coarse_radius=6, fine_radius=6, angles=12)

FIRST, SECOND = (10, 20), (50, 120)
"""Cells (column, row) of the fine map with two objects; the first is the likelier pick."""
HERE, THERE = (20, 40), (30, 70)
"""Cells (column, row) of the coarse map where objects may go."""
PLACES = {FIRST: {HERE: 20.0, THERE: 19.5}, SECOND: {HERE: 20.0}}
"""Logits of the places of each object, zero elsewhere: the first fits both, the second fits one."""


class GivenNet:
    """Stands in for a network whose logits are those above.

    Args:
        repick: probability that demonstrations pick an object at an occupied place.
        sharing: probability that demonstrations use a place twice.
        least_move: pixels, below which no two moves in a row are made.

    Attributes:
        first: pick logit of the first object; that of the second is 3.
    """

    turning = torch.tensor(False)
    slots = torch.tensor(0.0)

    def __init__(self, repick: float = 0.5, sharing: float = 0.5, least_move: float = 0.0) -> None:
        self.habits = torch.tensor([repick, sharing])
        self.least_move = torch.tensor(least_move)
        self.returns: torch.Tensor | None = None
        self.first = 5.0

    def read(self, image: torch.Tensor, sentence: object = None) -> SimpleNamespace:
        return SimpleNamespace(features=None, said=None)

    def pick(self, features: None, said: None = None) -> torch.Tensor:
        logits = torch.full((1, 160, 80), -9.0)
        for (column, row), logit in ((FIRST, self.first), (SECOND, 3.0)):
            logits[0, row, column] = logit
        return logits

    def place_features(self, scene: object, picks: torch.Tensor) -> PlaceFeatures:
        """A query that shows a scalar at the pick alone, and keys that hold the logits of places in that scalar."""
        query, key = torch.zeros(len(picks), 16, 13, 13), torch.zeros(len(picks), 16, 80, 40)
        query[:, 0, 6, 6] = 1
        for index, pick in enumerate(picks):
            nearest = min(PLACES, key=lambda cell: float((pick / FINE - torch.tensor(cell)).norm()))
            for (column, row), logit in PLACES[nearest].items():
                key[index, 0, row, column] = logit
        return PlaceFeatures(query, key, torch.zeros(len(picks), 16, 13, 13), torch.zeros(len(picks), 16, 160, 80))

    def habits_now(self, instruction: str | None) -> Habits:
        return Habits(bool(self.turning), *self.habits.tolist(), float(self.least_move), float(self.slots), UNKNOWN)

    def returns_now(self, instruction: str) -> float:
        assert self.returns is not None
        return float(self.returns[form_of(instruction)])

    def angles(self, count: int, *, turning: bool) -> torch.Tensor:
        return torch.zeros(1)


def pixels(cell: tuple[int, int], size: int) -> np.ndarray:
    """(2,) pixel position of the centre of a cell."""
    return (np.array(cell) + 0.5) * size


def table(*raised: np.ndarray) -> Heightmap:
    """A bare table that is raised around some pixel positions."""
    height = np.zeros((320, 160), np.float32)
    for column, row in (position.astype(int) for position in raised):
        height[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = 0.05
    return Heightmap(np.full((320, 160, 3), 51, np.uint8), height)


def candidates(net: GivenNet, history: History | None = None, **shown: Any) -> Candidates:
    """Those of a bare table."""
    return find_candidates(net, CONFIG, table(), history or History(), use_bfloat16=False, **shown)  # type: ignore[arg-type]


def decided(net: GivenNet, history: History | None = None, **shown: Any) -> Decision:
    return decide(CONFIG, candidates(net, history, all_picks=False, **shown))


def after(move: Move, then: Heightmap) -> History:
    """The history of an episode in which one move was made."""
    history = History()
    history.observe(move.before)
    history.record(move)
    history.observe(then)
    return history


@pytest.mark.parametrize(("sharing", "place"), [(0.95, HERE), (0.001, THERE)])
def test_a_place_that_another_object_needs_is_left_to_it(sharing: float, place: tuple[int, int]) -> None:
    """Where demonstrations use each place once; where they share places, the object goes where it fits best."""
    decision = decided(GivenNet(sharing=sharing))
    np.testing.assert_allclose(decision.pick, pixels(FIRST, FINE), atol=FINE)
    np.testing.assert_allclose(decision.place, pixels(place, COARSE), atol=COARSE / 2)
    assert decision.yaw == 0


@pytest.mark.parametrize(("sharing", "count"), [(0.95, 1), (0.001, 2)])
def test_a_pick_that_cannot_change_the_action_is_given_no_places(sharing: float, count: int) -> None:
    """If any object may go where another does, the likelier pick and its best place are sure of the choice."""
    net = GivenNet(sharing=sharing)
    some, every = candidates(net, all_picks=False), candidates(net)
    assert (len(some.picks), len(every.picks)) == (len(some.places), len(every.places)) == (count, 2)
    chosen, same = decide(CONFIG, some), decide(CONFIG, every)
    assert (chosen.pick == same.pick).all()
    assert (chosen.place == same.place).all()


def moved_by(length: float) -> History:
    """The history of an episode whose last move, anywhere else, was so many pixels long."""
    start, end = np.array([150.0, 10.0]), np.array([150.0, 10.0 + length])
    return after(Move(table(start), start, end), table(end))


@pytest.mark.parametrize(
    ("least", "last", "place"), [(0.0, 9.0, HERE), (130.0, 9.0, HERE), (140.0, 9.0, THERE), (140.0, 145.0, HERE)]
)
def test_no_two_moves_in_a_row_are_shorter_than_those_of_demonstrations(
    least: float, last: float, place: tuple[int, int]
) -> None:
    """The nearer place of the first object is 136 pixels away."""
    decision = decided(GivenNet(sharing=0.95, least_move=least), moved_by(last))
    np.testing.assert_allclose(decision.pick, pixels(FIRST, FINE), atol=FINE)
    np.testing.assert_allclose(decision.place, pixels(place, COARSE), atol=COARSE / 2)


def test_a_pick_that_only_a_short_move_suits_loses_to_one_that_leads_somewhere() -> None:
    """The second object, the likelier pick here, has one place, 81 pixels away."""
    for least, pick in ((70.0, SECOND), (100.0, FIRST)):
        history = moved_by(9.0)
        net = GivenNet(least_move=least)
        net.first = 2.0
        np.testing.assert_allclose(decided(net, history).pick, pixels(pick, FINE), atol=FINE)


@pytest.mark.parametrize(
    ("slots", "tilts", "compared"), [(0.75, False, True), (0.6, False, False), (0.75, True, False)]
)
def test_outlines_are_compared_where_demonstrations_fill_slots_upright(
    monkeypatch: pytest.MonkeyPatch, *, slots: float, tilts: bool, compared: bool
) -> None:
    """They say a quarter turn, about which matching says nothing; where no slot is seen they say nothing."""
    picks: list[np.ndarray] = []

    class GivenFit:
        def __init__(self, scene: Heightmap, pick: np.ndarray, yaws: np.ndarray) -> None:
            picks.append(pick)
            self.fits = np.where(np.isclose(yaws, math.pi / 2), 1.0, 0.3)

        def at(self, place: np.ndarray, yaw: float) -> np.ndarray | None:
            return self.fits if np.linalg.norm(place - pixels(HERE, COARSE)) < COARSE else None

    monkeypatch.setattr(module, "SlotFit", GivenFit)
    net = GivenNet()
    net.slots = torch.tensor(slots)
    monkeypatch.setattr(net, "angles", lambda count, turning: angle_grid(count, torch.device("cpu")))
    decision = decided(net, tilts=tilts)
    assert bool(picks) == compared
    for pick, cell in zip(picks, (FIRST, SECOND), strict=False):
        np.testing.assert_allclose(pick, pixels(cell, FINE), atol=2)
    if compared:
        assert decision.yaw == pytest.approx(math.pi / 2, abs=0.05)
        np.testing.assert_allclose(decision.place, pixels(HERE, COARSE), atol=COARSE / 2)


def test_a_failed_pick_is_not_repeated() -> None:
    pick = pixels(FIRST, FINE)
    failed = after(Move(table(), pick, pixels(HERE, COARSE)), table())
    np.testing.assert_allclose(decided(GivenNet(), failed).pick, pixels(SECOND, FINE), atol=FINE)
    moved = after(Move(table(pick), pick, pixels(HERE, COARSE)), table())
    np.testing.assert_allclose(decided(GivenNet(), moved).pick, pick, atol=FINE)


@pytest.mark.parametrize(("repick", "pick"), [(0.999, FIRST), (1e-6, SECOND)])
def test_a_placed_object_is_left_alone_as_far_as_demonstrations_do(repick: float, pick: tuple[int, int]) -> None:
    elsewhere, place = np.array([100.0, 300.0]), pixels(FIRST, FINE)
    history = after(Move(table(elsewhere, place), elsewhere, place), table())
    assert len(history.occupied_places) == 1 and not history.failed_picks
    decision = decided(GivenNet(repick=repick), history)
    np.testing.assert_allclose(decision.pick, pixels(pick, FINE), atol=FINE)
    assert pick == FIRST or np.abs(decision.pick - place).max() > NEAR - FINE


@pytest.mark.parametrize(("returns", "pick"), [(0.5, FIRST), (0.1, SECOND)])
def test_under_a_sentence_that_still_stands_it_may_be_taken_up(returns: float, pick: tuple[int, int]) -> None:
    """Kits: what lies in its slot the wrong way round has to be picked again, which demonstrations never show."""
    said, elsewhere, place = "put the star in its slot", np.array([100.0, 300.0]), pixels(FIRST, FINE)
    net, history = GivenNet(repick=1e-6), History()
    net.returns = torch.full((FORMS,), returns)
    history.observe(table(elsewhere, place))
    history.hear(said)
    history.record(Move(table(elsewhere, place), elsewhere, place))
    history.observe(table())
    history.hear(said)
    decision = decided(net, history, instruction=said)
    np.testing.assert_allclose(decision.pick, pixels(pick, FINE), atol=FINE)


def test_around_failed_picks_on_a_sharp_peak_nothing_is_tried() -> None:
    """A map that is smoothed for choosing does not lead back to what was excluded before."""
    row, column = torch.meshgrid(torch.arange(160), torch.arange(80), indexing="ij")
    logits = -40 + 100 * torch.exp(-((row - 80) ** 2 + (column - 40) ** 2) / 8)
    failed_picks: list[np.ndarray] = []
    for _ in range(6):
        pick = pick_candidates(CONFIG, logits, failed_picks)[0].position
        assert all(np.abs(pick - other).max() >= 2 for other in failed_picks)
        failed_picks.append(pick)


def test_pick_candidates_are_apart_and_their_probabilities_add_up_to_at_most_one() -> None:
    logits = torch.full((160, 80), -9.0)
    logits[20:24, 30:34], logits[90:93, 60:63] = 3.0, 2.0
    first, second, *_ = pick_candidates(CONFIG, logits)
    assert np.abs(first.position - [64, 44]).max() < 3
    assert np.abs(second.position - [123, 183]).max() < 3
    assert math.exp(first.log_probability) + math.exp(second.log_probability) <= 1 + 1e-6
    assert first.log_probability > second.log_probability > math.log(0.1)


def test_unlikely_picks_are_no_candidates() -> None:
    logits = torch.full((160, 80), -30.0)
    logits[20, 30], logits[90, 60] = 5.0, 0.0
    assert len(pick_candidates(CONFIG, logits)) == 1


def test_nothing_is_laid_where_it_lies() -> None:
    """Elsewhere, or there but turned, it may be laid, and everywhere where places are tilted."""
    net, angles = GivenNet(), torch.arange(12) * math.tau / 12
    picks = torch.tensor(np.stack([pixels(FIRST, FINE), pixels(SECOND, FINE)]), dtype=torch.float32)
    features = net.place_features(None, picks)
    key = features.key.clone()
    for index, pick in enumerate(picks):  # What lies nearly right fits best as it lies.
        column, row = (int(value) for value in pick / COARSE)
        key[index, 0, row, column] = 40.0
    features = features._replace(key=key)
    as_it_lies = Tried((0.0,), NO_TURN)
    free, bound = (place_candidates(CONFIG, features, angles, picks, [given] * 2) for given in (None, as_it_lies))
    for pick, before, after in zip(picks.numpy(), free, bound, strict=True):
        less = (before.refined - after.refined).numpy()
        assert set(np.unique(less)) == {0.0, 30.0}
        windows, turns, rows, columns = np.nonzero(less)
        assert set(turns) == {0}, "turned by 30 degrees and more it may be laid there"
        cells = np.stack([columns, rows], axis=1) - CONFIG.fine_reach
        assert np.linalg.norm((before.centres[windows] + cells) * FINE - pick, axis=1).max() < 6
        stays = np.linalg.norm(after.positions - pick, axis=1) < 4
        assert np.all(after.refined[stays].amax(dim=(2, 3)).argmax(dim=1).numpy() != 0)


class Lying(GivenNet):
    """Stands in for a network that finds its only object right as it lies, in any yaw."""

    turning = torch.tensor(True)

    def pick(self, features: None, said: None = None) -> torch.Tensor:
        logits = torch.full((1, 160, 80), -9.0)
        logits[0, FIRST[1], FIRST[0]] = 5.0
        return logits

    def place_features(self, scene: object, picks: torch.Tensor) -> PlaceFeatures:
        features = super().place_features(scene, picks)
        features.key[:, 0] = 0.0
        features.key[:, 0, FIRST[1] * FINE // COARSE, FIRST[0] * FINE // COARSE] = 20.0
        return features

    def angles(self, count: int, *, turning: bool) -> torch.Tensor:
        return torch.arange(count) * math.tau / count


def test_what_was_laid_again_as_it_lay_is_laid_in_another_way_the_next_time() -> None:
    net, history, tried = Lying(), History(), [0.0]
    here = pixels(FIRST, FINE)
    history.record(Move(table(here), here, here), 0.0)
    history.observe(table())
    for _ in range(3):
        decision = decided(net, history)
        assert math.dist(decision.pick, decision.place) < NO_MOVE
        assert max(math.cos(decision.yaw - each) for each in tried) < math.cos(math.radians(25))
        history.record(Move(table(here), decision.pick, decision.place), decision.yaw)
        history.observe(table())
        tried = [*(each - decision.yaw for each in tried), 0.0]
    history.hear("put it elsewhere")
    assert not history.laid_again, "another sentence may want it as it lies"


def test_ways_that_were_tried_are_improbable_and_no_others() -> None:
    """All cells where an object may be laid by such a turn, about a middle up to 50 mm beside the pick."""
    net = Lying()
    picks = torch.tensor(pixels(FIRST, FINE), dtype=torch.float32)[None].repeat(2, 1)
    features, angles = net.place_features(None, picks), net.angles(12, turning=True)
    one, other = place_candidates(CONFIG, features, angles, picks, [None, Tried((0.0, math.pi / 2), math.radians(25))])
    less = (one.refined - other.refined).numpy()
    assert set(np.unique(less)) == {0.0, 30.0}
    windows, turns, rows, columns = np.nonzero(less)
    assert set(turns) == {0, 3}
    cells = np.stack([columns, rows], axis=1) - CONFIG.fine_reach
    distances = np.linalg.norm((one.centres[windows] + cells) * FINE - picks[0].numpy(), axis=1)
    assert distances[turns == 0].max() < 3.5, "another place, even nearby"
    assert 12 < distances[turns == 3].max() < 27


@pytest.mark.parametrize(("turning", "tilts", "known"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_an_agent_notices_what_it_put_back_unchanged_where_it_turns_things_upright(
    monkeypatch: pytest.MonkeyPatch, turning: bool, tilts: bool, known: int
) -> None:
    agent = Transporter(TransporterConfig(widths=(4, 4, 4, 4, 4), coarse_radius=6, fine_radius=6))
    agent.optimiser.ema.turning.fill_(turning)
    monkeypatch.setattr(agent, "tilts", tilts)
    here, nothing = pixels(FIRST, FINE), torch.zeros(0)
    monkeypatch.setattr(agent, "decide", lambda *told: Decision(here, here, 0.0, nothing, nothing, 1.0))
    for _ in range(2):
        agent.action(table(here))
    assert len(agent._history.laid_again) == known
