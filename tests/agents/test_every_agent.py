"""What every registered agent must do: add an agent and it is tested here without another line."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ravens_suite.agents.base import Agent, config_from_json
from ravens_suite.core.observations import ArraySpec, Interface, groups_with
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import write_episode
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError
from ravens_suite.registry import agent_names, load_agent
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings
from tests.agents.act_once import __file__ as act_once_script
from tests.agents.act_once import act_once

SMALLEST: dict[str, dict[str, Any]] = {
    "conv-mlp": {"width": 4, "hidden": 8, "batch": 1},
    "form2fit": {"widths": [4, 4, 4, 4, 4, 4, 4], "head": 4, "angles": 2, "points": 4},
    "transporter": {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4},
    "transporter-six-dof": {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4},
    "visual-foresight": {"width": 8, "calls": 8, "precision": "float32"},
    "waypoint-act": {"width": 8, "tokens": 16, "heads": 2, "layers": 1, "batch": 2, "refinements": 1},
    "transporter-2020": {"widths": [4, 4, 4, 4, 4, 4, 4], "head": 4, "angles": 2, "crop": 16},
}
"""Settings that make large agents small; the small ones need none."""

TASKS = {"primitive": "block-insertion", "waypoint": "block-insertion-continuous"}


class KilledError(Exception):
    """Stands for a kill -9: nothing in the library catches it."""


@pytest.fixture(params=agent_names())
def agent(request: pytest.FixtureRequest) -> type[Agent[Any]]:
    return load_agent(request.param)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[type[Agent[Any]]], Path]:
    """Two small demonstrations of a task that an agent can learn, with just what it observes."""
    made: dict[str, Path] = {}

    def collected(agent: type[Agent[Any]]) -> Path:
        if agent.name not in made:
            folder = made[agent.name] = tmp_path_factory.mktemp(agent.name)
            arguments = {"image_size": [48, 64], "observe": list(groups_with(agent.observation_keys))}
            collect(TASKS[agent.controls[0]], episodes=2, data=folder, arguments=arguments)
        return made[agent.name]

    return collected


def plan(agent: type[Agent[Any]], steps: int = 3) -> TrainingPlan:
    settings = TrainingSettings(steps=steps, val_episodes=0, threads=1, device="cpu")
    task = TASKS[agent.controls[0]]
    return TrainingPlan(
        agent=agent.name, tasks=(task,), demos=2, settings=settings, config=SMALLEST.get(agent.name, {})
    )


def manifest(agent: type[Agent[Any]], folder: Path) -> dict[str, Any]:
    return EpisodeStore.of(folder, TASKS[agent.controls[0]], "train").manifest()


def test_it_declares_what_it_needs(agent: type[Agent[Any]]) -> None:
    assert agent.observation_keys and groups_with(agent.observation_keys)
    assert agent.controls and set(agent.controls) <= {"primitive", "waypoint"}
    assert set(agent.conditions) <= {"goal", "instruction"}
    assert agent.config_type().steps >= 1


def test_three_steps_killed_and_resumed_give_the_same_bytes(
    agent: type[Agent[Any]], data: Callable[..., Path], tmp_path: Path
) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 2:
            raise KilledError

    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    train(plan(agent), data(agent), whole.path, save_every=1)
    with pytest.raises(KilledError):
        train(plan(agent), data(agent), killed.path, save_every=1, on_progress=kill)
    train(plan(agent), data(agent), killed.path, save_every=1)
    assert whole.policy.weights.read_bytes() == killed.policy.weights.read_bytes()
    assert whole.training.read_bytes() == killed.training.read_bytes()


def test_making_saving_and_loading_it_leave_the_process_as_it_is(
    agent: type[Agent[Any]], data: Callable[..., Path], tmp_path: Path
) -> None:
    """Threads and random numbers belong to whoever uses the agent."""
    interface = Interface.from_json(manifest(agent, data(agent))["interface"])
    config = config_from_json(agent.config_type, SMALLEST.get(agent.name, {}))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    try:
        agent(config, 1, interface).save(tmp_path)
        agent.load(tmp_path).reset(0)
        assert torch.get_num_threads() == 2
        assert torch.equal(torch.rand(3), expected)
    finally:
        torch.set_num_threads(threads)


def test_training_changes_the_weights_and_seeds_differ(
    agent: type[Agent[Any]], data: Callable[..., Path], tmp_path: Path
) -> None:
    interface = Interface.from_json(manifest(agent, data(agent))["interface"])
    config = config_from_json(agent.config_type, SMALLEST.get(agent.name, {}))
    first, again, other = (agent(config, seed, interface).weights() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    train(plan(agent), data(agent), tmp_path)
    trained = load_agent(agent.name).load(RunFolder(tmp_path).policy.path).weights()
    assert trained.keys() == first.keys()
    assert any(not torch.equal(trained[name], first[name]) for name in first)


def test_loaded_in_a_fresh_process_they_act_the_same_and_within_the_action_space(
    data: Callable[[type[Agent[Any]]], Path], tmp_path: Path
) -> None:
    """One process for all of them: most of its time goes to importing torch."""
    runs = {name: str(tmp_path / name) for name in agent_names()}
    actions = {}
    for name, run in runs.items():
        train(plan(load_agent(name)), data(load_agent(name)), Path(run))
        actions[run] = act_once(run)
        assert all(np.isfinite(value).all() for value in actions[run].values()), name
        assert evaluate(run, episodes=1).summary.episodes == 1, name
    elsewhere = subprocess.run(
        [sys.executable, act_once_script, *runs.values()], capture_output=True, text=True, check=True
    )
    assert json.loads(elsewhere.stdout) == actions


def untrained(agent: type[Agent[Any]], folder: Path) -> tuple[Agent[Any], EpisodeStore]:
    """An agent with its first weights, and the demonstrations that it could learn from."""
    interface = Interface.from_json(manifest(agent, folder)["interface"])
    made = agent(config_from_json(agent.config_type, SMALLEST.get(agent.name, {})), 0, interface)
    return made, EpisodeStore.of(folder, TASKS[agent.controls[0]], "train")


def test_the_loss_of_one_step_is_repeatable_and_falls_along_its_gradient(
    agent: type[Agent[Any]], data: Callable[..., Path]
) -> None:
    if not agent.gives_example_losses():
        pytest.skip("gives no loss of a single step")
    made, store = untrained(agent, data(agent))
    dataset = made.make_dataset(Demonstrations([store.path(store.seeds()[0])]))
    parameters = list(made.trained_parameters().values())
    loss = made.example_loss(dataset, 0)
    assert loss.shape == () and torch.isfinite(loss)
    assert torch.equal(loss, made.example_loss(dataset, 0))
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    square = sum(float((gradient**2).sum()) for gradient in gradients if gradient is not None)
    assert square > 0
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter -= 1e-4 * gradient / square**0.5
    assert made.example_loss(dataset, 0) < loss


def test_the_curvature_of_the_loss_of_a_step_is_that_of_the_loss(
    agent: type[Agent[Any]], data: Callable[..., Path]
) -> None:
    if not agent.gives_curvature():
        pytest.skip("gives no curvature")
    made, store = untrained(agent, data(agent))
    dataset = made.make_dataset(Demonstrations([store.path(store.seeds()[0])]))
    # Outputs are linear in the last bias, where the Gauss-Newton matrix is all of the second derivative.
    bias = list(made.trained_parameters().values())[-1]
    terms = made.curvature_terms(dataset, 0)
    rows = torch.stack([torch.autograd.grad(term, bias, retain_graph=True)[0] for term in terms])
    (slope,) = torch.autograd.grad(made.example_loss(dataset, 0), bias, create_graph=True)
    second = torch.stack([torch.autograd.grad(each, bias, retain_graph=True)[0] for each in slope])
    assert torch.allclose(rows.T @ rows, second, rtol=1e-4, atol=1e-7)


def test_an_episode_without_an_action_is_no_step(
    agent: type[Agent[Any]], data: Callable[..., Path], tmp_path: Path
) -> None:
    """A rollout that was over at once knows no names of actions."""
    made, store = untrained(agent, data(agent))
    episode = store.read(store.seeds()[0])
    seen = {key: values[:1] for key, values in episode.observations.items()}
    empty = replace(episode, observations=seen, actions={}, rewards=np.zeros(0), poses={})
    write_episode(tmp_path / "empty.safetensors", empty)
    dataset = made.make_dataset(Demonstrations([tmp_path / "empty.safetensors", store.path(store.seeds()[0])]))
    assert all(np.isfinite(value) for value in made.fit_step(dataset, 0).values())


def test_every_rate_on_a_cycle_comes_down_where_it_is_told(agent: type[Agent[Any]], data: Callable[..., Path]) -> None:
    """``train --until solved`` ends such a run there: with a high rate, the last steps are noise."""
    if not agent.scheduled:
        pytest.skip("no step depends on how many there are to be")
    made, _ = untrained(agent, data(agent))
    rates = [each.rate for each in (made, *vars(made).values()) if callable(getattr(each, "rate", None))]
    assert len(rates) == (2 if agent.name == "transporter-six-dof" else 1)
    before = [[rate(step) for step in range(120)] for rate in rates]
    made.wind_down([(80, 100)])
    for rate, cycle in zip(rates, before, strict=True):
        after = [rate(step) for step in range(120)]
        top = made.config.tilt_learning_rate if rate is not rates[0] else made.config.learning_rate
        assert after[:80] == cycle[:80] and after[100:] == cycle[100:]
        assert after[99] <= 0.0101 * top < cycle[99]


def test_it_acts_the_same_however_an_observation_lies_in_memory(
    agent: type[Agent[Any]], data: Callable[..., Path]
) -> None:
    """Arrays that may only be read, mirrored views, another order of axes or bytes, and wider numbers."""
    made, store = untrained(agent, data(agent))
    observation = Demonstrations([store.path(store.seeds()[0])])[0].observation(0)
    ways: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
        "read-only": lambda values: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
        "mirrored": lambda values: np.flip(np.flip(values).copy()),
        "by columns": np.asfortranarray,
        "other byte order": lambda values: values.astype(values.dtype.newbyteorder()),
        "wider": lambda values: values.astype(np.float64) if values.dtype == np.float32 else values,
    }
    made.reset(1)
    expected = made.act(observation)
    for name, stored in ways.items():
        made.reset(1)
        seen = {key: stored(value) if isinstance(value, np.ndarray) else value for key, value in observation.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            action = made.act(seen)
        for key, value in expected.items():
            np.testing.assert_array_equal(action[key], value, err_msg=name)


def test_the_agents_of_the_guides_give_losses_of_single_steps() -> None:
    named = {"transporter", "transporter-six-dof", "transporter-2020", "image-cnn", "state-mlp", "waypoint-mlp"}
    assert all(load_agent(name).gives_example_losses() for name in named)
    assert all(load_agent(name).gives_curvature() for name in ("image-cnn", "state-mlp", "waypoint-mlp"))


def test_what_it_cannot_use_is_refused_by_name(agent: type[Agent[Any]], data: Callable[..., Path]) -> None:
    whole = Interface.from_json(manifest(agent, data(agent))["interface"])
    for key in agent.observation_keys:
        lacking = {name: spec for name, spec in whole.observation.items() if name != key}
        with pytest.raises(ConfigError, match=f"{agent.name} cannot be used here. .*{key!r}.*--observe"):
            agent.check(Interface(lacking, whole.action, whole.control))
    with pytest.raises(ConfigError, match="gives actions of control"):
        agent.check(Interface(whole.observation, whole.action, "joints"))
    if agent.action_keys:
        with pytest.raises(ConfigError, match="choose another agent or another task"):
            agent.check(Interface(whole.observation, {"poke": ArraySpec((7,), "float64")}, whole.control))
    with pytest.raises(ConfigError, match="no setting 'colour'"):
        config_from_json(agent.config_type, {"colour": 1})


def test_a_damaged_or_foreign_policy_is_named(
    agent: type[Agent[Any]], data: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(MissingDataError):
        agent.load(tmp_path)
    train(plan(agent), data(agent), tmp_path)
    policy = RunFolder(tmp_path).policy
    policy.weights.write_bytes(policy.weights.read_bytes()[:-10])
    with pytest.raises(DamagedDataError, match="weights"):
        agent.load(policy.path)
    policy.settings.write_text('{"agent": "other"}')
    with pytest.raises(ConflictError, match="other"):
        agent.load(policy.path)
