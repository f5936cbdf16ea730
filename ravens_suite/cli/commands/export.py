"""``ravens-suite export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError
from ravens_suite.execution.progress import Progress

if TYPE_CHECKING:
    from ravens_suite.interop.exports import Exported


@dataclass(frozen=True)
class Export(OutputOptions):
    """Write collected episodes in the format of another library; a second run continues."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of collected episodes, for example data or data/block-insertion/train."""

    to: Literal["minari", "lerobot"] = "minari"
    """The format. Each needs its extra: pip install 'ravens-suite[minari]' or 'ravens-suite[lerobot]'."""

    out: Path = Path("export")
    """Folder of the datasets: MINARI_DATASETS_PATH=OUT finds them for Minari, --dataset.root=OUT/SPLIT for LeRobot."""

    images: Literal["png", "video"] = "png"
    """lerobot: png keeps every pixel; video is H.264, smaller, and does not."""

    image_size: Annotated[tuple[int, int] | None, tyro.conf.arg(metavar="ROWS COLUMNS")] = None
    """lerobot: rows and columns of every image; as collected unless given."""

    actions: Literal["yaw", "quaternion", "delta"] = "yaw"
    """lerobot: numbers of an action. yaw: 10 with pick and place, 6 with way-points; quaternion: 14 and 8; delta, of
    way-points and with proprioception observed: 7, relative to the tool."""

    depth: bool = False
    """lerobot: depth images, too, in millimetres; the usual policies read colour only."""

    fps: Annotated[int | None, tyro.conf.arg(metavar="NUMBER")] = None
    """lerobot: frames a second; unless given, 1 with actions of pick and place and 5 with way-points."""

    workers: Annotated[int | None, tyro.conf.arg(metavar="NUMBER")] = None
    """lerobot: threads that decode and code images, 2 unless given; the files are the same with any number."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        with console.progress(f"to {self.to}") as progress:
            done = self._export(progress)
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

    def _export(self, progress: Progress) -> list[Exported]:
        from ravens_suite.interop.lerobot import export_lerobot
        from ravens_suite.interop.lerobot_options import LeRobotOptions
        from ravens_suite.interop.minari import export

        options = LeRobotOptions(self.images, self.image_size, self.actions, self.depth, self.fps)
        if self.to == "lerobot":
            workers = 2 if self.workers is None else self.workers
            return export_lerobot(self.folder, self.out, options, workers=workers, on_progress=progress)
        if options != LeRobotOptions() or self.workers is not None:
            raise ConfigError(
                "--images, --image-size, --actions, --depth, --fps and --workers are options of --to lerobot."
            )
        return export(self.folder, self.to, self.out, on_progress=progress)
