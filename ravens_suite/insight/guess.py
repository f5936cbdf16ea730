"""The learnt guess of ``weakspots``: how likely an agent is to be sure and wrong in a scene of which little is known.

It is a logistic regression on what one decision shows, with a prior that stands for what one expects before any episode
was run: an agent is sure and wrong where it is sure and its decision, carried out by geometry alone, earns nothing.
Every episode that is run moves the weights. One input is a kernel estimate: the share of failures among the episodes
run so far, weighted by how alike their scenes are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

INPUTS = ("one", "sure", "wrong", "sure and wrong", "above", "nothing", "severity", "alike")
"""Of the regression: a constant; the calibrated confidence; whether the decision is imagined to earn nothing; their
product; whether it does and the confidence reaches the threshold; whether nothing is at the pick; grade / 5; the kernel
estimate."""
_PRIOR = np.array([-3.0, 0.0, 0.0, 2.0, 3.5, 0.0, 0.0, 1.0])
_PRECISION = 1.0
_WIDTH = 1.0
"""Of the kernel, in units of the layout's features: 25 cm, or a radian of yaw."""
_ITERATIONS = 50
_PRIOR_HITS, _PRIOR_MISSES = 0.15, 1.0
"""Of a change of the scene that was not tried yet; hits a grade, since larger changes are harder."""
_PRIOR_UNCHANGED = 0.1
"""Hits of scenes as they are."""
_HARDER, _NEIGHBOUR = 0.8, 0.5
"""How much an episode at a grade says about the next grade of the same axis: a failure about the harder one and a
success about the easier one, which follow from it if larger changes are harder; and the other way round."""


@dataclass(frozen=True)
class Sight:
    """What is known of a scene after one decision.

    Attributes:
        confidence: calibrated, of the decision.
        wrong: whether it is imagined to earn nothing.
        empty: whether nothing is imagined to be at the pick.
        severity: grade / 5 of the change of the scene; 0 for none.
        layout: (L,) where things are, in units of about 1.
    """

    confidence: float
    wrong: bool
    empty: bool
    severity: float
    layout: tuple[float, ...]


@dataclass(frozen=True)
class Guess:
    """The regression.

    Attributes:
        threshold: confidence from which an agent counts as sure.
        weights: one an input.
        layouts: of the episodes run so far.
        hits: 1 where the agent was sure and wrong, else 0.
    """

    threshold: float
    weights: tuple[float, ...] = tuple(_PRIOR.tolist())
    layouts: tuple[tuple[float, ...], ...] = ()
    hits: tuple[float, ...] = ()

    def __call__(self, sight: Sight) -> float:
        """Probability that the agent is sure and wrong in the scene's episode."""
        value = float(np.dot(self._inputs(sight, leave_out=-1), np.array(self.weights)))
        return 1 / (1 + math.exp(-min(max(value, -30.0), 30.0)))

    @staticmethod
    def fit(threshold: float, sights: Sequence[Sight], hits: Sequence[bool]) -> Guess:
        """From the episodes run so far."""
        outcomes = tuple(float(hit) for hit in hits)
        guess = Guess(threshold, layouts=tuple(sight.layout for sight in sights), hits=outcomes)
        if not sights:
            return guess
        rows = np.stack([guess._inputs(sight, leave_out=index) for index, sight in enumerate(sights)])
        weights = _regress(rows, np.array(outcomes))
        return Guess(threshold, tuple(weights.tolist()), guess.layouts, outcomes)

    def _inputs(self, sight: Sight, leave_out: int) -> Values:
        wrong = float(sight.wrong)
        sure = sight.confidence
        above = wrong * float(sure >= self.threshold)
        alike = self._alike(sight.layout, leave_out)
        return np.array([1.0, sure, wrong, sure * wrong, above, float(sight.empty), sight.severity, alike])

    def _alike(self, layout: tuple[float, ...], leave_out: int) -> float:
        """Share of failures among episodes of similar layouts, less what they are by themselves."""
        others = [index for index in range(len(self.hits)) if index != leave_out]
        if not others:
            return 0.0
        points = np.array([self.layouts[index] for index in others])
        hits = np.array([self.hits[index] for index in others])
        squares = ((points - np.array(layout)) ** 2).mean(axis=1)
        kernel = np.exp(-squares / (2 * _WIDTH**2 / 4))
        mean = float(hits.mean())
        return (float(kernel @ hits) + mean) / (float(kernel.sum()) + 1.0) - mean


def choose_arm(
    rng: np.random.Generator, arms: Sequence[tuple[str, int]], tried: Sequence[tuple[tuple[str, int], bool]]
) -> tuple[str, int]:
    """Which change of the scene to look at next, by Thompson sampling.

    Args:
        rng: draws from what is believed of each.
        arms: (axis, grade) of the changes.
        tried: the arm of every episode so far, and whether the agent was sure and wrong in it.
    """
    drawn = []
    for axis, grade in arms:
        hits, misses = _PRIOR_HITS * grade if axis else _PRIOR_UNCHANGED, _PRIOR_MISSES
        for (other, at), hit in tried:
            share = _says(at, grade, hit=hit) if other == axis else 0.0
            hits, misses = hits + share * hit, misses + share * (not hit)
        drawn.append(float(rng.beta(hits, misses)))
    return arms[int(np.argmax(drawn))]


def _says(at: int, grade: int, *, hit: bool) -> float:
    """How much an episode at a grade counts for another grade of the same axis."""
    follows = _HARDER if (grade > at) == hit else _NEIGHBOUR
    return float(follows ** abs(grade - at))


def _regress(rows: Values, outcomes: Values) -> Values:
    """Weights of the regression with a normal prior around ``_PRIOR``, by Newton's method with halved steps."""
    weights = _PRIOR.copy()
    loss = _loss(rows, outcomes, weights)
    for _ in range(_ITERATIONS):
        p = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        gradient = rows.T @ (p - outcomes) + _PRECISION * (weights - _PRIOR)
        hessian = (rows * (p * (1 - p))[:, None]).T @ rows + _PRECISION * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-4 and _loss(rows, outcomes, weights - size * step) > loss:
            size /= 2
        weights = weights - size * step
        after = _loss(rows, outcomes, weights)
        if loss - after < 1e-9:
            break
        loss = after
    return weights


def _loss(rows: Values, outcomes: Values, weights: Values) -> float:
    odds = np.clip(rows @ weights, -30, 30)
    return float((np.logaddexp(0, odds) - outcomes * odds).sum() + _PRECISION * ((weights - _PRIOR) ** 2).sum() / 2)
