"""Whether a policy listens: the same scenes, in which it is told other things than the task's own sentence.

Five kinds of sentences (``data/language_probes.py``) are put into the observation in place of the task's own; the task,
its goals and its score stay as they are. A policy that listens does as well with a paraphrase as with the task's
sentence, takes what it is told when another object is named, and chooses by chance when nothing is said.

The oracle and the random policy do not read their observations, so that all sentences would give the same: they are run
with the task's own alone, and show what a solved task, and chance, look like.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, MOST_SEED, check_number
from ravens_suite.core.observations import GOAL, groups_with
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.language_probes import (
    OWN,
    SENTENCES,
    ProbedEpisode,
    SentenceFigures,
    figures_of,
)
from ravens_suite.data.locks import locked_file
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.registry import load_agent
from ravens_suite.rollout.earlier_results import compare
from ravens_suite.rollout.environments import describe_interface, make_environment
from ravens_suite.rollout.evaluation_plan import (
    EvaluationPlan,
    plan_evaluation,
    warn_of_training,
    where_weights_lie,
)
from ravens_suite.rollout.policies import ORACLE, RANDOM, PolicySpec, close_policy, one_thread
from ravens_suite.rollout.provenance import join_commits, joined, provenance
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.rollout.told_policy import ProbeJob, ToldPolicy

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LanguageProbe:
    """What was found out.

    Attributes:
        plan: policy, task and environment.
        episodes: by seed, and in the order of ``SENTENCES``.
        seconds: wall time, summed over the calls it took.
        path: of the JSON file that holds all this.
    """

    plan: EvaluationPlan
    episodes: tuple[ProbedEpisode, ...]
    seconds: float
    path: Path

    @property
    def figures(self) -> dict[str, SentenceFigures]:
        """By kind of sentence."""
        return figures_of(self.episodes)

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite probe-language --json``."""
        figures = {kind: figures.to_json() for kind, figures in self.figures.items()}
        return {"sentences": figures, "seconds": round(self.seconds, 3)}


