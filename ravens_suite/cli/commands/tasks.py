"""``ravens-suite tasks``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.cli.listing import describe_all, say_broken, say_table
from ravens_suite.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ravens_suite.core.goals import Goal
    from ravens_suite.tasks.base import Task

_DEMOS = (1, 10, 100)
_ATTEMPTS = 50
"""Draws of the scene of seed 0."""


@dataclass(frozen=True)
class Tasks(OutputOptions):
    """List every task: its environment, step limit, primitive, goals and best published scores.

    With the name of one: what it says, in all forms, and step by step in the training scene of seed 0, with what else
    it could name there.
    """

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task."""

    gallery: Path | None = None
    """Draw a contact sheet of oracle episodes of every task instead: a .png file, or a folder for gallery.png."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        if self.task is not None and self.gallery is not None:
            raise ConfigError(
                f"--gallery draws every task: leave {self.task} out, or look at an episode of it "
                f"(ravens-suite view oracle {self.task} --seed 0)."
            )
        if self.task is not None:
            self._describe(console, self.task)
            return
        if self.gallery is not None:
            self._draw(console, self.gallery)
            return
        rows, broken = describe_all("task", _names(), _row)
        head = ("task", "environment", "steps", "primitive", "goals", *(f"best at {demos}" for demos in _DEMOS))
        say_table(console, [head, *(_cells(row) for row in rows)])
        console.say("\nBest published mean score after 1, 10 and 100 demonstrations, of 100.")
        console.say("Each task also has a continuous form: <task>-continuous, ravens_suite/<Task>Continuous-v0.")
        console.say("ravens-suite tasks TASK shows the sentences of one: all forms, and what they could name.")
        say_broken(console, "task", broken)
        console.result({"tasks": rows, "broken": broken})

    def _describe(self, console: Console, name: str) -> None:
        described = {**_row(name), **_sentences(name)}
        for key in ("task", "environment", "max_steps", "primitive", "goals"):
            console.say(f"{key.replace('_', ' '):<12} {described[key]}")
        for wording, forms in described["forms"].items():
            console.say(f"\nwording={wording}{'' if forms else ': none'}")
            for form in forms:
                console.say(f"  {form}")
        console.say("\nIn the training scene of seed 0, step by step:")
        for sentence, others in zip(described["said"], described["could_mean"], strict=True):
            console.say(f"  {sentence}{'; or: ' if others else ''}{', '.join(others)}")
        console.result(described)

    def _draw(self, console: Console, out: Path) -> None:
        from ravens_suite.report.gallery import draw_gallery

        rows, broken = describe_all("task", _names(), _row)
        with console.progress("gallery") as progress:
            path = draw_gallery([row["task"] for row in rows], out, on_progress=progress)
        console.say(f"Drew {path}.")
        say_broken(console, "task", broken)
        console.result({"gallery": str(path), "broken": broken})


def _names() -> list[str]:
    from ravens_suite.registry import task_names

    return task_names()


def _row(name: str) -> dict[str, Any]:
    from ravens_suite.benchmark.published import best_published
    from ravens_suite.errors import blame
    from ravens_suite.registry import environment_id, load_task
    from ravens_suite.rollout.environments import limit_of

    task_class, arguments = load_task(name)
    with blame(f"__init__ of the task {name}"):
        task = task_class(**arguments)
    with blame(f"build of the task {name}"):
        goals = _goals(task)
    best = {demos: best_published(name, demos) for demos in _DEMOS}
    return {
        "task": name,
        "environment": environment_id(name),
        "max_steps": limit_of(name),
        "primitive": task.primitive.name,
        "goals": goals,
        "published": {str(demos): None if row is None else row.score for demos, row in best.items()},
    }


def _sentences(name: str) -> dict[str, Any]:
    """All forms of the instruction, slots in braces; what every goal step says, and could, in the scene of seed 0."""
    from ravens_suite.errors import blame
    from ravens_suite.registry import load_task

    task_class, arguments = load_task(name)
    with blame(f"the instruction of the task {name}"):
        task = task_class(**arguments)
        plain, others = task.forms()
        steps = range(len(_build(task)))
        said = [task.current_instruction(step) for step in steps]
        could_mean = [_others(task, step) for step in steps]
    forms = {"plain": [plain], "training": [plain, *others.training], "held-out": list(others.held_out)}
    return {"forms": forms, "said": said, "could_mean": could_mean}


def _others(task: Task, step: int) -> list[str]:
    """What a sentence could name in place of what it names, in the words for that."""
    candidates = task.candidates(step)
    others = (*candidates.picks[1:], *candidates.places[1:])
    return [" and ".join(candidate.words.values()) for candidate in others]


def _build(task: Task) -> Sequence[Goal]:
    """The goals in the scene of seed 0."""
    from ravens_suite.core.seeding import generator
    from ravens_suite.errors import PlacementError
    from ravens_suite.sim.robot import Robot
    from ravens_suite.sim.scene import Scene

    scene, rng = Scene(), generator(0, "train", "scene")
    robot = Robot(scene, task.primitive.tool)
    try:
        for _ in range(_ATTEMPTS):
            scene.reset()
            robot.reset()
            try:
                return list(task.build(scene, rng))
            except PlacementError as error:
                reason = error
        raise reason
    finally:
        scene.close()


def _goals(task: Task) -> str:
    """Number and kind of the goal steps, in the scene of seed 0."""
    goals = _build(task)
    kind = type(goals[0]).__name__.removesuffix("Goal").lower()
    return f"{len(goals)} {kind} goal{'' if len(goals) == 1 else 's'}"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    scores = ("-" if score is None else f"{score:.1f}" for score in row["published"].values())
    return (row["task"], row["environment"], str(row["max_steps"]), row["primitive"], row["goals"], *scores)
