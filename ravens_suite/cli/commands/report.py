"""``ravens-suite report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Report(OutputOptions):
    """Write one self-contained HTML page about all runs in a folder: tables, curves, heatmaps, films, failures."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of one or many runs."""

    out: Path | None = None
    """The page; DIR/report.html unless given."""

    films: int | None = None
    """Test episodes to film a task; by default 4 of a single task and fewer of several."""

    scenes: int | None = None
    """Test scenes to draw heatmaps of a task; by default 3, or 1 of more than three tasks."""

    failures: int | None = None
    """Failed test episodes to draw a task; by default 8, or 4 of more than three tasks."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.report.page import ReportPlan, write_report

        plan = ReportPlan(self.films, self.scenes, self.failures)
        with console.progress("report") as progress:
            done = write_report(self.folder, self.out, plan=plan, on_progress=progress)
        runs = "run" if done.runs == 1 else "runs"
        tasks = "task" if len(done.tasks) == 1 else "tasks"
        console.say(f"{done.path}: {done.runs} {runs}, {len(done.tasks)} {tasks}, {done.size / 1e6:.1f} MB.")
        console.result({"report": str(done.path), "runs": done.runs, "tasks": list(done.tasks), "bytes": done.size})
