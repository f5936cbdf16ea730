"""``ravens-suite calibrate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, WorkerOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Calibrate(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Calibrate an agent's own confidence on validation scenes and judge it on test scenes; a second run continues."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, a policy of yours that has a method confidence() (file.py:name), or the address of a
    server of one (ws://127.0.0.1:8000)."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; each that the run was trained on unless given."""

    episodes: int = 50
    """Number of validation scenes, and as many test scenes."""

    out: Path | None = None
    """Folder of the results; RUN unless given, or runs/POLICY/TASK without a run."""

    force: bool = False
    """Reuse outcomes on disk although the code of the policy or the task has changed since they were made."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.insight.calibration import calibrate
        from ravens_suite.rollout.evaluate import check_evaluation
        from ravens_suite.rollout.evaluation_plan import tasks_of

        tasks = (self.task,) if self.task is not None else tasks_of(self.policy)
        found = []
        with make_pool("processes", self.processes(2 * self.episodes)) as pool:
            for task in tasks[1:]:  # The first is checked as it is begun.
                check_evaluation(self.policy, task, arguments=self.arguments())
            for task in tasks:
                with console.progress(f"{self.policy} on {task}") as progress:
                    done = calibrate(
                        self.policy,
                        task,
                        episodes=self.episodes,
                        arguments=self.arguments(),
                        out=self.out,
                        force=self.force,
                        pool=pool,
                        on_progress=progress,
                    )
                console.say(
                    f"{done.task}: calibration error on test scenes {done.own.error:.3f} as the agent says it, "
                    f"{done.calibrated.error:.3f} calibrated ({done.calibrated.by_chance:.3f} would be chance alone, "
                    f"{done.calibrated.beyond_chance:.3f} is beyond it), "
                    f"over {done.own.decisions} decisions; {done.path}"
                )
                found.append(done)
        console.result(found[0].to_json() if len(found) == 1 else {"tasks": {row.task: row.to_json() for row in found}})
