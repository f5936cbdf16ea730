"""``ravens-suite robustness``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console
from ravens_suite.cli.listing import say_table

if TYPE_CHECKING:
    from ravens_suite.data.outcomes import Summary
    from ravens_suite.insight.robustness import Robustness

AxisName = Literal[
    "layout",
    "camera",
    "calibration",
    "light",
    "background",
    "color",
    "distractors",
    "occluders",
    "noise",
    "instruction",
]


@dataclass(frozen=True)
class RobustnessCommand(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Measure how the score falls with changes of light, cameras, colours and more; a second run continues."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, or another policy as evaluate takes it: oracle, random, file.py:name, ws://..."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; each that the run was trained on unless given."""

    axes: tuple[AxisName, ...] = ()
    """What is changed; all that apply unless given. Amounts and units: docs/robustness.md."""

    grades: tuple[int, ...] = ()
    """How much, from 1 (barely visible) to 5 (severe); all five unless given."""

    episodes: int = 20
    """Number of scenes a grade; the same seeds at all grades."""

    split: SplitName = "test"
    """Split of the scenes."""

    first_seed: int = 0
    """Seed of the first scene; the others follow it."""

    out: Path | None = None
    """Folder in which the folder robustness is made; RUN unless given, or runs/POLICY/TASK without a run."""

    force: bool = False
    """Reuse outcomes on disk although the code of the policy or the task has changed since they were made."""

    engine: str = "processes"
    """Where the workers run: processes of this machine, or ray (a cluster; all its machines must see RUN)."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.insight.robustness import check_robustness, measure_robustness
        from ravens_suite.rollout.evaluation_plan import tasks_of

        tasks = (self.task,) if self.task is not None else tasks_of(self.policy)
        done = []
        grades = (len(self.axes) or len(get_args(AxisName))) * (len(self.grades) or 5) + 1
        with make_pool(self.engine, self.processes(self.episodes * grades)) as pool:
            for task in tasks[1:]:  # The first is checked as it is begun.
                check_robustness(
                    self.policy,
                    task,
                    axes=self.axes,
                    grades=self.grades,
                    split=self.split,
                    arguments=self.arguments(),
                )
            for task in tasks:
                with console.progress(f"{self.policy} on {task}") as progress:
                    found = measure_robustness(
                        self.policy,
                        task,
                        axes=self.axes,
                        grades=self.grades,
                        split=self.split,
                        episodes=self.episodes,
                        first_seed=self.first_seed,
                        arguments=self.arguments(),
                        out=self.out,
                        force=self.force,
                        pool=pool,
                        on_progress=progress,
                    )
                _say(console, found)
                done.append(found)
        if len(done) == 1:
            console.result(done[0].to_json())
        else:
            console.result({"tasks": {found.task: found.to_json() for found in done}})


def _say(console: Console, found: Robustness) -> None:
    grades = sorted({point.grade for name in found.axes for point in found.curve(name)})
    rows = [("axis", *(f"grade {grade}" for grade in grades))]
    for name in found.axes:
        points = {point.grade: point.figures for point in found.curve(name)}
        rows.append((name, *(_cell(points.get(grade)) for grade in grades)))
    console.say(f"{found.task}, {found.split}: mean score, and success rate in brackets")
    say_table(console, rows)
    console.say(str(found.path))


def _cell(figures: Summary | None) -> str:
    if figures is None:
        return "-"
    if not figures.episodes:
        return "none placed"
    return f"{figures.mean_score:.1f} ({figures.success_rate:.0f} %)"
