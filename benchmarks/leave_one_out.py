"""Influence beside training again without one demonstration: a part of ``benchmarks/influence.py``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from planted import DEMOS, right
from scipy.stats import spearmanr
from trained_copies import Trained, fit, gradients_of, losses_of

from ravens_suite.data.store import EpisodeStore
from ravens_suite.insight import scores
from ravens_suite.insight.training_gradients import TrainingGradients
from ravens_suite.registry import load_agent

Array = NDArray[np.float64]
_SPLITS = 20
"""Of the seeds into two halves."""


def leave_one_out(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Rank correlation of influence with training again without each demonstration, by unseen demonstration."""
    rows = []
    for task in options.tasks:
        source = right(task, load_agent(options.agent), folder, max(options.demos, DEMOS))
        store, unseen = EpisodeStore.of(source, task, "train"), EpisodeStore.of(source, task, "val")
        seeds, asked = store.seeds()[: options.demos], [unseen.path(seed) for seed in unseen.seeds()[:10]]
        paths = [store.path(seed) for seed in seeds]
        runs = range(options.first_seed, options.first_seed + options.seeds)

        def train(kept: Sequence[Path], seed: int, task: str = task, source: Path = source) -> Trained:
            return fit(options.agent, task, source, kept, options.steps, seed)

        whole = [train(paths, seed) for seed in runs]
        rises = np.stack(
            [
                [
                    losses_of(train([*paths[:left], *paths[left + 1 :]], seed), asked) - losses_of(each, asked)
                    for left in range(len(paths))
                ]
                for seed, each in zip(runs, whole, strict=True)
            ]
        )
        said = {name: np.mean([call(each, paths, asked) for each in whole], axis=0) for name, call in _SAID.items()}
        found = {name: _rank_correlation(value, rises.mean(axis=0)) for name, value in said.items()}
        row = {
            "task": task,
            "demonstrations": len(paths),
            "asked": len(asked),
            "rank_correlation": found,
            **_most_possible(rises),
        }
        rows.append(row)
        print(json.dumps(rows[-1]), flush=True)
    return rows


def _rank_correlation(one: Array, other: Array) -> float:
    """Between the columns of two arrays, (demonstrations, asked) each, the mean over the columns."""
    each = [float(spearmanr(one[:, column], other[:, column])[0]) for column in range(one.shape[1])]
    return round(float(np.mean(each)), 3)


def _most_possible(rises: Array) -> dict[str, float]:
    """How well training again agrees with itself, which bounds what any estimate can reach.

    Two runs of training differ in their weights at the start and in the order of examples. The mean over half of the
    seeds is compared with that over the other half; from that follows how well the mean over all of them agrees with
    that over endlessly many (Spearman and Brown, 1910): its square root is the correlation of a perfect estimate.

    Args:
        rises: (seeds, demonstrations, asked) rise of a loss without a demonstration.
    """
    if len(rises) < 2:
        return {}
    rng, halves = np.random.default_rng(0), []
    for _ in range(_SPLITS):
        order = rng.permutation(len(rises))
        one, other = (rises[part].mean(axis=0) for part in np.array_split(order, 2))
        halves.append(_rank_correlation(one, other))
    agreement = max(float(np.mean(halves)), 0.0)
    whole = 2 * agreement / (1 + agreement)
    return {"agreement_of_halves": round(agreement, 3), "perfect_estimate": round(float(np.sqrt(whole)), 3)}


def _influence(how: Callable[[TrainingGradients, Array], Array]) -> Callable[[Trained, Any, Any], Array]:
    """Influence of each demonstration, the sum over its steps, on each asked one, (demonstrations, asked)."""

    def influence(trained: Trained, paths: Sequence[Path], asked: Sequence[Path]) -> Array:
        found, wanted = gradients_of(trained, paths), gradients_of(trained, asked, curved=False)
        first = scores.demonstration_gradients(wanted)  # (checkpoints, asked, size)
        columns = [how(found, first[:, index]) for index in range(first.shape[1])]
        owners = found.owners
        return np.stack([np.bincount(owners, column) for column in columns], axis=1)

    return influence


def _without_curvature(found: TrainingGradients, decision: Array) -> Array:
    """Influence as it is of agents that do not give their curvature."""
    return scores.influence_on(replace(found, natural=None), decision)


def _plain(found: TrainingGradients, decision: Array) -> Array:
    """TracIn: the sum of inner products."""
    return np.asarray(np.einsum("csd,cd->s", found.gradients.astype(np.float64), decision))


_SAID = {
    "influence": _influence(scores.influence_on),
    "without_curvature": _influence(_without_curvature),
    "plain_tracin": _influence(_plain),
    "cosine": _influence(scores.mean_cosines),
}
