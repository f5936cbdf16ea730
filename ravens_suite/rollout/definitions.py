"""Whether what lies on disk was made of a task as it is now. What a definition is: ``envs/definition.py``.

The task itself may have changed: then what was made before is of another task, and is not taken for one of this. Or the
suite may have changed, in a way that matters to this task or not: that is found out by running one recorded episode
again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from ravens_suite.core.policy import Policy
from ravens_suite.data.episode import Episode, read_episode, write_episode
from ravens_suite.data.store import EpisodeStore
from ravens_suite.envs.definition import OF_THE_SUITE, OF_THE_TASK, Definition, changed, define
from ravens_suite.errors import ConflictError
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.rollout import roll_out, to_episode

__all__ = ["OF_THE_SUITE", "OF_THE_TASK", "Definition", "changed", "define", "take_up", "the_task_has_changed"]


def take_up(
    store: EpisodeStore,
    environment: gymnasium.Env[Any, Any],
    arguments: Mapping[str, Any],
    versions: Mapping[str, str],
    *,
    policy: Policy | None = None,
    maker: Mapping[str, Any] | None = None,
    force: bool = False,
) -> None:
    """Refuse to add to episodes that were made of another task, or by a simulation that acts otherwise.

    What was collected before definitions were noted is taken up, too, if one of its episodes comes out the same.

    Args:
        store: of episodes; its manifest names task and split.
        environment: in which more are to be made.
        arguments: that it was made with.
        versions: of the software in use.
        policy: that makes them; the oracle unless given.
        maker: what episodes of that policy record of it; of a folder of several policies, one of them is run again.
        force: take up what is there, whatever has changed; the manifest then keeps both definitions.

    Raises:
        ConflictError: the message names what has changed.
    """
    manifest = store.manifest()
    task, split = str(manifest["task"]), manifest["split"]
    then, now = manifest.get("definition"), define(task, split, arguments)
    if then == now:
        return
    if not force and len(store):
        if words := changed(then, now, OF_THE_TASK):
            raise ConflictError(f"{the_task_has_changed(str(store.folder), task, words)} {_WAY_OUT}")
        if differing := _differs_from_its_record(
            store, environment, (policy or OraclePolicy(environment), maker), task, split, arguments
        ):
            newer = _newer(manifest["versions"], versions)
            why = ", ".join([*changed(then, now, OF_THE_SUITE), *newer]) or "the task or the suite"
            raise ConflictError(
                f"{store.folder}: its first episode comes out otherwise today ({differing}). What has changed since: "
                f"{why}. {_WAY_OUT}"
            )
    store.note_definition(now)


_WAY_OUT = "Collect into another --data folder, or delete this one; --force keeps what is there and adds to it."


def the_task_has_changed(where: str, task: str, words: list[str]) -> str:
    """The beginning of a message."""
    return f"{where} was made of another {task}. Since then there is a change of {_joined(words)}."


def _newer(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [f"{name} ({then.get(name, 'none')}, now {now[name]})" for name in now if then.get(name) != now[name]]


def _joined(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _differs_from_its_record(
    store: EpisodeStore,
    environment: gymnasium.Env[Any, Any],
    made_by: tuple[Policy, Mapping[str, Any] | None],
    task: str,
    split: str,
    arguments: Mapping[str, Any],
) -> str:
    """Which arrays of the first undamaged episode are not the same when it is made once more; empty for none."""
    policy, maker = made_by
    known = (seed for seed in store.seeds() if store.intact(seed))
    seed = next((seed for seed in known if store.reader(seed).summary.metadata.get("policy") == maker), None)
    if seed is None:
        return ""
    rollout = roll_out(environment, policy, seed)
    if not rollout.actions:
        return rollout.outcome
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "again.safetensors"
        write_episode(path, to_episode(rollout, task, split, arguments), rollout.recording)
        return ", ".join(_differing(store.read(seed), read_episode(path)))


def _differing(one: Episode, other: Episode) -> list[str]:
    found = [] if np.array_equal(one.rewards, other.rewards) else ["rewards"]
    for kind in ("actions", "observations", "poses"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        same = mine.keys() == theirs.keys() and all(
            np.array_equal(mine[key], theirs[key], equal_nan=mine[key].dtype.kind == "f") for key in mine
        )
        found += [] if same else [kind]
    return found
