"""Random and hostile actions and options over all tasks: no crash, no hang, nothing at NaN or kilometres away.

    python benchmarks/fuzz.py [--actions 12500] [--options 2000] [--seed 0] [--out results/fuzz.json]

Actions: corners of the workspace, wrong types and shapes, NaN, infinities, huge numbers, tiny quaternions, missing and
unknown keys, upside-down tools, picks on nothing, places on the held object's own spot. Four of five are hostile. Every
bad action must be answered by ``InvalidActionError``, every other by an observation.

Options and seeds: values of wrong types, sizes and spelling. Each makes an environment that can be reset and stepped,
or is answered by an error of ``ravens_suite.errors`` that names it.

``--actions 0`` or ``--options 0`` leaves that part of the file as it is.
"""

from __future__ import annotations

import argparse
import collections
import inspect
import json
import multiprocessing
import time
import warnings
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from made_by import made_by

from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.envs.environment import RavensEnv
from ravens_suite.errors import InvalidActionError, OracleGaveUpError, PlacementError, RavensError
from ravens_suite.registry import environment_id, load_task, task_names

FARTHEST = 5.0
"""Metres from the origin within which every body must stay."""

HOSTILE_SHARE = 0.8
"""Of the actions, those that must be refused."""

LONGEST_STEPS = 20_000
"""Physics steps that one action may take."""

HOSTILE: tuple[Any, ...] = (
    None,
    "pick",
    [],
    {},
    np.zeros(6),
    np.zeros((2, 7)),
    np.full(7, np.nan),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0]),
    np.array([np.inf, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0]),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, np.nan, 1.0]),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 1e-9]),
    np.array([0.5, 0.0, 0.1, 1e-300, 0.0, 0.0, 0.0]),
    np.array([-np.inf] * 7, dtype=np.float32),
    np.zeros(7),
    np.zeros(0),
    np.ones(8, dtype=np.uint8),
    np.full(7, None),
    np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0 + 1j]),
    np.array(["0.5"] * 7),
    np.zeros(7, dtype="datetime64[s]"),
    "0.5 0 0.1 0 0 0 1",
    b"pick",
    {"x": 0.5},
    {1, 2},
    [[0.5], [0.0, 0.1]],
    [None] * 7,
    ["0.5"] * 6,
    range(7, 7),
    float("nan"),
    10**400,
    lambda: None,
    np.array(["a"] * 7),
    [10**400] * 7,
    object(),
)


