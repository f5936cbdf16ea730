"""``ravens-suite weakspots``."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console

if TYPE_CHECKING:
    from ravens_suite.insight.weak_spots import WeakSpots

SearchedAxis = Literal[
    "none",
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
class WeakSpotsCommand(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Search for scenes in which an agent is sure of what it does, and wrong; a second run continues."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, a policy of yours that has a method confidence() (file.py:name), or the address of a
    server of one (ws://127.0.0.1:8000)."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; each that the run was trained on unless given."""

    budget: int = 100
    """Episodes to run. A larger budget goes on with a search that was done."""

    axes: tuple[SearchedAxis, ...] = ()
    """What the search may change in a scene, as in ravens-suite robustness. All but calibration unless given; none
    searches unchanged scenes."""

    grades: tuple[int, ...] = (1, 2, 3)
    """How large these changes may be: grades from 1 to 5, as in ravens-suite robustness. Not with --axes none."""

    confidence: float = 0.8
    """Probability from which the agent counts as sure, after calibration, which is done first if it was not yet."""

    looks: int = 12
    """Most scenes that are compared, by the agent's first decision in each, for every episode that is run; the most
    promising one is run."""

    split: SplitName = "test"
    """Split of the scenes."""

    first_seed: int = 100_000
    """Seed of the first scene; the others follow it. The default lies far beyond the seeds of evaluations."""

    out: Path | None = None
    """Folder in which the folder weakspots is made; RUN unless given, or runs/POLICY/TASK without a run."""

    force: bool = False
    """Reuse a calibration on disk although the code of the policy or the task has changed since it was made."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.insight.search_plan import SearchPlan
        from ravens_suite.insight.weak_spots import check_search, find_weak_spots
        from ravens_suite.rollout.evaluation_plan import tasks_of

        plan = SearchPlan(
            budget=self.budget,
            axes=self.axes,
            grades=self.grades,
            threshold=self.confidence,
            looks=self.looks,
            split=self.split,
            first_seed=self.first_seed,
        )
        tasks = (self.task,) if self.task is not None else tasks_of(self.policy)
        done = []
        with make_pool("processes", self.processes(self.budget)) as pool:
            for task in tasks[1:]:  # The first is checked as it is begun.
                check_search(self.policy, task, plan, arguments=self.arguments())
            for task in tasks:
                with console.progress(f"{self.policy} on {task}") as progress:
                    found = find_weak_spots(
                        self.policy,
                        task,
                        plan,
                        arguments=self.arguments(),
                        out=self.out,
                        force=self.force,
                        pool=pool,
                        on_progress=progress,
                    )
                self._say(console, found)
                done.append(found)
        if len(done) == 1:
            console.result(done[0].to_json())
        else:
            console.result({"tasks": {found.scenes.task: found.to_json() for found in done}})

    def _say(self, console: Console, found: WeakSpots) -> None:
        figures = found.to_json()
        for kind, count in figures["kinds"].items():
            console.say(f"  {count:4d}  {kind}")
        console.say(
            f"{figures['task']}: sure and wrong in {figures['sure_and_wrong']} of {figures['episodes']} episodes "
            f"({figures['failures']} failed), after a look at {figures['looks']} scenes; {found.path}"
        )
        if found.scenes.scenes:
            console.say(f"Another policy on them: ravens-suite evaluate POLICY --scenes {shlex.quote(str(found.path))}")
            again = ["ravens-suite", "evaluate", self.policy, "--scenes", f"{found.path}#1"]
            # A run knows its environment, and the scenes the options of their task; the rest was said by the user.
            known = self.arguments() if Path(self.policy).is_dir() else found.scenes.scenes[0].changes
            if said := {name: value for name, value in self.arguments().items() if name not in known}:
                again += ["--environment", json.dumps(said)]
            console.say(f"One of them again: {shlex.join(again)}")
