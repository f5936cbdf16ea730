"""``ravens-suite view``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError, missing_library


@dataclass(frozen=True)
class View(EnvironmentOptions, OutputOptions):
    """Look at an episode: cameras, heightmap and action of every step, as a page or as one picture.

    The episode is a file; or, with --seed, one that a policy is run on now.
    """

    episode: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="EPISODE")]  # A path would spoil ws://.
    """The episode's file, for example data/block-insertion/train/000000.safetensors; with --seed a training run's
    folder, oracle, a policy of yours, or the address of a policy server, as evaluate takes it."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """With --seed: name of a task; the one that the run was trained on unless given."""

    seed: int | None = None
    """Run this seed of the policy once more, store the episode beside its evaluation, and show it."""

    split: SplitName = "test"
    """With --seed: split of the scene."""

    out: Path | None = None
    """What to write (ending in .html or .png, or in .rrd with --rerun); beside the episode unless given."""

    format: Literal["html", "png"] = "html"
    """A page, or a contact sheet as one picture."""

    depth: bool = False
    """Show the cameras' depth images too."""

    rerun: bool = False
    """Write a recording for the viewer Rerun: point cloud, cameras and actions, step by step, to be turned about.
    Needs the extra: pip install 'ravens-suite[rerun]'."""

    heatmaps: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """With --rerun: folder of a training run, whose heatmaps and choices at every step are shown, too."""

    film: bool = False
    """Play the episode: its actions are carried out once more and filmed, for the page."""

    open: bool = False
    """Show it: in a browser, or in the viewer."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.report.view import open_in_viewer, view_episode

        if self.seed is None and (self.task is not None or self.split != "test" or self.arguments()):
            raise ConfigError(
                "TASK, --split and the options of an environment go with --seed, which runs an episode: give --seed, "
                "or leave them out."
            )
        if self.format == "png" and self.out is not None and self.out.suffix.lower() == ".html":
            raise ConfigError(f"--format is png, but --out {self.out} ends in .html: leave one of them out.")
        self._check_rerun()
        episode = Path(self.episode) if self.seed is None else self._run(self.seed, console)
        if self.rerun:
            path = self._record(episode)
        else:
            path = view_episode(episode, self.out, image_format=self.format, depth=self.depth, film=self.film)
        console.say(str(path))
        if self.open and not open_in_viewer(path):
            console.say("There is no display here: open the file on a machine that has one.")
        console.result({"view": str(path)})

    def _check_rerun(self) -> None:
        """Refuse options that do not go together before anything is run."""
        if not self.rerun and self.heatmaps is not None:
            raise ConfigError("--heatmaps goes with --rerun: give both.")
        if not self.rerun and self.out is not None and self.out.suffix.lower() == ".rrd":
            raise ConfigError(f"--out {self.out} is a recording of Rerun: give --rerun, too.")
        if not self.rerun:
            return
        if self.format == "png" or self.film or self.depth:
            raise ConfigError("--format, --film and --depth are of pages: leave them out with --rerun (it has depth).")
        if self.out is not None and self.out.suffix.lower() != ".rrd":
            raise ConfigError(f"With --rerun, what is written ends in .rrd, not as --out {self.out}.")
        if find_spec("rerun") is None:
            raise missing_library("rerun")

    def _record(self, episode: Path) -> Path:
        from ravens_suite.report.rerun_file import SUFFIX, write_rerun
        from ravens_suite.report.view import read_viewed
        from ravens_suite.rollout.policies import PolicySpec
        from ravens_suite.rollout.replay import decisions_of

        recorded = read_viewed(episode)
        decisions = () if self.heatmaps is None else decisions_of(PolicySpec.parse(str(self.heatmaps)), recorded)
        return write_rerun(self.out or episode.with_suffix(SUFFIX), recorded, decisions)

    def _run(self, seed: int, console: Console) -> Path:
        from ravens_suite.rollout.kept_episodes import keep_episode

        path = keep_episode(self.episode, seed, self.task, split=self.split, arguments=self.arguments())
        console.say(f"Ran seed {seed}: {path}")
        return path
