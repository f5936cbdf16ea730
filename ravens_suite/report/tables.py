"""The words and numbers of a report, from what lies on disk; no simulation and no pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravens_suite.benchmark.comparison import Difference, difference, published_agents, published_for
from ravens_suite.data.outcomes import Summary, mean_over_tasks
from ravens_suite.data.run_record import commands_of
from ravens_suite.report.charts import line_chart
from ravens_suite.report.runs import Run, Score, count_policies, mean_of
from ravens_suite.rollout.environments import unlike_the_task
from ravens_suite.rollout.provenance import split_commits

NONE = "\N{EN DASH}"
"""Where there is no figure."""
_MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class PublishedCell:
    """A published figure in a row; ``score`` is ``None`` where there is none."""

    score: float | None
    best: bool


@dataclass(frozen=True)
class ScoreRow:
    """One run beside the published figures. Scores are 0 to 100."""

    task: str
    demos: int
    agent: str
    seed: int
    figures: Summary
    difference: Difference | None
    ours_is_best: bool
    published: tuple[PublishedCell, ...]

    @property
    def best_published(self) -> float | None:
        """The highest published figure."""
        return max((cell.score for cell in self.published if cell.score is not None), default=None)


@dataclass(frozen=True)
class MeanRow:
    """The mean over the tasks that both we and the papers have, for one agent and number of demonstrations."""

    agent: str
    demos: int
    count: int
    mean_score: float
    success_rate: float
    difference: float
    published: tuple[float | None, ...]


@dataclass(frozen=True)
class ScoreTable:
    """The rows, and what the columns are.

    Attributes:
        agents: published agents, the columns; those with no figure in any row are left out.
        rows: one a run.
        means: one an agent and number of demonstrations, where there are several tasks.
        several_agents: whether the rows are of more than one of our agents.
        several_seeds: whether they are of more than one training seed.
        episodes: test episodes a score, as text.
    """

    agents: tuple[str, ...]
    rows: tuple[ScoreRow, ...]
    means: tuple[MeanRow, ...]
    several_agents: bool
    several_seeds: bool
    episodes: str


@dataclass(frozen=True)
class Tile:
    """A figure at the top of the page."""

    value: str
    name: str
    detail: str = ""


@dataclass(frozen=True)
class Chart:
    """An SVG and its name."""

    name: str
    svg: str


def score_table(runs: Sequence[Run]) -> ScoreTable:
    """All runs with a score on test scenes beside the published figures."""
    tested = [(run, run.test) for run in runs if run.test is not None]
    figures = [_published(run) for run, _ in tested]
    agents = tuple(agent for agent in published_agents() if any(agent in row for row in figures))
    rows = tuple(_score_row(run, score, agents) for run, score in tested)
    counts = sorted({score.summary.episodes for _, score in tested})
    return ScoreTable(
        agents=agents,
        rows=rows,
        means=_mean_rows(rows),
        several_agents=len({row.agent for row in rows}) > 1,
        several_seeds=len({row.seed for row in rows}) > 1,
        episodes=" or ".join(str(count) for count in counts) or "no",
    )


def _published(run: Run) -> Mapping[str, float]:
    """The published figures of the task; none where it is not as usual in training or in the test: options, scenes."""
    known = {} if run.options else published_for(run.task, run.demos)
    # An agent that was trained with other options is tested with them, too, and these are then usual for it.
    return {} if known and run.test is not None and unlike_the_task(run.task, run.test.arguments) else known


def _score_row(run: Run, score: Score, agents: Sequence[str]) -> ScoreRow:
    published = _published(run)
    best = max(published.values(), default=None)
    left_out = {"": run.left_out, " of further data": run.dropped - run.left_out}
    less = "".join(f", {count} left out{of}" for of, count in left_out.items() if count > 0)
    where = run.elsewhere or (f"{count} tasks" if (count := len(run.plan.get("tasks", ()))) > 1 else "")
    ours = score.summary.mean_score
    return ScoreRow(
        run.title,
        run.demos,
        f"{run.agent}{less}, trained on {where}" if where else f"{run.agent}{less}",
        run.seed,
        score.summary,
        None if best is None else difference(ours, score.summary.episodes, best),
        best is None or round(ours, 1) >= best,
        tuple(
            PublishedCell(value, value is not None and value == best and round(ours, 1) <= value)
            for value in (published.get(agent) for agent in agents)
        ),
    )


def _mean_rows(rows: Sequence[ScoreRow]) -> tuple[MeanRow, ...]:
    result = []
    rows = [row for row in rows if row.figures.episodes]  # Where no scene could be placed there is no score.
    for agent, demos in sorted({(row.agent, row.demos) for row in rows}, key=lambda key: (key[1], key[0])):
        mine = [row for row in rows if (row.agent, row.demos) == (agent, demos) and row.best_published is not None]
        tasks = {row.task for row in mine}
        if len(tasks) > 1:
            result.append(_mean_row(agent, demos, mine, len(tasks)))
    return tuple(result)


def _mean_row(agent: str, demos: int, rows: Sequence[ScoreRow], tasks: int) -> MeanRow:
    """Runs of several seeds count as their task's mean does."""

    def mean(values: Iterable[float | None]) -> float | None:
        pairs = [(row.task, value) for row, value in zip(rows, values, strict=True) if value is not None]
        return mean_over_tasks(pairs) if len(pairs) == len(rows) else None

    columns = zip(*(row.published for row in rows), strict=True)
    best = mean_over_tasks([(row.task, row.best_published) for row in rows if row.best_published is not None])
    score = mean_over_tasks([(row.task, row.figures.mean_score) for row in rows])
    return MeanRow(
        agent,
        demos,
        tasks,
        score,
        mean_over_tasks([(row.task, row.figures.success_rate) for row in rows]),
        score - best,
        tuple(mean(cell.score for cell in column) for column in columns),
    )


