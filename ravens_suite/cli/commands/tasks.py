"""``ravens-suite tasks``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ravens_suite.cli.commands.options import JsonText, OutputOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.cli.listing import describe_all, say_broken, say_table
from ravens_suite.errors import ConfigError

_DEMOS = (1, 10, 100)


@dataclass(frozen=True)
class Tasks(OutputOptions):
    """List every task: its environment, step limit, primitive, goals and best published scores.

    With the name of one: what it says, in all forms, and step by step in the training scene of seed 0, with what else
    it could name there. Options of it may change all that (--environment).
    """

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task."""

    environment: JsonText = "{}"
    """Keyword arguments of the environment of TASK, as a JSON object: options change what it says, and its steps."""

    gallery: Path | None = None
    """Draw a contact sheet of oracle episodes of every task instead: a .png file, or a folder for gallery.png."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        if self.task is not None and self.gallery is not None:
            raise ConfigError(
                f"--gallery draws every task: leave {self.task} out, or look at an episode of it "
                f"(ravens-suite view oracle {self.task} --seed 0)."
            )
        arguments = json_object("--environment", self.environment)
        if self.task is not None:
            self._describe(console, self.task, arguments)
            return
        if arguments:
            raise ConfigError("--environment is of one task: name it (ravens-suite tasks TASK --environment JSON).")
        if self.gallery is not None:
            self._draw(console, self.gallery)
            return
        rows, broken = describe_all("task", _names(), _row)
        head = ("task", "environment", "steps", "primitive", "goals", *(f"best at {demos}" for demos in _DEMOS))
        say_table(console, [head, *(_cells(row) for row in rows)])
        console.say("\nGoals: those of the training scene of seed 0.")
        console.say(
            "Best at: the best published mean score, 0 to 100, from 1, 10 and 100 demonstrations of the ten published "
            "tasks. Those of language tasks: docs/language_tasks.md."
        )
        console.say("Each task also has a continuous form: <task>-continuous, ravens_suite/<Task>Continuous-v0.")
        console.say("ravens-suite tasks TASK shows the sentences of one: all forms, and what they could name.")
        say_broken(console, "task", broken)
        console.result({"tasks": rows, "broken": broken})

    def _describe(self, console: Console, name: str, arguments: Mapping[str, Any]) -> None:
        described = _row(name, words=True, arguments=arguments)
        for key in ("task", "environment", "max_steps", "primitive", "goals"):
            console.say(f"{key.replace('_', ' '):<12} {described[key]}")
        refused: Mapping[str, str] = described["cannot_be_observed"]

        def marked(sentence: str) -> str:
            return f"{sentence}  [cannot be observed]" if sentence in refused else sentence

        for wording, forms in described["forms"].items():
            console.say(f"\nwording={wording}{'' if forms else ': none'}")
            for form in forms:
                console.say(f"  {marked(form)}")
        console.say("\nIn the training scene of seed 0, step by step:")
        for sentence, others in zip(described["said"], described["could_mean"], strict=True):
            console.say(f"  {marked(sentence)}{'; or: ' if others else ''}{', '.join(map(marked, others))}")
        if refused:
            console.say("\nWhat environments refuse where the instruction is observed (--observe instruction):")
            for why in refused.values():
                console.say(f"  {why}")
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


def _row(name: str, *, words: bool = False, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    from ravens_suite.benchmark.published import best_published
    from ravens_suite.rollout.environments import unlike_the_task
    from ravens_suite.rollout.task_description import describe_task

    described = describe_task(name, words=words, arguments=arguments)
    # Nobody published a score of it with other options.
    own = not arguments or not unlike_the_task(name, arguments)
    best = {demos: best_published(name, demos) if own else None for demos in _DEMOS}
    published = {str(demos): None if row is None else row.score for demos, row in best.items()}
    return {**described, "published": published}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    scores = ("-" if score is None else f"{score:.1f}" for score in row["published"].values())
    return (row["task"], row["environment"], str(row["max_steps"]), row["primitive"], row["goals"], *scores)
