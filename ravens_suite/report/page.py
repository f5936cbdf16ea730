"""A folder of results as one self-contained HTML page: nothing is loaded from anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ravens_suite.benchmark.comparison import PUBLISHED_EPISODES, published_agents
from ravens_suite.core.numbers import check_number
from ravens_suite.data.atomic import check_writable, read_json, write_bytes
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.report import tables as page
from ravens_suite.report.confidence import confidence_section
from ravens_suite.report.drawing import PICK_COLOR, PLACE_COLOR, Color
from ravens_suite.report.forecasts import forecast_section
from ravens_suite.report.influence import influence_sections
from ravens_suite.report.language import language_sections
from ravens_suite.report.names import told_apart
from ravens_suite.report.robustness import find_policies, robustness_section
from ravens_suite.report.runs import Run, count_policies, stale
from ravens_suite.report.sections import TaskSection, make_section
from ravens_suite.report.seeds import seeds_rows
from ravens_suite.report.weak_spots import weak_spots_views

REPORT = "report.html"
_MOST = 10_000
"""Films, scenes or failures of a task; a page of so many is larger than any browser opens."""
STAGES_FILE = "result.json"
"""Where ``quickstart`` notes how long each stage took."""


@dataclass(frozen=True)
class ReportPlan:
    """How much a report shows of each task.

    Attributes:
        films: test episodes filmed; ``None`` for four of a single task, two of up to three, one of more.
        scenes: test scenes with heatmaps; ``None`` for three of up to three tasks, one of more.
        failures: failed test episodes; ``None`` for eight of up to three tasks, four of more.
    """

    films: int | None = None
    scenes: int | None = None
    failures: int | None = None

    def check(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            ConfigError: one is negative or very large; the message names its option.
        """
        for name in ("films", "scenes", "failures"):
            if (count := getattr(self, name)) is not None:
                check_number(f"--{name}", count, 0, _MOST)

    def counts(self, tasks: int) -> dict[str, int]:
        """Films, scenes and failures a task when there are so many tasks."""
        few = tasks <= 3
        usual = {"films": 4 if tasks == 1 else 2 if few else 1, "scenes": 3 if few else 1, "failures": 8 if few else 4}
        return {name: count if (given := getattr(self, name)) is None else given for name, count in usual.items()}


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        path: of the page.
        runs: how many it is about; one that learned several tasks is one.
        tasks: their tasks.
        size: bytes.
    """

    path: Path
    runs: int
    tasks: tuple[str, ...]
    size: int


def write_report(
    folder: Path | str, out: Path | str | None = None, *, plan: ReportPlan | None = None, on_progress: Progress = silent
) -> Report:
    """Write the page about all runs in a folder.

    Args:
        folder: searched for runs.
        out: the page; ``folder/report.html`` by default.
        plan: how much is shown of each task.
        on_progress: called for every test episode that is run again for the page.

    Raises:
        MissingDataError: there is no run in the folder.
        OSError: the page cannot be written there, which is told before any episode is run.
    """
    folder = Path(folder)
    out = None if out is None else Path(out)
    plan = plan or ReportPlan()
    plan.check()
    runs = told_apart(find_policies(folder))
    path = out or folder / REPORT
    check_writable(path)
    sections = _sections(runs, plan, on_progress)
    text = render("report.html.j2", {"page": _context(folder, runs, sections)})
    write_bytes(path, [text.encode()])
    return Report(path, count_policies(runs), tuple(sections), path.stat().st_size)


def render(template: str, values: dict[str, Any]) -> str:
    """A page from a template of this package, with the common style sheet."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False
    )
    environment.filters |= {
        "score": page.score_text,
        "span": page.span,
        "signed": page.signed,
        "duration": page.duration,
    }
    style = Markup(_template("style.css"))
    return environment.get_template(template).render(style=style, **values)


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _sections(runs: Sequence[Run], plan: ReportPlan, on_progress: Progress) -> dict[str, TaskSection]:
    tasks = list(dict.fromkeys(run.title for run in runs))
    counts = plan.counts(len(tasks))
    result = {}
    for done, task in enumerate(tasks):
        result[task] = make_section(
            [run for run in runs if run.title == task],
            on_note=partial(on_progress, done, len(tasks)),
            **counts,
        )
        on_progress(done + 1, len(tasks), task)
    return result


def _context(folder: Path, runs: Sequence[Run], sections: dict[str, TaskSection]) -> dict[str, Any]:
    table = page.score_table(runs)
    stages = read_json(folder / STAGES_FILE) if (folder / STAGES_FILE).exists() else {}
    return {
        "title": _title(runs),
        "subtitle": _subtitle(runs, table),
        "tiles": page.tiles(runs, table, stages),
        "table": table,
        "over_seeds": seeds_rows(table.rows),
        "outdated": [
            f"{run.title}, {run.label}: {why}" for run in runs if run.test is not None and (why := stale(run, run.test))
        ],
        "untested": [f"{run.title}, {run.label}" for run in runs if run.test is None],
        "sources": [(agent, source) for agent, source in published_agents().items() if agent in table.agents],
        "published_episodes": PUBLISHED_EPISODES,
        "tasks": [
            {"name": task, **vars(section), **_figures([run for run in runs if run.title == task])}
            for task, section in sections.items()
        ],
        "training": page.training_rows(runs),
        "made": page.made(runs),
        "pick_color": _css(PICK_COLOR),
        "place_color": _css(PLACE_COLOR),
    }


def _figures(runs: Sequence[Run]) -> dict[str, Any]:
    """What is drawn of the runs of one task, from what lies on disk; of weak spots one scene a kind is run again."""
    return {
        "charts": page.charts(runs),
        "robustness": robustness_section(runs),
        "language": language_sections(runs),
        "confidence": confidence_section(runs),
        "forecasts": forecast_section(runs),
        "weak_spots": weak_spots_views(runs),
        "influence": influence_sections(runs),
    }


def _title(runs: Sequence[Run]) -> str:
    *others, last = dict.fromkeys(run.agent for run in runs)
    agents = f"{', '.join(others)} and {last}" if others else last
    tasks = list(dict.fromkeys(run.title for run in runs))
    return f"{agents} on {tasks[0] if len(tasks) == 1 else f'{len(tasks)} tasks'}"


def _subtitle(runs: Sequence[Run], table: page.ScoreTable) -> str:
    if len(runs) == 1 and not runs[0].trained:
        return f"Evaluated on {table.episodes} test scenes."
    if len(runs) == 1:
        demos = f"{runs[0].learnt} demonstration{'' if runs[0].learnt == 1 else 's'}"
        # Whose they are, no run says: of the oracle, of a policy that explores, or of a robot.
        return f"Learnt from {demos}, evaluated on {table.episodes} unseen test scenes."
    count = count_policies(runs)
    return f"{count} {'policy' if count == 1 else 'policies'}, evaluated on unseen test scenes."


def _css(color: Color) -> str:
    return f"rgb({color[0]} {color[1]} {color[2]})"