def tiles(runs: Sequence[Run], table: ScoreTable, stages: dict[str, Any]) -> list[Tile]:
    """The figures at the top: of the one run, or the means of the grid.

    Args:
        runs: all.
        table: of their scores.
        stages: what ``quickstart`` noted; empty for other folders.
    """
    result = []
    if len(table.rows) == 1:
        result += _tiles_of_one(table.rows[0], table)
    for mean in table.means:
        best = mean.mean_score - mean.difference
        demos = f"{mean.demos} demonstration{'' if mean.demos == 1 else 's'}"
        result.append(
            Tile(f"{mean.mean_score:.1f}", f"{mean.agent}, {demos}", f"best published, task by task: {best:.1f}")
        )
    if len(table.rows) != 1 and not table.means:
        count = count_policies(runs)
        result.append(Tile(str(count), "run" if count == 1 else "runs"))
    trained = {run.policy.folder: run for run in runs if run.trained}
    if trained:
        seconds = [float(run.training.get("seconds", 0.0)) for run in trained.values()]
        detail = "mean of the runs" if len(trained) > 1 else _processor(next(iter(trained.values())))
        result.append(Tile(duration(mean_of(seconds)), "time to train", detail))
    total = sum(stages.get("seconds", {}).values())
    if total:
        parts = ", ".join(f"{name} {duration(value)}" for name, value in stages["seconds"].items())
        result.append(Tile(duration(total), "for everything", parts))
    return result


def _tiles_of_one(row: ScoreRow, table: ScoreTable) -> list[Tile]:
    episodes = f"{table.episodes} unseen test scenes"
    published = "none" if row.best_published is None else f"{row.best_published:.1f}"
    return [
        Tile(
            f"{row.figures.mean_score:.1f}",
            "mean score of 100",
            f"{episodes}; 95 %: {span(row.figures.mean_score_interval)}",
        ),
        Tile(f"{row.figures.success_rate:.1f} %", "success rate", f"95 %: {span(row.figures.success_rate_interval)}"),
        Tile(published, "best published score", f"with {row.demos} demonstration{'' if row.demos == 1 else 's'}"),
    ]


def charts(runs: Sequence[Run]) -> list[Chart]:
    """Learning curves of the runs of one task."""
    losses = [line.smoothed() for run in runs if (line := run.loss) is not None]
    scores = [run.validation for run in runs]
    found = [
        Chart(
            "Training loss (sum of its parts, medians over equal spans)",
            line_chart(losses, x_label="gradient step", y_label="loss", log=_wide(losses)),
        ),
        Chart(
            "Validation score", line_chart(scores, x_label="gradient step", y_label="mean score", y_range=(0.0, 100.0))
        ),
    ]
    if len(runs) == 1:
        parts = [
            type(line)(name.removeprefix("train/"), line.x, line.y).smoothed()
            for name, line in runs[0].curves.items()
            if name.startswith("train/") and not name.endswith("_rate")
        ]
        if len(parts) > 1:
            svg = line_chart(parts, x_label="gradient step", y_label="loss", log=_wide(parts))
            found.insert(1, Chart("Its parts", svg))
    return [chart for chart in found if chart.svg]


def _wide(lines: Sequence[Any]) -> bool:
    """Whether values span more than two powers of ten above zero."""
    values = [float(value) for line in lines for value in line.y]
    return bool(values) and min(values) > 0 and max(values) > 100 * min(values)


