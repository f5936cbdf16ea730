"""States: an episode that is restored goes on to the byte as the one that was not."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravens_suite.envs.states import EnvironmentState
from ravens_suite.errors import ConfigError, ConflictError, OracleGaveUpError, ReplayError, ResetNeededError
from ravens_suite.rollout.environments import make_environment

EVERYTHING: dict[str, Any] = {
    "observe": ["images", "segmentation", "state", "proprioception", "instruction"],
    "image_size": [24, 32],
    "camera_noise": 1.0,
    "randomize": ["color", "light", "camera"],
}
STATES: dict[str, Any] = {"observe": ["state"]}
BUILD = "ravens_suite/Build-v0"
Moment = dict[str, bytes]


def make(task: str, arguments: dict[str, Any] = EVERYTHING) -> gymnasium.Env[Any, Any]:
    return make_environment(task, "train", arguments)


def moment(observation: dict[str, Any], info: dict[str, Any], rest: Any = ()) -> Moment:
    """Every byte of what an environment gave."""
    seen = {key: value.encode() if isinstance(value, str) else value.tobytes() for key, value in observation.items()}
    poses = {f"pose of {name}": vector.tobytes() for name, vector in info["privileged"]["poses"].items()}
    said = {key: repr(value).encode() for key, value in info.items() if key != "privileged"}
    return {**seen, **poses, **said, "rest": repr(rest).encode()}


def go_on(environment: gymnasium.Env[Any, Any], steps: int) -> list[Moment]:
    """What the oracle's next steps give."""
    moments: list[Moment] = []
    oracle = environment.get_wrapper_attr("oracle_action")
    for _ in range(steps):
        try:
            observation, reward, terminated, truncated, info = environment.step(oracle())
        except OracleGaveUpError as error:
            return [*moments, {"gave up": str(error).encode()}]
        moments.append(moment(observation, info, (reward, terminated, truncated)))
        if terminated or truncated:
            break
    return moments


def save(environment: gymnasium.Env[Any, Any]) -> EnvironmentState:
    state: EnvironmentState = environment.get_wrapper_attr("save_state")()
    return state


def restore(environment: gymnasium.Env[Any, Any], state: EnvironmentState) -> Moment:
    return moment(*environment.get_wrapper_attr("restore_state")(state))


CASES = [
    ("block-insertion", 0, 1),
    ("stack-block-pyramid", 2, 2),
    ("manipulating-rope", 1, 1),
    ("sweeping-piles", 1, 1),
    ("palletizing-boxes", 3, 3),
    ("block-insertion-continuous", 5, 5),  # Branches while the block hangs in the gripper.
    ("align-rope-continuous", 6, 8),
    ("sweeping-piles-continuous", 4, 2),
]


@pytest.mark.parametrize(("task", "before", "after"), CASES)
def test_branches_are_equal_to_the_byte(task: str, before: int, after: int) -> None:
    environment, other = make(task), make(task)
    begin = moment(*environment.reset(seed=3))
    seen = [begin, *go_on(environment, before)][-1] | {"rest": begin["rest"]}
    state = save(environment)
    branch = go_on(environment, after)
    assert restore(environment, state) == seen
    assert go_on(environment, after) == branch
    other.reset(seed=8)
    go_on(other, 1)
    assert restore(other, pickle.loads(pickle.dumps(state))) == seen
    assert go_on(other, after) == branch
    environment.close()
    other.close()


def _branch(task: str, state: EnvironmentState, steps: int) -> tuple[Moment, list[Moment]]:
    environment = make(task)
    first = restore(environment, state)
    rest = go_on(environment, steps)
    environment.close()
    return first, rest


def test_another_process_goes_on_from_a_state() -> None:
    task = "manipulating-rope"
    environment = make(task)
    environment.reset(seed=0)
    go_on(environment, 1)
    state = save(environment)
    after = go_on(environment, 1)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(_branch, task, state, 1).result()
    assert there == (restore(environment, state), after)
    environment.close()


