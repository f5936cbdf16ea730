"""How agents are trained: one set of settings for ``train``, ``benchmark`` and ``quickstart``, and one plan a run."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from ravens_suite.core.numbers import MOST_EPISODES, MOST_SEED, check_number, plain
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError, RavensWarning
from ravens_suite.execution.pool import available_cores
from ravens_suite.rollout.environments import to_json

Device = Literal["auto", "cpu", "cuda"]
Until = Literal["steps", "solved"]
_LIMITS = {
    "steps": (1, 10**9),
    "val_episodes": (0, MOST_EPISODES),
    "candidates": (1, 1000),
    "threads": (1, 1024),
}
"""Least and most of each number of ``TrainingSettings``."""
_LONGEST_NAME = 220
"""Characters of a run's name; most file systems take 255, of which temporary names need some."""
MOST_CHECKPOINTS = 1000
"""The most copies of the weights that a run keeps."""
LATER_FIELDS: Mapping[str, Any] = {"until": "steps", "keep_checkpoints": 0, "drop": {}, "more_data": []}
"""Fields of plans that those of earlier versions lack, with what they meant without them."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long an agent is trained, on what, and how its weights are chosen.

    These are options of the command line, too; the texts below the fields are their help.
    """

    steps: int | None = None
    """Gradient steps; the agent's own number unless given. A finished run of train goes on to a larger number."""

    val_episodes: int = 20
    """Validation episodes of each task that checkpoints are evaluated on; 0 keeps the last weights."""

    candidates: int = 1
    """Number of checkpoints in the second half of training that are evaluated; the best one is kept."""

    until: Until = "steps"
    """When a run ends: after all its steps, or as soon as validation scenes are solved (docs/evaluation.md)."""

    threads: int | None = None
    """CPU threads; all unless given, but a run that goes on keeps its own. Last bits of the weights depend on it."""

    device: Device = "auto"
    """Where tensors live; auto takes a GPU where there is one."""

    def __post_init__(self) -> None:
        for name in _LIMITS:
            object.__setattr__(self, name, plain(getattr(self, name)))

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            ConfigError: a number is too small or too large; the message names its option.

        Warns:
            RavensWarning: one has no effect beside the others.
        """
        for name, (least, most) in _LIMITS.items():
            if (value := getattr(self, name)) is not None:
                check_number(f"--{name.replace('_', '-')}", value, least, most)
        if self.until == "solved" and not self.val_episodes:
            raise ConfigError("--until solved needs validation scenes to try the agent on: --val-episodes 20.")
        if self.candidates > 1 and not self.val_episodes:
            warnings.warn(
                f"--candidates {self.candidates} changes nothing without validation scenes, on which the best are "
                "chosen: the last ones are kept. Give --val-episodes 20, or leave --candidates out.",
                RavensWarning,
                stacklevel=3,
            )


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What to train; two runs of the same plan have the same weights.

    What is given as NumPy's numbers, as paths or as tuples is the same plan as what is read from JSON. A single task
    may be given by its name alone.

    Attributes:
        agent: registered name, or where to import it from.
        tasks: registered names; one run learns all of them.
        demos: number of demonstrations of each task.
        seed: chooses the demonstrations and the initial weights, and drives augmentation.
        settings: how long, where, and how weights are chosen.
        config: settings of the agent that differ from its defaults, JSON values.
        keep_checkpoints: copies of the weights kept along the way, more of them at the beginning, the last one at the
            end (``RunFolder.checkpoint``); the weights themselves do not depend on it.
        drop: seeds of demonstrations, by task, that are left out of those that were chosen.
        more_data: further data folders; every demonstration of the tasks in them is learnt from, too.
    """

    agent: str
    tasks: tuple[str, ...]
    demos: int = 10
    seed: int = 0
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    config: Mapping[str, Any] = field(default_factory=dict)
    keep_checkpoints: int = 0
    drop: Mapping[str, Sequence[int]] = field(default_factory=dict)
    more_data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tasks = (self.tasks,) if isinstance(self.tasks, str) else tuple(self.tasks)
        folders = (self.more_data,) if isinstance(self.more_data, str | Path) else self.more_data
        values = {
            "tasks": tasks,
            "config": to_json(self.config),
            "drop": {task: [plain(seed) for seed in seeds] for task, seeds in self.drop.items()},
            "more_data": tuple(map(str, folders)),
            **{name: plain(getattr(self, name)) for name in ("demos", "seed", "keep_checkpoints")},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def check(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            ConfigError: there is no task, a task is named twice, a number is too small or too large, or demonstrations
                are to be left out of a task that is not learnt.
        """
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise ConfigError(f"Name at least one task, and each once; got {', '.join(self.tasks) or 'none'}.")
        check_number("--demos", self.demos, 1, MOST_EPISODES)
        check_number("--seed", self.seed, 0, MOST_SEED)
        check_number("--keep-checkpoints", self.keep_checkpoints, 0, MOST_CHECKPOINTS)
        if other := sorted(set(self.drop) - set(self.tasks)):
            raise ConfigError(
                f"Demonstrations of {other[0]} cannot be left out: the run learns {', '.join(self.tasks)}."
            )
        self.settings.check()

    @property
    def name(self) -> str:
        """For a folder: ``block-insertion-10-0``; several tasks are joined by ``+``.

        Of so many that no file system takes the name, it has the first, the number of the others, and a digest of all.
        """
        dropped = sum(len(seeds) for seeds in self.drop.values())
        more = "-and-more" if self.more_data else ""
        ending = f"-{self.demos}-{self.seed}{f'-without-{dropped}' if dropped else ''}{more}"
        joined = "+".join(self.tasks)
        if len(joined + ending) > _LONGEST_NAME:
            digest = hashlib.sha256(joined.encode()).hexdigest()[:8]
            joined = f"{self.tasks[0]}+{len(self.tasks) - 1}-others-{digest}"
        return joined + ending

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds the plan."""
        return {
            "agent": self.agent,
            "tasks": list(self.tasks),
            "demos": self.demos,
            "seed": self.seed,
            **asdict(self.settings),
            "config": dict(self.config),
            "keep_checkpoints": self.keep_checkpoints,
            "drop": {task: sorted(set(seeds)) for task, seeds in self.drop.items() if seeds},
            "more_data": list(self.more_data),
        }

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> TrainingPlan:
        """The inverse of ``to_json``.

        Raises:
            KeyError: a field is missing.
        """
        known = {**LATER_FIELDS, **value}
        settings = {item.name: known[item.name] for item in fields(TrainingSettings)}
        return TrainingPlan(
            agent=value["agent"],
            tasks=tuple(value["tasks"]),
            demos=value["demos"],
            seed=value["seed"],
            settings=TrainingSettings(**settings),
            config=dict(value["config"]),
            keep_checkpoints=known["keep_checkpoints"],
            drop=dict(known["drop"]),
            more_data=tuple(known["more_data"]),
        )


def without_steps(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as JSON without the number of steps."""
    config = {key: value for key, value in dict(plan.get("config", {})).items() if key != "steps"}
    return {**LATER_FIELDS, **plan, "steps": None, "config": config}


def steps_of(plan: Mapping[str, Any]) -> Any:
    """The number of steps in a plan as JSON; ``None`` for the agent's own."""
    steps = plan.get("steps")
    return dict(plan.get("config", {})).get("steps") if steps is None else steps


def resume_settings(settings: TrainingSettings, run: RunFolder, *, threads: int | None = None) -> TrainingSettings:
    """Settings with the number of threads filled in: given, else those of the run that goes on, else ``threads``.

    Args:
        settings: as given.
        run: that may have been begun already.
        threads: of a new run; all cores by default.
    """
    if settings.threads is not None:
        return settings
    try:
        first_threads = int(run.record()["plan"]["threads"])
    except (MissingDataError, DamagedDataError, KeyError, TypeError, ValueError):
        first_threads = threads or available_cores()
    return replace(settings, threads=first_threads)
