"""What gradients say of demonstrations and decisions; NumPy only, deterministic.

With ``g`` the gradient of an example at a checkpoint and ``K`` the inner products of the gradients of all
demonstrations, the part of an example's gradient that other examples share is seen in ``K``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from ravens_suite.insight.training_gradients import TrainingGradients

Array = NDArray[np.float64]

_DAMPING_ALONE, _DAMPING_HELD_OUT, _DAMPING_DECISION = 0.1, 0.01, 1.0
"""Added to the diagonal of ``K``, as a share of the mean squared norm of a gradient: by so much gradients may differ
without counting as different. Chosen on three tasks with state-mlp, before others were measured (docs/influence.md)."""
_TINY = 1e-12
_MOST_LEVERAGE = 0.999
_NOTHING = 1e-4
"""Of the mean norm of the demonstrations' gradients: a decision with less is as its loss wants it, but for rounding."""
_SAME = 0.5
"""Cosine distance at which groups of demonstrations are no longer joined."""


def demonstration_gradients(found: TrainingGradients) -> Array:
    """Mean gradient of the steps of each demonstration, (checkpoints, demonstrations, size) float64."""
    return _means(found.gradients.astype(np.float64), found.owners)


def demonstration_losses(found: TrainingGradients) -> Array:
    """Mean loss of the steps of each demonstration, (checkpoints, demonstrations) float64."""
    return _means(found.losses, found.owners)


def plain_self_influence(found: TrainingGradients) -> Array:
    """TracIn's self-influence of each demonstration: squared norms of gradients, summed over checkpoints.

    Returns:
        (demonstrations,) float64, the mean over the steps of each.
    """
    return np.asarray(_means(found.norms**2, found.owners).sum(axis=0))


def leverages(inner: Array, damping: float) -> Array:
    """How much each gradient stands alone: near 0 where others give it, near 1 where none does, (n,) float64.

    It is ``g (F + damping)^-1 g`` with ``F`` the sum of the outer products of all gradients (the empirical Fisher
    matrix): the influence function's self-influence (Koh and Liang, 2017, arXiv 1703.04730).

    Args:
        inner: (n, n) inner products of the gradients.
        damping: share of the mean squared norm.
    """
    scaled = inner / max(float(np.diag(inner).mean()), _TINY)
    solved = np.linalg.solve(scaled + damping * np.eye(len(scaled)), scaled)
    return np.clip(np.diag(solved), 0.0, 1.0)


def self_influence(found: TrainingGradients) -> Array:
    """How much each demonstration taught the agent that no other did: the mean of ``leverages`` over checkpoints.

    Demonstrations are ranked by it, the wrong or rare ones first. Plain TracIn looks at the norm alone, and so ranks
    hard examples first, right ones, too. What is right is shared by others; what is wrong, or rare, stands alone.

    Returns:
        (demonstrations,) float64 in 0 to 1, in the order of ``TrainingGradients.demonstrations``.
    """
    gradients = demonstration_gradients(found)
    return np.asarray(np.mean([leverages(each @ each.T, _DAMPING_ALONE) for each in gradients], axis=0))


def held_out_losses(found: TrainingGradients) -> Array:
    """The loss that each demonstration would have had if the agent had not seen it, estimated.

    In a linear model with squared loss, leaving an example out divides its residual by one minus its leverage. The
    leverages are those of gradients of equal length, which say what others could teach, not how large an error is.

    Returns:
        (checkpoints, demonstrations) float64.
    """
    rows = []
    for loss, gradients in zip(demonstration_losses(found), demonstration_gradients(found), strict=True):
        share = np.minimum(leverages(cosines(gradients, gradients), _DAMPING_HELD_OUT), _MOST_LEVERAGE)
        rows.append(loss / (1 - share) ** 2)
    return np.stack(rows)


