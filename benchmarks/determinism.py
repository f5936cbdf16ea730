"""The same seed gives the same bits: alone, beside others, in threads, children and vectors, after other episodes.

    python benchmarks/determinism.py [--tasks T...] [--ways W...] [--actions 4] [--out results/determinism.json]

Every registered environment plays the first oracle actions of some seeds in a fresh process, alone. It does so again in
every other way of ``WAYS``, while as many processes as there are cores do nothing but count. A SHA-256 over scenes
(poses of all bodies), images, oracle actions, rewards and infos must come out equal, seed by seed. Vectors, whose
observations and infos have other forms, are compared by images, actions, rewards and ends of their environments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from ravens_suite.errors import OracleGaveUpError
from ravens_suite.execution.pool import available_cores
from ravens_suite.registry import environment_id, task_names
from ravens_suite.rollout.provenance import provenance

SEEDS = (0, 1, 2, 3)
"""One for each environment of the second process."""

IMAGE_SIZE = (60, 80)

Digests = dict[int, str]
"""SHA-256 of an episode by its seed."""


class Player:
    """An environment whose oracle plays, and the digest of all that came of it so far."""

    def __init__(self, identifier: str) -> None:
        self.env: Any = gymnasium.make(identifier, image_size=IMAGE_SIZE, disable_env_checker=True).unwrapped
        self._hash = hashlib.sha256()
        self._over = False

    def reset(self, seed: int) -> None:
        """Begin the episode of a seed, and its digest."""
        self._hash = hashlib.sha256()
        self._over = False
        self._add(self.env.reset(seed=seed))

    def act(self) -> None:
        """Take the oracle's next action, if there is one."""
        if self._over:
            return
        try:
            action = self.env.oracle_action()
        except OracleGaveUpError:
            self._over = True
            return
        result = self.env.step(action)
        self._over = result[2] or result[3]
        self._add([action, *result])

    def digest(self) -> str:
        """Of all since the last reset."""
        return self._hash.hexdigest()

    def _add(self, value: Any) -> None:
        """Work a nested value into the digest, arrays by their bytes."""
        if isinstance(value, dict):
            for key in sorted(value):
                self._hash.update(key.encode())
                self._add(value[key])
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._add(item)
        elif isinstance(value, np.ndarray):
            self._hash.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        else:
            self._hash.update(repr(value).encode())


def one_after_the_other(identifier: str, actions: int, others: int = 0) -> Digests:
    """All seeds in one environment, which has begun so many other episodes before."""
    player, digests = Player(identifier), {}
    for seed in range(1000, 1000 + others):
        player.reset(seed)
        player.act()
    for seed in SEEDS:
        player.reset(seed)
        for _ in range(actions):
            player.act()
        digests[seed] = player.digest()
    player.env.close()
    return digests


def side_by_side(identifier: str, actions: int) -> Digests:
    """Each seed in an environment of its own, all in this process, acting in turn."""
    players = {seed: Player(identifier) for seed in SEEDS}
    for seed, player in players.items():
        player.reset(seed)
    for _ in range(actions):
        for player in players.values():
            player.act()
    digests = {seed: player.digest() for seed, player in players.items()}
    for player in players.values():
        player.env.close()
    return digests


def in_threads(identifier: str, actions: int) -> Digests:
    """Each seed in a thread of its own, all at once."""
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        found = pool.map(lambda seed: _episode(identifier, seed, actions), SEEDS)
        return dict(zip(SEEDS, found, strict=True))