def fair_pose(rng: np.random.Generator, current: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A pose of the right form, however silly."""
    low, high = np.array(AGENT_WORKSPACE.low), np.array(AGENT_WORKSPACE.high)
    kind = int(rng.integers(6))
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    if kind == 0:
        return np.concatenate([rng.uniform(low, high), upright])
    if kind == 1:
        return np.concatenate([np.where(rng.random(3) < 0.5, low, high), rng.normal(size=4)])
    if kind == 2:
        return np.concatenate([rng.normal(size=3) * 10.0 ** rng.integers(0, 300), upright])
    if kind == 3 and rng.random() < 0.3:
        return np.concatenate([rng.uniform(low, high), upright]).astype([np.float16, np.float32][int(rng.integers(2))])
    if kind == 3:
        return np.concatenate([rng.uniform(low, high), rng.normal(size=4) * 10.0 ** rng.integers(-5, 150)])
    bodies = [pose for pose in current.values() if np.isfinite(pose).all()]
    target = bodies[int(rng.integers(len(bodies)))][:3] if bodies else low
    return np.concatenate([target, upright if kind == 4 else rng.normal(size=4)])


def hostile_action(rng: np.random.Generator, space: gymnasium.spaces.Dict) -> Any:
    """An action that must be refused."""
    if rng.random() < 0.2:
        return HOSTILE[int(rng.integers(len(HOSTILE)))]
    action = dict(space.sample())
    keys = list(action)
    spoiled = keys[int(rng.integers(len(keys)))]
    if rng.random() < 0.1:
        action["unknown"] = action.pop(spoiled)
    else:
        action[spoiled] = HOSTILE[int(rng.integers(len(HOSTILE)))]
    return action


def fair_action(rng: np.random.Generator, env: Any, info: dict[str, Any]) -> dict[str, Any]:
    """An action that must be carried out: sometimes the oracle's, mostly not."""
    if rng.random() < 0.3:
        try:
            return dict(env.oracle_action())
        except OracleGaveUpError:
            pass
    poses = info["privileged"]["poses"]
    if "pick" in env.action_space.spaces:
        pick = fair_pose(rng, poses)
        action = {"pick": pick, "place": pick if rng.random() < 0.2 else fair_pose(rng, poses)}
        return {**action, "beside": None} if rng.random() < 0.1 else action
    return {"pose": fair_pose(rng, poses), "gripper": int(rng.integers(2))}


def check(info: dict[str, Any], identifier: str, seed: int) -> None:
    """Raise when a body or the motion is not where it may be."""
    for name, pose in info["privileged"]["poses"].items():
        if not np.isfinite(pose).all() or np.abs(pose[:3]).max() > FARTHEST:
            raise AssertionError(f"{identifier}, seed {seed}: {name} is at {pose}.")
    if info["motion"]["steps"] > LONGEST_STEPS:
        raise AssertionError(f"{identifier}, seed {seed}: {info['motion']}.")


def fuzz(identifier: str, actions: int, seed: int) -> collections.Counter[str]:
    """Outcomes of many actions on one environment."""
    rng = np.random.default_rng([seed, actions, len(identifier)])
    outcomes: collections.Counter[str] = collections.Counter()
    env: Any = gymnasium.make(identifier, image_size=(12, 16), disable_env_checker=True).unwrapped
    env.action_space.seed(seed)
    episode = 0
    _, info = env.reset(seed=episode)
    for _ in range(actions):
        if rng.random() < HOSTILE_SHARE:
            try:
                env.step(hostile_action(rng, env.action_space))
            except InvalidActionError:
                outcomes["refused"] += 1
                continue
            raise AssertionError(f"{identifier}: a hostile action was not refused.")
        observation, reward, terminated, truncated, info = env.step(fair_action(rng, env, info))
        check(info, identifier, episode)
        if not (np.isfinite(reward) and np.isfinite(observation["depth"]).all()):
            raise AssertionError(f"{identifier}, seed {episode}: reward {reward}, or a depth that is not finite.")
        outcomes[info["motion"]["outcome"]] += 1
        if terminated or truncated or rng.random() < 0.1:
            episode += 1
            _, info = env.reset(seed=episode)
    env.close()
    return outcomes


WHOLE: tuple[Any, ...] = (0, 1, 2, -1, 3, np.int64(1), 10**6, 10**30, True, 1.0, 1.5, np.nan, "2", None, [1])
SIZES: tuple[Any, ...] = (
    [12, 16],
    (np.int64(12), np.int32(16)),
    np.array([12, 16]),
    (1, 1),
    (1, 16385),
    (10**12, 10**12),
    [0, 10],
    [-1, 10],
    [10],
    [10, 10, 3],
    [12.0, 16.0],
    [True, True],
    "12x16",
    16,
    None,
    np.zeros((2, 2), int),
)
NAMES: tuple[Any, ...] = (
    None,
    "",
    "auto",
    "train",
    "color",
    3,
    b"test",
    ["images"],
    {"a": 1},
    np.array(["a", "b"]),
    object,
)
LISTS: tuple[Any, ...] = (
    [],
    ["color"],
    ("light", "light"),
    "color",
    ["colour"],
    [None],
    [[]],
    {"color"},
    5,
    None,
    np.array([]),
)
OBSERVE: tuple[Any, ...] = (
    ["state"],
    ("instruction",),
    ["goal"],
    ["state", "state"],
    [1],
    "state",
    [],
    None,
    ["imagse"],
    {},
)
CAMERAS: tuple[Any, ...] = (
    None,
    [],
    {},
    "front",
    [{}],
    [None],
    [{"position": [0, 0, 0]}],
    [{"position": "a", "target": 1}],
    7,
)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "task": (3, None, "", "block-insertion", "no-such-task", ["block-insertion"], b"block-insertion"),
    "split": ("train", "val", "test", "dev", *NAMES),
    "observe": OBSERVE,
    "control": ("primitive", "waypoint", "joints", *NAMES),
    "renderer": NAMES,
    "image_size": SIZES,
    "motion": ("fast", "careful", "simulated", *NAMES),
    "randomize": LISTS,
    "camera_noise": (*WHOLE, 1e300, np.inf, np.float32(0.5), np.array(1.0), 1j),
    "distractors": WHOLE,
    "perturb": (
        {},
        {"light": 1},
        {"occluders": 2},
        {"crowding": 0.9},
        {"lights": 1},
        {"camera": np.nan},
        *NAMES,
        *WHOLE,
    ),
    "cameras": CAMERAS,
    "render_mode": ("rgb_array", "rgb_array_list", "human", *NAMES),
    "render_camera": (*NAMES, *CAMERAS),
    "render_size": SIZES,
    "render_fps": (*WHOLE, 30),
    "frameskip": (1,),
    "segmentaton": (True,),
    "max_steps": (3,),
    "seed": (*WHOLE, 2**64, 2**200, np.uint8(3), np.array(3), {}, object()),
    "options": (*NAMES, {}, {"lerobot_new_rollout": True}),
}
"""Values by option; ``seed`` and ``options`` are those of ``reset``."""