def cosines(first: Array, second: Array) -> Array:
    """Cosines between the rows of (n, size) and (m, size) float64, as (n, m) float64; 0 for rows of zeros."""
    norms = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)[None]
    return np.asarray(np.where(norms > _TINY, first @ second.T / np.maximum(norms, _TINY), 0.0))


def influence_on(found: TrainingGradients, decision: Array) -> Array:
    """How each demonstrated step pushed the agent towards a decision (positive), or away from it (negative).

    By how much the decision's loss would rise without that step, to first order. Where there are natural gradients, it
    is their inner product with the decision's gradient, at their checkpoints. Else it is ``decision (F + damping)^-1
    step`` at every checkpoint, as in ``leverages``, which agrees less with training again. At a checkpoint, the largest
    one of all steps is 1.

    Args:
        found: of the run.
        decision: (checkpoints, size) float64 gradients of the decision's loss.

    Returns:
        (steps,) float64, the mean over checkpoints; within -1 to 1. Zeros where no gradient is left, as of what an
        agent did that copies by mean squared error: its loss is zero. What rounding leaves of it could say anything.
    """
    nothing = np.linalg.norm(decision, axis=1) <= _NOTHING * found.norms.mean(axis=1)
    decision = np.where(nothing[:, None], 0.0, decision)
    if found.natural is not None:
        late = decision[-len(found.natural) :]
        pushes = [natural.astype(np.float64) @ asked for natural, asked in zip(found.natural, late, strict=True)]
    else:
        each = zip(decision, found.gradients.astype(np.float64), strict=True)
        pushes = [_pushed_by_shared_gradients(asked, steps) for asked, steps in each]
    return np.asarray(np.mean([_largest_is_one(pushed) for pushed in pushes], axis=0))


def _pushed_by_shared_gradients(asked: Array, steps: Array) -> Array:
    """``asked (F + damping)^-1 steps``, (steps,), with ``F`` the outer products of the steps' gradients."""
    inner = steps @ steps.T
    scale = max(float(np.diag(inner).mean()), _TINY)
    solved = np.linalg.solve(inner / scale + _DAMPING_DECISION * np.eye(len(inner)), steps @ asked / scale)
    return np.asarray(solved)


def _largest_is_one(values: Array) -> Array:
    largest = float(np.abs(values).max())
    return values / largest if largest > 0 else np.zeros_like(values)


def mean_cosines(found: TrainingGradients, decision: Array) -> Array:
    """Cosines of each demonstrated step's gradient with that of a decision, the mean over checkpoints.

    Args:
        found: of the run.
        decision: (checkpoints, size) float64 gradients of the decision's loss.

    Returns:
        (steps,) float64, within -1 to 1.
    """
    each = [
        cosines(steps.astype(np.float64), asked[None])[:, 0]
        for steps, asked in zip(found.gradients, decision, strict=True)
    ]
    return np.asarray(np.mean(each, axis=0))


def groups(found: TrainingGradients) -> list[int]:
    """Groups of demonstrations that taught the same, numbered from 0, the largest first.

    Average linkage of the cosines between their gradients, over all checkpoints together.
    """
    gradients = demonstration_gradients(found)
    if gradients.shape[1] == 1:
        return [0]
    similar = np.mean([cosines(each, each) for each in gradients], axis=0)
    apart = np.clip(1 - (similar + similar.T) / 2, 0.0, 2.0)
    np.fill_diagonal(apart, 0.0)
    labels = fcluster(linkage(squareform(apart, checks=False), "average"), _SAME, "distance")
    return _largest_first([int(label) for label in labels])


def _largest_first(labels: Sequence[int]) -> list[int]:
    order = sorted(set(labels), key=lambda label: (-labels.count(label), labels.index(label)))
    return [order.index(label) for label in labels]


def _means(values: NDArray[np.float64], owners: NDArray[np.int64]) -> Array:
    """Means over the steps (second axis) of each owner."""
    return np.stack([values[:, owners == owner].mean(axis=1) for owner in range(int(owners.max()) + 1)], axis=1)
