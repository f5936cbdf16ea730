"""``ravens-suite check-submission``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class CheckSubmission(OutputOptions):
    """Check a scores file for the leaderboard: its form, its test seeds, and every figure against its outcomes."""

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """The file, for example results/submissions/my_agent.json."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.benchmark.submissions import read_submission

        found = read_submission(self.file)
        for row in found.results:
            low, high = row.success_rate_interval
            console.say(
                f"{row.task}, {row.demos} demonstrations, seed {row.seed}: mean score {row.mean_score:.1f}, "
                f"success rate {row.success_rate:.1f} % ({low:.1f} to {high:.1f}) over {row.episodes} test seeds."
            )
        console.say(f"{self.file} holds to the rules: {found.agent}, {len(found.results)} results.")
        console.result({"file": str(self.file), "agent": found.agent, "results": len(found.results)})
