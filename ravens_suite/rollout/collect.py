"""Episodes of a task, on disk: demonstrations of the oracle, or what another policy does.

Seeds 0, 1, 2, ... of a split are tried in order, and the first N that the oracle solves are kept. Which seeds those
are, and every byte of their files, depends on nothing but the settings: not on the number of processes, nor on how
often the command was killed and run again. Of another policy every episode is kept, solved or not: such episodes show
how objects move. They lie in folders of their own, so that nobody imitates them by mistake.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from ravens_suite.core.memory import keep_freed_memory
from ravens_suite.core.numbers import MOST_EPISODES, check_number, plain
from ravens_suite.core.policy import Policy
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.store import Attempt, EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError, OracleGaveUpError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.rollout.actors import Actor, arguments_for, check_kind, folder_settings
from ravens_suite.rollout.definitions import take_up
from ravens_suite.rollout.environments import differing_arguments, make_environment, to_json, versions
from ravens_suite.rollout.policies import ORACLE, PolicySpec, close_policy, one_thread
from ravens_suite.rollout.rollout import roll_out, to_episode

_LOG = logging.getLogger(__name__)
SOLVED = 0.99
"""Episodes whose rewards sum to more are kept, as in the published benchmark."""
_HOPELESS = 50
"""Attempts beyond twice the episodes wanted after which the oracle is taken to be broken."""


@dataclass(frozen=True)
class Unit:
    """A unit of work: seeds of one task and split, and the folder their episodes go to.

    Attributes:
        task: registered name.
        split: ``train``, ``val`` or ``test``.
        first: first seed.
        count: number of seeds from there on.
        folder: of the ``EpisodeStore``.
    """

    task: str
    split: str
    first: int
    count: int
    folder: str


@dataclass(frozen=True)
class Tried:
    """Result of a unit: its attempts, and the seconds of those that were not already on disk."""

    attempts: tuple[Attempt, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Collected:
    """Result of a collection.

    Attributes:
        task: registered name.
        episodes: demonstrations in the folder that were asked for.
        attempts: all seeds tried for them, solved or not.
        seconds: wall time of this call.
        episode_seconds: what one seed cost one process in this call, from reset to written file; 0 when all were there.
        renderer: that drew the images.
        policy: label of the policy that acted.
        others: how many of the episodes another policy made, or the same one with another share of random actions.
    """

    task: str
    episodes: int
    attempts: tuple[Attempt, ...]
    seconds: float
    episode_seconds: float
    renderer: str
    policy: str = ORACLE
    others: int = 0

    @property
    def summary(self) -> Summary:
        """The figures over all seeds tried whose scenes could be placed, those of other policies among them."""
        return Summary.of([attempt.outcome for attempt in self.attempts])

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite collect --json``; ``mean_steps`` is that of the kept episodes."""
        kept = Summary.of([attempt.outcome for attempt in self.attempts if attempt.kept])
        return {
            **self.summary.to_json(),
            "episodes": kept.episodes,
            "attempts": len(self.attempts),
            "mean_steps": kept.mean_steps,
            "seconds": round(self.seconds, 3),
            "seconds_per_episode": round(self.episode_seconds, 4),
            "renderer": self.renderer,
            **({"of_other_policies": self.others} if self.others else {}),
        }


