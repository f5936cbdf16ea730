"""The same seed gives the same bits: alone, and beside others in another process, while every core is busy.

    python benchmarks/determinism.py [--tasks T...] [--actions 4] [--out results/determinism.json]

Every registered environment plays the first oracle actions of some seeds in two processes that share nothing: one has a
single environment for all seeds, the other one environment for each, acting in turn. Meanwhile as many processes as
there are cores do nothing but count. A SHA-256 over scenes (poses of all bodies), images, oracle actions, rewards and
infos must come out equal, seed by seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

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


def one_after_the_other(identifier: str, actions: int) -> Digests:
    """All seeds in one environment."""
    player, digests = Player(identifier), {}
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


def compare(task: str, actions: int) -> dict[str, Any]:
    """JSON: ``digests`` by seed, and the seeds that ``differ`` between two fresh processes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as first, context.Pool(1, maxtasksperchild=1) as second:
        pending = [
            first.apply_async(one_after_the_other, (environment_id(task), actions)),
            second.apply_async(side_by_side, (environment_id(task), actions)),
        ]
        alone, together = (result.get() for result in pending)
    return {"digests": alone, "differ": [seed for seed in SEEDS if alone[seed] != together[seed]]}


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
    parser.add_argument("--actions", type=int, default=4, help="of the oracle in each episode")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tasks = options.tasks or [*task_names(), *(f"{name}-continuous" for name in task_names())]
    found: dict[str, Any] = {}
    with all_cores_busy():
        for task in tasks:
            found[task] = compare(task, options.actions)
            differ = found[task]["differ"]
            print(f"{task}: {f'DIFFERS at seeds {differ}' if differ else 'same'}", flush=True)
    if options.out:
        summary = {
            "all_same": not any(result["differ"] for result in found.values()),
            "seeds": SEEDS,
            "actions": options.actions,
            **provenance(),
            "busy_processes": available_cores(),
            "environments": found,
        }
        options.out.write_text(json.dumps(summary, indent=1) + "\n")
    sys.exit(any(result["differ"] for result in found.values()))


if __name__ == "__main__":
    main()
