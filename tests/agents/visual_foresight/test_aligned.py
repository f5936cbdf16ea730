"""How an action sees its scene."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ravens_suite.agents.visual_foresight.aligned import View
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.models.transport import Transport

ACTIONS = torch.tensor([[20.0, 30, 60, 110, 0.3], [40, 80, 40, 80, 0], [66, 140, 30, 60, 1], [18, 50, 60, 50, 0]])


def spots(positions: Tensor) -> Tensor:
    """(B, 1, 160, 80): a round spot at one position (column, row) of each map."""
    rows, columns = torch.arange(160)[:, None] + 0.5, torch.arange(80)[None] + 0.5
    x, y = positions[:, 0, None, None], positions[:, 1, None, None]
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)[:, None]


def centres(maps: Tensor) -> Tensor:
    """(B, 2) column and row of the means of maps."""
    mass = maps[:, 0] / maps[:, 0].sum(dim=(1, 2), keepdim=True)
    columns, rows = torch.arange(80) + 0.5, torch.arange(160) + 0.5
    return torch.stack([(mass.sum(1) * columns).sum(1), (mass.sum(2) * rows).sum(1)], dim=1)


def test_every_action_leads_along_the_rows_about_the_middle() -> None:
    view = View.of(ACTIONS)
    picks, places = (centres(view.look(spots(ACTIONS[:, at : at + 2]))) for at in (0, 2))
    torch.testing.assert_close((picks + places) / 2, torch.tensor([[40.0, 80.0]]).expand(4, 2), atol=0.05, rtol=0)
    torch.testing.assert_close(picks[:, 0], torch.full((4,), 40.0), atol=0.05, rtol=0)
    lengths = torch.linalg.vector_norm(ACTIONS[:, 2:4] - ACTIONS[:, :2], dim=1)
    torch.testing.assert_close(places[:, 1] - picks[:, 1], lengths, atol=0.05, rtol=0)
    torch.testing.assert_close(view.actions[:, :2], picks, atol=0.05, rtol=0)
    torch.testing.assert_close(view.actions[:, 2:4], places, atol=0.05, rtol=0)
    assert torch.equal(view.actions[:, 4], ACTIONS[:, 4])


def test_what_is_carried_is_seen_at_the_place_and_is_not_turned() -> None:
    view = View.of(ACTIONS)
    beside = ACTIONS[:, :2] + torch.tensor([-5.0, 4.0])
    carried = centres(view.look(spots(beside), carried=True))
    there = centres(view.look(spots(ACTIONS[:, 2:4] + torch.tensor([-5.0, 4.0]))))
    torch.testing.assert_close(carried, there, atol=0.05, rtol=0)


@pytest.mark.parametrize("size", [1, 2])
def test_what_is_found_comes_back_to_where_it_was_seen(size: int) -> None:
    view, positions = View.of(ACTIONS), (ACTIONS[:, :2] + ACTIONS[:, 2:4]) / 2 + torch.tensor([4.0, -7.0])
    found = functional.avg_pool2d(view.look(spots(positions)), size)
    torch.testing.assert_close(centres(view.back(found)), positions, atol=0.1, rtol=0)


def turned(maps: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Maps of 160 x 80 pixels and actions turned by half a turn about the middle of the table."""
    middle = torch.tensor([80.0, 160.0])
    ends = torch.cat([middle - actions[:, :2], middle - actions[:, 2:4], actions[:, 4:]], dim=1)
    return maps.flip((-1, -2)), ends


def test_a_turned_scene_is_predicted_turned() -> None:
    torch.manual_seed(0)
    model = Transport(VisualForesightConfig(width=4, precision="float32"))
    torch.nn.init.normal_(model.picture.out.weight, std=0.05)
    model.picture.look.weight.data = symmetric(model.picture.look.weight.data)
    actions = ACTIONS + torch.tensor([0.5, 0.5, 0, 0, 0])  # Within pixels, not between two of them.
    scenes = torch.cat([spots(actions[:, :2] + at) for at in (-3.0, 0.0, 3.0, 1.0)], dim=1)
    made, (again, back) = model.predict(scenes, actions).scene, turned(scenes, actions)
    torch.testing.assert_close(model.predict(again, back).scene[[0, 2, 3]].flip((-1, -2)), made[[0, 2, 3]])


def symmetric(weight: Tensor) -> Tensor:
    """The part of a kernel that half a turn leaves as it is."""
    return (weight + weight.flip((-1, -2))) / 2


def test_nothing_else_than_the_way_turns_the_view() -> None:
    other = ACTIONS + torch.tensor([0, 0, 0, 0, math.pi / 3])
    assert torch.equal(View.of(other).ahead, View.of(ACTIONS).ahead)
