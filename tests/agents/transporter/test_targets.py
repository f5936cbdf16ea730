"""Soft targets are read back between cells, and the loss is least where the softmax is the target."""

from __future__ import annotations

import math

import pytest
import torch

from ravens_suite.agents.common.sampling import angle_grid
from ravens_suite.agents.transporter.targets import (
    angle_target,
    kl_divergence,
    mean_near,
    peak,
    pose_target,
    position_target,
)


def test_a_soft_target_is_read_back_between_cells() -> None:
    point = torch.tensor([[7.3, 12.8]])
    grid = angle_grid(36, torch.device("cpu"))[None]
    angle = torch.tensor([1.23])
    target = angle_target(angle, grid, 0.12)[0][:, None, None] * position_target(point, 20, 16, 0.8)[0]
    best, _ = peak(target.log())
    assert math.isclose(float(best[0]) * math.pi / 18, 1.23, abs_tol=1e-3)
    assert math.isclose(float(best[1]) + 0.5, 12.8, abs_tol=1e-3)
    assert math.isclose(float(best[2]) + 0.5, 7.3, abs_tol=1e-3)


def test_an_angle_is_read_back_across_the_end_of_the_circle() -> None:
    grid = angle_grid(36, torch.device("cpu"))
    for angle in (-0.06, 0.04):
        target = pose_target(
            torch.tensor([[[5.0, 6.0]]]), torch.tensor([[angle]]), grid, (12, 10), position_std=1.0, angle_std=0.1
        )
        best, _ = peak(target[0].log(), cyclic=True)
        assert math.isclose(math.remainder(float(best[0]) * math.pi / 18 - angle, 2 * math.pi), 0, abs_tol=1e-3)


def _highest(scores: torch.Tensor) -> torch.Tensor:
    return torch.stack(torch.unravel_index(scores.argmax(), scores.shape))


@pytest.mark.parametrize("angle", [-0.06, 0.04, 3.0])
def test_the_mean_around_a_maximum_is_that_of_its_target_alone(angle: float) -> None:
    """Between cells and across the end of the circle, whatever else is nearly as probable."""
    grid = angle_grid(36, torch.device("cpu"))
    places, yaws = torch.tensor([[[5.3, 6.2], [6.0, 15.0]]]), torch.tensor([[angle, angle + 1.5]])
    target = pose_target(places, yaws, grid, (22, 12), position_std=1.0, angle_std=math.radians(5))[0]
    target[:, 10:] *= 0.9
    best = mean_near(target.log(), _highest(target))
    assert abs(math.remainder(float(best[0]) * math.pi / 18 - angle, 2 * math.pi)) < math.radians(0.5)
    assert best[1:].add(0.5).tolist() == pytest.approx([6.2, 5.3], abs=0.02)


def test_the_mean_around_a_maximum_is_steadier_than_its_parabola() -> None:
    grid = angle_grid(36, torch.device("cpu"))
    place = torch.tensor([[[5.3, 6.2]]])
    target = pose_target(place, torch.tensor([[1.0]]), grid, (11, 11), position_std=1.0, angle_std=math.radians(5))[0]
    random = torch.Generator().manual_seed(0)
    errors: dict[str, list[float]] = {"mean": [], "parabola": []}
    for _ in range(40):
        logits = target.clamp_min(1e-6).log() + 0.3 * torch.randn(target.shape, generator=random)
        found = {"mean": mean_near(logits, _highest(logits)), "parabola": peak(logits, cyclic=True)[0]}
        for way, best in found.items():
            errors[way].append(float((best[1:] + 0.5 - torch.tensor([6.2, 5.3])).square().sum()))
    assert sum(errors["mean"]) < 0.6 * sum(errors["parabola"])


def test_the_mean_of_a_single_angle_is_at_that_angle() -> None:
    target = position_target(torch.tensor([[4.7, 3.1]]), 11, 11, 1.0)
    assert mean_near(target.log(), _highest(target)).tolist() == pytest.approx([0.0, 2.6, 4.2], abs=0.02)


def test_a_target_of_several_poses_has_a_bump_at_each_and_nowhere_else() -> None:
    grid = angle_grid(36, torch.device("cpu"))
    points, yaws = torch.tensor([[[2.5, 3.5], [8.5, 9.5]]]), torch.tensor([[0.0, math.pi]])
    target = pose_target(points, yaws, grid, (12, 10), position_std=0.7, angle_std=0.1)[0]
    assert target[0, 3, 2] == pytest.approx(1) and target[18, 9, 8] == pytest.approx(1)
    assert target[0, 9, 8] < 1e-3 and target[18, 3, 2] < 1e-3


def test_the_loss_is_zero_at_the_target_and_positive_elsewhere() -> None:
    target = position_target(torch.tensor([[2.5, 3.5], [1.0, 1.0]]), 6, 5, 1.0)
    assert float(kl_divergence(target.log() + 3, 2 * target)) == pytest.approx(0, abs=1e-6)
    assert float(kl_divergence(target.log().flip(0), target)) > 0.1


def test_beside_minus_infinity_the_peak_is_the_cell_itself() -> None:
    scores = torch.tensor([-math.inf, 2.0, 1.0])
    best, cell = peak(scores)
    assert best.tolist() == cell.tolist() == [1]
