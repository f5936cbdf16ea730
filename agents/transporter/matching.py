"""Matching of a picked object with the places where it fits, at every place angle from one pass of the network.

Placing is the cross-correlation of query features around the pick with key features of the scene, as in Transporter
Networks (arXiv 2010.14406, section 3.2). Instead of rotating the image for every angle, the query features are rotated:
they are steerable, that is scalars, and vectors with an angular frequency of one to six, so that rotating them by any
angle also rotates the directions that they describe (as in Fourier Transporter, arXiv 2401.12046).

Positions are in cells of the map at hand, (column, row); cell ``i`` covers ``[i, i + 1)``. Angles are in radians, from
the column axis (x) towards the row axis (y).

Features are float32, or bfloat16 where layers multiply in it (``autocast``).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..common.correlation import correlate_everywhere, correlate_nearby
from ..common.equivariant import ORIENTATIONS, rotate_quarter_turns
from ..common.sampling import constant, rotate_back, sample, window_offsets

FREQUENCY_GROUPS = 4
"""The number of fields must be a multiple of this, so that each angular frequency gets as many of them as another."""


def to_steerable(fields: Tensor) -> Tensor:
    """Steerable features from the four orientations of each field, by a change of basis.

    Four orientations show how a field behaves under quarter turns only. A feature that no quarter turn changes may be a
    scalar, or a vector of frequency four, such as the direction of the sides of a square. Both are useful: half of the
    fields are taken for one and half for the other, and likewise for the other frequencies.

    Args:
        fields: (batch, F * 4, ...), the number of fields F a multiple of ``FREQUENCY_GROUPS``.

    Returns:
        (batch, F * 4, ...): F / 2 scalars, the first components of 7 F / 4 vectors, and their second components, in the
        order of ``_frequencies``.
    """
    f = fields.view(len(fields), -1, ORIENTATIONS, *fields.shape[2:])
    east, north, west, south = f.unbind(dim=2)
    even, odd = east + west, north + south
    scalars, fours = ((even + odd) / 2).chunk(2, dim=1)
    x, y = east - west, north - south
    quarter = x.shape[1] // FREQUENCY_GROUPS
    # Under quarter turns, a vector of frequency three behaves as the mirror image of one of frequency one.
    mirrored = torch.cat([y[:, : 2 * quarter], -y[:, 2 * quarter : 3 * quarter], y[:, 3 * quarter :]], dim=1)
    twos, sixes = (even - odd).chunk(2, dim=1)
    pairs = [part.chunk(2, dim=1) for part in (fours, twos, sixes)]
    first = [x, *(pair[0] for pair in pairs)]
    second = [mirrored, *(pair[1] for pair in pairs)]
    return torch.cat([scalars, *first, *second], dim=1)


def _frequencies(fields: int) -> tuple[float, ...]:
    """Angular frequency of each vector of ``to_steerable``, (7 F / 4,) for F fields."""
    quarter = fields // FREQUENCY_GROUPS
    return (1.0,) * (2 * quarter) + tuple(frequency for frequency in (3.0, 5.0, 4.0, 2.0, 6.0) for _ in range(quarter))


def _rotate_values(features: Tensor, angles: Tensor) -> Tensor:
    """Steerable features (batch, angles, F * 4, rows, columns) at fixed cells, each rotated by its angle."""
    count = features.shape[2] // ORIENTATIONS
    frequencies = constant(_frequencies(count), angles.device)
    vectors = len(frequencies)
    scalars, first, second = torch.split(features, [count // 2, vectors, vectors], dim=2)
    phases = (angles[..., None] * frequencies)[..., None, None]
    c, s = torch.cos(phases), torch.sin(phases)
    return torch.cat([scalars, c * first - s * second, s * first + c * second], dim=2)


def rotate_query(query: Tensor, angles: Tensor) -> Tensor:
    """The query features after the object was rotated around the pick by each angle.

    Args:
        query: (batch, F * 4, side, side) float32 steerable features around the pick, side odd.
        angles: (batch, angles) radians.

    Returns:
        (batch, angles, F * 4, side, side) float32.
    """
    side = query.shape[-1]
    source = rotate_back(window_offsets(side // 2, query.device), angles) + side / 2
    moved = sample(query, source).transpose(1, 2)
    return _rotate_values(moved, angles)


def match_everywhere(query: Tensor, key: Tensor, angles: Tensor) -> Tensor:
    """Correlation of a query, rotated by each angle, with the whole map.

    Rotating the query by a further quarter turn is the same as rotating the map back by a quarter turn and the result
    forth, which is exact. So only a quarter of the angles is transformed, once for the upright map and once for the map
    on its side.

    Args:
        query: (batch, F * 4, side, side) float32 steerable features around the pick, side odd.
        key: (batch, F * 4, rows, columns) float32 steerable features of the scene.
        angles: (angles,) radians, evenly spaced over a full turn.

    Returns:
        (batch, angles, rows, columns) float32: the value with the centre of the query on each cell. Beyond the map, the
        key counts as zero.
    """
    if len(angles) % ORIENTATIONS:
        return correlate_everywhere(rotate_query(query, angles.expand(len(query), -1)), key[:, None])[:, 0]
    rotated = rotate_query(query, angles[: len(angles) // ORIENTATIONS].expand(len(query), -1))
    parts = {}
    for turns in ((0, 2), (1, 3)):
        maps = torch.stack([_rotate_map(key, -turn) for turn in turns], dim=1)
        for turn, match in zip(turns, correlate_everywhere(rotated, maps).unbind(dim=1), strict=True):
            parts[turn] = rotate_quarter_turns(match, turn)
    return torch.cat([parts[turn] for turn in range(ORIENTATIONS)], dim=1)


def match_nearby(query: Tensor, patches: Tensor, angles: Tensor) -> Tensor:
    """Correlation of a query, rotated by each angle, with patches of the map, at all offsets inside them.

    Patches are turned by quarters instead of the query, as in ``match_everywhere``, if they are few beside the angles.

    Args:
        query: (batch, F * 4, side, side) float32 steerable features around the pick, side odd.
        patches: (batch, patches, F * 4, side + n - 1, side + n - 1) float32 steerable features of the scene.
        angles: (angles,) float32 radians, evenly spaced over a full turn.

    Returns:
        (batch, patches, angles, n, n) float32: index 0 has the first row or column of the query on that of the patch.
    """
    count = patches.shape[1]
    # Turned patches are transformed, too: with more of them, that takes as long as the queries.
    if len(angles) % ORIENTATIONS or 2 * ORIENTATIONS * count > len(angles):
        return correlate_nearby(rotate_query(query, angles.expand(len(query), -1)), patches)
    rotated = rotate_query(query, angles[: len(angles) // ORIENTATIONS].expand(len(query), -1))
    flat = patches.flatten(0, 1)
    turned = [_rotate_map(flat, -turn).view_as(patches) for turn in range(ORIENTATIONS)]
    matches = correlate_nearby(rotated, torch.cat(turned, dim=1)).chunk(ORIENTATIONS, dim=1)
    return torch.cat([rotate_quarter_turns(match, turn) for turn, match in enumerate(matches)], dim=2)


def _rotate_map(maps: Tensor, turns: int) -> Tensor:
    """A map of steerable features (batch, F * 4, rows, columns) after the scene was rotated by quarter turns."""
    if turns == 0:
        return maps
    angle = torch.full((len(maps), 1), turns * math.pi / 2, device=maps.device)
    return rotate_quarter_turns(_rotate_values(maps[:, None], angle)[:, 0], turns)
