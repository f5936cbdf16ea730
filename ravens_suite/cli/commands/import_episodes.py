"""``ravens-suite import``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError


@dataclass(frozen=True)
class Import(OutputOptions):
    """Make episodes of what export wrote for another library, or of what your robot recorded; a second run continues.

    Recordings are checked first, and a picture shows their picks on the table seen from above.
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of the export, for example exported or exported/train; or of robot.json and the recorded arrays."""

    source: Annotated[Literal["arrays", "lerobot", "minari"], tyro.conf.arg(name="from")]
    """The format: arrays are your own recordings (docs/own_data.md); of the others only data sets that ravens-suite
    export made can be read."""

    out: Path = Path("imported")
    """Folder of all data; a task's episodes go to OUT/TASK/SPLIT, the picture of recordings to OUT/TASK.png."""

    force: bool = False
    """Import recordings although the checks find mistakes in them."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.interop.imports import import_episodes

        if self.force and self.source != "arrays":
            raise ConfigError("--force is for recordings (--from arrays), whose checks it overrules: leave it out.")
        picture = self._draw(console) if self.source == "arrays" else None
        with console.progress(f"from {self.source}") as progress:
            done = import_episodes(self.folder, self.source, self.out, force=self.force, on_progress=progress)
        for one in done:
            images = "" if one.exact else "; their images are not those that were collected"
            console.say(f"{one.folder}: {one.episodes} episodes{images}.")
        stores = [{"folder": str(one.folder), "episodes": one.episodes, "exact_images": one.exact} for one in done]
        console.result({"stores": stores, **({} if picture is None else {"picture": str(picture)})})

    def _draw(self, console: Console) -> Path:
        """Draw recordings before they are checked: where they are wrong, the picture helps to see why."""
        from ravens_suite.data.atomic import write_bytes
        from ravens_suite.interop.arrays import Recordings
        from ravens_suite.report.recordings import picks_png

        recordings = Recordings(self.folder)
        path = self.out / f"{recordings.setup.task}.png"
        write_bytes(path, [picks_png(recordings.first_steps(_SHOWN), recordings.setup)])
        console.say(f"Picks on the table, seen from above: {path}")
        return path


_SHOWN = 6
"""Episodes in the picture of recordings."""
