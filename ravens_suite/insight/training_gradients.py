"""Gradients of all demonstrated steps of a run, at the checkpoints that it kept; they are kept in its folder, too."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.agents.base import Agent
from ravens_suite.core.numbers import check_number
from ravens_suite.core.source_digest import digest_of_text
from ravens_suite.data.container import Container, write_container
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.insight.gradients import CURVATURE, FEW_STEPS, SKETCH, StepGradients, datasets_of, step_gradients
from ravens_suite.registry import load_agent
from ravens_suite.rollout.policies import one_thread
from ravens_suite.rollout.policy_code import code_of, outside_of
from ravens_suite.training.data import check_still_there, data_of, open_demonstrations

PROJECTION = 4096
"""Numbers that are kept of each gradient. Inner products are off by about 1.6 % of the product of both norms."""
_MOST_PROJECTION = 1 << 24


@dataclass(frozen=True)
class DemonstratedStep:
    """One action of a demonstration.

    Attributes:
        task: registered name.
        seed: of the demonstration.
        step: from 0.
        folder: of further data (--more-data) in which the demonstration lies; empty for the data of the run itself.
        path: of its episode.
    """

    task: str
    seed: int
    step: int
    folder: str = ""
    path: Path = Path()


@dataclass(frozen=True)
class TrainingGradients:
    """Losses and gradients of every demonstrated step at every checkpoint.

    Attributes:
        steps: which, those of one demonstration after the other.
        checkpoints: gradient steps of training after which the weights were copied, ascending.
        losses: (checkpoints, steps) float64.
        norms: (checkpoints, steps) float64, of the whole gradients.
        gradients: (checkpoints, steps, size) float32, projected.
        natural: (last checkpoints, steps, size) float32, natural gradients at those that are ``late``; ``None`` where
            the agent does not give its curvature.
        method: digest of how they were computed, and of what; answers by other methods cannot be compared.
    """

    steps: tuple[DemonstratedStep, ...]
    checkpoints: tuple[int, ...]
    losses: NDArray[np.float64]
    norms: NDArray[np.float64]
    gradients: NDArray[np.float32]
    natural: NDArray[np.float32] | None = None
    method: str = ""

    @property
    def demonstrations(self) -> list[tuple[str, int, str]]:
        """Task, seed and folder of every demonstration with a step, in the order of ``steps``."""
        return list(dict.fromkeys((step.task, step.seed, step.folder) for step in self.steps))

    @property
    def owners(self) -> NDArray[np.int64]:
        """(steps,) int64: for each step the number of its demonstration, see ``demonstrations``."""
        number = {key: index for index, key in enumerate(self.demonstrations)}
        return np.array([number[step.task, step.seed, step.folder] for step in self.steps], dtype=np.int64)


def training_gradients(
    run: RunFolder, data: Path | None = None, *, projection: int = PROJECTION, on_progress: Progress = silent
) -> TrainingGradients:
    """Gradients of the demonstrations of a run; what is there already is read.

    Args:
        run: that kept copies of its weights.
        data: folder of all data; by default where they were in training.
        projection: numbers kept of each gradient; 0 for whole gradients.
        on_progress: called after every checkpoint.

    Raises:
        MissingDataError: the run kept no copies of its weights, or a demonstration is not there any more.
        ConflictError: the demonstrations in ``data`` were collected in another way than those of the run.
        ConfigError: its agent gives no loss of a single step.
    """
    projection = check_number("--projection", projection, 0, _MOST_PROJECTION)
    record = run.record()
    checkpoints = checkpoints_of(run)
    home = data_of(record, data)
    check_still_there(str(run.path), record, home, "Name the folder of the run's data with --data.")
    demonstrations = open_demonstrations(home, record["demonstrations"], record.get("more_demonstrations"))
    folders = {EpisodeStore.of(Path(name), task, "train").folder: name for name, task in _further(record)}
    readers = [reader for reader in demonstrations if reader.summary.steps]
    steps = [
        DemonstratedStep(
            reader.summary.task, reader.summary.seed, step, folders.get(reader.path.parent, ""), reader.path
        )
        for reader in readers
        for step in range(reader.summary.steps)
    ]
    made_of = {
        "projection": projection,
        "sketch": SKETCH,
        "code": code_of(record["plan"]["agent"]),
        **({"outside": outside} if (outside := outside_of(run.policy)) else {}),
        "demonstrations": [[reader.summary.task, reader.summary.seed, reader.checksum] for reader in readers],
    }
    lazy = _Datasets(demonstrations)
    found: list[StepGradients] = []
    bends = load_agent(record["plan"]["agent"]).gives_curvature()
    for done, (step, folder) in enumerate(checkpoints.items(), 1):
        path = run.influence / f"gradients-{step:08d}.safetensors"
        natural = {"natural": CURVATURE} if bends and step in late(checkpoints, len(steps)) else {}
        key = {**made_of, **natural, "weights": folder.fingerprint()}
        found.append(_read(path, key) or _compute(path, key, folder, lazy, projection))
        on_progress(done, len(checkpoints), f"gradients after step {step}")
    return TrainingGradients(
        tuple(steps),
        tuple(checkpoints),
        np.stack([each.losses for each in found]),
        np.stack([each.norms for each in found]),
        np.stack([each.gradients for each in found]),
        np.stack(kept) if (kept := [each.natural for each in found if each.natural is not None]) else None,
        digest_of_text(json.dumps({**made_of, "natural": CURVATURE if bends else ""}, sort_keys=True)),
    )


def late(checkpoints: Collection[int], steps: int) -> set[int]:
    """The checkpoints whose natural gradients say what a decision would be without a step.

    They are those of the second half of training. What was learnt after earlier ones depends on the demonstration, too.

    Args:
        checkpoints: gradient steps of training.
        steps: demonstrated ones. Where they are many, the last checkpoint alone must do, see ``FEW_STEPS``.
    """
    last = max(checkpoints)
    return {step for step in checkpoints if 2 * step > last} if steps <= FEW_STEPS else {last}


def _further(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Folder and task of all further data of a run."""
    return [(name, task) for name, by_task in record.get("more_demonstrations", {}).items() for task in by_task]


