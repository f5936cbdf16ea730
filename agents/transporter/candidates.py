"""Candidates of the next action: the most probable picks, and the best places of each.

Positions are heightmap pixels (column, row) unless they are said to be cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..common.counts import count_maps, count_things
from ..common.cuda_graph import moved
from ..common.devices import autocast
from ..common.sampling import separated_maxima
from ..common.sentences import make_sentences
from ..pick_place.history import (
    NEAR,
    NO_TURN,
    SAME_TURN,
    UNKNOWN,
    History,
    reach_of_turn,
)
from ..pick_place.slot_fit import SlotFit
from .config import COARSE, FINE, TransporterConfig
from .encoder import encode_image, with_scene
from .joint_rescoring import is_settled
from .network import PlaceFeatures, TransporterNet
from .placing import angle_step, coarse_logits, refined_logits, with_alternatives
from .targets import peak

_PICK_DISTANCE = 8
"""Cells of the fine map, 50 mm: least distance between two pick candidates."""
_PICK_WIDTH = 7
"""Cells of the fine map, 44 mm: side of the window over which the probability of a pick is summed."""
_LEAST_PROBABILITY = 0.02
"""Least probability of a pick candidate, as a share of the most probable one's."""
_FAILED_RADIUS = 1
"""Cells of the fine map around a failed pick in which no other pick is tried."""
_FAILED_PENALTY = 30.0
"""Subtracted from the logits there: more than the logits of any two sensible picks differ by."""
_SHORT_PENALTY = 30.0
"""The same for places of moves that are too short."""
_AGAIN_PENALTY = 5.0
"""Subtracted from pick logits for each way but two in which their object was laid at its place: others come first."""
_OFTEN = 0.7
"""Probability that an object goes into a slot of its outline from which outlines are compared."""
_FIT = 30.0
"""Added to the logits of a place where object and slot are the same, beside one where they have nothing in common."""
_USUAL_FIT = 0.7
"""The fit that changes no logits: less of it counts against a place, and one where no slot is seen stays as it is."""
_LOST = 15.0
"""Places whose logits are lower than the best ones by more are not compared: no fit would make up for it."""


class PickCandidate(NamedTuple):
    """A maximum of the pick map.

    Attributes:
        position: (2,) float64 pixels.
        log_probability: of the window around it.
    """

    position: Array
    log_probability: float


class PlaceCandidates(NamedTuple):
    """The best places of one pick.

    Attributes:
        coarse: (angles, rows / 4, columns / 4) float32 logits.
        refined: (n, angles, side, side) float32 logits in the window of each candidate.
        centres: (n, 2) float64, middles of the windows in cells of the fine map.
        positions: (n, 2) float64 pixels, the best cell of each window.
        log_probabilities: (n,) float64, of each window among all of them.
    """

    coarse: Tensor
    refined: Tensor
    centres: Array
    positions: Array
    log_probabilities: Array


class Tried(NamedTuple):
    """Ways in which an object lay at its place, which did not carry out what is asked for.

    Attributes:
        yaws: radians, relative to how it lies.
        turn: radians by which a yaw must differ to be another one.
    """

    yaws: tuple[float, ...]
    turn: float


class Candidates(NamedTuple):
    """Picks, each with its best places.

    Attributes:
        pick_logits: (rows / 2, columns / 2) float32.
        picks: highest first.
        places: those of each pick.
        sharing: probability that two objects go to one place.
    """

    pick_logits: Tensor
    picks: list[PickCandidate]
    places: list[PlaceCandidates]
    sharing: float


