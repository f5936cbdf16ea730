"""``ravens-suite view``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class View(OutputOptions):
    """Look at an episode: cameras, heightmap and action of every step, as a page or as one picture."""

    episode: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="EPISODE")]
    """The episode's file, for example data/block-insertion/train/000000.safetensors."""

    out: Path | None = None
    """What to write (ending in .html or .png); beside the episode unless given."""

    format: Literal["html", "png"] = "html"
    """A page, or a contact sheet as one picture."""

    depth: bool = False
    """Show the cameras' depth images too."""

    open: bool = False
    """Show it in a browser."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.report.view import open_in_browser, view_episode

        path = view_episode(self.episode, self.out, image_format=self.format, depth=self.depth)
        console.say(str(path))
        if self.open and not open_in_browser(path):
            console.say("There is no display here: open the file on a machine that has one.")
        console.result({"view": str(path)})
