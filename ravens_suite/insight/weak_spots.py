"""Scenes in which an agent is sure of a decision, and wrong: searched for, sorted into kinds, kept as a set.

An agent is sure and wrong in an episode without strict success if one of its actions earned nothing although its
calibrated confidence reached a threshold. Seeds give scenes that are independent of each other, so a search has nothing
to climb: it looks at many scenes with one decision each and runs the most promising (``insight/proposals.py``), with a
guess that every episode improves (``insight/guess.py``). What is changed of a scene, by which axis and grade, is chosen
by what was found with it so far. Files, below the run's folder:

```text
weakspots/<task>.json          the scenes (data/scenes.py): ravens-suite evaluate OTHER --scenes FILE
weakspots/<task>-search.json   every proposal, so that a search that was stopped goes on
```
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.locks import locked_file
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.insight.axes import AXES
from ravens_suite.insight.calibration import Calibration, calibrate, calibration_path, read_calibration
from ravens_suite.insight.guess import Guess, choose_arm
from ravens_suite.insight.proposals import Proposal, ProposalWorker, Tried
from ravens_suite.insight.search_plan import SearchPlan, changes_left_out, changes_to_search
from ravens_suite.rollout.environments import differing_arguments, differing_options, to_json
from ravens_suite.rollout.evaluate import EvaluationWorker
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    plan_evaluation,
    warn_of_training,
    where_weights_lie,
)
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.provenance import joined, noted_in, provenance

_LOG = logging.getLogger(__name__)
WEAK_SPOTS, SEARCH = "weakspots", "-search"

_ROUND = 8
"""Proposals whose choices rest on the same knowledge: a constant, so that any number of workers finds the same."""


@dataclass(frozen=True)
class WeakSpot:
    """A scene in which the agent was sure and wrong.

    Attributes:
        tried: the proposal that found it.
        step: number of the wrong action, from 0.
        confidence: calibrated, of that action.
    """

    tried: Tried
    step: int
    confidence: float

    @property
    def kind(self) -> str:
        """What was changed of the scene, and what went wrong."""
        change = AXES[self.tried.axis].title if self.tried.axis else "As it is"
        return f"{change}: {self.tried.faults[self.step] or 'plans well, but it does not hold'}"

    def scene(self, split: Split, options: Mapping[str, Any]) -> SceneSpec:
        """For the set; ``options`` of the task are part of its changes, as they make the scene."""
        assert self.tried.outcome is not None
        changes = dict(AXES[self.tried.axis].changes[self.tried.grade - 1]) if self.tried.axis else {}
        notes = {
            "step": self.step + 1,
            "confidence": round(self.confidence, 4),
            "score": round(100 * self.tried.outcome.score, 4),
        }
        return SceneSpec(self.tried.outcome.seed, split, {**options, **changes}, self.kind, notes)


@dataclass(frozen=True)
class WeakSpots:
    """What a search found.

    Attributes:
        scenes: the set, most frequent kinds first.
        tried: all proposals, in order.
        failures: episodes without strict success.
        threshold: of confidence.
        path: of the file of the scenes.
        search_path: of the file of the search.
    """

    scenes: SceneSet
    tried: tuple[Tried, ...]
    failures: int
    threshold: float
    path: Path
    search_path: Path

    @property
    def episodes(self) -> int:
        """How many were run."""
        return sum(tried.outcome is not None for tried in self.tried)

    @property
    def looks(self) -> int:
        """At how many scenes was looked."""
        return sum(len(tried.looks) for tried in self.tried)

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the processor, for all looks and for all episodes."""
        return math.fsum(t.seconds[0] for t in self.tried), math.fsum(t.seconds[1] for t in self.tried)

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite weakspots --json``."""
        kinds: dict[str, int] = {}
        for scene in self.scenes.scenes:
            kinds[scene.kind] = kinds.get(scene.kind, 0) + 1
        return {
            "task": self.scenes.task,
            "episodes": self.episodes,
            "looks": self.looks,
            "failures": self.failures,
            "sure_and_wrong": len(self.scenes.scenes),
            "threshold": self.threshold,
            "kinds": kinds,
            "scenes": str(self.path),
        }


def find_weak_spots(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    plan: SearchPlan | None = None,
    *,
    calibration_episodes: int = 30,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> WeakSpots:
    """Search, or go on with a search of the same plan; a larger budget goes on, too.

    Args:
        policy: as ``evaluate`` takes it; it must say how sure it is.
        task: registered name; by default the one the run was trained on.
        plan: how to search.
        calibration_episodes: of validation and of test, where the policy is not calibrated yet.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        out: folder in which ``weakspots`` is made; the run's, or ``runs/<policy>/<task>``.
        force: let a calibration count although the code of the policy or the task has changed since; and both, where
            nobody can know whether the policy still does what it did, as of a server that does not say what it serves.
        pool: where to run; this process by default.
        on_progress: called after every episode, of the calibration, too.

    Raises:
        ConfigError: the policy does not say how sure it is, or the plan cannot work.
        RavensError: as ``evaluate`` does; what is finished is kept.
    """
    out = None if out is None else Path(out)
    plan = plan or SearchPlan()
    # A wrong axis or grade must not show up after all episodes of a calibration.
    evaluation = _evaluation(policy, task, plan, arguments)
    if left_out := changes_left_out(plan, evaluation):
        _LOG.warning("%s", left_out)
    pool = pool or make_pool()
    fitted = _known(evaluation, out, force=force)
    if fitted is None:
        fitted = calibrate(
            policy,
            evaluation.task,
            episodes=calibration_episodes,
            arguments=arguments,
            out=out,
            force=force,
            pool=pool,
            on_progress=on_progress,
        ).calibration
    else:
        warn_of_training(evaluation)
    folder = evaluation.home(out) / WEAK_SPOTS
    search = _Search(evaluation, plan, fitted, folder)
    with locked_file(search.path, "searching into"):
        search.load(force=force)
        search.run(pool, on_progress)
        return search.write()


def check_search(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    plan: SearchPlan | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Refuse what ``find_weak_spots`` would refuse of a task, before another one is searched.

    Args:
        policy: this and all others as of ``find_weak_spots``.
        task: see ``find_weak_spots``.
        plan: see ``find_weak_spots``.
        arguments: see ``find_weak_spots``.

    Raises:
        RavensError: as ``find_weak_spots`` does.
    """
    EvaluationWorker(_evaluation(policy, task, plan or SearchPlan(), arguments)).close()