@torch.inference_mode()
def find_candidates(
    net: TransporterNet,
    config: TransporterConfig,
    heightmap: Heightmap,
    history: History,
    *,
    use_bfloat16: bool,
    goal: Heightmap | None = None,
    first: Heightmap | None = None,
    instruction: str | None = None,
    tilts: bool = False,
    at: Array | None = None,
    all_picks: bool = True,
) -> Candidates:
    """The most probable picks, each with its most probable places.

    Args:
        net: trained.
        config: settings.
        heightmap: what is seen.
        history: of the episode; failed picks and occupied places get lower pick logits. But where one move should have
            carried out the sentence that still stands, what it moved may be taken up, and is not laid where it lies.
            What was picked up and put back unchanged is turned the next time.
        use_bfloat16: whether layers multiply in bfloat16.
        goal: the finished scene, where the network is shown one.
        first: the first scene of the episode, where the network is shown it.
        instruction: what is said, where the network listens.
        tilts: whether places are tilted, so that an object may be laid where it is in another way.
        at: (2,) float64 pixels, a pick in place of the most probable ones.
        all_picks: whether to return picks, too, that cannot change which action is chosen. Leaving them out saves time.
    """
    device = net.turning.device
    habits = net.habits_now(instruction)
    image = _encoded(heightmap, device)
    for other in (goal, first):
        if other is not None:
            image = with_scene(image, _encoded(other, device))
    if config.counts:
        numbers = torch.from_numpy(count_maps(count_things(heightmap.color, heightmap.height)))
        image = with_scene(image, numbers[None].to(device))
    sentence = None
    if instruction is not None:
        heights = [heightmap.height] if config.shape_words else None
        sentence = moved(
            make_sentences([instruction], [heightmap.color], encoder=config.words, heights=heights), device
        )
    with autocast(device, use_bfloat16):
        scene = net.read(image, sentence)
        pick_logits = net.pick(scene.features, scene.said)[0]
    # In demonstrations no sentence of its form was said for two moves.
    takes_one_move = net.returns is not None and instruction is not None and net.returns_now(instruction) == UNKNOWN
    failed = bool(history.laid) and takes_one_move
    occupied = history.settled_places if failed else history.occupied_places
    _penalise(pick_logits, occupied, -math.log(habits.repick), NEAR // FINE)
    _penalise(pick_logits, history.failed_picks, _FAILED_PENALTY, _FAILED_RADIUS)
    for again in history.laid_again:
        _penalise(pick_logits, [again.place], max(len(again.yaws) - 2, 0) * _AGAIN_PENALTY, NEAR // FINE)
    picks = pick_candidates(config, pick_logits, history.failed_picks) if at is None else [PickCandidate(at, 0.0)]
    angles = net.angles(config.angles, turning=habits.turning)
    seen = heightmap if habits.slots >= _OFTEN and not tilts else None

    def placed(some: Sequence[PickCandidate]) -> list[PlaceCandidates]:
        positions = torch.tensor(np.stack([pick.position for pick in some]), dtype=torch.float32, device=device)
        with autocast(device, use_bfloat16):
            features = net.place_features(scene, positions)
        tried = [None if tilts else _tried(history, pick.position, failed=failed) for pick in some]
        places = place_candidates(config, features, angles, positions, tried, seen)
        if history.length < habits.least_move:
            _rule_out_short_moves(some, places, habits.least_move)
        return places

    # Several picks take a GPU hardly longer than one.
    if all_picks or device.type != "cpu":
        return Candidates(pick_logits, picks, placed(picks), habits.sharing)
    places: list[PlaceCandidates] = []
    while len(places) < len(picks) and not _is_settled(picks, places, habits.sharing):
        places += placed([picks[len(places)]])
    return Candidates(pick_logits, picks[: len(places)], places, habits.sharing)


def _is_settled(picks: Sequence[PickCandidate], places: Sequence[PlaceCandidates], sharing: float) -> bool:
    """Whether those of the picks that have no places yet cannot change which action is chosen."""
    if not places:
        return False
    known, left = picks[: len(places)], picks[len(places) :]
    return is_settled(
        [pick.log_probability for pick in known],
        [candidates.positions for candidates in places],
        [candidates.log_probabilities for candidates in places],
        sharing,
        [pick.log_probability for pick in left],
    )


def _tried(history: History, pick: Array, *, failed: bool) -> Tried | None:
    """How the object at a pick may not be put down at its place; ``None`` if in any way."""
    if (again := history.laid_again_at(pick)) is not None:
        return Tried(again.yaws, SAME_TURN)
    return Tried((0.0,), NO_TURN) if failed else None


def _rule_out_short_moves(picks: Sequence[PickCandidate], places: Sequence[PlaceCandidates], least: float) -> None:
    """Make places that are nearer to their pick than ``least`` pixels improbable, in place; the others stay as likely.

    So a pick of which only a short move is probable loses to one that leads somewhere.
    """
    for pick, candidates in zip(picks, places, strict=True):
        near = np.linalg.norm(candidates.positions - pick.position, axis=-1) < least
        candidates.log_probabilities[near] -= _SHORT_PENALTY


def _encoded(heightmap: Heightmap, device: torch.device) -> Tensor:
    """(1, 5, rows, columns) float32 of ``encode_image``."""
    return encode_image(*(torch.from_numpy(part)[None].to(device) for part in (heightmap.color, heightmap.height)))


def pick_candidates(
    config: TransporterConfig, logits: Tensor, failed_picks: Sequence[Array] = ()
) -> list[PickCandidate]:
    """The most probable picks, at least 50 mm apart, highest first.

    Args:
        config: settings.
        logits: (rows / 2, columns / 2) float32.
        failed_picks: (2,) pixels each.
    """
    probabilities = logits.flatten().softmax(0).view_as(logits)[None]
    smooth = functional.avg_pool2d(probabilities, 3, 1, 1)[0].log()
    # Again, because smoothing carries the probability of neighbours onto them.
    _penalise(smooth, failed_picks, _FAILED_PENALTY, _FAILED_RADIUS)
    cells = separated_maxima(smooth[None], config.picks, _PICK_DISTANCE, torch.zeros((1, 0, 2), dtype=torch.int64))[0]
    sums = functional.avg_pool2d(probabilities, _PICK_WIDTH, 1, _PICK_WIDTH // 2, divisor_override=1)[0].log()
    picks = [PickCandidate(cell_centre(peak(smooth, cell)[0]) * FINE, float(sums[tuple(cell)])) for cell in cells]
    least = max(pick.log_probability for pick in picks) + math.log(_LEAST_PROBABILITY)
    return [pick for pick in picks if pick.log_probability >= least]


def place_candidates(
    config: TransporterConfig,
    features: PlaceFeatures,
    angles: Tensor,
    picks: Tensor,
    tried: Sequence[Tried | None] = (),
    slots: Heightmap | None = None,
) -> list[PlaceCandidates]:
    """The best places of each pick: maxima of the coarse map, refined.

    An object that lies in its goal the wrong way round fits best as it lies. So ways that were tried count as
    improbable.

    Args:
        config: settings.
        features: of the picks.
        angles: (angles,) float32 radians, evenly spaced over a full turn.
        picks: (picks, 2) float32 pixels.
        tried: of each pick; none of any unless given.
        slots: what is seen, where objects go into slots of their outlines.
    """
    coarse = coarse_logits(features, angles)
    best = np.stack([cell_centre(peak(scores)[0][1:]) for scores in coarse]) * COARSE / FINE
    best_cells = torch.tensor(best, dtype=torch.float32, device=coarse.device)
    centres = with_alternatives(config, best_cells, coarse)
    refined = refined_logits(config, features, coarse, angles, centres)
    if len(angles) > 1:
        for index, ways in enumerate(tried):
            if ways is not None:
                refined[index] -= _SHORT_PENALTY * _as_tried(config, picks[index], centres[index], angles, ways)
    if slots is not None and len(angles) > 1:
        _add_fits(config, refined, slots, picks, centres)
    side = refined.shape[-1]
    cells = refined.amax(dim=2).flatten(2).argmax(dim=2).cpu().numpy()
    offsets = np.stack([cells % side, cells // side], axis=-1) - config.fine_reach
    middles = centres.cpu().double().numpy()
    log_probabilities = refined.flatten(2).logsumexp(dim=2).log_softmax(dim=1).cpu().double().numpy()
    found = zip(coarse, refined, middles, (middles + offsets) * FINE, log_probabilities, strict=True)
    return [PlaceCandidates(*values) for values in found]


def _add_fits(config: TransporterConfig, refined: Tensor, scene: Heightmap, picks: Tensor, centres: Tensor) -> None:
    """Add to refined logits, in place, how well the outlines of objects and slots agree.

    Args:
        config: settings.
        refined: (picks, n, angles, side, side) float32.
        scene: what is seen.
        picks: (picks, 2) float32 pixels.
        centres: (picks, n, 2) float32, middles of windows in cells of the fine map.
    """
    yaws: Array = np.arange(refined.shape[2], dtype=np.float64) * angle_step(config)
    places = centres.cpu().double().numpy()
    for pick, windows, middles in zip(picks.cpu().double().numpy(), refined, places, strict=True):
        fit = SlotFit(scene, pick, yaws)
        highest = windows.flatten(1).amax(dim=1).tolist()
        for window, middle, value in zip(windows, middles, highest, strict=True):
            if value < max(highest) - _LOST:
                continue
            angle, row, column = np.unravel_index(int(window.argmax()), window.shape)
            place = (middle + np.array([column, row]) - config.fine_reach) * FINE
            fits = fit.at(place, float(yaws[angle]))
            if fits is not None:
                window += torch.from_numpy(_FIT * (fits - _USUAL_FIT)).to(window)[:, None, None]


def _as_tried(config: TransporterConfig, pick: Tensor, centres: Tensor, angles: Tensor, tried: Tried) -> Tensor:
    """(n, angles, side, side) float32: one for the actions that lay their object as it lay before, else zero.

    Args:
        config: settings.
        pick: (2,) float32 pixels.
        centres: (n, 2) float32, middles of windows in cells of the fine map.
        angles: (angles,) float32 radians.
        tried: how it lay.
    """
    offsets = torch.arange(-config.fine_reach, config.fine_reach + 1, device=pick.device)
    along = (centres[..., None] + offsets) * FINE - pick[:, None]  # (n, 2, side)
    squares = along[:, 1, :, None].square() + along[:, 0, None, :].square()  # (n, side, side)
    lays = torch.zeros(len(centres), len(angles), *squares.shape[1:], dtype=torch.bool, device=pick.device)
    for yaw in tried.yaws:
        near = squares < reach_of_turn(yaw) ** 2
        lays |= near[:, None] & (torch.cos(angles - yaw) > math.cos(tried.turn))[:, None, None]
    return lays.float()


def cell_centre(index: Tensor) -> Array:
    """Where the centre of a cell lies: (2,) float64 (column, row), by its (2,) float32 or int64 index (row, column)."""
    row, column = (float(value) for value in index)
    return np.array([column + 0.5, row + 0.5])


def _penalise(logits: Tensor, positions: Sequence[Array], penalty: float, radius: int) -> None:
    """Lower logits (rows / 2, columns / 2), in place, in squares around positions (2,) in pixels.

    Args:
        logits: see above.
        positions: see above.
        penalty: what is subtracted.
        radius: of the squares, in cells of the fine map: their side is 2 radius + 1.
    """
    for position in positions:
        column, row = (int(value) // FINE for value in position)
        near = (slice(max(at - radius, 0), max(at + radius + 1, 0)) for at in (row, column))
        logits[tuple(near)] -= penalty
