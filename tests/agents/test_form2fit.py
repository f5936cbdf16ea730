"""The baseline "Form2Fit": the geometry of its descriptors, its candidates, and that it learns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from ravens_suite.agents.common.sampling import sample
from ravens_suite.agents.form2fit import (
    _RADIUS,
    Form2fit,
    Form2fitConfig,
    _best_cells,
    _near_only,
    _object_offsets,
    _rotated,
    _turned_crops,
)
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.published_augmentation import unmoved
from tests.agents import scenes

CONFIG = Form2fitConfig(
    widths=(8, 8, 8, 8, 8, 8, 8), head=8, angles=8, points=16, steps=16, precision="float32", device="cpu"
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def demonstrations(seed: int = 0) -> PickPlaceDataset:
    rng = np.random.default_rng(seed)
    return PickPlaceDataset([[scenes.insertion(rng).step(rng)]])


def test_a_point_of_the_object_is_found_in_the_crop_that_is_turned_with_it() -> None:
    row, column = torch.meshgrid(torch.arange(160) + 0.5, torch.arange(80) + 0.5, indexing="ij")
    image = torch.stack([column, row])[None]
    centre, turns = torch.tensor([30.0, 70.0]), torch.tensor([0.0, 0.7, 2.5])
    offsets = torch.tensor([[0.0, 0.0], [5.0, -3.0], [-10.0, 4.0]])
    crops = _turned_crops(image, centre, turns)
    found = sample(crops, _RADIUS + _rotated(offsets, turns)).transpose(1, 2)
    assert torch.allclose(found, (centre + offsets).expand(3, -1, -1), atol=1e-3)


def test_candidates_are_the_best_cells_and_picks_are_near_the_best_one() -> None:
    logits = torch.zeros(20, 30)
    logits[3, 4], logits[5, 6], logits[19, 29] = 3.0, 2.0, 2.5
    assert _best_cells(logits, 3).tolist() == [[4, 3], [29, 19], [6, 5]]
    near = _best_cells(_near_only(logits, torch.tensor([4.0, 3.0])), 500)
    assert near[:2].tolist() == [[4, 3], [6, 5]]
    assert len(near) == 12 * 13
    assert near[:, 0].max() == 12
    assert near[:, 1].max() == 11


def test_matching_points_lie_on_the_object_that_is_picked() -> None:
    step = demonstrations().episodes[0][0]
    points = step.pick + 2 * _object_offsets(unmoved(step), 50, np.random.default_rng(0))
    inside = step.pick_affinity[points[:, 1].astype(int), points[:, 0].astype(int)] > 0
    assert inside.mean() > 0.9


@pytest.mark.parametrize("turn", [0, 1, 3, 6])
def test_where_descriptors_say_so_it_turns_the_object_as_demonstrated(turn: int) -> None:
    """Descriptors are coordinates in the frame of the object: of its points in crops, and of where they go."""
    agent = Form2fit(CONFIG)
    pick, place, yaw = torch.tensor([25.0, 40.0]), torch.tensor([50.0, 100.0]), turn * math.pi / 4
    rows, columns = 160, 80

    def peak(at: Tensor) -> Tensor:
        row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        return -((column - at[0]) ** 2 + (row - at[1]) ** 2)[None, None].float()

    def descriptors(image: Tensor) -> Tensor:
        side = torch.meshgrid(*(torch.arange(size) + 0.5 for size in image.shape[-2:]), indexing="ij")
        here = torch.stack([side[1], side[0]])[None].expand(len(image), -1, -1, -1)
        if image.shape[-2:] == (rows, columns):
            return here - place[:, None, None] - 0.5
        # At the right angle a point of the object has moved by the same offset in the crop as in the scene.
        wrong = (torch.arange(len(image)) != turn).float()[:, None, None, None]
        return here - _RADIUS + 100 * wrong

    answers = {agent.net.pick: peak(pick), agent.net.place: peak(place)}
    agent._run = lambda net, image: answers[net] if net in answers else descriptors(image)  # type: ignore[method-assign]
    decision = agent.decide(demonstrations().episodes[0][0].scene)
    assert math.isclose(decision.yaw, yaw, abs_tol=1e-6)
    c, s = math.cos(yaw), math.sin(yaw)
    moved = np.array([[c, -s], [s, c]]) @ (decision.pick / 2 - 0.5 - pick.numpy())
    assert np.abs(decision.place / 2 - 0.5 - place.numpy() - moved).max() <= 1


def test_every_loss_falls_on_moved_scenes_of_one_demonstration() -> None:
    agent = Form2fit(replace(CONFIG, learning_rate=3e-3, matching_rate=3e-3))
    data = demonstrations()
    losses = [agent.fit_step(data, step) for step in range(16)]
    for name in ("pick", "place", "match"):
        assert np.mean([loss[name] for loss in losses[-4:]]) < 0.9 * np.mean([loss[name] for loss in losses[:4]])
