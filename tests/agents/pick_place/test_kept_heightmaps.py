"""Heightmaps beside the episodes: the same bits, and nothing depends on their being there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from ravens_suite.agents.pick_place import kept_heightmaps as module
from ravens_suite.agents.pick_place.kept_heightmaps import FOLDER, episode_heightmaps
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.container import Container, write_container
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect

TASK = "block-insertion"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> EpisodeStore:
    data = tmp_path_factory.mktemp("data")
    collect(TASK, episodes=2, data=data, arguments={"image_size": [60, 80]})
    return EpisodeStore.of(data, TASK, "train")


def _kept(reader: EpisodeReader) -> Path:
    return reader.path.parent / FOLDER / reader.path.name


def _same(maps: list[Heightmap], others: list[Heightmap]) -> bool:
    pairs = list(zip(maps, others, strict=True))
    return all(a.color.tobytes() == b.color.tobytes() and a.height.tobytes() == b.height.tobytes() for a, b in pairs)


def _fused(reader: EpisodeReader) -> list[Heightmap]:
    return [fuse_observation(reader.observation(step)) for step in range(reader.summary.steps + 1)]


def test_the_second_reading_decodes_nothing(store: EpisodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = store.reader(store.seeds()[0])
    seeds, digest = store.seeds(), store.digest()
    first = episode_heightmaps(reader)
    assert _kept(reader).exists()
    monkeypatch.setattr(EpisodeReader, "each", None)
    again = episode_heightmaps(store.reader(seeds[0]))
    assert _same(first, _fused(reader)) and _same(again, first)
    assert {map_.height.dtype for map_ in again} == {np.dtype(np.float32)} and again[1].color.flags.writeable
    assert (store.seeds(), store.digest()) == (seeds, digest)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def _bomb(path: Path) -> None:
    blob = zstandard.ZstdCompressor().compress(bytes(2**24))
    write_container(path, {"color": blob, "height": blob}, Container(path).value)


def _of_other_code(path: Path) -> None:
    container = Container(path)
    blob = zstandard.ZstdCompressor().compress(bytes(3 * 2 * AGENT_WORKSPACE.shape[0] * AGENT_WORKSPACE.shape[1]))
    write_container(path, {"color": blob, "height": blob}, {**container.value, "code": "other"})


@pytest.mark.parametrize("change", [_flip, _cut, _bomb, _of_other_code, Path.unlink])
def test_what_is_damaged_or_of_something_else_is_made_anew(store: EpisodeStore, change: Callable[[Path], None]) -> None:
    reader = store.reader(store.seeds()[0])
    first = episode_heightmaps(reader)
    whole = _kept(reader).read_bytes()
    change(_kept(reader))
    assert _same(episode_heightmaps(reader), first)
    assert _kept(reader).read_bytes() == whole


def test_the_maps_of_another_episode_do_not_count(store: EpisodeStore) -> None:
    first, other = (store.reader(seed) for seed in store.seeds())
    episode_heightmaps(first)
    _kept(other).write_bytes(_kept(first).read_bytes())
    assert _same(episode_heightmaps(other), _fused(other))


def test_a_folder_that_cannot_be_written_does_no_harm(store: EpisodeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    reader = store.reader(store.seeds()[1])
    _kept(reader).unlink(missing_ok=True)
    monkeypatch.setattr(module, "write_container", refuse)
    assert _same(episode_heightmaps(reader), _fused(reader))
    assert not _kept(reader).exists()