@pytest.fixture(scope="module")
def pyramid() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make("stack-block-pyramid", STATES)
    yield environment
    environment.close()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.just("oracle"), st.just("save"), st.integers(0, 3), st.integers(10, 13)), max_size=7),
    st.integers(0, 3),
)
def test_any_course_of_saving_restoring_and_acting_is_consistent(
    pyramid: gymnasium.Env[Any, Any], course: list[str | int], seed: int
) -> None:
    """The same seed and the same actions always give the same, however often states were restored in between."""
    known: dict[tuple[Any, ...], Moment] = {}
    saved: list[tuple[EnvironmentState, tuple[Any, ...]]] = []

    def check(path: tuple[Any, ...], seen: Moment) -> None:
        assert known.setdefault(path, seen) == seen

    path: tuple[Any, ...] = (seed,)
    check(path, moment(*pyramid.reset(seed=seed)))
    for what in course:
        if what == "save":
            saved.append((save(pyramid), path))
        elif isinstance(what, int) and what >= 10 and saved:
            state, path = saved[what % len(saved)]
            check(path, restore(pyramid, state))
        elif not pyramid.unwrapped._lifecycle.over:  # type: ignore[attr-defined]
            pyramid.action_space.seed(what if isinstance(what, int) else 0)
            oracle = pyramid.get_wrapper_attr("oracle_action")
            action = oracle() if what == "oracle" else pyramid.action_space.sample()
            observation, *_, info = pyramid.step(action)
            path = (*path, *(value.tobytes() for value in action.values()))
            check(path, moment(observation, info))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectors_save_and_restore(mode: str) -> None:
    vector: Any = gymnasium.make_vec(
        "ravens_suite/StackBlockPyramid-v0", num_envs=2, vectorization_mode=mode, observe=["state"]
    )

    def advance() -> Any:
        actions = vector.call("oracle_action")
        return vector.step({name: np.stack([action[name] for action in actions]) for name in actions[0]})[0]["state"]

    vector.reset(seed=[0, 1])
    advance()
    states = vector.call("save_state")
    after = advance()
    vector.call("restore_state", states[0])
    assert np.array_equal(advance(), after[[0, 0]])
    vector.reset(options={"state": states[1]})
    assert np.array_equal(advance(), after[[1, 1]])
    vector.close()


def test_saving_changes_nothing() -> None:
    environment = make("block-insertion-continuous", STATES)
    environment.reset(seed=0)
    plain = go_on(environment, 6)
    environment.reset(seed=0)
    saved = [step for _ in range(6) for step in (save(environment), *go_on(environment, 1))[1:]]
    assert plain == saved
    environment.close()


def test_branches_of_other_actions_meet_again_at_the_state() -> None:
    environment = make("place-red-in-green", STATES)
    environment.reset(seed=1)
    state = save(environment)
    miss = {"pick": np.array([0.3, 0.4, 0.05, 0, 0, 0, 1.0]), "place": np.array([0.5, 0.0, 0.05, 0, 0, 0, 1.0])}
    environment.step(miss)
    assert save(environment).steps == 1
    restore(environment, state)
    assert save(environment).steps == 0
    environment.close()


def test_reset_takes_a_state_through_wrappers() -> None:
    environment = make("block-insertion", STATES)
    environment.reset(seed=4)
    state = save(environment)
    after = go_on(environment, 1)
    fresh = gymnasium.wrappers.TimeLimit(make("block-insertion", STATES), 5)
    observation, info = fresh.reset(options={"state": state})
    assert info["seed"] == 4
    assert "state" in observation
    assert go_on(fresh, 1) == after
    environment.close()
    fresh.close()


def test_a_reset_without_a_seed_is_the_next_one_after_restoring_too() -> None:
    environment = make("block-insertion", STATES)
    environment.reset(seed=4)
    state = save(environment)
    seeds = [environment.reset()[1]["seed"] for _ in range(2)]
    restore(environment, state)
    assert [environment.reset()[1]["seed"] for _ in range(2)] == seeds
    environment.close()


def test_a_state_of_an_episode_that_is_over_restores_its_end() -> None:
    environment = make("block-insertion", STATES)
    environment.reset(seed=0)
    end = go_on(environment, 3)[-1]
    state = save(environment)
    environment.reset(seed=1)
    assert restore(environment, state) | {"rest": end["rest"]} == end
    with pytest.raises(ResetNeededError):
        environment.step(environment.action_space.sample())
    environment.close()


def test_a_state_of_an_environment_that_draws_nothing_is_seen_in_one_that_draws() -> None:
    blind, seeing = make("stack-block-pyramid", STATES), make("stack-block-pyramid", {"image_size": [24, 32]})
    for environment in (blind, seeing):
        environment.reset(seed=2)
        go_on(environment, 1)
    seen = restore(seeing, save(seeing))
    assert restore(seeing, save(blind)) == seen
    blind.close()
    seeing.close()


@pytest.mark.parametrize(
    "arguments",
    [STATES, {"observe": ["images", "goal"], "image_size": [24, 32], "camera_noise": 1.0}, {"image_size": [12, 16]}],
)
def test_what_was_seen_otherwise_is_seen_with_the_noise_of_an_episode_of_its_own(arguments: dict[str, Any]) -> None:
    """It was that of the first observation again, or none that there ever was."""
    noisy = {"image_size": [24, 32], "camera_noise": 1.0}
    finds, sees = make("stack-block-pyramid", arguments), make("stack-block-pyramid", noisy)
    for environment in (finds, sees):
        environment.reset(seed=2)
    go_on(finds, 2)
    lived = go_on(sees, 4)
    # An action's reward and end are not told of a moment that is restored.
    assert {**restore(sees, save(finds)), "rest": b""} == {**lived[1], "rest": b""}
    assert go_on(sees, 2) == lived[2:]
    finds.close()
    sees.close()