def collect(
    task: str,
    *,
    episodes: int,
    data: Path | str,
    split: str = "train",
    policy: str | Path | PolicySpec = ORACLE,
    explore: float = 0.0,
    arguments: Mapping[str, Any] | None = None,
    pool: JobPool | None = None,
    seeds_a_unit: int = 1,
    force: bool = False,
    on_progress: Progress = silent,
    wait: bool = False,
) -> Collected:
    """Collect oracle demonstrations, or episodes of another policy, or as many as are still missing.

    Args:
        task: registered name.
        episodes: how many episodes the folder shall hold at least: solved ones of the oracle, any of other policies.
        data: folder of all data; episodes go to ``data/<task>/<split>``.
        split: ``train``, ``val`` or ``test``.
        policy: ``oracle``, or what else ``evaluate`` takes: ``random``, ``explore``, a run. A folder may hold episodes
            of several policies other than the oracle; each episode says whose it is.
        explore: share of random actions among those of the policy, 0 to 1. With it, the oracle's episodes are kept
            solved or not, and are no demonstrations.
        arguments: of the environment, JSON values; a run knows its own.
        pool: where to run; this process by default.
        seeds_a_unit: seeds that one unit of work tries.
        force: keep and add to episodes that are there although their task has changed since; the manifest then names
            both definitions, and every episode its own.
        on_progress: called for every episode that is kept.
        wait: for another process that collects into the same folder to end.

    Raises:
        UnknownNameError: there is no such task.
        ConflictError: the folder holds episodes made with other settings, another process is at work there and is not
            waited for, or an argument contradicts the task, the split or the run; the task of the episodes has changed
            since; or the folder holds demonstrations of the oracle, and this policy gives none.
        ConfigError: a number is none that can be.
        OracleGaveUpError: the oracle fails too often for this to end.
    """
    start = time.perf_counter()
    check_number("seeds_a_unit", seeds_a_unit, 1, MOST_EPISODES)
    store, episodes = EpisodeStore.of(data, task, split), plain(episodes)
    actor, arguments = _begun(store, task, episodes, split, policy, explore, arguments)
    acting = {} if actor.demonstrates else {"actor": actor}
    job = _Collection(store, task, split, episodes, seeds_a_unit, on_progress, actor.demonstrates)
    with store.locked(wait=wait):
        job.run(pool or make_pool(), partial(DemonstrationWorker, arguments, force=force, **acting))
        store.finish()
        if gone := [attempt.seed for attempt in job.attempts if attempt.kept and not store.path(attempt.seed).exists()]:
            raise MissingDataError(
                f"{len(gone)} of the episodes in {store.folder} were removed meanwhile (the first of seed {gone[0]}): "
                "run the same command again."
            )
    return Collected(
        task=task,
        episodes=episodes,
        attempts=tuple(job.attempts),
        seconds=time.perf_counter() - start,
        episode_seconds=_mean(job.seconds),
        renderer=str(store.manifest()["renderer"]),
        policy=actor.policy.label,
        others=0 if actor.demonstrates else _made_by_others(store, job.attempts, actor),
    )


def _made_by_others(store: EpisodeStore, attempts: Sequence[Attempt], actor: Actor) -> int:
    """How many of the episodes that were kept another actor made."""
    makers = (store.reader(attempt.seed).summary.metadata.get("policy") for attempt in attempts if attempt.kept)
    return sum(not actor.made(maker) for maker in makers)


