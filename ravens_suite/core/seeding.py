"""Splits, and the random streams of an episode.

The same seed number under two splits, or in two streams, gives independent numbers: splits are disjoint by
construction and an agent's choices never shift the scene.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import numpy as np

from ravens_suite.errors import ConfigError, UnknownNameError

Split = Literal["train", "val", "test"]
RandomStream = Literal[
    "scene", "oracle", "sensor", "appearance", "distractors", "goal", "agent", "wording", "perturbation"
]

SPLITS: tuple[Split, ...] = get_args(Split)
_STREAMS: tuple[RandomStream, ...] = get_args(RandomStream)

T = TypeVar("T")


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


def drawn(rng: np.random.Generator, draw: Callable[[np.random.Generator], T], count: int, usual: int) -> list[T]:
    """Random values, of which the generator gives the same number however many are asked for.

    So what it gives afterwards does not depend on the count, and no value on how many others there are.

    Args:
        rng: it is asked for ``usual`` values; what there is beyond comes from a generator that it spawns.
        draw: makes one value.
        count: values to return.
        usual: values to draw at least.
    """
    values = [draw(rng) for _ in range(usual)]
    (other,) = rng.spawn(1)
    return [*values, *(draw(other) for _ in range(count - usual))][:count]
