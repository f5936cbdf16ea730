"""``ravens-suite import``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Import(OutputOptions):
    """Make episodes of what export wrote for another library; a second run continues."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of the export, for example exported or exported/train."""

    source: Annotated[Literal["lerobot", "minari"], tyro.conf.arg(name="from")]
    """The format. Only data sets that ravens-suite export made can be read."""

    out: Path = Path("imported")
    """Folder of all data; a task's episodes go to OUT/TASK/SPLIT."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.interop.imports import import_episodes

        with console.progress(f"from {self.source}") as progress:
            done = import_episodes(self.folder, self.source, self.out, on_progress=progress)
        for one in done:
            images = "" if one.exact else "; their images are not those that were collected"
            console.say(f"{one.folder}: {one.episodes} episodes{images}.")
        console.result(
            {
                "stores": [
                    {"folder": str(one.folder), "episodes": one.episodes, "exact_images": one.exact} for one in done
                ]
            }
        )