def training_rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The table of training runs; one that learned several tasks has one row."""
    learned = {run.policy.folder or str(run.folder): run for run in reversed(runs) if run.trained and not run.elsewhere}
    return [
        {
            "name": run.agent,
            "task": ", ".join(run.plan.get("tasks", [run.task])),
            "demos": _demos(run),
            "seed": run.seed,
            "steps": f"{run.training.get('best_step', 0):,}",
            "seconds": float(run.training.get("seconds", 0.0)),
            "parameters": f"{run.record['parameters']:,}" if "parameters" in run.record else NONE,
            "validation": _validation(run),
            "selection": run.record.get("selection", "not finished"),
        }
        for run in reversed(learned.values())
    ]


def _demos(run: Run) -> str:
    """What was asked for of each task, and by how much the run learnt from less or more than that in all tasks."""
    return f"{run.demos}{run.changes}"


def _validation(run: Run) -> str:
    best = run.training.get("best_score")
    return NONE if best is None else f"{best:.1f} ({run.plan.get('val_episodes')} episodes)"


def made(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Commands and facts behind the runs; shared ones are listed once."""
    commands: dict[str, None] = {}
    facts: dict[str, dict[str, None]] = {}
    for run in runs:
        for record in (run.record, run.test.provenance if run.test else {}):
            commands |= dict.fromkeys(commands_of(record))
        for name, value in _facts(run).items():
            if value:
                facts.setdefault(name, {})[value] = None
    rows = [(name, "; ".join(values) if len(values) <= 4 else _many(values)) for name, values in facts.items()]
    return [{"name": "", "commands": list(commands), "facts": rows}]


def _many(values: dict[str, None]) -> str:
    return f"{'; '.join(list(values)[:3])}; and {len(values) - 3} more"


def _facts(run: Run) -> dict[str, str]:
    record, test = run.record, run.test
    provenance = test.provenance if test else {}
    seeds = sorted(outcome.seed for outcome in test.outcomes) if test else []
    machine = {**record.get("machine", {}), **provenance.get("machine", {})}
    versions = {**record.get("versions", {}), **provenance.get("versions", {})}
    commits = dict.fromkeys(name for part in (record, provenance) for name in split_commits(part.get("commit", "")))
    return {
        "commit": ", ".join(commits),
        **(_training_facts(run) if run.trained else {}),
        "test": f"test seeds {ranges(seeds)}" if seeds else "",
        "environment": _flat({"renderer": test.renderer, **test.arguments}) if test else "",
        "machine": _flat(machine),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
    }


def _training_facts(run: Run) -> dict[str, str]:
    demonstrations = run.record.get("demonstrations", {}).get(run.task, [])
    further = f", and {more} of further data" if (more := run.further.get(run.task, 0)) else ""
    many = run.plan.get("val_episodes", 0)
    solved = run.training.get("until_solved", {})
    if solved.get("periods"):
        # What solved the first scenes was tried on others; before their number was noted, they were as many.
        many += solved.get("scenes", 0) or many
    rule = run.record.get("selection", "")
    return {
        "demonstrations": f"training seeds {ranges(demonstrations)}{further}" if demonstrations else "",
        "validation": f"validation seeds 0 to {many - 1}, {rule}" if many else f"none: {rule}",
        "training seed": str(run.seed),
        "given more steps": _continued(run.record.get("continued", ())),
    }


def _continued(continued: Sequence[Mapping[str, Any]]) -> str:
    """After which steps a finished run was given more; empty where it was not."""
    steps = ", ".join(f"{part['step']:,}" for part in continued)
    return f"after step {steps}" if steps else ""


def ranges(numbers: Sequence[int]) -> str:
    """``0 to 4, 7`` for 0, 1, 2, 3, 4, 7."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts)


def _flat(value: dict[str, Any]) -> str:
    shown = (f"{key} {item if isinstance(item, str) else json.dumps(item)}" for key, item in value.items() if item)
    return ", ".join(shown)


def _processor(run: Run) -> str:
    provenance = run.test.provenance if run.test else {}
    name = provenance.get("machine", run.record.get("machine", {})).get("processor", "")
    threads = run.plan.get("threads", 1)
    return f"{threads} thread{'' if threads == 1 else 's'}, {name}" if name else ""


def span(interval: tuple[float, float]) -> str:
    """``83.9 to 100.0``."""
    return f"{interval[0]:.1f} to {interval[1]:.1f}"


def duration(seconds: float) -> str:
    """``48 s``, ``2 min 5 s``, ``1 h 3 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def signed(value: float) -> str:
    """With its sign, and a true minus; no sign for zero."""
    text = f"{abs(value):.1f}"
    return text if text == "0.0" else f"{'+' if value > 0 else _MINUS}{text}"


def score_text(value: float | None) -> str:
    """One decimal; a dash for none."""
    return NONE if value is None else f"{value:.1f}"
