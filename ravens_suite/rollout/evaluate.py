"""How well a policy does on seeds it has never seen.

The policy is a trained agent in a run folder, or ``oracle`` or ``random``. Every episode's result is on disk as soon as
it is there, so an evaluation that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.seeding import Split, generator
from ravens_suite.core.statistics import percent_interval
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.execution.engine import Engine, SerialEngine
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.registry import environment_id, load_agent
from ravens_suite.rollout.provenance import join_commits, provenance
from ravens_suite.rollout.rollout import Oracle, Policy, Rollout, make_environment, plain, roll_out

if TYPE_CHECKING:
    from ravens_suite.agents.base import Agent

_LOG = logging.getLogger(__name__)

ORACLE, RANDOM = "oracle", "random"
SCRIPTED = (ORACLE, RANDOM)
"""Policies that need no run folder."""
AGENT_FILE = "agent.json"
WEIGHTS_FILE = "weights.safetensors"
POLICY_FOLDER = "policy"
RUN_FILE = "run.json"
PROGRAM = "ravens-suite"


@dataclass(frozen=True)
class Result:
    """What came of one evaluated episode.

    Attributes:
        seed: of the scene.
        score: sum of rewards.
        success: strict success at the end.
        steps: number of actions.
        outcome: ``"done"``, ``"step limit"``, ``"gave up: <why>"`` or ``"not placed: <why>"``.
        goals: which objects ended where they should.
        motions: what became of each action.
    """

    seed: int
    score: float
    success: bool
    steps: int
    outcome: str
    goals: dict[str, bool]
    motions: list[dict[str, Any]]


@dataclass(frozen=True)
class Evaluation:
    """Results over seeds, and their summary.

    Attributes:
        agent: name of the agent, or ``oracle`` or ``random``.
        task: registered name.
        split: ``train``, ``val`` or ``test``.
        results: in the order of the seeds.
        seconds: wall time, summed over the calls it took.
        path: of the JSON file that holds all this.
    """

    agent: str
    task: str
    split: Split
    results: tuple[Result, ...]
    seconds: float
    path: Path

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite evaluate --json``; scores in 0 to 100.

        ``interval_95`` is that of the strict success rate, ``score_interval_95`` that of the mean score.
        """
        scores = [result.score for result in self.results]
        successes = [float(result.success) for result in self.results]
        return {
            "episodes": len(self.results),
            "mean_score": round(100 * _mean(scores), 4),
            "strict_success": round(100 * _mean(successes), 4),
            "interval_95": percent_interval(successes),
            "score_interval_95": percent_interval([min(max(score, 0.0), 1.0) for score in scores]),
            "mean_steps": round(_mean([float(result.steps) for result in self.results]), 4),
            "seconds": round(self.seconds, 3),
        }