def in_a_fork(identifier: str, actions: int) -> Digests:
    """All seeds in a process forked from one that has imported everything and drawn nothing."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(one_after_the_other, (identifier, actions))


def after_others(identifier: str, actions: int) -> Digests:
    """All seeds in one environment that has begun other episodes before."""
    return one_after_the_other(identifier, actions, others=50)


def as_vectors_tell(identifier: str, actions: int) -> Digests:
    """What ``in_vectors`` digests, of single environments."""
    digests = {}
    for seed in SEEDS:
        env: Any = gymnasium.make(identifier, image_size=IMAGE_SIZE, disable_env_checker=True).unwrapped
        digest = hashlib.sha256(env.reset(seed=seed)[0]["color"].tobytes())
        over, step = False, 0
        while step < actions and not over:
            action = env.oracle_action(or_rest=True)
            observation, reward, terminated, truncated, _ = env.step(action)
            _add_step(digest, observation["color"], action, reward, terminated)
            over, step = terminated or truncated, step + 1
        digests[seed] = digest.hexdigest()
        env.close()
    return digests


def in_vectors(identifier: str, actions: int, mode: AutoresetMode, kind: str) -> Digests:
    """Each seed in an environment of a vector: its images, actions, rewards and ends, until its episode is over."""
    make = partial(gymnasium.make, identifier, image_size=IMAGE_SIZE)
    makers = [make] * len(SEEDS)
    vector: Any = (
        SyncVectorEnv(makers, autoreset_mode=mode)
        if kind == "sync"
        else AsyncVectorEnv(makers, context=kind, autoreset_mode=mode)
    )
    observation, _ = vector.reset(seed=list(SEEDS))
    digests = [hashlib.sha256(observation["color"][at].tobytes()) for at in range(len(SEEDS))]
    over = np.zeros(len(SEEDS), dtype=bool)
    for _ in range(actions):
        chosen = vector.call("oracle_action", or_rest=True)
        joined = {name: np.stack([action[name] for action in chosen]) for name in chosen[0]}
        observation, rewards, terminated, truncated, info = vector.step(joined)
        ended = terminated | truncated
        for at in np.flatnonzero(~over):
            at_end = ended[at] and mode == AutoresetMode.SAME_STEP
            color = info["final_obs"][at]["color"] if at_end else observation["color"][at]
            _add_step(digests[at], color, chosen[at], rewards[at], terminated[at])
        over |= ended
        if over.all():
            break
        if ended.any() and mode == AutoresetMode.DISABLED:
            vector.reset(options={"reset_mask": ended})
    vector.close()
    return {seed: digest.hexdigest() for seed, digest in zip(SEEDS, digests, strict=True)}


def _add_step(digest: Any, color: Any, action: Any, reward: Any, terminated: Any) -> None:
    for value in (color, *(action[name] for name in sorted(action)), np.float64(reward), np.bool_(terminated)):
        digest.update(np.ascontiguousarray(value).tobytes())


def _episode(identifier: str, seed: int, actions: int) -> str:
    player = Player(identifier)
    player.reset(seed)
    for _ in range(actions):
        player.act()
    player.env.close()
    return player.digest()


MODES = {"next-step": AutoresetMode.NEXT_STEP, "same-step": AutoresetMode.SAME_STEP, "disabled": AutoresetMode.DISABLED}
WAYS: dict[str, Callable[[str, int], Digests]] = {
    "side by side": side_by_side,
    "threads": in_threads,
    "fork": in_a_fork,
    "after others": after_others,
    **{f"vector, {mode}": partial(in_vectors, mode=value, kind="sync") for mode, value in MODES.items()},
    **{f"vector, {kind}": partial(in_vectors, mode=MODES["next-step"], kind=kind) for kind in ("spawn", "fork")},
}
"""How episodes are played beside alone in a spawned process."""


def compare(task: str, ways: Sequence[str], actions: int) -> dict[str, Any]:
    """JSON: ``digests`` by seed, and by way the seeds that ``differ``."""
    identifier = environment_id(task)
    alone = in_fresh_process(one_after_the_other, identifier, actions)
    told = in_fresh_process(as_vectors_tell, identifier, actions)
    differ = {}
    for way in ways:
        found, expected = in_fresh_process(WAYS[way], identifier, actions), told if way.startswith("vector") else alone
        differ[way] = [seed for seed in SEEDS if found[seed] != expected[seed]]
    return {"digests": alone, "differ": {way: seeds for way, seeds in differ.items() if seeds}}


def in_fresh_process(action: Callable[..., Digests], *arguments: Any) -> Digests:
    """What a function gives in a process that was spawned for it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(action, *arguments).result()


@contextmanager
def all_cores_busy() -> Iterator[None]:
    """One process for each core that counts until the end."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [context.Process(target=_count, args=(stop,), daemon=True) for _ in range(available_cores())]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        stop.set()
        for process in processes:
            process.join()


def _count(stop: Event) -> None:
    while not stop.is_set():
        sum(range(1_000_000))


def main() -> None:
    """Compare every environment; the exit code is 1 when one differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=None, help="default: every task, then every continuous form")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--actions", type=int, default=4, help="of the oracle in each episode")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tasks = options.tasks or [*task_names(), *(f"{name}-continuous" for name in task_names())]
    found: dict[str, Any] = {}
    with all_cores_busy():
        for task in tasks:
            found[task] = compare(task, options.ways, options.actions)
            differ = found[task]["differ"]
            print(f"{task}: {f'DIFFERS: {differ}' if differ else 'same'}", flush=True)
    if options.out:
        summary = {
            "all_same": not any(result["differ"] for result in found.values()),
            "seeds": SEEDS,
            "actions": options.actions,
            "ways": options.ways,
            **provenance(),
            "busy_processes": available_cores(),
            "environments": found,
        }
        options.out.write_text(json.dumps(summary, indent=1) + "\n")
    sys.exit(any(result["differ"] for result in found.values()))


if __name__ == "__main__":
    main()
