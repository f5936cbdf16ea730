"""The table of the paper's baselines: this suite's agents beside the published figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.scores import EPISODES
from ravens_suite.benchmark.comparison import difference
from ravens_suite.benchmark.published import published_scores
from ravens_suite.data.tables import read_rows
from site_pages.markdown import table

_RESULTS = Path(__file__).resolve().parents[2] / "results"
_SEED = "0"
AGENTS = {
    "transporter": "Transporter",
    "form2fit": "Form2Fit",
    "conv-mlp": "Conv. MLP",
    "gt-state-mlp": "GT-State MLP",
    "gt-state-mlp-2-step": "GT-State MLP 2-Step",
}
"""Agents of this suite, and what the paper calls those that they are compared with."""


def baselines(demos: int) -> str:
    """The tasks that were measured from a number of demonstrations, our score and the published one of each agent."""
    found = _scores(demos)
    tasks = [task for task in dict.fromkeys(row.task for row in published_scores()) if _measured(found, task)]
    rows = [[task, *(_cell(found, task, agent, demos) for agent in AGENTS)] for task in tasks]
    return table(["task", *(f"`{agent}`" for agent in AGENTS)], rows)


def _scores(demos: int) -> Mapping[tuple[str, str], float]:
    rows = [*read_rows(_RESULTS / "scores_baselines.csv"), *read_rows(_RESULTS / "scores.csv")]
    return {
        (row["task"], row["agent"]): float(row["score"])
        for row in rows
        if row["agent"] in AGENTS and row["seed"] == _SEED and int(row["demos"]) == demos
    }


def _measured(found: Mapping[tuple[str, str], float], task: str) -> bool:
    return any((task, agent) in found for agent in AGENTS if agent != "transporter")


def _published(task: str, agent: str, demos: int) -> float:
    return next(
        row.score
        for row in published_scores()
        if (row.agent, row.task, row.demos, row.differs) == (AGENTS[agent], task, demos, "")
    )


def _cell(found: Mapping[tuple[str, str], float], task: str, agent: str, demos: int) -> str:
    theirs = _published(task, agent, demos)
    if (task, agent) not in found:
        return f"\N{EN DASH} / {theirs:.1f}"
    gap = difference(found[task, agent], EPISODES, theirs)
    mark = "" if gap.low <= 0 <= gap.high else " *"
    return f"{found[task, agent]:.1f} / {theirs:.1f}{mark}"


TABLES: dict[str, Callable[[], str]] = {"baselines-10": lambda: baselines(10), "baselines-100": lambda: baselines(100)}
"""By the name that stands in the page."""