def evaluate(
    policy: str,
    task: str | None = None,
    *,
    split: Split = "test",
    episodes: int = 100,
    first_seed: int = 0,
    arguments: Mapping[str, Any] | None = None,
    out: Path | str | None = None,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Run a policy on seeds of a split, or on those still missing.

    Args:
        policy: a run folder, or ``"oracle"`` or ``"random"``.
        task: registered name; by default the one the run was trained on.
        split: ``train``, ``val`` or ``test``.
        episodes: number of seeds.
        first_seed: seeds are ``first_seed`` to ``first_seed + episodes - 1``.
        arguments: of the environment, JSON values.
        out: folder of the result; by default ``RUN/eval``, or ``runs/<policy>/<task>`` without a run.
        engine: where to run; this process by default.
        progress: told of every episode.

    Raises:
        MissingDataError: the run folder holds no trained agent.
        UnknownNameError: there is no such task or agent.
    """
    start = time.perf_counter()
    if episodes < 1:
        raise ConfigError(f"--episodes must be at least 1, not {episodes}.")
    subject = _subject(policy, task, split)
    record = _Record(_result_path(subject, out), subject, dict(arguments or {}))
    record.load()
    wanted = range(first_seed, first_seed + episodes)
    missing = [Unit(subject.task, split, seed) for seed in wanted if seed not in record.results]
    before = record.seconds
    make = partial(EvaluationWorker, subject, dict(arguments or {}))
    progress(episodes - len(missing), episodes)
    for done, (result, renderer) in enumerate(
        (engine or SerialEngine()).map(make, missing), episodes - len(missing) + 1
    ):
        record.add(result, renderer, before + time.perf_counter() - start)
        progress(done, episodes, f"score {100 * _mean([item.score for item in record.results.values()]):.1f}")
    return record.evaluation(wanted)


@dataclass(frozen=True)
class Unit:
    """A unit of work: one seed of a task and split."""

    task: str
    split: Split
    seed: int


@dataclass(frozen=True)
class Subject:
    """What is evaluated, on what.

    Attributes:
        agent: registered name, or one of ``SCRIPTED``.
        run: its folder; empty for a scripted policy.
        weights: folder within it that holds the trained agent.
        trained_on: task of the run.
        task: registered name.
        split: of the seeds.
        fingerprint: SHA-256 of the weights and settings; empty for a scripted policy.
    """

    agent: str
    run: str
    weights: str
    trained_on: str
    task: str
    split: Split
    fingerprint: str


class EvaluationWorker:
    """Runs one policy in one environment.

    Args:
        subject: what is evaluated.
        arguments: of the environment.
    """

    def __init__(self, subject: Subject, arguments: dict[str, Any]) -> None:
        self._environment = make_environment(subject.task, subject.split, arguments)
        self._policy = make_policy(subject.agent, Path(subject.weights), subject.split)

    def run(self, unit: Unit) -> tuple[Result, str]:
        """The result of a seed, and the renderer that drew it."""
        rollout = roll_out(self._environment, self._policy, unit.seed, keep_images=False)
        renderer = str(rollout.infos[0]["renderer"]) if rollout.infos else ""
        return _result(unit.seed, rollout), renderer

    def close(self) -> None:
        """Close the environment."""
        self._environment.close()


class RandomPolicy:
    """Poses drawn uniformly from the action space.

    Args:
        split: with the episode's seed it fixes the draws.
    """

    def __init__(self, split: Split) -> None:
        self._split = split

    def reset(self, environment: gymnasium.Env[Any, Any], seed: int) -> None:
        """Draw anew from the episode's seed."""
        environment.action_space.seed(int(generator(seed, self._split, "agent").integers(2**31)))

    def act(self, observation: dict[str, NDArray[Any]], environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
        """See ``Policy``."""
        action: dict[str, Any] = environment.action_space.sample()
        return action


class AgentPolicy:
    """A trained agent, which sees images and camera parameters only.

    Args:
        agent: from the registry.
    """

    def __init__(self, agent: Any) -> None:
        self._agent = agent

    def reset(self, environment: gymnasium.Env[Any, Any], seed: int) -> None:
        """An episode begins."""
        self._agent.reset()

    def act(self, observation: dict[str, NDArray[Any]], environment: gymnasium.Env[Any, Any]) -> dict[str, Any]:
        """See ``Policy``."""
        action: dict[str, Any] = self._agent.act(observation, environment.unwrapped.cameras)  # type: ignore[attr-defined]
        return action


def make_policy(agent: str, weights: Path, split: Split) -> Policy:
    """A policy by name.

    Args:
        agent: registered name, or one of ``SCRIPTED``.
        weights: folder of the trained agent.
        split: of the episodes to come.
    """
    if agent == ORACLE:
        return Oracle()
    if agent == RANDOM:
        return RandomPolicy(split)
    return AgentPolicy(trained_agent(agent, weights))


def trained_agent(name: str, weights: Path) -> Agent:
    """A trained agent, and one thread for it, so that no bit of an action or a score depends on the number of cores.

    Args:
        name: registered name.
        weights: folder of the trained agent.

    Raises:
        RavensError: there is no such agent, or ``Agent.load`` refuses the folder.
    """
    agent_class = load_agent(name)
    import torch

    torch.set_num_threads(1)
    return agent_class.load(weights)


class _Record:
    """The JSON file of an evaluation, written anew after every episode."""

    def __init__(self, path: Path, subject: Subject, arguments: dict[str, Any]) -> None:
        self.path = path
        self.results: dict[int, Result] = {}
        self.seconds = 0.0
        self._subject = subject
        self._renderer = ""
        self._provenance = provenance()
        self._settings = plain(
            {
                "agent": subject.agent,
                "task": subject.task,
                "split": subject.split,
                "environment": environment_id(subject.task),
                "arguments": arguments,
                "fingerprint": subject.fingerprint,
            }
        )

    def load(self) -> None:
        """Take up the results that are there, unless they are of other settings or other weights."""
        try:
            value = read_json(self.path)
            found = {key: value[key] for key in self._settings}
            results = [Result(**result) for result in value["results"]]
            commit = join_commits(value["provenance"]["commit"], self._provenance["commit"])
        except MissingDataError:
            return
        except (DamagedDataError, KeyError, TypeError) as error:
            _LOG.warning("%s is damaged and evaluated anew: %s", self.path, error)
            return
        if found != self._settings:
            _LOG.warning("%s is of other settings or other weights, and is evaluated anew.", self.path)
            return
        self.results = {result.seed: result for result in results}
        self.seconds = value["seconds"]
        self._renderer = value["renderer"]
        self._provenance |= {"commit": commit}

    def add(self, result: Result, renderer: str, seconds: float) -> None:
        """Take in a result and write everything."""
        self.results[result.seed] = result
        self.seconds = seconds
        self._renderer = renderer or self._renderer
        evaluation = self.evaluation(self.results)
        rows = [asdict(item) for item in evaluation.results]
        summary = evaluation.to_json()
        extra = {"renderer": self._renderer, "provenance": self._provenance, "results": rows}
        write_json(self.path, {**self._settings, **summary, **extra})

    def evaluation(self, seeds: Any) -> Evaluation:
        """The results of some seeds."""
        results = tuple(self.results[seed] for seed in sorted(seeds))
        subject = self._subject
        return Evaluation(subject.agent, subject.task, subject.split, results, self.seconds, self.path)


def _subject(policy: str, task: str | None, split: Split) -> Subject:
    if policy in SCRIPTED:
        if task is None:
            raise ConfigError(f"Say which task: {PROGRAM} evaluate {policy} TASK.")
        environment_id(task)
        return Subject(policy, "", "", task, task, split, "")
    folder = Path(policy)
    weights = folder / POLICY_FOLDER if (folder / POLICY_FOLDER).exists() else folder
    if not (weights / AGENT_FILE).exists():
        raise MissingDataError(f"There is no trained agent in {folder}: train one, or name its folder.")
    agent = str(read_json(weights / AGENT_FILE)["agent"])
    trained_on = _trained_on(folder) or task
    if trained_on is None:
        raise ConfigError(f"{folder} does not say what it was trained on: {PROGRAM} evaluate {folder} TASK.")
    environment_id(task or trained_on)
    content = (weights / AGENT_FILE).read_bytes() + (weights / WEIGHTS_FILE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Subject(agent, str(folder), str(weights), trained_on, task or trained_on, split, digest)


def _trained_on(run: Path) -> str | None:
    """The task that a run says it was trained on."""
    if not (run / RUN_FILE).exists():
        return None
    return str(read_json(run / RUN_FILE)["plan"]["task"])


def _result_path(subject: Subject, out: Path | str | None) -> Path:
    if out is not None:
        folder = Path(out)
    elif subject.run:
        folder = Path(subject.run) / "eval"
    else:
        folder = Path("runs") / subject.agent / subject.task
    elsewhere = "" if subject.task == subject.trained_on else f"{subject.task}-"
    return folder / f"{elsewhere}{subject.split}.json"


def _result(seed: int, rollout: Rollout) -> Result:
    goals = {str(name): bool(met) for name, met in rollout.infos[-1]["goals"].items()} if rollout.infos else {}
    return Result(seed, rollout.score, rollout.success, rollout.steps, rollout.outcome, goals, rollout.motions)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
