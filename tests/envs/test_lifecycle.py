"""When there is an episode to act in, and what is said where there is none."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from ravens_suite.envs.lifecycle import EnvironmentClosed, ResetNeeded
from ravens_suite.errors import ConfigError, InvalidActionError, OracleGaveUpError, PlacementError, RavensError
from ravens_suite.registry import environment_id, task_names

ID = "ravens_suite/BlockInsertion-v0"
CONTINUOUS = "ravens_suite/BlockInsertionContinuous-v0"
Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    """``make(id, **options)``: an environment as users have it, with Gymnasium's own wrappers."""
    made: list[Any] = []

    def create(identifier: str = ID, **options: Any) -> Any:
        made.append(gymnasium.make(identifier, **{"observe": ["state"], **options}))
        return made[-1]

    yield create
    for environment in made:
        environment.close()


def oracle(environment: Any, **options: Any) -> Any:
    return environment.get_wrapper_attr("oracle_action")(**options)


def finish(environment: Any, seed: int = 0) -> None:
    environment.reset(seed=seed)
    for _ in range(200):
        _, _, terminated, truncated, _ = environment.step(oracle(environment))
        if terminated or truncated:
            return
    raise AssertionError("the oracle did not finish")


def miss(environment: Any) -> None:
    """Truncate an episode by actions that move nothing."""
    for _ in range(environment.get_wrapper_attr("max_steps")):
        result = environment.step(environment.get_wrapper_attr("_simulation").control.rest())
    assert result[3]


def test_after_a_first_reset_that_fails_another_seed_works(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = make()
    task = environment.unwrapped.task
    build = task.build

    def without_room(scene: Any, rng: Any) -> Any:
        if environment.unwrapped._simulation.seed == 5:
            raise PlacementError("There is no room.")
        return build(scene, rng)

    monkeypatch.setattr(task, "build", without_room)
    with pytest.raises(PlacementError, match="Use another seed"):
        environment.reset(seed=5)
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"The last reset failed.*call reset"):
        environment.step(environment.action_space.sample())
    environment.reset(seed=0)
    assert environment.step(oracle(environment))[1] > 0
    with pytest.raises(PlacementError):
        environment.reset(seed=5)
    with pytest.raises(ResetNeeded, match="oracle_action"):
        oracle(environment)


def test_after_a_reset_or_a_step_that_was_interrupted_a_reset_works(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make()
    scene = environment.unwrapped._scene

    def interrupted() -> Any:
        raise KeyboardInterrupt

    for said in ("The last reset failed", "The last action was broken off"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            if said.startswith("The last action"):
                environment.reset(seed=0)
            patch.setattr(scene, "settle", interrupted)
            environment.reset(seed=0) if "reset" in said else environment.step(oracle(environment))
        with pytest.raises(ResetNeeded, match=said):
            environment.step(environment.action_space.sample())
    environment.reset(seed=0)
    assert environment.step(oracle(environment))[1] == 1.0


@pytest.mark.parametrize("identifier", [ID, CONTINUOUS])
@pytest.mark.parametrize("end", [finish, miss])
def test_a_step_after_the_end_is_refused_and_pays_nothing(make: Make, identifier: str, end: Any) -> None:
    environment = make(identifier)
    environment.reset(seed=0)
    end(environment)
    progress = environment.unwrapped._simulation.scorer.progress
    for action in (oracle(environment), environment.action_space.sample(), None):
        with pytest.raises(gymnasium.error.ResetNeeded, match=r"The episode is over.*call reset\(\) first"):
            environment.step(action)
    assert environment.unwrapped._simulation.scorer.progress == progress
    environment.reset(seed=0)
    assert not environment.step(environment.get_wrapper_attr("_simulation").control.rest())[2]


def test_before_the_first_reset_and_after_close_that_is_said(make: Make) -> None:
    environment = make().unwrapped
    with pytest.raises(ResetNeeded, match="No episode has begun"):
        environment.step({})
    with pytest.raises(ResetNeeded, match="No episode has begun"):
        environment.oracle_action()
    environment.reset(seed=0)
    saved = environment.save_state()
    environment.close()
    for call in ("reset", "restore_state", "save_state", "oracle_action", "render", "step"):
        arguments = [saved] if call == "restore_state" else [{}] if call == "step" else []
        with pytest.raises(EnvironmentClosed, match=r"is closed.*make a new one") as caught:
            getattr(environment, call)(*arguments)
        assert isinstance(caught.value, ResetNeeded)
        assert isinstance(caught.value, gymnasium.error.ClosedEnvironmentError)


@pytest.mark.parametrize("options", [3, "state", ["state"], {"stat": 1}, {"state": None, "seed": 3}, {"state": "x"}])
def test_reset_refuses_options_that_it_does_not_have(make: Make, options: Any) -> None:
    with pytest.raises(ConfigError, match=r"save_state\(\)"):
        make().unwrapped.reset(options=options)


@pytest.mark.parametrize("options", [None, {}, {"state": None}])
def test_reset_takes_no_options_as_well(make: Make, options: Any) -> None:
    assert make().unwrapped.reset(seed=0, options=options)[1]["seed"] == 0


@pytest.mark.parametrize("state", [None, "x", {"seed": 0}])
def test_only_a_state_is_restored(make: Make, state: Any) -> None:
    with pytest.raises(ConfigError, match=r"what save_state\(\) gave"):
        make().unwrapped.restore_state(state)


def test_a_refused_action_costs_nothing(make: Make) -> None:
    environment = make()
    environment.reset(seed=0)
    with pytest.raises(InvalidActionError):
        environment.step({"pick": np.zeros(6)})
    assert environment.step(oracle(environment))[2]


def test_the_error_is_ours_and_gymnasiums_and_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ResetNeeded("why")))
    assert isinstance(error, RavensError) and isinstance(error, gymnasium.error.ResetNeeded)
    assert str(error) == "why"