def fuzz_option(task: str, name: str, value: Any) -> str:
    """Make, reset and step an environment with one odd option; what came of it.

    Raises:
        AssertionError: it was answered by an error of others, or by one that does not name the option.
    """
    at_reset = {name: value} if name in ("seed", "options") else {}
    arguments: dict[str, Any] = {"task": task, "observe": ["state"], "image_size": [12, 16]}
    try:
        env = RavensEnv(**{**arguments, **({} if at_reset else {name: value})})
    except RavensError as error:
        if name not in str(error) and name not in ("task", "renderer", "cameras", "render_camera"):
            raise AssertionError(f"{task}, {name}={value!r}: the error does not name it: {error}") from error
        return "refused"
    try:
        env.reset(**{"seed": 0, **at_reset})
        env.step(env.oracle_action(or_rest=True))
    except PlacementError:
        return "no room"
    except RavensError as error:
        if not at_reset or name not in str(error):
            raise AssertionError(f"{task}, {name}={value!r}: refused late, or without a name: {error}") from error
        return "refused"
    finally:
        env.close()
    return "works"


def fuzz_options(task: str, count: int, seed: int) -> dict[str, collections.Counter[str]]:
    """Outcomes of many options of one task, by option."""
    rng = np.random.default_rng([seed, count, *task.encode()])
    own = [name for name in inspect.signature(load_task(task)[0]).parameters if name != "split"]
    names = [*OPTIONS, *own]
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for _ in range(count):
        name = names[int(rng.integers(len(names)))]
        values = OPTIONS.get(name, (*NAMES, *WHOLE))
        value = values[int(rng.integers(len(values)))]
        try:
            outcomes[name][fuzz_option(task, name, value)] += 1
        except Exception as error:
            raise AssertionError(f"{task}, {name}={value!r}") from error
    return dict(outcomes)


def main() -> None:
    """Fuzz every registered environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=12_500, help="over all environments; four of five are hostile")
    parser.add_argument("--workers", type=int, default=1, help="processes; the result is the same for any number")
    parser.add_argument("--options", type=int, default=2_000, help="over all tasks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", default=None)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="gymnasium")
    names = options.tasks or [*task_names(), *(f"{name}-continuous" for name in task_names())]
    plain = list(dict.fromkeys(name.removesuffix("-continuous") for name in names))
    result: dict[str, Any] = json.loads(options.out.read_text()) if options.out and options.out.exists() else {}
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        if options.actions:
            each = -(-options.actions // len(names))
            work = {name: pool.submit(fuzz, environment_id(name), each, options.seed) for name in names}
            result |= {"actions": each * len(names), "seed": options.seed, "outcomes": gather(work)}
        if options.options:
            each = -(-options.options // len(plain))
            tried = {name: pool.submit(fuzz_options, name, each, options.seed) for name in plain}
            by_option: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
            for found in gather(tried).values():
                for option, outcomes in found.items():
                    by_option[option].update(outcomes)
            result["options"] = {name: dict(sorted(found.items())) for name, found in sorted(by_option.items())}
    if options.out:
        options.out.write_text(json.dumps({**result, **made_by()}, indent=1) + "\n")


def gather(work: dict[str, Future[Any]]) -> dict[str, Any]:
    """The results by name, each printed when it is there."""
    found, start = {}, time.perf_counter()
    for name, future in work.items():
        found[name] = dict(sorted(future.result().items()))
        print(f"{name}: {found[name]} after {time.perf_counter() - start:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    main()
