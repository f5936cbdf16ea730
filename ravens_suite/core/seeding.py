"""Splits, and the random streams of an episode.

The same seed number under two splits, or in two streams, gives independent numbers: splits are disjoint by
construction and an agent's choices never shift the scene.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from ravens_suite.errors import ConfigError, UnknownNameError

Split = Literal["train", "val", "test"]
RandomStream = Literal[
    "scene", "oracle", "sensor", "appearance", "distractors", "goal", "agent", "wording", "perturbation"
]

SPLITS: tuple[Split, ...] = get_args(Split)
_STREAMS: tuple[RandomStream, ...] = get_args(RandomStream)


def checked_seed(seed: int) -> int:
    """A seed as a plain whole number; those of NumPy are taken, too.

    Raises:
        ConfigError: it is none, or negative.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ConfigError(f"seed must be a whole number >= 0; got {seed!r}.")
    return int(seed)


def generator(seed: int, split: Split, stream: RandomStream) -> np.random.Generator:
    """The random generator of one random stream of one episode.

    Args:
        seed: non-negative episode seed.
        split: ``train``, ``val`` or ``test``.
        stream: what the numbers are for.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    key = (SPLITS.index(split), _STREAMS.index(stream))
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=key))
