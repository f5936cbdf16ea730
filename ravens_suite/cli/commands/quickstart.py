"""``ravens-suite quickstart``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.execution.pool import available_cores


@dataclass(frozen=True)
class Quickstart(OutputOptions):
    """Collect demonstrations, train on them, evaluate on unseen scenes and write a report; a second run continues."""

    workers: int = available_cores()
    """Processes that collect and evaluate, and threads that train, on which results depend in their last bits."""

    task: str = "block-insertion"
    """Name of a task (see: ravens-suite tasks)."""

    demos: int = 10
    """Demonstrations to collect and train on."""

    episodes: int = 20
    """Unseen test scenes to evaluate on."""

    steps: int = 150
    """Gradient steps: fewer than the agent's own number, so that the whole ends within minutes."""

    out: Path = Path("runs/quickstart")
    """Folder of everything that comes of it."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.cli.quickstart import QuickstartPlan, quickstart

        plan = QuickstartPlan(
            task=self.task, demos=self.demos, episodes=self.episodes, steps=self.steps, workers=self.workers
        )
        done = quickstart(plan, self.out, console.progress)
        low, high = done.summary.success_rate_interval
        stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in done.seconds.items())
        console.say(
            f"{self.task}: mean score {done.summary.mean_score:.1f}, success rate {done.summary.success_rate:.1f} % "
            f"({low:.1f} to {high:.1f}) over {done.summary.episodes} unseen scenes; {stages}."
        )
        console.say(f"Report: {done.report}")
        console.result(done.to_json())
