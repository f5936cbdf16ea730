"""Demonstrations of the oracle, some of which are carried out wrongly: what benchmarks/influence.py looks for."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.agents.base import Agent
from ravens_suite.core.geometry import yaw_quaternion
from ravens_suite.core.observations import Observation, groups_with
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import OracleGaveUpError
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.rollout import roll_out, to_episode

Array = NDArray[np.float64]
KINDS = ("wrong goal", "wrong object", "random place")
DEMOS, BAD, UNSEEN = 30, 3, 20
"""Demonstrations, those of them that are wrong, and demonstrations of validation scenes."""
_NEAR = 0.06
"""Metres: bodies this close to the right place or to the picked object are not taken for others."""
_BESIDE = 0.15
"""Metres from the right goal, where there is no other body to mistake for it."""


class WronglyDone:
    """The oracle, whose every action is changed in one way; it stops after as many actions as the right one has."""

    def __init__(self, environment: Any, kind: str, actions: int) -> None:
        self._environment, self._kind, self._actions = environment, kind, actions
        space = environment.action_space["place"]
        self._low, self._high = space.low[:2] + 0.05, space.high[:2] - 0.05

    def reset(self, seed: int) -> None:
        """Begin anew."""
        self._rng, self._done = np.random.default_rng(seed), 0

    def act(self, observation: Observation) -> Mapping[str, Any]:
        """The oracle's action, changed; raises OracleGaveUpError after the last."""
        if self._done == self._actions:
            raise OracleGaveUpError("This was the last action of the right demonstration.")
        self._done += 1
        action = {name: np.array(pose) for name, pose in self._environment.unwrapped.oracle_action().items()}
        if self._kind == "random place":
            action["place"][:2] = self._rng.uniform(self._low, self._high)
            action["place"][3:] = yaw_quaternion(float(self._rng.uniform(-np.pi, np.pi)))
            return action
        pick, place = action["pick"][:2], action["place"][:2]
        poses = self._environment.unwrapped.save_state().poses
        bodies = {name: np.asarray(pose)[:2] for name, pose in poses.items()}
        picked = min(bodies, key=lambda name: float(np.linalg.norm(bodies[name] - pick)))
        others = [at for name, at in sorted(bodies.items()) if name != picked and self._elsewhere(at, pick, place)]
        if self._kind == "wrong object":
            # Where there is one object alone, what stands at its goal is picked.
            rest = others or [at for name, at in sorted(bodies.items()) if name != picked]
            action["pick"][:2] = rest[int(self._rng.integers(len(rest)))]
        else:
            action["place"][:2] = others[int(self._rng.integers(len(others)))] if others else self._beside(place)
        return action

    @staticmethod
    def _elsewhere(at: Array, pick: Array, place: Array) -> bool:
        return bool(np.linalg.norm(at - pick) > _NEAR and np.linalg.norm(at - place) > _NEAR)

    def _beside(self, place: Array) -> Array:
        while True:
            angle = float(self._rng.uniform(0, 2 * np.pi))
            at = place + _BESIDE * np.array([math.cos(angle), math.sin(angle)])
            if np.all(at > self._low) and np.all(at < self._high):
                return np.asarray(at)


@dataclass(frozen=True)
class Case:
    """A task's demonstrations, some of which are wrong.

    Attributes:
        task: registered name.
        data: folder of all data.
        seeds: of the demonstrations.
        bad: those that are wrong.
    """

    task: str
    data: Path
    seeds: list[int]
    bad: list[int]

    def paths(self, without: Sequence[int] = ()) -> list[Path]:
        """Files of the demonstrations but for some."""
        store = EpisodeStore.of(self.data, self.task, "train")
        return [store.path(seed) for seed in self.seeds if seed not in without]


def right(task: str, agent: type[Agent[Any]], folder: Path, demos: int = DEMOS) -> Path:
    """Demonstrations of the oracle for training, and of validation scenes; the folder of all data."""
    arguments = {"observe": list(groups_with(agent.observation_keys)), "image_size": [240, 320]}
    collect(task, episodes=demos, data=folder / "right", arguments=arguments)
    collect(task, split="val", episodes=UNSEEN, data=folder / "right", arguments=arguments)
    return folder / "right"


def plant(task: str, source: Path, folder: Path, kind: str, seed: int) -> Case:
    """The same demonstrations, some of them carried out wrongly."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source / task, folder / task, copy_function=os.link)
    store = EpisodeStore.of(folder, task, "train")
    seeds = store.seeds()[:DEMOS]
    bad = sorted(int(each) for each in np.random.default_rng(seed).permutation(seeds)[:BAD])
    arguments = store.manifest()["arguments"]
    environment = make_environment(task, "train", arguments)
    for each in bad:
        policy = WronglyDone(environment, kind, store.reader(each).summary.steps)
        rollout = roll_out(environment, policy, each)
        store.write(to_episode(rollout, task, "train", arguments), rollout.recording)
    environment.close()
    return Case(task, folder, seeds, bad)


def mean_score(agent: Agent[Any], task: str, data: Path, episodes: int) -> float:
    """Of an agent on the first test scenes, in the environment of its demonstrations; 0 to 100."""
    environment = make_environment(task, "test", EpisodeStore.of(data, task, "train").manifest()["arguments"])
    found = [roll_out(environment, agent, seed, record=False).score for seed in range(episodes)]
    environment.close()
    return 100 * float(np.mean(found))


@dataclass(frozen=True)
class Result:
    """What an agent does on what it has not seen: mean loss of demonstrations, and score, 0 to 100, where measured."""

    loss: float
    score: float | None


def recovered(again: Sequence[Sequence[Result]], drops: Sequence[int]) -> dict[str, Any]:
    """What wrong demonstrations cost, and which share of it is brought back without those that are ranked first.

    Args:
        again: of each run the results of all demonstrations, without the wrong ones, and without the first so many.
        drops: how many those are.
    """
    row: dict[str, Any] = {}
    columns = list(zip(*again, strict=True))
    losses = [float(np.mean([result.loss for result in column])) for column in columns]
    row |= _figures("unseen_loss", losses, drops, digits=6)
    if again[0][0].score is not None:
        means = [float(np.mean([result.score or 0.0 for result in column])) for column in columns]
        row |= _figures("score", means, drops, digits=2)
    return row


def _figures(name: str, values: Sequence[float], drops: Sequence[int], digits: int) -> dict[str, Any]:
    everything, without_wrong, *without_first = values
    cost = everything - without_wrong
    return {
        name: {
            "all": round(everything, digits),
            "without_wrong": round(without_wrong, digits),
            "without_first": {str(n): round(value, digits) for n, value in zip(drops, without_first, strict=True)},
        },
        f"{name}_brought_back": {
            str(n): round((everything - value) / cost, 3) if cost else None
            for n, value in zip(drops, without_first, strict=True)
        },
    }
