"""A small episode with everything an episode may hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.types import quantize_depth
from ravens_suite.data.episode import Episode


def _make_episode(seed: int = 3, steps: int = 2, size: tuple[int, int] = (24, 32)) -> Episode:
    rng = np.random.default_rng(seed)
    color = np.repeat(rng.integers(0, 255, (1, 3, *size, 3), dtype=np.uint8), steps + 1, axis=0)
    color[1:, :, 4:9, 4:9] = 200
    poses = rng.normal(size=(steps + 1, 7))
    poses[0] = np.nan
    return Episode(
        task="block-insertion",
        split="train",
        seed=seed,
        observations={
            "color": color,
            "depth": quantize_depth(rng.uniform(0.5, 10, (steps + 1, 3, *size))),
            "segmentation": rng.integers(0, 70000, (steps + 1, 3, *size), dtype=np.int32),
            "joints": rng.normal(size=(steps + 1, 6)),
        },
        actions={"pick": rng.normal(size=(steps, 7)), "place": rng.normal(size=(steps, 7))},
        rewards=np.linspace(0, 1, steps),
        poses={"block": poses, "fixture": rng.normal(size=(steps + 1, 7))},
        cameras=published_cameras(size),
        success=True,
        metadata={"renderer": "tiny", "versions": {"numpy": "2"}, "motion": [{"outcome": "done", "steps": 4}]},
    )


@pytest.fixture
def make_episode() -> Callable[..., Episode]:
    return _make_episode


@pytest.fixture
def episode() -> Episode:
    return _make_episode()