def test_films_are_the_same_after_a_state() -> None:
    environment = make("block-insertion-continuous", {**STATES, "render_mode": "rgb_array_list", "motion": "simulated"})
    environment.reset(seed=0)
    go_on(environment, 1)
    state = save(environment)
    environment.render()
    go_on(environment, 1)
    frames: Any = environment.render()
    restore(environment, state)
    go_on(environment, 1)
    again: Any = environment.render()
    assert len(frames) == len(again) > 1
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    environment.close()


def test_a_state_is_exact_with_the_renderer_of_bullet() -> None:
    environment = make("stack-block-pyramid", {**EVERYTHING, "renderer": "tiny"})
    environment.reset(seed=0)
    seen = go_on(environment, 2)[-1]
    state = save(environment)
    after = go_on(environment, 1)
    assert restore(environment, state) | {"rest": seen["rest"]} == seen
    assert go_on(environment, 1) == after
    environment.close()


def test_a_new_environment_may_begin_with_a_state() -> None:
    environment, fresh = make("block-insertion", STATES), make("block-insertion", STATES)
    environment.reset(seed=0)
    restore(fresh, save(environment))
    assert go_on(fresh, 1) == go_on(environment, 1)
    environment.close()
    fresh.close()


@pytest.mark.parametrize(
    ("task", "arguments", "said"),
    [
        ("place-red-in-green", {}, "task 'block-insertion', this environment 'place-red-in-green'"),
        ("block-insertion", {"motion": "simulated"}, "motion 'fast', this environment 'simulated'"),
        ("block-insertion", {"distractors": 2}, "distractors 0, this environment 2"),
        ("block-insertion-continuous", {}, "control 'primitive', this environment 'waypoint'"),
    ],
)
def test_states_of_other_environments_are_refused(task: str, arguments: dict[str, Any], said: str) -> None:
    environment, other = make("block-insertion", STATES), make(task, {**STATES, **arguments})
    environment.reset(seed=0)
    other.reset(seed=1)
    before = save(other)
    with pytest.raises(ConflictError, match=said):
        restore(other, save(environment))
    assert save(other).seed == before.seed == 1  # The episode of the other one goes on.
    environment.close()
    other.close()


@pytest.mark.parametrize("given", [({}, {"structure": "row"}), ({"structure": "row"}, {})])
def test_a_default_that_is_given_makes_no_other_environment(given: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = (gymnasium.make(BUILD, **STATES, **options) for options in given)
    one.reset(seed=0)
    observation, _, _, _, info = one.step(one.get_wrapper_attr("oracle_action")())
    state = one.get_wrapper_attr("save_state")()
    restored = other.reset(options={"state": state})
    assert moment(*restored) == moment(observation, info)
    for environment in (one, other):
        environment.close()
    otherwise = gymnasium.make(BUILD, **STATES, structure="tower")
    with pytest.raises(ConflictError, match=r"this environment \{'structure': 'tower'\}"):
        otherwise.reset(options={"state": state})
    otherwise.close()


def test_options_that_are_arrays_are_compared_by_their_numbers() -> None:
    cells = [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]
    one, other = (gymnasium.make(BUILD, **STATES, structure=own) for own in (list(map(np.array, cells)), cells))
    one.reset(seed=0)
    for there, back in ((one, other), (other, one), (one, one)):
        _, info = back.reset(options={"state": there.get_wrapper_attr("save_state")()})
        assert info["seed"] == 0
    one.close()
    other.close()


def test_what_leads_elsewhere_is_named() -> None:
    environment: Any = make("block-insertion", STATES)
    environment.reset(seed=0)
    scene = environment.unwrapped._scene
    scene.move("block", scene.pose("block").raised(0.001))
    with pytest.raises(ReplayError, match="seed 0 after 0 actions: 'block' is 1 mm"):
        restore(environment, save(environment))
    with pytest.raises(ResetNeededError):
        save(environment)
    environment.close()


def test_there_is_no_state_before_an_episode() -> None:
    environment: Any = make("block-insertion", STATES)
    with pytest.raises(ResetNeededError, match="save_state"):
        environment.unwrapped.save_state()
    environment.close()


@pytest.mark.parametrize("options", [{"state": 3}, {"state": {"seed": 0}}])
def test_reset_refuses_what_is_no_state(options: dict[str, Any]) -> None:
    environment = make("block-insertion", STATES)
    with pytest.raises(ConfigError, match="save_state"):
        environment.reset(options=options)
    environment.close()


def test_reset_refuses_a_state_and_a_seed() -> None:
    environment = make("block-insertion", STATES)
    environment.reset(seed=0)
    with pytest.raises(ConfigError, match="without a seed"):
        environment.reset(seed=1, options={"state": save(environment)})
    environment.close()


def test_a_state_stays_as_it_was_saved() -> None:
    environment = make("block-insertion-continuous", STATES)
    environment.reset(seed=0)
    go_on(environment, 2)
    state = save(environment)
    kept = deepcopy(state)
    go_on(environment, 3)
    assert pickle.dumps(state) == pickle.dumps(kept)
    assert state.steps == 2
    environment.close()