def check_collection(
    task: str,
    *,
    episodes: int,
    data: Path | str,
    split: str = "train",
    policy: str | Path | PolicySpec = ORACLE,
    explore: float = 0.0,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Refuse what ``collect`` would refuse of a task, before another one is collected; it writes nothing.

    Args:
        task: this and all others as of ``collect``.
        episodes: see ``collect``.
        data: see ``collect``.
        split: see ``collect``.
        policy: see ``collect``.
        explore: see ``collect``.
        arguments: see ``collect``.

    Raises:
        RavensError: as ``collect`` does.
    """
    store = EpisodeStore.of(data, task, split)
    actor, arguments = _begun(store, task, episodes, split, policy, explore, arguments)
    with closing(make_environment(task, split, arguments)) as environment:
        close_policy(actor.make(environment))
        with suppress(MissingDataError):
            store.check_claim(folder_settings(store, environment, task, split, arguments, actor))


def arguments_of(task: str, split: str, policy: str | Path | PolicySpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the environment in which a policy acts: a run knows its own.

    Args:
        task: registered name.
        split: see ``collect``.
        policy: see ``collect``.
        given: what is asked for, JSON values.

    Raises:
        RavensError: as ``collect`` does.
    """
    spec = policy if isinstance(policy, PolicySpec) else PolicySpec.parse(str(policy))
    return arguments_for(Actor(spec), task, split, given)


def _begun(
    store: EpisodeStore,
    task: str,
    episodes: int,
    split: str,
    policy: str | Path | PolicySpec,
    explore: float,
    arguments: Mapping[str, Any] | None,
) -> tuple[Actor, dict[str, Any]]:
    """Who acts, and the arguments of the environment."""
    check_number("--episodes", episodes, 1, MOST_EPISODES)
    if not 0 <= explore <= 1:
        raise ConfigError(f"--explore is a share of actions, 0 to 1, not {explore}.")
    actor = Actor(
        policy if isinstance(policy, PolicySpec) else PolicySpec.parse(str(policy)), to_json(np.asarray(explore))
    )
    own = arguments_for(actor, task, split, arguments or {})
    check_kind(store, actor)
    return actor, own


@dataclass
class _Collection:
    """One call of ``collect``: rounds of exactly as many seeds as solved episodes are missing."""

    store: EpisodeStore
    task: str
    split: str
    episodes: int
    seeds_a_unit: int
    on_progress: Progress
    demonstrates: bool = True
    attempts: list[Attempt] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def run(self, pool: JobPool, make: Callable[[], DemonstrationWorker]) -> None:
        self.store.repair()
        recorded = self.store.attempts()
        known = {attempt.seed: attempt for attempt in self.store.recorded()}
        self.attempts = self._until_enough(recorded)
        damaged = [attempt.seed for attempt in recorded if attempt.kept and not self.store.intact(attempt.seed)]
        again = [unit for seed in damaged for unit in self._units(seed, 1)]
        if not again and self._kept() >= self.episodes:
            again = self._units(0, 0)  # Nothing to do, but other settings than those on disk must still be refused.
        for tried in pool.map(make, again):
            self.seconds += tried.seconds
        while (missing := self.episodes - self._kept()) > 0:
            if len(self.attempts) > 2 * self.episodes + _HOPELESS:
                kept = "The oracle solved" if self.demonstrates else "There was room for the scenes of"
                raise OracleGaveUpError(
                    f"{kept} {self._kept()} of {len(self.attempts)} seeds of {self.task}: "
                    f"see {self.store.folder / 'attempts.jsonl'} for why. Attempts of earlier calls count: delete "
                    f"{self.store.folder} if the task has changed since."
                )
            for tried in pool.map(make, self._units(len(self.attempts), missing)):
                self._record(tried.attempts, known)
                self.attempts += tried.attempts
                self.seconds += tried.seconds
                self.on_progress(self._kept(), self.episodes)

    def _record(self, attempts: Sequence[Attempt], known: Mapping[int, Attempt]) -> None:
        """Record attempts; seeds that follow a gap, of a line that somebody took out, may be on record already."""
        if new := [attempt for attempt in attempts if attempt.seed not in known]:
            self.store.record(new)
        for attempt in attempts:
            if known.get(attempt.seed, attempt) != attempt:
                self.store.correct(attempt)

    def _units(self, first: int, count: int) -> list[Unit]:
        """Units that cover ``count`` seeds from ``first`` on; for a count of 0 one unit without seeds."""
        end = first + count
        if not count:
            return [Unit(self.task, self.split, first, 0, str(self.store.folder))]
        return [
            Unit(self.task, self.split, seed, min(self.seeds_a_unit, end - seed), str(self.store.folder))
            for seed in range(first, end, self.seeds_a_unit)
        ]

    def _kept(self) -> int:
        return sum(attempt.kept for attempt in self.attempts)

    def _until_enough(self, recorded: list[Attempt]) -> list[Attempt]:
        """The attempts up to the last episode asked for."""
        kept = [index for index, attempt in enumerate(recorded) if attempt.kept]
        return recorded[: kept[self.episodes - 1] + 1] if len(kept) >= self.episodes else recorded


class DemonstrationWorker:
    """Runs episodes and writes those to keep; keeps its environment and policy from one unit to the next.

    It has its process keep freed memory, see ``core/memory.py``.

    Args:
        arguments: of the environment.
        actor: who acts; the oracle unless given.
        force: see ``collect``.
    """

    def __init__(self, arguments: dict[str, Any], *, actor: Actor | None = None, force: bool = False) -> None:
        keep_freed_memory()
        self._arguments = arguments
        self._actor = actor or Actor(PolicySpec("oracle", ORACLE))
        self._force = force
        self._policy: Policy | None = None
        self._environment: gymnasium.Env[Any, Any] | None = None
        self._for: tuple[str, str, str] | None = None

    def run(self, unit: Unit) -> Tried:
        """Try the seeds of a unit that are not done already.

        Raises:
            ConflictError: the unit's folder was made with other settings, or of the task as it was.
        """
        environment, policy = self._open(unit)
        attempts, seconds = [], []
        for seed in range(unit.first, unit.first + unit.count):
            start = time.perf_counter()
            store = EpisodeStore(unit.folder)
            attempt = _known(store, seed, unit.task, self._arguments, demonstrates=self._actor.demonstrates)
            if attempt is None or self._said_more(policy, store, seed):
                attempt = self._try(environment, policy, store, unit, seed)
                seconds.append(time.perf_counter() - start)
            attempts.append(attempt)
        return Tried(tuple(attempts), tuple(seconds))

    def close(self) -> None:
        """Close the environment."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None
        if self._policy is not None:
            close_policy(self._policy)
            self._policy = None

    def _open(self, unit: Unit) -> tuple[gymnasium.Env[Any, Any], Policy]:
        """The environment of a unit, whose settings the unit's folder holds from now on, and who acts in it."""
        key = (unit.task, unit.split, unit.folder)
        if self._environment is None or self._policy is None or key != self._for:
            self.close()
            self._environment = make_environment(unit.task, unit.split, self._arguments)
            self._policy = self._actor.make(self._environment)
            store = EpisodeStore(unit.folder)
            made = self._environment, unit.task, unit.split, self._arguments, self._actor
            store.claim(folder_settings(store, *made), versions())
            maker = None if self._actor.demonstrates else self._actor.to_json()
            take_up(
                store,
                self._environment,
                self._arguments,
                versions(),
                policy=self._policy,
                maker=maker,
                force=self._force,
            )
            self._for = key
        return self._environment, self._policy

    def _said_more(self, policy: Policy, store: EpisodeStore, seed: int) -> bool:
        """Whether the policy that made an episode of which nothing is on record said what its file does not hold.

        How sure it was lies in the record of attempts alone, which a killed process may not have come to.
        """
        if self._actor.demonstrates or not callable(getattr(policy, "confidence", None)):
            return False
        return store.reader(seed).summary.metadata.get("policy") == self._actor.to_json()

    def _try(
        self, environment: gymnasium.Env[Any, Any], policy: Policy, store: EpisodeStore, unit: Unit, seed: int
    ) -> Attempt:
        with one_thread(self._actor.policy.kind):
            rollout = roll_out(environment, policy, seed)
        result = rollout.result()
        kept = rollout.score > SOLVED if self._actor.demonstrates else result.placed
        if kept:
            episode = to_episode(rollout, unit.task, unit.split, self._arguments)
            if not self._actor.demonstrates:
                episode = replace(episode, metadata={**episode.metadata, "policy": self._actor.to_json()})
            store.write(episode, rollout.recording)
        return Attempt(result, kept)


def _known(
    store: EpisodeStore, seed: int, task: str, arguments: Mapping[str, Any], *, demonstrates: bool
) -> Attempt | None:
    """The attempt of a seed whose undamaged episode is already on disk; ``None`` if there is none.

    Raises:
        ConflictError: it was not collected, or not with these arguments, or not by the oracle where the oracle acts.
    """
    if not store.intact(seed):
        return None
    known = store.reader(seed).summary
    if missing := [key for key in ("arguments", "outcome", "goals", "motion") if key not in known.metadata]:
        raise ConflictError(f"{store.path(seed)} was not collected (it does not note its {missing[0]}). {_MOVE_IT}")
    made, own = ({**each, "renderer": None} for each in (known.metadata["arguments"], arguments))
    if differing := differing_arguments(task, made, own):
        words = ", ".join(f"{name} {was!r}, not {now!r}" for name, (was, now) in differing.items())
        raise ConflictError(f"{store.path(seed)} was collected with other settings: {words}. {_MOVE_IT}")
    if demonstrates != ("policy" not in known.metadata):
        made_by, acting = ("a policy", "the oracle") if demonstrates else ("the oracle", "a policy")
        raise ConflictError(f"{store.path(seed)} was made by {made_by}, and this folder is of {acting}. {_MOVE_IT}")
    goals, motions = known.metadata["goals"], known.metadata["motion"]
    outcome = str(known.metadata["outcome"])
    return Attempt(
        EpisodeOutcome(seed, known.score, known.success, known.steps, outcome, goals, tuple(motions)), kept=True
    )


_MOVE_IT = "Move it out of this folder, and it is collected anew; or collect into another --data folder."


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
