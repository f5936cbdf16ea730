"""Demonstrations are read from disk when they are asked for, and drawn from evenly."""

from __future__ import annotations

import dataclasses
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ravens_suite.data.container import Container
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import Episode, EpisodeReader, write_episode
from ravens_suite.errors import ConfigError, MissingDataError

Make = Callable[..., Episode]


def _write(folder: Path, episodes: list[Episode]) -> list[Path]:
    paths = [folder / f"{index}.safetensors" for index in range(len(episodes))]
    for path, episode in zip(paths, episodes, strict=True):
        write_episode(path, episode)
    return paths


def test_episodes_come_in_the_order_of_their_paths(tmp_path: Path, make_episode: Make) -> None:
    paths = _write(tmp_path, [make_episode(seed, size=(6, 8)) for seed in (4, 2, 9)])
    demonstrations = Demonstrations(paths)
    assert len(demonstrations) == 3
    assert [reader.summary.seed for reader in demonstrations] == [4, 2, 9]
    assert demonstrations[-1].summary.seed == 9
    assert demonstrations[1] is demonstrations[1]
    with pytest.raises(IndexError):
        demonstrations[3]


def test_processes_that_load_data_get_their_own(tmp_path: Path, make_episode: Make) -> None:
    """As those of a ``DataLoader`` do, where they are spawned."""
    paths = _write(tmp_path, [make_episode(seed, size=(6, 8)) for seed in (4, 2)])
    for demonstrations in (Demonstrations(paths), Demonstrations.of_one(EpisodeReader(paths[1]))):
        again = pickle.loads(pickle.dumps(demonstrations))
        assert [reader.summary.seed for reader in again] == [reader.summary.seed for reader in demonstrations]
        assert again[0] is again[0] is not demonstrations[0]


def test_nothing_is_read_before_it_is_asked_for(
    tmp_path: Path, make_episode: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = _write(tmp_path, [make_episode(seed, size=(6, 8)) for seed in range(2)])
    read: list[str] = []
    real = Container.blob
    monkeypatch.setattr(Container, "blob", lambda self, name: (read.append(name), real(self, name))[1])
    demonstrations = Demonstrations([*paths, tmp_path / "not there"])
    assert demonstrations[0].summary.steps == 2
    assert read == []
    demonstrations[0].observation(1, ["joints"])
    assert read == ["observations/joints"]
    with pytest.raises(MissingDataError, match="not there"):
        demonstrations[2]


def test_tasks_are_named_once_in_order(tmp_path: Path, make_episode: Make) -> None:
    tasks = ["stack", "insert", "stack"]
    episodes = [dataclasses.replace(make_episode(size=(6, 8)), task=task) for task in tasks]
    assert Demonstrations(_write(tmp_path, episodes)).tasks == ("stack", "insert")


def test_episodes_are_drawn_evenly_and_so_are_their_actions(tmp_path: Path, make_episode: Make) -> None:
    """However many actions an episode has; one without any is never drawn."""
    paths = _write(tmp_path, [make_episode(seed, steps, size=(6, 8)) for seed, steps in enumerate((1, 3, 0))])
    demonstrations = Demonstrations(paths)
    rng = np.random.default_rng(0)
    draws = [demonstrations.sample(rng) for _ in range(3000)]
    counts = Counter((reader.summary.seed, step) for reader, step in draws)
    assert set(counts) == {(0, 0), (1, 0), (1, 1), (1, 2)}
    assert counts[0, 0] == pytest.approx(1500, abs=120)
    assert [counts[1, step] for step in range(3)] == pytest.approx([500] * 3, abs=80)


def test_the_same_generator_draws_the_same(tmp_path: Path, make_episode: Make) -> None:
    demonstrations = Demonstrations(_write(tmp_path, [make_episode(seed, 4, size=(6, 8)) for seed in range(3)]))
    first, second = (
        [(reader.summary.seed, step) for reader, step in (demonstrations.sample(rng) for _ in range(20))]
        for rng in (np.random.default_rng(7), np.random.default_rng(7))
    )
    assert first == second


def test_demonstrations_to_learn_nothing_from_are_refused(tmp_path: Path, make_episode: Make) -> None:
    with pytest.raises(ConfigError, match="collect at least one"):
        Demonstrations([])
    still = Demonstrations(_write(tmp_path, [make_episode(seed, 0, size=(6, 8)) for seed in range(2)]))
    with pytest.raises(ConfigError, match="No demonstration has an action"):
        still.sample(np.random.default_rng(0))
