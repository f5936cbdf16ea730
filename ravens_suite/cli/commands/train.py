"""``ravens-suite train``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import JsonText, OutputOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError
from ravens_suite.training.settings import TrainingSettings


@dataclass(frozen=True)
class Train(OutputOptions):
    """Train an agent, or a forecaster, on episodes of tasks; a second run continues where the first stopped."""

    agent: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="AGENT")]
    """Name of an agent (see: ravens-suite agents), or file.py:Class or package.module:Class of yours; or progress,
    which watches episodes instead of acting (docs/progress.md)."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task (see: ravens-suite tasks)."""

    tasks: tuple[str, ...] = ()
    """Tasks to learn in one run, beside TASK."""

    demos: int = 10
    """Number of demonstrations of each task, drawn from those collected."""

    data: Path = Path("data")
    """Folder of all data; the demonstrations are in DATA/TASK/train."""

    out: Path | None = None
    """The run's folder; runs/AGENT/TASK-DEMOS-SEED unless given."""

    seed: int = 0
    """Chooses the demonstrations and the initial weights."""

    training: Annotated[TrainingSettings, tyro.conf.OmitArgPrefixes] = field(default_factory=TrainingSettings)
    """How long it is trained, where, and how weights are chosen."""

    config: JsonText = "{}"
    """Settings of the agent that differ from its defaults, as a JSON object: {"batch": 4}. An unknown one is refused,
    and the message lists all."""

    keep_checkpoints: int = 0
    """Number of copies of the weights to keep, most of them from early in training; ravens-suite influence needs them
    (say 5)."""

    drop_file: Path | None = None
    """JSON file of demonstrations to leave out, {"TASK": [SEED, ...]}, as ravens-suite influence takes it, too."""

    more_data: tuple[Path, ...] = ()
    """Further data folders: every demonstration of the tasks in them is learnt from, beside the --demos that are drawn
    from DATA, such as those of scenes that an agent failed on (collect --scenes)."""

    force: bool = False
    """Train although the task of the demonstrations, or the code of your own agent, has changed since."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.data.named_seeds import read_seeds
        from ravens_suite.registry import load_trainee
        from ravens_suite.training.loop import train
        from ravens_suite.training.settings import TrainingPlan

        tasks = tuple(dict.fromkeys([*([self.task] if self.task else []), *self.tasks]))
        if not tasks:
            raise ConfigError("Name at least one task: ravens-suite train AGENT TASK (see: ravens-suite tasks).")
        plan = TrainingPlan(
            agent=self.agent,
            tasks=tasks,
            demos=self.demos,
            seed=self.seed,
            settings=self.training,
            config=json_object("--config", self.config),
            keep_checkpoints=self.keep_checkpoints,
            drop={} if self.drop_file is None else read_seeds(self.drop_file),
            more_data=tuple(str(folder) for folder in self.more_data),
        )
        out = self.out or Path("runs") / load_trainee(self.agent).name / plan.name

        def say(standing: str) -> None:
            console.say(f"{out}: {standing}")

        with console.progress(f"{self.agent} on {' and '.join(tasks)}") as progress:
            done = train(plan, self.data, out, force=self.force, on_progress=progress, on_standing=say)
        score = "" if done.val_score is None else f"; mean score on validation episodes {done.val_score:.1f}"
        console.say(f"{done.run}: the weights after {done.steps} steps, {done.seconds:.1f} s of training{score}.")
        console.result(
            {"run": str(done.run), "steps": done.steps, "seconds": round(done.seconds, 3), "val_score": done.val_score}
        )
