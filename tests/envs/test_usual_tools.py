"""What people put around environments: films, flat observations, vectors in processes of every kind, threads."""

from __future__ import annotations

import functools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv
from gymnasium.wrappers import FlattenObservation, RecordEpisodeStatistics, RecordVideo

from ravens_suite.core.observations import STATE_FIELDS

ID = "ravens_suite/BlockInsertion-v0"
EVERYWHERE = f"ravens_suite:{ID}"
"""With the module before it: a process that has imported nothing finds it, too."""
SMALL = (24, 32)


def play(environment: Any, seed: int) -> tuple[dict[str, Any], float]:
    """First observation, and reward of the oracle's first action, which solves the task."""
    observation, _ = environment.reset(seed=seed)
    return observation, float(environment.step(environment.get_wrapper_attr("oracle_action")())[1])


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Any], int]]:
    """Frames and rate of what ``RecordVideo`` hands to moviepy (Gymnasium 1.4.0), which need not be installed."""
    made: list[tuple[list[Any], int]] = []

    def clip(frames: list[Any], fps: int) -> Any:
        made.append((frames, fps))
        return SimpleNamespace(write_videofile=lambda path, logger=None: Path(path).touch())

    for name in ("moviepy", "moviepy.video", "moviepy.video.io", "moviepy.video.io.ImageSequenceClip"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[name], "ImageSequenceClip", clip, raising=False)
    return made


@pytest.mark.parametrize("mode", ["rgb_array", "rgb_array_list"])
def test_record_video_films_every_episode(films: list[tuple[list[Any], int]], mode: str, tmp_path: Path) -> None:
    environment: Any = gymnasium.make(ID, observe=["proprioception"], render_mode=mode, render_size=SMALL)
    folder = tmp_path / "films"
    environment = RecordVideo(environment, str(folder), episode_trigger=lambda number: True, disable_logger=True)
    for seed in range(2):
        assert play(environment, seed)[1] == 1.0
    environment.close()
    assert len(films) == len(list(folder.iterdir())) == 2
    for frames, rate in films:
        assert len(frames) == 2 and rate == environment.metadata["render_fps"]
        assert all(np.shape(frame) == (*SMALL, 3) and np.asarray(frame).dtype == np.uint8 for frame in frames)
        assert np.any(frames[0] != frames[1])


@pytest.mark.parametrize(
    "groups", [["images"], ["state", "proprioception"], ["images", "state", "goal", "instruction"]]
)
def test_a_flat_observation_holds_every_array_where_its_space_says(groups: list[str]) -> None:
    plain = gymnasium.make(ID, observe=groups, image_size=SMALL)
    flat = FlattenObservation(gymnasium.make(ID, observe=groups, image_size=SMALL))
    observation, _ = plain.reset(seed=3)
    vector, _ = flat.reset(seed=3)
    plain.close()
    flat.close()
    assert flat.observation_space.contains(vector)
    assert isinstance(plain.observation_space, gymnasium.spaces.Dict)
    start = 0
    # Part by part: ``unflatten`` of Gymnasium 1.4.0 fails where a Dict holds a text beside floats
    # (findings/gymnasium_unflatten_text.sh).
    for key, space in plain.observation_space.items():
        part = vector[start : (start := start + gymnasium.spaces.flatdim(space))]
        np.testing.assert_array_equal(part, gymnasium.spaces.flatten(space, observation[key]), err_msg=key)
    assert start == len(vector)


def test_statistics_of_episodes_are_those_of_the_environment() -> None:
    environment = RecordEpisodeStatistics(gymnasium.make(ID, observe=["proprioception"]))
    environment.reset(seed=0)
    *_, info = environment.step(environment.get_wrapper_attr("oracle_action")())
    environment.close()
    assert info["episode"]["r"] == 1.0 and info["episode"]["l"] == 1


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_vectors_run_in_processes_that_have_imported_nothing(context: str) -> None:
    """With images, too, and with a factory that names nothing but Gymnasium and the id."""
    options: dict[str, Any] = {"observe": ["images", "state"], "image_size": SMALL}
    alone = gymnasium.make(ID, **options)
    seen, reward = play(alone, 5)
    alone.close()
    vector = AsyncVectorEnv([functools.partial(gymnasium.make, EVERYWHERE, **options)] * 2, context=context)
    try:
        observations, _ = vector.reset(seed=[5, 6])
        actions = vector.call("oracle_action")
        rewards = vector.step({key: np.stack([action[key] for action in actions]) for key in actions[0]})[1]
    finally:
        vector.close()
    assert rewards.tolist() == [reward, 1.0]
    for key in ("color", "depth", "state"):
        np.testing.assert_array_equal(observations[key][0], seen[key], err_msg=key)


def test_make_vec_takes_the_id_as_it_is() -> None:
    vector = gymnasium.make_vec(
        ID,
        num_envs=2,
        vectorization_mode="async",
        vector_kwargs={"context": "spawn"},
        observe=["state"],
    )
    observations, _ = vector.reset(seed=7)
    vector.close()
    assert observations["state"].shape[0] == 2 and observations["state"].shape[1] % len(STATE_FIELDS) == 0


def test_environments_in_threads_do_not_disturb_each_other() -> None:
    """Each has its own simulator and, where it draws, its own context of OpenGL."""
    options: dict[str, Any] = {"observe": ["images", "state"], "image_size": SMALL}
    start = threading.Barrier(3, timeout=120)

    def work(seed: int) -> tuple[dict[str, Any], float]:
        environment = gymnasium.make(ID, **options)
        start.wait()
        try:
            return play(environment, seed)
        finally:
            environment.close()

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(work, range(3)))
    for seed, (seen, reward) in enumerate(together):
        environment = gymnasium.make(ID, **options)
        expected, alone = play(environment, seed)
        environment.close()
        assert reward == alone == 1.0
        for key in ("color", "depth", "state"):
            np.testing.assert_array_equal(seen[key], expected[key], err_msg=f"{key} of seed {seed}")
