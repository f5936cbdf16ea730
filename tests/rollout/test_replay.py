"""Stored episodes carried out again: the same bytes, and from any step on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.data.episode import Episode, read_episode, write_episode
from ravens_suite.errors import ConfigError, ConflictError, OracleGaveUpError, ReplayError
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.replay import RecordedActions, checked_maps, environment_of, repeat, state_at
from ravens_suite.rollout.rollout import roll_out, to_episode

ARGUMENTS: dict[str, Any] = {"observe": ["images", "state"], "image_size": [24, 32]}


def record(path: Path, task: str, seed: int, **further: Any) -> Episode:
    """An oracle episode as it is read from disk."""
    arguments = {**ARGUMENTS, **further}
    environment = make_environment(task, "train", arguments)
    rollout = roll_out(environment, OraclePolicy(environment), seed)
    environment.close()
    write_episode(path, to_episode(rollout, task, "train", arguments), rollout.recording)
    return read_episode(path)


def same(observation: dict[str, Any], episode: Episode, step: int) -> bool:
    return all(np.array_equal(np.asarray(value), episode.observations[key][step]) for key, value in observation.items())


CASES = [
    ("stack-block-pyramid", 0, {"camera_noise": 1.0}),
    ("manipulating-rope", 1, {}),
    ("block-insertion-continuous", 0, {"camera_noise": 0.5}),
    ("palletizing-boxes", 0, {"observe": ["state"], "distractors": 1}),
]


@pytest.mark.parametrize(("task", "seed", "further"), CASES)
def test_the_oracle_goes_on_from_any_step_as_it_did(
    tmp_path: Path, task: str, seed: int, further: dict[str, Any]
) -> None:
    episode = record(tmp_path / "episode", task, seed, **further)
    assert episode.steps > 2
    environment: Any = environment_of(episode)
    middle = episode.steps // 2
    observation, _ = environment.reset(options={"state": state_at(episode, middle)})
    assert same(observation, episode, middle)
    for step in range(middle, episode.steps):
        action = environment.unwrapped.oracle_action()
        assert all(np.array_equal(action[name], rows[step]) for name, rows in episode.actions.items())
        observation, reward, *_ = environment.step(action)
        assert reward == episode.rewards[step]
        assert same(observation, episode, step + 1)
    environment.close()


@pytest.mark.parametrize(
    ("task", "further"), [("block-insertion", {"camera_noise": 1.0}), ("block-insertion-continuous", {})]
)
def test_a_repeated_episode_is_the_same_file(tmp_path: Path, task: str, further: dict[str, Any]) -> None:
    episode = record(tmp_path / "first", task, 0, **further)
    rollout = repeat(episode)
    again = to_episode(rollout, task, "train", episode.metadata["arguments"])
    write_episode(tmp_path / "second", again, rollout.recording)
    assert (tmp_path / "second").read_bytes() == (tmp_path / "first").read_bytes()


def test_what_comes_out_otherwise_is_named(tmp_path: Path) -> None:
    episode = record(tmp_path / "episode", "stack-block-pyramid", 0)
    name = next(iter(episode.poses))
    poses = {key: rows.copy() for key, rows in episode.poses.items()}
    poses[name][2, 0] += 0.001
    changed = dataclasses.replace(episode, poses=poses)
    with pytest.raises(ReplayError, match=f"after 2 actions: '{name}' is 1 mm"):
        repeat(changed)
    environment: Any = environment_of(changed, observe=["state"])
    environment.unwrapped.restore_state(state_at(changed, 1))
    with pytest.raises(ReplayError, match="after 2 actions"):
        environment.unwrapped.restore_state(state_at(changed, 2))
    environment.close()
    rewards = episode.rewards.copy()
    rewards[0] += 0.5
    with pytest.raises(ReplayError, match="earned"):
        repeat(dataclasses.replace(episode, rewards=rewards))


def test_an_episode_that_was_given_up_is_repeated_as_it_was(tmp_path: Path) -> None:
    episode = record(tmp_path / "episode", "stack-block-pyramid", 0, observe=["state"])
    part = dataclasses.replace(
        episode,
        observations={key: rows[:3] for key, rows in episode.observations.items()},
        actions={key: rows[:2] for key, rows in episode.actions.items()},
        poses={key: rows[:3] for key, rows in episode.poses.items()},
        rewards=episode.rewards[:2],
        metadata={**episode.metadata, "outcome": "gave up: tired"},
    )
    rollout = repeat(part)
    assert (rollout.steps, rollout.outcome) == (2, "gave up: tired")


def test_an_environment_of_other_options_is_refused(tmp_path: Path) -> None:
    episode = record(tmp_path / "episode", "block-insertion", 0, observe=["state"])
    environment: Any = make_environment("block-insertion", "test", {"observe": ["state"]})
    with pytest.raises(ConflictError, match="split 'train', this environment 'test'"):
        environment.unwrapped.restore_state(state_at(episode, 0))
    environment.close()


def test_there_is_no_state_beyond_the_end(tmp_path: Path) -> None:
    episode = record(tmp_path / "episode", "block-insertion", 0, observe=["state"])
    assert state_at(episode, episode.steps).steps == episode.steps
    for step in (-1, episode.steps + 1):
        with pytest.raises(IndexError, match="no state after step"):
            state_at(episode, step)


def test_recorded_actions_come_in_order_and_end() -> None:
    policy = RecordedActions({"pick": np.arange(14.0).reshape(2, 7)})
    for _ in range(2):
        policy.reset(0)
        assert [policy.act({})["pick"][0] for _ in range(2)] == [0.0, 7.0]
        with pytest.raises(OracleGaveUpError, match="repeated"):
            policy.act({})


MAPS = {
    "color": np.zeros((320, 160, 3), np.uint8),
    "height": np.zeros((320, 160), np.float32),
    "pick": np.zeros((320, 160)),
}


def test_what_an_agent_shows_of_a_decision_is_taken_as_it_is() -> None:
    assert checked_maps({}, "mine") == {}
    assert checked_maps({"attention": [1, 2]}, "mine") == {}, "a report films its episodes all the same"
    assert checked_maps(MAPS, "mine").keys() == MAPS.keys()
    assert checked_maps({**MAPS, "own": [1, 2]}, "mine")["own"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        (None, "must return maps by name, or an empty dict; it returned None"),
        ({"color": MAPS["color"], "pick": MAPS["pick"]}, "explain of mine returns no 'height'"),
        (
            {**MAPS, "pick": np.zeros((160, 80))},
            r"'pick' that explain of mine returns must be \(320, 160\), .*80",
        ),
        ({**MAPS, "color": MAPS["color"] / 255}, r"'color' .* must be \(320, 160, 3\) uint8, .* float64"),
    ],
)
def test_maps_of_which_no_picture_can_be_made_are_named(maps: Any, said: str) -> None:
    """A report ended in a traceback, or showed actions beside where they are."""
    with pytest.raises(ConfigError, match=said):
        checked_maps(maps, "mine")
