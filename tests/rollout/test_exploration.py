"""Exploration, and what is collected of policies other than the oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.cli.main import main
from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.registry import load_agent, load_forecaster
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.exploration import ExplorePolicy, WithExploration
from ravens_suite.rollout.policies import PolicySpec, RandomPolicy
from ravens_suite.rollout.rollout import policy_seed
from ravens_suite.training.data import read_task

SMALL: dict[str, Any] = {"image_size": [60, 80]}


class Fixed:
    """Always the same action."""

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        """No action at all."""
        return {"chosen": True}


def test_it_picks_what_stands_above_the_table_and_acts_the_same_from_the_same_seed() -> None:
    environment = make_environment("block-insertion", "train", SMALL)
    try:
        observation, _ = environment.reset(seed=3)
        policy = ExplorePolicy(environment.action_space)
        policy.reset(5)
        actions = [policy.act(observation) for _ in range(8)]
        policy.reset(5)
        assert all(np.array_equal(policy.act(observation)["place"], action["place"]) for action in actions)
        scene = fuse_observation(observation)
        for action in actions:
            assert environment.action_space.contains(action)
            row, column = AGENT_WORKSPACE.to_pixel(*(action["pick"][:2] - AGENT_WORKSPACE.pixel_size / 2))
            assert scene.height[row, column] > np.median(scene.height) + 0.004
    finally:
        environment.close()


def test_it_says_what_it_cannot_do() -> None:
    with pytest.raises(ConfigError, match="use random"):
        ExplorePolicy(gymnasium.spaces.Discrete(3))
    pose = gymnasium.spaces.Box(-1.0, 1.0, (7,))
    with pytest.raises(ConfigError, match="looks at images"):
        ExplorePolicy(gymnasium.spaces.Dict({"pick": pose, "place": pose})).act({"tip_pose": np.zeros(7)})


def test_a_share_of_actions_is_taken_from_the_explorer() -> None:
    class Explorer(Fixed):
        def act(self, observation: dict[str, Any]) -> dict[str, Any]:
            return {"chosen": False}

    policy = WithExploration(Fixed(), Explorer(), 0.25)
    policy.reset(0)
    chosen = [policy.act({})["chosen"] for _ in range(400)]
    assert 0.65 < np.mean(chosen) < 0.85
    policy.reset(0)
    assert [policy.act({})["chosen"] for _ in range(400)] == chosen


def test_unsolved_episodes_are_kept_with_the_name_of_their_policy(tmp_path: Path) -> None:
    done = collect("block-insertion", episodes=2, data=tmp_path, policy="explore", arguments=SMALL)
    assert (done.policy, done.episodes, len(done.attempts)) == ("explore", 2, 2)
    store = EpisodeStore.of(tmp_path, "block-insertion", "train")
    assert store.manifest()["seeds"] == [0, 1]
    assert store.reader(0).summary.metadata["policy"]["name"] == "explore"
    assert store.manifest()["experience"] is True
    more = collect("block-insertion", episodes=3, data=tmp_path, policy="random", explore=0.5, arguments=SMALL)
    assert more.episodes == 3
    # The figures are of all of them, so it is said how many others made.
    assert (done.others, more.others, more.to_json()["of_other_policies"]) == (0, 2, 2)
    assert "of_other_policies" not in done.to_json()
    again: dict[str, Any] = {"episodes": 3, "data": tmp_path, "policy": "random", "arguments": SMALL}
    assert [collect("block-insertion", explore=share, **again).others for share in (0.5, 0.25)] == [2, 3]
    recorded = store.reader(2).summary.metadata["policy"]
    assert (recorded["name"], recorded["explore"]) == ("random", 0.5)


def test_where_actions_are_no_picks_and_places_a_share_is_drawn_anywhere(tmp_path: Path) -> None:
    arguments: Any = {"observe": ["proprioception"]}
    task = "block-insertion-continuous"
    collect(task, episodes=1, data=tmp_path, policy="oracle", explore=1.0, arguments=arguments)
    episode = EpisodeStore.of(tmp_path, task, "train").read(0)
    environment = make_environment(task, "train", arguments)
    anywhere = RandomPolicy(environment.action_space)
    environment.close()
    anywhere.reset(policy_seed(episode.seed, episode.split) + 1)
    for step in range(episode.steps):
        action = anywhere.act({})
        assert all(np.array_equal(action[key], episode.actions[key][step]) for key in action)


def test_figures_are_not_said_to_be_of_one_policy_where_several_acted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["collect", "block-insertion", "--data", str(tmp_path), "--workers", "1", "--image-size", "60", "80"]
    assert main([*command, "--episodes", "1", "--policy", "explore"]) == 0
    assert "; explore scored" in capsys.readouterr().out
    assert main([*command, "--episodes", "3", "--policy", "random"]) == 0
    assert "3 episodes in" in (said := capsys.readouterr().out) and "; random made 2 of them; all scored" in said


def test_demonstrations_and_other_episodes_are_not_mixed(tmp_path: Path) -> None:
    collect("block-insertion", episodes=1, data=tmp_path / "a", policy="explore", arguments=SMALL)
    with pytest.raises(ConflictError, match="holds episodes that are no demonstrations: name another --data folder"):
        collect("block-insertion", episodes=2, data=tmp_path / "a", arguments=SMALL)
    collect("block-insertion", episodes=1, data=tmp_path / "b", arguments=SMALL)
    with pytest.raises(ConflictError, match="holds demonstrations of the oracle"):
        collect("block-insertion", episodes=2, data=tmp_path / "b", policy="explore", arguments=SMALL)


def test_a_share_is_between_none_and_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--explore is a share of actions"):
        collect("block-insertion", episodes=1, data=tmp_path, policy="explore", explore=1.5)


def test_it_is_named_like_other_policies() -> None:
    spec = PolicySpec.parse("explore")
    assert (spec.kind, spec.label, spec.of_the_suite) == ("explore", "explore", True)
    assert spec.code


def test_agents_that_imitate_are_refused_what_is_no_demonstration(tmp_path: Path) -> None:
    collect("block-insertion", episodes=1, data=tmp_path, policy="explore", arguments=SMALL)
    with pytest.raises(ConfigError, match=r"no demonstrations .* and image-cnn would copy them"):
        read_task(load_agent("image-cnn"), "block-insertion", tmp_path)
    assert read_task(load_forecaster("progress"), "block-insertion", tmp_path).interface.observation, "it only watches"


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    wishes: Any = {"episodes": np.int64(1), "explore": np.float32(0.5)}
    collect("block-insertion", data=tmp_path, policy="explore", arguments=SMALL, **wishes)
    assert EpisodeStore.of(tmp_path, "block-insertion", "train").read(0).metadata["policy"]["explore"] == 0.5