@pytest.mark.parametrize("task", ["block-insertion", "sweeping-piles"])
@pytest.mark.parametrize("form", ["", "-continuous"])
def test_resting_is_an_action_that_moves_nothing(make: Make, task: str, form: str) -> None:
    assert task in task_names()
    environment = make(environment_id(task + form))
    _, before = environment.reset(seed=0)
    action = environment.unwrapped._simulation.control.rest()
    assert environment.action_space.contains(action)
    _, reward, terminated, _, info = environment.step(action)
    assert (reward, terminated) == (0.0, False)
    for name, pose in before["privileged"]["poses"].items():
        after = info["privileged"]["poses"][name]
        np.testing.assert_allclose(after[:3], pose[:3], atol=2e-4)  # Metres: piles settle on.
        np.testing.assert_allclose(after[3:], pose[3:], atol=5e-3)


def test_who_asks_for_it_gets_rest_instead_of_an_oracle_that_gives_up(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make()
    environment.reset(seed=0)

    def gives_up(*arguments: Any) -> Any:
        raise OracleGaveUpError("Nothing to see.")

    monkeypatch.setattr(environment.unwrapped._simulation.control, "oracle", gives_up)
    with pytest.raises(OracleGaveUpError):
        oracle(environment)
    assert environment.step(oracle(environment, or_rest=True))[4]["motion"]["outcome"] == "unreachable"


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
@pytest.mark.parametrize("vector", [SyncVectorEnv, AsyncVectorEnv], ids=["sync", "async"])
@pytest.mark.parametrize("identifier", [ID, CONTINUOUS])
def test_the_oracle_drives_vectors_in_every_autoreset_mode(identifier: str, vector: Any, mode: AutoresetMode) -> None:
    def make() -> Any:
        return gymnasium.make(identifier, observe=["proprioception"])

    environments = vector([make, make], autoreset_mode=mode)
    environments.reset(seed=[0, 3])
    solved, done = np.zeros(2, dtype=int), np.zeros(2, dtype=bool)
    for _ in range(24 if identifier == CONTINUOUS else 4):
        if mode == AutoresetMode.DISABLED and done.any():
            environments.reset(options={"reset_mask": done})
        actions = environments.call("oracle_action")
        batch = {key: np.stack([action[key] for action in actions]) for key in actions[0]}
        _, rewards, terminated, truncated, _ = environments.step(batch)
        done = terminated | truncated
        solved += rewards == 1.0
    environments.close()
    assert solved.min() >= 1 and solved.sum() >= 3
