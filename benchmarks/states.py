"""Whether restored states are exact, and what restoring costs.

    python benchmarks/states.py [--tasks T...] [--out results/states.json]

For seed 0 of each task: the oracle's episode is saved in the middle and at its end; both states are restored in another
environment, and the episode goes on from the middle. Writes for each task the number of actions, whether every
observation, reward and pose was the same to the byte, and milliseconds of CPU time: of the episode when three images of
480 x 640 are drawn after each action, of restoring its end, and its middle.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from made_by import made_by

from ravens_suite.data.atomic import write_json
from ravens_suite.errors import OracleGaveUpError
from ravens_suite.registry import task_names
from ravens_suite.rollout.environments import make_environment

_STATES: dict[str, Any] = {"observe": ["state"]}


def digest(observation: dict[str, Any], info: dict[str, Any], reward: float) -> str:
    """One text for all that an environment gave."""
    found = hashlib.sha256()
    for _, value in sorted(observation.items()):
        found.update(value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes())
    for name, pose in sorted(info["privileged"]["poses"].items()):
        found.update(name.encode() + pose.tobytes())
    found.update(repr((info["motion"], info["progress"], reward)).encode())
    return found.hexdigest()


def go_on(environment: Any) -> tuple[list[str], list[Any]]:
    """The oracle's episode from here: what was given after each action, and the state then."""
    seen, states = [], []
    over = False
    while not over:
        try:
            observation, reward, terminated, truncated, info = environment.step(environment.unwrapped.oracle_action())
        except OracleGaveUpError:
            break
        seen.append(digest(observation, info, float(reward)))
        states.append(environment.unwrapped.save_state())
        over = terminated or truncated
    return seen, states


def milliseconds(call: Any) -> tuple[float, Any]:
    """CPU time of a call, and its result."""
    start = time.process_time()
    result = call()
    return round(1000 * (time.process_time() - start), 1), result


def measure(task: str) -> dict[str, Any]:
    """One task."""
    made: list[Any] = [make_environment(task, "train", arguments) for arguments in ({}, _STATES, _STATES)]
    drawn, blind, other = made
    drawn.reset(seed=1)  # What is compiled and loaded once is no part of an episode.
    whole = milliseconds(lambda: (drawn.reset(seed=0), go_on(drawn)))[0]
    blind.reset(seed=0)
    seen, states = go_on(blind)
    middle = len(states) // 2
    other.reset(seed=1)
    end_cost, end = milliseconds(lambda: other.unwrapped.restore_state(states[-1]))
    exact = np.array_equal(end[0]["state"], blind.unwrapped.restore_state(states[-1])[0]["state"])
    cost = 0.0
    if middle:
        cost, _ = milliseconds(lambda: other.unwrapped.restore_state(states[middle - 1]))
        exact = exact and go_on(other)[0] == seen[middle:]
    for environment in made:
        environment.close()
    return {
        "task": task,
        "actions": len(seen),
        "exact": bool(exact),
        "episode_ms": whole,
        "restore_end_ms": end_cost,
        "restore_middle_ms": cost,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=None, help="default: every task, and every continuous form")
    parser.add_argument("--out", type=Path, help="JSON file to write; nothing is written without it")
    options = parser.parse_args()
    rows = []
    for task in options.tasks or [name + form for form in ("", "-continuous") for name in task_names()]:
        rows.append(measure(task))
        print(json.dumps(rows[-1]), flush=True)
    if options.out:
        write_json(options.out, {**made_by(), "tasks": rows})


if __name__ == "__main__":
    main()
