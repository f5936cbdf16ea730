"""``ravens-suite evaluate``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console

if TYPE_CHECKING:
    from ravens_suite.rollout.evaluate import Evaluation


@dataclass(frozen=True)
class Evaluate(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Evaluate a trained agent, or the oracle, on seeds of a split; a second run continues where the first stopped."""

    run_folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a trained agent, or: oracle, random."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; the one the run was trained on unless given."""

    episodes: int = 100
    """Number of seeds."""

    split: SplitName = "test"
    """Which seeds."""

    first_seed: int = 0
    """The first of them."""

    out: Path | None = None
    """Folder of the result: RUN/eval unless given, or runs/oracle/TASK."""

    record: Path | None = None
    """CSV table to note the summary in, one row a task and split (for example results/oracle.csv)."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.engine import make_engine
        from ravens_suite.rollout.evaluate import evaluate

        with (
            make_engine(workers=max(min(self.workers, self.episodes), 1)) as engine,
            console.progress(self.run_folder) as progress,
        ):
            evaluation = evaluate(
                self.run_folder,
                self.task,
                split=self.split,
                episodes=self.episodes,
                first_seed=self.first_seed,
                arguments=self.arguments(),
                out=self.out,
                engine=engine,
                progress=progress,
            )
        if self.record is not None:
            _record(self.record, evaluation)
        row = evaluation.to_json()
        low, high = row["interval_95"]
        console.say(
            f"{evaluation.agent} on {evaluation.task}, {evaluation.split}: mean score {row['mean_score']:.1f}, strict "
            f"success {row['strict_success']:.1f} % ({low:.1f} to {high:.1f}) over {row['episodes']} episodes; "
            f"{row['seconds']:.1f} s; {evaluation.path}"
        )
        console.result(row)


def _record(path: Path, evaluation: Evaluation) -> None:
    from ravens_suite.data.tables import record_row

    row = evaluation.to_json()
    figures = {
        "task": evaluation.task,
        "split": evaluation.split,
        "episodes": row["episodes"],
        "score": row["mean_score"],
        "strict": row["strict_success"],
        "mean_steps": row["mean_steps"],
    }
    record_row(path, figures, key=("task", "split"))
