"""Small data sets that exports to LeRobot are made of, and how its files are read by their facts alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.core.cameras import published_cameras
from ravens_suite.data.episode import Episode
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect

parquet = pytest.importorskip("pyarrow.parquet")

KEYS = ("pick", "place")
DOWN = np.array([0.5, 0.1, 0.02, 0.0, 0.0, 0.6, 0.8])


def write_poses(folder: Path) -> Path:
    """Three episodes of two steps, of the task without physics, whose actions are poses that can be."""
    collect(TASK, episodes=3, data=folder)
    store = EpisodeStore.of(folder, TASK, "train")
    for seed in store.seeds():
        episode = store.read(seed)
        rng = np.random.default_rng(seed)
        actions = {key: np.tile(DOWN, (2, 1)) + np.pad(rng.uniform(0, 0.1, (2, 3)), ((0, 0), (0, 4))) for key in KEYS}
        store.write(replace(episode, actions=actions))
    return folder


def write_waypoints(
    folder: Path, lengths: tuple[int, ...] = (4, 1, 3), task: str = "own-continuous", *, goal: bool = False
) -> EpisodeStore:
    """Episodes of way-points with a pose of the tool and a changing instruction, of a task that nobody knows."""
    store = EpisodeStore.of(folder, task, "train")
    store.claim({}, {})
    cameras = published_cameras((8, 12))
    for seed, steps in enumerate(lengths):
        rng = np.random.default_rng(seed)
        poses = np.concatenate([rng.uniform(0.3, 0.6, (steps + 1, 3)), np.tile(DOWN[3:], (steps + 1, 1))], 1)
        observations = {
            "color": rng.integers(0, 256, (steps + 1, 3, 8, 12, 3), dtype=np.uint8),
            "depth": np.round(rng.uniform(0.5, 1, (steps + 1, 3, 8, 12)), 3).astype(np.float32),
            "tip_pose": poses,
            "gripper_state": np.zeros((steps + 1, 2), np.float32),
            "instruction": np.array([f"{'go' if step % 2 else 'stay'} {seed}" for step in range(steps + 1)]),
        }
        if goal:
            for key in ("color", "depth"):
                observations[f"goal_{key}"] = np.repeat(observations[key][-1:], steps + 1, axis=0)
        actions = {"pose": poses[1:], "gripper": np.arange(steps) % 2}
        rewards = np.full(steps, 1 / max(steps, 1))
        episode = Episode(task, "train", seed, observations, actions, rewards, {}, cameras, True, {"outcome": "done"})
        store.write(episode)
    store.finish()
    return store


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("data/*/*.parquet")) for row in parquet.read_table(path).to_pylist()]


def episodes_of(folder: Path) -> list[dict[str, Any]]:
    paths = sorted(folder.glob("meta/episodes/*/*.parquet"))
    return [row for path in paths for row in parquet.read_table(path).to_pylist()]