def _evaluation(
    policy: str | Path | PolicySpec, task: str | None, plan: SearchPlan, arguments: Mapping[str, Any] | None
) -> EvaluationPlan:
    """Of the policy in scenes as they are; raises for a plan that cannot work."""
    plan.check()
    evaluation = plan_evaluation(policy, task, plan.split, arguments or {})
    changes_to_search(plan, evaluation)
    return evaluation


def _known(evaluation: EvaluationPlan, out: Path | None, *, force: bool) -> Calibration | None:
    """The calibration of the policy as it is, in this environment; ``None`` where there is none, or nobody can know."""
    if evaluation.policy.unknown and not force:
        return None
    for folder in (out, None):  # Where the results go, or with the run.
        try:
            found = read_calibration(calibration_path(evaluation, folder))
        except (MissingDataError, DamagedDataError):
            continue
        if found.is_of(evaluation):
            return found.calibration
    return None


class _Search:
    """Runs rounds of proposals and remembers them.

    Attributes:
        path: JSON file of the proposals.
        scenes_path: that of the set of scenes.
    """

    def __init__(self, evaluation: EvaluationPlan, plan: SearchPlan, calibration: Calibration, folder: Path) -> None:
        self.path = folder / f"{evaluation.task}{SEARCH}.json"
        self.scenes_path = folder / f"{evaluation.task}.json"
        self._evaluation = evaluation
        self._plan = plan
        self._calibration = calibration
        self._arms = changes_to_search(plan, evaluation)
        self._tried: dict[int, Tried] = {}
        self._now = provenance()
        self._made: Mapping[str, Any] = {}
        self._settings = {
            **evaluation.settings,
            "plan": {name: value for name, value in asdict(plan).items() if name != "budget"},
            "calibration": asdict(calibration),
        }

    def load(self, *, force: bool = False) -> None:
        """Take up proposals of a search of the same settings; those of another one are kept under other names.

        Args:
            force: take them up, too, where nobody can know whether the policy still does what it did.
        """
        try:
            value = read_json(self.path)
            found = [Tried.from_json(row) for row in value["proposals"]]
            now = {**self._settings, "arguments": self._as_noted(value["settings"]["arguments"])}
            differing = _differing(_plain(value["settings"]), _plain(now))
        except MissingDataError:
            return
        except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
            self._move_away(f"is damaged ({error})")
            return
        if differing:
            self._move_away(f"is of another search ({', '.join(differing)})")
        elif (unknown := self._evaluation.policy.unknown) and not force:
            self._move_away(f"is of {unknown}")
        else:
            self._tried, self._made = {tried.number: tried for tried in found}, noted_in(self.path)

    def _as_noted(self, noted: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments of the environment; in the words of a search on record, where these say the same."""
        now = self._evaluation.arguments
        return now if differing_arguments(self._evaluation.task, noted, now) else noted

    def _move_away(self, why: str) -> None:
        """A search takes long: nobody should lose one by another choice of options."""
        _LOG.warning(
            "%s %s: all is searched anew, and the earlier files are kept with .old at the end of their names. --out "
            "names another folder.",
            self.path,
            why,
        )
        for path in (self.path, self.scenes_path):
            if path.exists():
                path.replace(path.with_name(f"{path.name}.old"))

    def run(self, pool: JobPool, on_progress: Progress) -> None:
        """Run what is missing, round by round."""
        budget = self._plan.budget
        done = sum(number < budget for number in self._tried)
        on_progress(done, budget)
        worker = partial(ProposalWorker, self._evaluation, self._calibration)
        for first in range(0, budget, _ROUND):
            numbers = range(first, min(first + _ROUND, budget))
            if all(number in self._tried for number in numbers):
                continue
            before = [self._tried[number] for number in range(first)]
            jobs = [job for job in self._propose(first, before) if job.number in numbers]
            missing = [job for job in jobs if job.number not in self._tried]
            with closing(pool.outcomes(worker, missing)) as results:
                for result in results:
                    tried = result.unwrap()
                    self._tried[tried.number] = tried
                    self._write_proposals()
                    done += 1
                    on_progress(done, budget, f"{len(self._spots())} found")

    def write(self) -> WeakSpots:
        """Write the set of scenes."""
        tried = tuple(self._tried[number] for number in range(self._plan.budget))
        spots = [spot for spot in self._spots() if spot.tried.number < self._plan.budget]
        counts: dict[str, int] = {}
        for spot in spots:
            counts[spot.kind] = counts.get(spot.kind, 0) + 1
        options = differing_options(self._evaluation.task, {}, self._evaluation.arguments)
        spots.sort(key=lambda spot: (-counts[spot.kind], spot.kind, spot.tried.number))
        notes = {
            "policy": self._evaluation.policy.to_json(),
            **where_weights_lie(self._evaluation.policy, self.scenes_path),
            "arguments": to_json(dict(self._evaluation.arguments)),
            "definition": self._settings["definition"],
            "threshold": self._plan.threshold,
            "budget": self._plan.budget,
            "provenance": self._made,
        }
        task = self._evaluation.task
        scenes = SceneSet(
            f"weak spots of {self._evaluation.policy.label} on {task}",
            task,
            tuple(spot.scene(self._plan.split, options) for spot in spots),
            notes,
        )
        scenes.write(self.scenes_path)
        failures = sum(t.outcome is not None and not t.outcome.success for t in tried)
        return WeakSpots(scenes, tried, failures, self._plan.threshold, self.scenes_path, self.path)

    def _propose(self, first: int, before: Sequence[Tried]) -> Iterable[Proposal]:
        """The proposals of a round, from what was found in the rounds before it."""
        plan, rng = self._plan, np.random.default_rng([self._plan.first_seed, first])
        run = [tried for tried in before if tried.outcome is not None]
        hits = [tried.wrong_step(self._calibration, plan.threshold) is not None for tried in run]
        sights = [tried.looks[tried.chosen].sight(self._calibration, tried.grade) for tried in run]
        guess = Guess.fit(plan.threshold, sights, hits) if plan.guided else Guess(plan.threshold)
        known = [((tried.axis, tried.grade), hit) for tried, hit in zip(run, hits, strict=True)]
        for number in range(first, first + _ROUND):
            arm = choose_arm(rng, self._arms, known) if plan.guided else self._arms[int(rng.integers(len(self._arms)))]
            start = plan.first_seed + number * plan.looks
            yield Proposal(number, *arm, tuple(range(start, start + plan.looks)), guess)

    def _spots(self) -> list[WeakSpot]:
        found = []
        for number in sorted(self._tried):
            tried = self._tried[number]
            step = tried.wrong_step(self._calibration, self._plan.threshold)
            if step is not None and tried.outcome is not None:
                found.append(WeakSpot(tried, step, self._calibration(tried.outcome.confidences[step] or 0.0)))
        return found

    def _write_proposals(self) -> None:
        rows = [self._tried[number].to_json() for number in sorted(self._tried)]
        self._made = joined(self._made, self._now)
        write_json(self.path, {"settings": self._settings, "proposals": rows, "provenance": self._made})


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ; those of the plan by their own names."""
    before, now = ({**value, **value.get("plan", {}), "plan": None} for value in (before, now))
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _plain(value: Any) -> Any:
    """As JSON has it: lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
