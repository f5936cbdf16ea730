"""Targets of way-points, and how they are read off again."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ravens_suite.agents.waypoint_act.losses import (
    TURN,
    _between,
    _missing,
    displaced,
    position_loss,
    read_level,
    read_position,
    read_turn,
)


def _descended(loss_of: object, logits: Tensor) -> Tensor:
    """Logits after gradient descent on a loss."""
    logits = logits.requires_grad_()
    optimiser = torch.optim.Adam([logits], 0.3)
    for _ in range(150):
        optimiser.zero_grad()
        loss_of(logits).sum().backward()  # type: ignore[operator]
        optimiser.step()
    return logits.detach()


@pytest.mark.parametrize("point", [(3.5, 7.5), (3.2, 7.9), (0.0, 0.1), (11.99, 19.99)])
def test_a_position_that_is_learned_is_read_off_between_cells(point: tuple[float, float]) -> None:
    target = torch.tensor([[point]])
    logits = _descended(lambda maps: position_loss(maps, target), torch.zeros(1, 1, 20, 12))
    nearest = target[0, 0].clamp(torch.tensor(0.5), torch.tensor([11.5, 19.5]))
    torch.testing.assert_close(read_position(logits[0, 0]), nearest, atol=0.1, rtol=0)


def test_the_loss_of_a_position_is_least_where_it_is() -> None:
    maps = torch.zeros(1, 1, 20, 12)
    maps[0, 0, 7, 3] = 8
    there, beside = (float(position_loss(maps, torch.tensor([[[c, 7.5]]]))) for c in (3.5, 5.5))
    assert there < 0.2 < beside


@given(st.floats(-10, 10))
def test_turns_are_read_off_as_they_were_learned_whatever_their_number_of_rounds(angle: float) -> None:
    nodes = torch.full((1, 1, 36), -20.0)
    value = angle / TURN % 36
    low = math.floor(value)
    nodes[0, 0, low % 36], nodes[0, 0, (low + 1) % 36] = (
        math.log(max(1 - value + low, 1e-9)),
        math.log(max(value - low, 1e-9)),
    )
    assert math.cos(read_turn(nodes[0, 0]) - angle) > math.cos(0.01)
    assert float(_between(nodes, torch.tensor([[angle / TURN]]), cyclic=True)) < 0.7


@pytest.mark.parametrize("height", [0.0, 0.004, 0.033, 0.27, 0.375])
def test_heights_are_read_off_as_they_were_learned(height: float) -> None:
    target = torch.tensor([[height / 0.01]])
    logits = _descended(lambda nodes: _between(nodes, target, cyclic=False), torch.zeros(1, 1, 40))
    assert read_level(logits[0, 0]) == pytest.approx(height, abs=0.002)


@given(st.lists(st.floats(-3, 3), min_size=7, max_size=7))
def test_what_is_missing_leads_from_a_displaced_pose_back(values: list[float]) -> None:
    pose, errors = torch.tensor([[[*values[:4], 1.0]]]), torch.tensor([[values[4:]]])
    wrong = displaced(pose, errors)
    back = displaced(wrong, _missing(wrong, pose))
    torch.testing.assert_close(back[..., :3], pose[..., :3], atol=1e-4, rtol=0)
    torch.testing.assert_close((back - pose[..., :4])[..., 3].cos(), torch.ones(1, 1), atol=1e-5, rtol=0)
