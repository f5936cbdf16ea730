"""Projected gradients, and what is made of them: on gradients made up here, where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.errors import DivergedError
from ravens_suite.insight import scores
from ravens_suite.insight.gradients import GradientSketch, _directions, natural_gradients
from ravens_suite.insight.training_gradients import DemonstratedStep, TrainingGradients, late


def made(gradients: np.ndarray, owners: list[int], losses: np.ndarray | None = None) -> TrainingGradients:
    """As of a run: gradients (checkpoints, steps, size), and for each step the number of its demonstration."""
    count = [owners[:index].count(owner) for index, owner in enumerate(owners)]
    steps = tuple(DemonstratedStep("task", owner, step) for owner, step in zip(owners, count, strict=True))
    norms = np.linalg.norm(gradients.astype(np.float64), axis=2)
    checkpoints = tuple(range(1, len(gradients) + 1))
    return TrainingGradients(steps, checkpoints, norms if losses is None else losses, norms, gradients)


def shared_and_alone(count: int = 12, seed: int = 0) -> TrainingGradients:
    """Demonstrations 0 to count - 2 share three directions; the last one, no larger than they, has one of its own."""
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(2, count, 3)) @ np.eye(3, 40)
    gradients[:, -1] = 2.0 * np.eye(40)[30]
    return made(gradients.astype(np.float32), list(range(count)))


@given(st.integers(0, 2**32 - 1))
def test_projections_keep_inner_products_up_to_their_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = {"a": torch.nn.Parameter(torch.zeros(40, 50)), "b": torch.nn.Parameter(torch.zeros(700))}
    size = 1024
    sketch = GradientSketch(parameters, size)
    first, second = (torch.from_numpy(rng.normal(size=2700)).float() for _ in range(2))

    def loss(direction: torch.Tensor) -> torch.Tensor:
        whole = torch.cat([parameter.flatten() for parameter in parameters.values()])
        return whole @ direction

    (a, norm), (b, _) = sketch(loss(first)), sketch(loss(second))
    assert a.shape == (size,) and a.dtype == np.float32
    assert norm == pytest.approx(float(first.norm()), rel=1e-5)
    exact = float(first @ second)
    assert abs(float(a @ b) - exact) < 6 * float(first.norm() * second.norm()) / size**0.5


@pytest.mark.parametrize("size", [0, 6, 100])
def test_small_gradients_are_kept_whole_and_what_is_not_used_has_none(size: int) -> None:
    used, unused = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    sketch = GradientSketch({"used": used, "unused": unused}, size)
    gradient, norm = sketch((used**2).sum())
    assert sketch.whole and gradient.tolist() == [2, 2, 2, 2, 0, 0] and norm == 4


def test_a_gradient_that_is_not_finite_is_named() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    with pytest.raises(DivergedError, match="not finite"):
        GradientSketch({"weight": weight}, 0)(torch.sqrt(weight).sum())


@given(st.integers(2, 20), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_self_influence_is_a_share_and_independent_of_the_order(count: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(3, count, size)).astype(np.float32)
    found = scores.self_influence(made(gradients, list(range(count))))
    assert np.all((found >= 0) & (found <= 1))
    order = rng.permutation(count)
    assert scores.self_influence(made(gradients[:, order], list(range(count)))) == pytest.approx(found[order], abs=1e-6)
    assert scores.self_influence(made(gradients * 7, list(range(count)))) == pytest.approx(found, abs=1e-6)


def test_what_no_other_demonstration_shares_comes_first() -> None:
    found = shared_and_alone()
    assert int(np.argmax(scores.self_influence(found))) == len(found.demonstrations) - 1


def test_a_loss_that_others_do_not_help_is_larger_when_left_out() -> None:
    found = shared_and_alone()
    losses = np.ones((2, len(found.steps)))
    estimated = scores.held_out_losses(made(found.gradients, list(range(len(found.steps))), losses)).mean(axis=0)
    assert np.all(estimated >= 1) and int(np.argmax(estimated)) == len(found.steps) - 1


def test_a_demonstration_of_several_steps_counts_as_the_mean_of_them() -> None:
    gradients = np.array([[[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]], dtype=np.float32)
    found = made(gradients, [0, 0, 1])
    assert found.demonstrations == [("task", 0, ""), ("task", 1, "")]
    assert scores.demonstration_gradients(found).tolist() == [[[2.0, 0.0], [0.0, 2.0]]]
    assert scores.plain_self_influence(found).tolist() == [5.0, 4.0]


def test_steps_that_lower_the_loss_of_a_decision_push_towards_it_and_the_others_away() -> None:
    gradients = np.array([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]], dtype=np.float32)
    found = made(gradients, [0, 1, 2])
    decision = np.array([[2.0, 0.0]])
    towards, away, apart = scores.influence_on(found, decision)
    assert towards == pytest.approx(1) and away == pytest.approx(-1) and apart == pytest.approx(0)
    assert scores.mean_cosines(found, decision) == pytest.approx([1, -1, 0])


@given(st.integers(2, 8), st.integers(1, 3), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_natural_gradients_are_the_gradients_by_the_damped_curvature(
    steps: int, terms: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(steps * terms, size)).astype(np.float32)
    g = rng.normal(size=(steps, size)).astype(np.float32)
    curvature = rows.T.astype(np.float64) @ rows
    damping = 1e-4 * np.trace(curvature)
    found = natural_gradients(g, rows)
    assert found.dtype == np.float32
    assert found @ (curvature + damping * np.eye(size)) == pytest.approx(g, abs=2e-2)


def test_natural_gradients_say_what_a_least_squares_fit_would_be_without_a_step() -> None:
    rng = np.random.default_rng(0)
    inputs, asked = rng.normal(size=(60, 3)) * (3, 1, 0.3), rng.normal(size=3)
    targets = inputs @ rng.normal(size=3) + 0.1 * rng.normal(size=60)

    def fit(kept: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.lstsq(inputs[kept], targets[kept], rcond=None)[0])

    every = np.arange(60)
    whole = fit(every)
    rises = [(fit(every[every != left]) @ asked - 2.0) ** 2 - (whole @ asked - 2.0) ** 2 for left in every]
    residuals = inputs @ whole - targets
    gradients = (2 * residuals[:, None] * inputs).astype(np.float32)
    natural = natural_gradients(gradients, (2**0.5 * inputs).astype(np.float32))
    found = replace(made(gradients[None], list(range(60))), natural=natural[None])
    decision = (2 * (whole @ asked - 2.0) * asked)[None]
    pushed = scores.influence_on(found, decision)
    assert np.corrcoef(pushed, rises)[0, 1] > 0.97
    assert np.abs(pushed).max() == pytest.approx(1)
    assert np.corrcoef(scores.influence_on(replace(found, natural=None), decision), rises)[0, 1] < 0.9


@pytest.mark.parametrize("steps", [1, 48, 49])
def test_many_steps_get_natural_gradients_at_the_last_checkpoint_alone(steps: int) -> None:
    assert late([4, 16, 36, 64, 100], steps) == ({64, 100} if steps <= 48 else {100})
    assert late([7], steps) == {7}


def test_curvature_that_is_not_finite_is_named() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(DivergedError, match="curvature_terms is not finite"):
        GradientSketch({"weight": weight}, 0).of_sums(torch.sqrt(weight), torch.eye(2))


def test_a_step_may_have_no_terms_of_curvature() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    assert GradientSketch({"weight": weight}, 0).of_sums(weight[:0], _directions(0, 5, 0)).shape == (0, 2)


def test_fewer_sums_of_terms_add_up_to_the_same_curvature_on_average() -> None:
    weight = torch.nn.Parameter(torch.zeros(6))
    sketch = GradientSketch({"weight": weight}, 0)
    assert sketch.of_sums(weight, _directions(6, 9, 0)).tolist() == np.eye(6).tolist()
    several = [sketch.of_sums(weight, _directions(6, 2, seed)) for seed in range(2000)]
    assert all(np.allclose(rows @ rows.T, 3 * np.eye(2), atol=1e-5) for rows in several)
    assert np.mean([rows.T @ rows for rows in several], axis=0) == pytest.approx(np.eye(6), abs=0.15)


def test_gradients_of_zeros_say_nothing_and_break_nothing() -> None:
    found = made(np.zeros((2, 3, 4), dtype=np.float32), [0, 1, 2])
    assert scores.self_influence(found).tolist() == [0, 0, 0]
    assert scores.influence_on(found, np.zeros((2, 4))).tolist() == [0, 0, 0]
    natural = natural_gradients(found.gradients[0], np.zeros((3, 4), dtype=np.float32))[None]
    assert scores.influence_on(replace(found, natural=natural), np.zeros((2, 4))).tolist() == [0, 0, 0]
    assert len(scores.groups(found)) == 3


def test_demonstrations_that_taught_the_same_are_one_group() -> None:
    rng = np.random.default_rng(0)
    centres = np.eye(2, 20)[[0, 0, 0, 1, 1]]
    gradients = (centres + 0.05 * rng.normal(size=(2, 5, 20))).astype(np.float32)
    assert scores.groups(made(gradients, list(range(5)))) == [0, 0, 0, 1, 1]
    assert scores.groups(made(gradients[:, :1], [0])) == [0]


@pytest.mark.parametrize("natural", [False, True])
def test_what_rounding_leaves_of_a_decision_says_nothing(natural: bool) -> None:
    """The largest push is made 1, so that noise would be, too."""
    found = shared_and_alone()
    if natural:
        found = replace(found, natural=found.gradients)
    asked = np.random.default_rng(1).normal(size=(2, 40))
    assert np.abs(scores.influence_on(found, asked)).max() > 0.5
    assert not scores.influence_on(found, 1e-7 * asked).any()
    one = scores.influence_on(found, asked * np.array([[1e-7], [1.0]]))
    alone = scores.influence_on(found, asked * np.array([[0.0], [1.0]]))
    assert one.any() and np.array_equal(one, alone)
