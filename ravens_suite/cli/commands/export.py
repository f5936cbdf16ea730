"""``ravens-suite export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Export(OutputOptions):
    """Write collected episodes in the format of another library; a second run continues."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of collected episodes, for example data or data/block-insertion/train."""

    to: Literal["minari"] = "minari"
    """The format. minari: needs pip install 'ravens-suite[minari]'."""

    out: Path = Path("export")
    """Folder of the datasets; for Minari, set MINARI_DATASETS_PATH to it."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.interop.minari import export

        with console.progress(f"to {self.to}") as progress:
            done = export(self.folder, self.to, self.out, on_progress=progress)
        for one in done:
            console.say(f"{one.name}: {one.episodes} episodes, {one.steps} steps, in {one.folder}.")
        console.result(
            {
                "datasets": [
                    {"name": one.name, "episodes": one.episodes, "steps": one.steps, "folder": str(one.folder)}
                    for one in done
                ]
            }
        )
