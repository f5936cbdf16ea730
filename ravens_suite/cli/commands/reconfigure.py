"""``ravens-suite reconfigure``."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import JsonText, OutputOptions, json_object
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Reconfigure(OutputOptions):
    """Copy a run so that its agent acts by other settings (a search, a planner), without training again."""

    run_folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a finished training run."""

    config: JsonText
    """Settings to change, a JSON object. Those that training reads are refused; the message names the others."""

    out: Path
    """Folder of the copy; it has no evaluations yet."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.training.reconfigure import reconfigure

        settings = json_object("--config", self.config, '{"lookahead": 1}')
        words = ["ravens-suite", "reconfigure", str(self.run_folder), "--config", self.config, "--out", str(self.out)]
        done = reconfigure(self.run_folder, settings, self.out, shlex.join(words))
        console.say(f"{done.path}: {self.run_folder} with {', '.join(settings)} changed.")
        console.result({"run": str(done.path), "config": settings})
