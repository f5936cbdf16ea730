"""``ravens-suite tasks``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ravens_suite.jobs.commands.options import OutputOptions
from ravens_suite.jobs.console import Console

_DEMOS = (1, 10, 100)


@dataclass(frozen=True)
class Tasks(OutputOptions):
    """List every task: its environment, step limit, primitive and best published scores."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        rows = [_row(name) for name in _names()]
        head = ("task", "environment", "steps", "primitive", *(f"best at {demos}" for demos in _DEMOS))
        table = [head, *(_cells(row) for row in rows)]
        widths = [max(len(cells[column]) for cells in table) for column in range(len(head))]
        for cells in table:
            console.say("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
        console.say("\nBest published mean score after 1, 10 and 100 demonstrations, of 100.")
        console.say("Each task also has a continuous form: <task>-continuous, ravens_suite/<Task>Continuous-v0.")
        console.result({"tasks": rows})


def _names() -> list[str]:
    from ravens_suite.registry import task_names

    return task_names()


def _row(name: str) -> dict[str, Any]:
    from ravens_suite.jobs.published import best_published
    from ravens_suite.registry import environment_id, load_task

    task, arguments = load_task(name)
    best = {demos: best_published(name, demos) for demos in _DEMOS}
    return {
        "task": name,
        "environment": environment_id(name),
        "max_steps": task.max_steps,
        "primitive": task(**arguments).primitive.name,
        "published": {str(demos): None if row is None else row.score for demos, row in best.items()},
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    scores = ("-" if score is None else f"{score:.1f}" for score in row["published"].values())
    return (row["task"], row["environment"], str(row["max_steps"]), row["primitive"], *scores)
