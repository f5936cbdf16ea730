"""Workers of evaluations and benchmarks for testing: their process is killed once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fake_environment import TASK, register

from ravens_suite import registry
from ravens_suite.benchmark.grid import TrialWorker
from ravens_suite.benchmark.trials import Trial
from ravens_suite.data.atomic import write_json
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.evaluate import _SilentWorker
from ravens_suite.rollout.evaluation_plan import EvaluationPlan


class MortalEvaluationWorker(_SilentWorker):
    """Evaluates in a process that does not know the task yet, and is killed once, at seed 3."""

    def __init__(self, mark: str, plan: EvaluationPlan) -> None:
        if TASK not in registry.task_names():
            register()
        super().__init__(plan)
        self._mark = Path(mark)

    def run(self, seed: int, on_note: Callable[[str], None]) -> tuple[EpisodeOutcome, str]:
        if seed == 3 and not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(seed, on_note)


class MortalTrialWorker(TrialWorker):
    """Writes records of trials that nobody trained, and is killed once, with two demonstrations."""

    def run(self, trial: Trial, on_note: Callable[[str], None]) -> dict[str, Any]:
        if trial.demos == 2 and not (self._out / "died").exists():
            (self._out / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        assert len(EpisodeStore.of(self._data, trial.task, "train")) == 2
        outcomes = [EpisodeOutcome(seed, 1.0, 1, True, "done", {}) for seed in range(self._settings.episodes)]
        record = {
            **asdict(trial),
            **Summary.of(outcomes).to_json(),
            "settings": self._settings.recorded(trial.agent),
            "steps": 1,
            "train_seconds": 0.0,
            "commit": "",
            "command": "",
        }
        write_json(trial.record_path(self._out), record)
        return record