def checkpoints_of(run: RunFolder) -> dict[int, PolicyFolder]:
    """The copies of its weights that a finished run kept, by their step.

    Raises:
        MissingDataError: there is none.
        ConfigError: the run is not finished, or its agent gives no loss of a single step, whatever it kept.
    """
    record = run.record()
    load_agent(record["plan"]["agent"]).check_example_losses()
    if not record.get("finished"):
        raise ConfigError(f"{run.path} is not finished: run the same ravens-suite train command again, it goes on.")
    if not (found := run.checkpoints()):
        raise MissingDataError(
            f"{run.path} kept no copies of its weights: train again into another folder with --keep-checkpoints 5."
        )
    return found


def load_checkpoint(folder: PolicyFolder) -> Agent[Any]:
    """The agent with the weights of a checkpoint."""
    agent: Agent[Any] = load_agent(folder.agent()).load(folder.path)
    return agent


class _Datasets:
    """What an agent makes of each demonstration, made when it is first needed: weights do not change it."""

    def __init__(self, demonstrations: Demonstrations) -> None:
        self._demonstrations = demonstrations
        self._made: list[tuple[Any, Sequence[int]]] = []

    def of(self, agent: Agent[Any]) -> list[tuple[Any, Sequence[int]]]:
        if not self._made:
            self._made = datasets_of(agent, self._demonstrations)
        return self._made


def _compute(
    path: Path, key: dict[str, Any], folder: PolicyFolder, datasets: _Datasets, projection: int
) -> StepGradients:
    agent = load_checkpoint(folder)
    with one_thread("agent"):
        found = step_gradients(agent, datasets.of(agent), projection, natural="natural" in key)
    natural = {} if found.natural is None else {"natural": found.natural}
    write_container(path, {"losses": found.losses, "norms": found.norms, "gradients": found.gradients, **natural}, key)
    return found


def _read(path: Path, key: dict[str, Any]) -> StepGradients | None:
    """Gradients that are there; ``None`` where there are none, or those of something else."""
    try:
        kept = Container(path)
        if kept.value != key:
            return None
        natural = kept.array("natural") if "natural" in key else None
        return StepGradients(kept.array("losses"), kept.array("norms"), kept.array("gradients"), natural)
    except (MissingDataError, DamagedDataError):
        return None