def probe_language(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    split: Split = "test",
    episodes: int = 100,
    first_seed: int = 0,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    force: bool = False,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> LanguageProbe:
    """Run a policy on seeds of a split once with each kind of sentence, or do what is still missing of it.

    Episodes that are on disk count as long as they are of this policy, task and environment; else all are run anew, a
    warning says why, and the earlier file stays beside the new one with ``.old`` at its end.

    Args:
        policy: as of ``evaluate``.
        task: registered name; by default the one the run was trained on.
        split: ``train``, ``val`` or ``test``.
        episodes: number of seeds.
        first_seed: seeds are ``first_seed`` to ``first_seed + episodes - 1``.
        arguments: of the environment, JSON values. A run knows its own, which these may not contradict.
        out: folder of the result; by default ``RUN/probes``, or ``runs/<policy>/<task>/probes`` without a run.
        force: let episodes count although the code of the policy or the task has changed since.
        pool: where to run; this process by default.
        on_progress: called after every episode.

    Raises:
        ConfigError: the policy is told no sentence in this environment.
        MissingDataError: there is no such policy.
        ConflictError: an argument contradicts the run's own; or another process writes the same file.
    """
    out = None if out is None else Path(out)
    start = time.perf_counter()
    episodes = check_number("--episodes", episodes, 1, MOST_EPISODES)
    first_seed = check_number("--first-seed", first_seed, 0, MOST_SEED - episodes)
    plan = plan_evaluation(policy, task, split, arguments or {})
    warn_of_training(plan)
    pool = pool or make_pool()
    kinds = [OWN] if _is_deaf(plan.policy) else list(SENTENCES)
    jobs = [ProbeJob(seed, kind) for seed in range(first_seed, first_seed + episodes) for kind in kinds]
    record = _Record(_path(plan, out), plan)
    with locked_file(record.path, "probing into"):
        record.load(force=force)
        if record.doubt:
            (again,) = pool.map(partial(ProbeWorker, plan), [record.doubtful_job])
            record.settle(again)
        missing = [job for job in jobs if job not in record.done]
        before = record.seconds
        on_progress(len(jobs) - len(missing), len(jobs))
        with closing(pool.outcomes(partial(_SilentWorker, plan), missing)) as results:
            for done, result in enumerate(results, len(jobs) - len(missing) + 1):
                record.add(result.job, result.unwrap(), before + time.perf_counter() - start)
                on_progress(done, len(jobs))
    return record.probe(jobs)


def check_probe(
    policy: str | Path | PolicySpec,
    task: str | None = None,
    *,
    split: Split = "test",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Refuse what ``probe_language`` would refuse of a task, before another one is probed.

    Args:
        policy: this and all others as of ``probe_language``.
        task: see ``probe_language``.
        split: see ``probe_language``.
        arguments: see ``probe_language``.

    Raises:
        RavensError: as ``probe_language`` does.
    """
    ProbeWorker(plan_evaluation(policy, task, split, arguments or {})).close()


def _is_deaf(policy: PolicySpec) -> bool:
    """Whether a policy reads no observation at all."""
    return policy.kind in (ORACLE, RANDOM)


def _path(plan: EvaluationPlan, out: Path | None) -> Path:
    return (out or RunFolder(plan.home(None)).probes) / file_name(plan.split, plan.task)


def file_name(split: str, task: str) -> str:
    """Name of the file of a probe."""
    # Not with the split at its end: reports take such files for evaluations.
    return f"language-{split}-{task}.json"


class ProbeWorker:
    """Runs one policy in one environment, told what a job says.

    Args:
        plan: policy, task and environment.

    Raises:
        ConfigError: the policy is told no sentence in this environment.
    """

    def __init__(self, plan: EvaluationPlan) -> None:
        self._plan = plan
        self._environment = make_environment(plan.task, plan.split, plan.arguments)
        interface = describe_interface(self._environment, plan.task)
        if not self._environment.has_wrapper_attr("sentences"):
            raise ConfigError(f"{plan.task} is no environment of this suite, whose sentences can be replaced.")
        if plan.policy.kind == "agent":
            load_agent(plan.policy.name).check(interface)
        if not _is_deaf(plan.policy) and (mend := _not_told(plan, interface.observation)):
            raise ConfigError(f"{plan.policy.label} is told no sentence in {plan.task}: {mend}.")
        self._policy = plan.policy.make_for(self._environment, interface)

    def run(self, job: ProbeJob) -> ProbedEpisode | None:
        """The episode of a job; ``None`` where nothing of this kind can be said, or the scene cannot be placed."""
        speaker = ToldPolicy(self._policy, self._environment, job)
        with one_thread(self._plan.policy.kind):
            rollout = roll_out(self._environment, speaker, job.seed, record=False)
        if not rollout.infos or not speaker.can_say:
            return None
        result = rollout.result()
        return ProbedEpisode(
            job.seed,
            job.sentence,
            speaker.said,
            result.score,
            result.success,
            result.steps,
            result.outcome,
            speaker.first,
        )

    def close(self) -> None:
        """Close the environment, and the connection of a policy that has one."""
        self._environment.close()
        close_policy(self._policy)


class _SilentWorker:
    """A ``ProbeWorker`` as a pool takes it whose results are wanted as they are done."""

    def __init__(self, plan: EvaluationPlan) -> None:
        self._worker = ProbeWorker(plan)

    def run(self, job: ProbeJob, on_note: Callable[[str], None]) -> ProbedEpisode | None:
        """See ``ProbeWorker``; there is nothing to note on the way."""
        return self._worker.run(job)

    def close(self) -> None:
        """See ``ProbeWorker``."""
        self._worker.close()


def _not_told(plan: EvaluationPlan, observed: Mapping[str, Any]) -> str:
    """What to do about a policy that reads no sentence; empty where it reads one."""
    shown = any(key.startswith(GOAL) for key in observed)
    if plan.policy.kind == "agent":
        agent = load_agent(plan.policy.name)
        reads = {*agent.conditions, *agent.observation_keys}
        if not {"instruction", "instruction_bytes"} & reads:
            by_picture = shown and ("goal" in reads or any(key.startswith(GOAL) for key in reads))
            return (
                f"{'a goal picture tells it what to do, and ' if by_picture else ''}it reads no sentence; train an "
                "agent that does (see: ravens-suite agents)"
            )
    if "instruction" in observed:
        return ""
    if shown:
        return (
            "a goal picture tells it what to do; to find out whether it listens to words, let it observe the sentence "
            "in place of the picture (--observe images instruction)" + (", and train on that" if plan.run else "")
        )
    more = " ".join(groups_with([*observed, "instruction"]))
    if plan.run:
        return f"collect demonstrations with --observe {more}, and train on them"
    return f"let its environment observe the sentence, too (--observe {more})"


class _Record:
    """The JSON file of a probe, written anew after every episode.

    Attributes:
        done: what there is, by job; ``None`` where the scene has nothing of this kind to say.
        doubt: why it may be of something else; empty where it is not.
        seconds: wall time so far.
    """

    def __init__(self, path: Path, plan: EvaluationPlan) -> None:
        self.path = path
        self.done: dict[ProbeJob, ProbedEpisode | None] = {}
        self.doubt, self.seconds = "", 0.0
        self._plan, self._settings = plan, plan.settings
        self._now = provenance()
        self._provenance = self._now
        self._lie = where_weights_lie(plan.policy, path)
        self._replaces = False

    @property
    def doubtful_job(self) -> ProbeJob:
        """The job that settles the doubt: the first whose episode has an action."""

        def says_nothing(job: ProbeJob) -> bool:
            episode = self.done[job]
            return episode is None or not episode.steps

        return min(self.done, key=lambda job: (says_nothing(job), job))

    def load(self, *, force: bool) -> None:
        """Take up the episodes that are there, unless they are of something else."""
        try:
            value = read_json(self.path)
            episodes = [ProbedEpisode.from_json(row) for row in value["results"]]
            done: dict[ProbeJob, ProbedEpisode | None] = {ProbeJob(one.seed, one.sentence): one for one in episodes}
            done |= {ProbeJob(int(seed), str(kind)): None for seed, kind in value["without"]}
            difference = compare(value, self._settings, self._plan.policy)
            made = {**value["provenance"], "commit": join_commits(value["provenance"]["commit"], "")}
            seconds = float(value["seconds"])
        except MissingDataError:
            return
        except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
            self._start_anew(f"{self.path} is damaged ({error})")
            return
        if difference.other or (difference.changed and not force):
            self._start_anew(f"{self.path} is of {difference.other or difference.changed}")
            return
        self.done, self.seconds = done, seconds
        self._provenance = made
        self.doubt = difference.doubt if done and not force else ""

    def settle(self, again: ProbedEpisode | None) -> None:
        """Let the episodes count if ``doubtful_job``, run again, came out the same."""
        if again == self.done[self.doubtful_job]:
            self._write()
        else:
            self.done, self.seconds, self._provenance = {}, 0.0, self._now
            self._start_anew(f"{self.path} does not come out the same again ({self.doubt})")

    def add(self, job: ProbeJob, episode: ProbedEpisode | None, seconds: float) -> None:
        """Take in an episode and write everything."""
        if self._replaces:
            self.path.replace(self.path.with_name(f"{self.path.name}.old"))
            self._replaces = False
        self.done[job], self.seconds = episode, seconds
        self._provenance = joined(self._provenance, self._now)
        self._write()

    def _write(self) -> None:
        probe = self.probe(self.done)
        without = sorted([*job] for job, episode in self.done.items() if episode is None)
        rows = [episode.to_json() for episode in probe.episodes]
        extra = {"provenance": self._provenance, "without": without, "results": rows}
        write_json(self.path, {**self._settings, **self._lie, **probe.to_json(), **extra})

    def _start_anew(self, why: str) -> None:
        ProbeWorker(self._plan).close()  # What is refused must not be said to be run.
        _LOG.warning("%s: all episodes are run anew, and the earlier file is kept as %s.old.", why, self.path.name)
        self._replaces = True

    def probe(self, jobs: Sequence[ProbeJob] | Mapping[ProbeJob, Any]) -> LanguageProbe:
        """The episodes of some jobs."""
        order = list(SENTENCES)
        found = [episode for job in jobs if (episode := self.done[job]) is not None]
        found.sort(key=lambda one: (one.seed, order.index(one.sentence)))
        return LanguageProbe(self._plan, tuple(found), self.seconds, self.path)
