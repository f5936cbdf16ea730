"""Steps of demonstrations come out of their packing as they went in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.pick_place import packing
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.free_objects import FreeObject
from ravens_suite.agents.pick_place.packing import PackedArrays, PackedEpisode, Store
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.core.heightmap import Heightmap

_SHAPE = (12, 9)


def _same(first: Any, second: Any) -> bool:
    """Whether two values are equal bit for bit, with all that is in them."""
    if isinstance(first, np.ndarray):
        kinds = (first.dtype, first.shape) == (second.dtype, second.shape)
        return kinds and first.tobytes() == second.tobytes()
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    if is_dataclass(first):
        return all(_same(getattr(first, each.name), getattr(second, each.name)) for each in fields(first))
    return bool(first == second)


def _scene(rng: np.random.Generator) -> Heightmap:
    return Heightmap(rng.integers(0, 256, (*_SHAPE, 3), dtype=np.uint8), rng.random(_SHAPE, dtype=np.float32))


def _episode(seed: int, steps: int = 4) -> list[Step]:
    """Random steps; the last object of each is among those of the one before."""
    rng = np.random.default_rng(seed)
    window = (slice(-2, 3), slice(1, 4))
    end = _scene(rng)
    flags = rng.random((steps + 1, 3, 5, 3)) < 0.5
    objects = [
        FreeObject(
            window,
            *flags[index, :2],
            rng.integers(0, 256, (5, 3, 3), dtype=np.uint8),
            rng.random((5, 3), dtype=np.float32),
            flags[index, 2],
            rng.integers(0, 256, (5, 3, 3), dtype=np.uint8),
            rng.random((5, 3), dtype=np.float32),
            rng.random((2, 3)) if index % 2 else None,
        )
        for index in range(steps + 1)
    ]
    result = []
    for index in range(steps):
        scene = _scene(rng)
        result.append(
            Step(
                scene.color,
                scene.height,
                rng.random(2),
                rng.random(2),
                float(index),
                rng.random(_SHAPE, dtype=np.float32),
                tuple(objects[index : index + 2]),
                1 + index,
                rng.random(2),
                end if index % 2 else None,
                first=None if index % 2 else end,
                end=end if index < 2 else None,
                settled=objects[0] if index < 2 else None,
                moves=index,
            )
        )
    return result


def _equal(packed: Sequence[Step], steps: Sequence[Step]) -> bool:
    return len(packed) == len(steps) and all(_same(packed[index], step) for index, step in enumerate(steps))


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1500, 2**20]))
def test_steps_are_unpacked_bit_for_bit_from_memory_and_from_a_file(seed: int, kept: int) -> None:
    store, episodes = Store(kept), [_episode(seed), _episode(seed + 1, 2)]
    packed = [PackedEpisode.of(episode, store) for episode in episodes]
    assert all(_equal(*pair) for pair in zip(packed, episodes, strict=True))
    assert all(_equal(*pair) for pair in zip(packed, episodes, strict=True)), "a second time"


def test_maps_of_another_size_are_kept_beside_the_first() -> None:
    store, first = Store(), _episode(0, 1)
    other = [replace(step, color=step.color[:5], height=step.height[:5].copy()) for step in _episode(1, 1)]
    packed = [PackedEpisode.of(steps, store) for steps in (first, other)]
    assert _equal(packed[0], first)
    assert _equal(packed[1], other)


def test_unpacked_steps_may_be_changed() -> None:
    episode = _episode(0)
    packed = PackedEpisode.of(episode, Store())
    packed[0].height[:] = 1
    packed[0].color[:] = 1
    assert _equal(packed, episode)
    assert _equal(packed[1:], episode[1:])


def test_maps_that_are_alike_take_little_memory() -> None:
    store = Store()
    heights = np.random.default_rng(0).random((320, 160), dtype=np.float32)
    for _ in range(10):
        PackedArrays.of([store.heights(heights.copy())], store)
    assert store.size < heights.nbytes / 100


def test_what_goes_beyond_the_limit_lies_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "KEPT_BYTES", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    episodes = [_episode(seed) for seed in range(3)]
    dataset, whole = PickPlaceDataset(episodes), PickPlaceDataset([_episode(9, 1)])
    assert all(_equal(*pair) for pair in zip(dataset.episodes, episodes, strict=True))
    assert len(whole) == 1
    drawn = [dataset.sample(np.random.default_rng(seed)) for seed in (0, 0)]
    assert _same(*drawn)
    assert not list(tmp_path.iterdir()), "nothing is left when the process is killed"
