"""``ravens-suite train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ravens_suite.cli.commands.options import OutputOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.execution.engine import available_cores


@dataclass(frozen=True)
class Train(OutputOptions):
    """Train an agent on demonstrations of a task; a second run continues where the first was stopped."""

    agent: Annotated[str, tyro.conf.Positional]
    """Name of an agent, for example transporter."""

    task: Annotated[str, tyro.conf.Positional]
    """Name of a task (see: ravens-suite tasks)."""

    demos: int = 10
    """Number of demonstrations, drawn from those collected."""

    data: Path = Path("data")
    """Folder of all data; the demonstrations are in DATA/TASK/train."""

    out: Path | None = None
    """The run's folder; runs/AGENT/TASK-DEMOS-SEED unless given."""

    seed: int = 0
    """Chooses the demonstrations and the initial weights."""

    steps: int | None = None
    """Gradient steps; the agent's own number unless given."""

    val_episodes: int = 20
    """Validation episodes that candidates are judged on; 0 keeps the last weights."""

    candidates: int = 1
    """How often in the second half of training the weights are judged."""

    threads: int | None = None
    """Of numerical work, on which results depend in their last bits; what the run was begun with, or all cores."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where tensors live; auto takes a GPU where there is one."""

    config: str = "{}"
    """Settings of the agent that differ from its defaults, as a JSON object."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.training.loop import TrainingPlan, begun_with, train
        from ravens_suite.training.validation import Validator

        out = self.out or Path("runs") / self.agent / f"{self.task}-{self.demos}-{self.seed}"
        plan = TrainingPlan(
            agent=self.agent,
            task=self.task,
            demos=self.demos,
            seed=self.seed,
            steps=self.steps,
            val_episodes=self.val_episodes,
            candidates=self.candidates,
            threads=begun_with(out).get("threads", available_cores()) if self.threads is None else self.threads,
            device=self.device,
            config=json_object("--config", self.config),
        )
        with console.progress(f"{self.agent} on {self.task}") as progress, Validator(self.task, self.data) as validate:
            done = train(plan, self.data, out, evaluate=validate, progress=progress)
        score = "" if done.val_score is None else f"; validation score {done.val_score:.1f}"
        console.say(f"{done.run}: the weights after {done.steps} steps, {done.seconds:.1f} s of training{score}.")
        console.result(
            {"run": str(done.run), "steps": done.steps, "seconds": round(done.seconds, 3), "val_score": done.val_score}
        )
