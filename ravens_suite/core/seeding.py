"""Splits, and one random generator for each concern of an episode.

The same seed number under two splits, or for two concerns, gives independent streams: splits are disjoint by
construction and an agent's choices never shift the scene.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ravens_suite.errors import UnknownNameError

Split = Literal["train", "val", "test"]
Concern = Literal["scene", "oracle", "sensor", "appearance", "distractors", "goal", "agent"]

SPLITS: tuple[Split, ...] = get_args(Split)
_CONCERNS: tuple[Concern, ...] = get_args(Concern)


def generator(seed: int, split: Split, concern: Concern) -> np.random.Generator:
    """The random generator of one concern of one episode.

    Args:
        seed: non-negative episode seed.
        split: ``train``, ``val`` or ``test``.
        concern: what the numbers are for.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    key = (SPLITS.index(split), _CONCERNS.index(concern))
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=key))
