"""A query rotated by every angle is matched with the scene, in whatever way the angles are computed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.sampling import angle_grid, crop
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.agents.transporter.matching import match_everywhere, match_nearby, rotate_query, to_steerable
from ravens_suite.agents.transporter.targets import peak
from ravens_suite.core.geometry import Pose
from tests.agents import scenes
from tests.agents.fields import rotate_fields


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotating_a_query_by_a_quarter_turn_is_rotating_its_fields(turns: int) -> None:
    torch.manual_seed(1)
    fields = torch.randn(1, 16, 9, 9)
    turned = rotate_query(to_steerable(fields), torch.full((1, 1), turns * math.pi / 2))[:, 0]
    torch.testing.assert_close(turned, to_steerable(rotate_fields(fields, turns)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [24, 8, 9, 1])
@pytest.mark.parametrize("start", [0.0, 0.7])
def test_matching_turns_the_query_by_every_angle(count: int, start: float) -> None:
    """However many quarter turns are made of others, with its gradients.

    For nine angles and for one, none are; nearby, none are for eight, since three patches are too many.
    """
    torch.manual_seed(4)
    query, key = torch.randn(2, 16, 5, 5, requires_grad=True), torch.randn(2, 16, 12, 9, requires_grad=True)
    patches = torch.randn(2, 3, 16, 9, 9, requires_grad=True)
    angles = angle_grid(count, query.device) + start

    def plain(maps: torch.Tensor, padding: int) -> torch.Tensor:
        turned = rotate_query(query, angles.expand(2, -1))
        pairs = zip(maps, turned, strict=True)
        return torch.stack([torch.nn.functional.conv2d(m, q, padding=padding) for m, q in pairs])

    for ours, theirs, maps in (
        (match_everywhere(query, key, angles), plain(key[:, None], 2)[:, 0], key),
        (match_nearby(query, patches, angles), plain(patches, 0), patches),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-4)
        weights = torch.randn_like(ours)
        slopes, wanted = (torch.autograd.grad((m * weights).sum(), (query, maps)) for m in (ours, theirs))
        torch.testing.assert_close(slopes, wanted, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_matching_the_object_itself_gives_pose_and_sign_of_the_angle(seed: int) -> None:
    """With the drawn L as its own feature, the best match is where the oracle places it, turned as the oracle does."""
    rng = np.random.default_rng(seed)
    scene = scenes.insertion(rng)
    action = scene.oracle(rng)
    pick, place = (np.array(pose.position[:2]) for pose in (action.pick, action.place))

    def features(pose: np.ndarray) -> torch.Tensor:
        mask = torch.from_numpy(scenes.fill(scenes.place(scene.block, pose))).float()
        return torch.nn.functional.avg_pool2d(mask[None, None], 2) - 0.05

    start = torch.tensor(to_pixels(Pose.planar(*pick)) / 2, dtype=torch.float32)[None]
    query = crop(features(scene.start), start, 24)
    fields = torch.zeros(1, 16, *query.shape[-2:])
    fields[:, :4] = query
    key = torch.zeros(1, 16, 160, 80)
    key[:, :4] = features(scene.targets[0])
    angles = angle_grid(36, torch.device("cpu"))
    scores = match_everywhere(to_steerable(fields), to_steerable(key), angles)[0]
    best, _ = peak(scores)
    expected = to_pixels(Pose.planar(*place)) / 2 - 0.5
    assert abs(float(best[2]) - expected[0]) < 1 and abs(float(best[1]) - expected[1]) < 1
    yaw = scene.targets[0][2] - scene.start[2]
    assert abs(math.remainder(float(best[0]) * math.pi / 18 - yaw, 2 * math.pi)) < math.radians(6)
