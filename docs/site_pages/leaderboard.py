"""The tables of ``docs/leaderboard.md``: our runs, published figures, and what others have added to ``results/``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ravens_suite.benchmark.published import published_scores
from ravens_suite.benchmark.submissions import Submission, SubmittedResult, read_submission
from ravens_suite.core.statistics import wilson
from ravens_suite.data.outcomes import mean_over_tasks
from ravens_suite.data.tables import read_rows
from ravens_suite.errors import SubmissionError
from site_pages.markdown import page, table

_RESULTS = Path(__file__).resolve().parents[2] / "results"
SUBMISSIONS = _RESULTS / "submissions"
OURS_READ = {"transporter": ("color", "depth", "camera_intrinsics", "camera_poses")}
"""What our agents read, by name; a test compares it with what they declare."""
_OUR_EPISODES = 100
_IMAGES = ("color", "depth", "camera_intrinsics", "camera_poses")
_UNKNOWN = ""
"""In a table: not published."""
TASKS = tuple(dict.fromkeys(row.task for row in published_scores()))
"""The published tasks, in the order of the file."""
DEMOS = (1, 10, 100, 1000)


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard; empty texts for what was not published.

    Attributes:
        agent: name.
        task: registered name.
        demos: demonstrations.
        seed: of training.
        score: mean, 0 to 100.
        interval: of the mean score, as text.
        strict: success rate with its interval, as text.
        training: wall time and machine.
        reads: sensors.
        source: where it comes from.
    """

    agent: str
    task: str
    demos: int
    seed: str
    score: float
    interval: str
    strict: str
    training: str
    reads: str
    source: str


def means() -> str:
    """Mean over the ten published tasks, for agents that have all of them."""
    found: dict[str, dict[int, list[tuple[str, float]]]] = {}
    for row in rows():
        if row.task in TASKS:
            found.setdefault(row.agent, {}).setdefault(row.demos, []).append((row.task, row.score))
    whole = {
        agent: {demos: mean_over_tasks(items) for demos, items in columns.items() if {t for t, _ in items} == {*TASKS}}
        for agent, columns in found.items()
    }
    order = sorted((agent for agent in whole if whole[agent]), key=lambda agent: -whole[agent].get(10, -1.0))
    lines = [[agent, *(_one(whole[agent].get(demos)) for demos in DEMOS)] for agent in order]
    return table(["agent", *map(_demos, DEMOS)], lines)


def tasks() -> str:
    """A section for every task: the scores of every agent, and folded, since it is long, all that is known of each."""
    every = list(rows())
    names = [*TASKS, *sorted({row.task for row in every} - {*TASKS})]
    return "\n\n".join(_section(name, [row for row in every if row.task == name]) for name in names)


def _section(name: str, found: Sequence[Row]) -> str:
    summary = "<summary>Every row: seeds, intervals, success rates, training, sources</summary>"
    return page(f"### {name}", _scores(found), "<details>", summary, _task_table(found), "</details>").strip()


def _scores(found: Sequence[Row]) -> str:
    """Mean score by agent and number of demonstrations, over seeds of training; the best from 10 first."""
    agents: dict[str, dict[int, list[float]]] = {}
    for row in found:
        agents.setdefault(row.agent, {}).setdefault(row.demos, []).append(row.score)
    shown = sorted({*DEMOS, *(row.demos for row in found)})
    means_of = {agent: {demos: fmean(scores) for demos, scores in columns.items()} for agent, columns in agents.items()}
    order = sorted(means_of, key=lambda agent: (-means_of[agent].get(10, -1.0), agent))
    lines = [[agent, *(_one(means_of[agent].get(demos)) for demos in shown)] for agent in order]
    return table(["agent", *map(_demos, shown)], lines)


def sources() -> str:
    """The numbers behind published figures, and the descriptions of what others have added."""
    lines = [f"{number}. {_text(source)}" for source, number in _numbers().items()]
    added = [f"- **{_text(one.agent)}**: {_text(one.description)}" for one in submissions()]
    return "\n".join([*lines, *(["", *added] if added else [])])


def submissions(folder: Path = SUBMISSIONS) -> list[Submission]:
    """The files that others have added, by name.

    Raises:
        SubmissionError: one breaks a rule, or has the name of another agent, with which it would be averaged.
    """
    found: list[Submission] = []
    taken = {row.agent.casefold() for row in (*_ours(), *_published())}
    for path in sorted(folder.glob("*.json")):
        found.append(read_submission(path))
        if (name := found[-1].agent).casefold() in taken:
            raise SubmissionError(f"{path}: an agent {name!r} is on the leaderboard already, so choose another name.")
        taken.add(name.casefold())
    return found


def rows(folder: Path = SUBMISSIONS) -> Iterator[Row]:
    """Every line of the leaderboard, in no order."""
    yield from _ours()
    yield from _published()
    for one in submissions(folder):
        yield from (_submitted(one, result) for result in one.results)


def _ours() -> Iterator[Row]:
    for row in read_rows(_RESULTS / "scores.csv"):
        score = float(row["score"])
        low, high = (100 * bound for bound in wilson(score / 100, _OUR_EPISODES))
        yield Row(
            agent=f"{row['agent']} (this suite)",
            task=row["task"],
            demos=int(row["demos"]),
            seed=row["seed"],
            score=score,
            interval=_interval(low, high),
            strict=_rate(float(row["strict"]), float(row["low"]), float(row["high"])),
            training=f"{_minutes(float(row['train_seconds']))}, 1 CPU core",
            reads=_sensors(OURS_READ[row["agent"]]),
            source=f"commit {row['commit'][:7]}",
        )


def _published() -> Iterator[Row]:
    numbers = _numbers()
    for row in published_scores():
        yield Row(
            agent=row.agent,
            task=row.task,
            demos=row.demos,
            seed=_UNKNOWN,
            score=row.score,
            interval=_UNKNOWN,
            strict=_UNKNOWN if row.strict is None else f"{row.strict:.0f} %",
            training=_UNKNOWN,
            reads="object poses" if row.agent.startswith("GT-State") else "RGB-D heightmap",
            source=f"[{numbers[row.source]}](#sources){', second-hand' if row.second_hand else ''}",
        )


def _submitted(one: Submission, result: SubmittedResult) -> Row:
    return Row(
        agent=_text(one.agent),
        task=result.task,
        demos=result.demos,
        seed=str(result.seed),
        score=result.mean_score,
        interval=_interval(*result.mean_score_interval),
        strict=_rate(result.success_rate, *result.success_rate_interval),
        training=f"{_minutes(result.train_seconds)}, {_text(result.hardware)}" if result.train_seconds else "none",
        reads=_sensors(result.observation_keys),
        source=f"[link](<{one.link}>)" if one.link else "added",
    )


def _task_table(found: Sequence[Row]) -> str:
    order = sorted(found, key=lambda row: (row.demos, -row.score, row.agent, row.seed))
    header = ["demos", "agent", "seed", "mean score", "success rate", "training", "reads", "source"]
    return table(
        header,
        (
            [
                str(row.demos),
                row.agent,
                row.seed,
                f"{row.score:.1f}{f' ({row.interval})' if row.interval else ''}",
                row.strict,
                row.training,
                row.reads,
                row.source,
            ]
            for row in order
        ),
    )


def _numbers() -> dict[str, int]:
    """Published sources, numbered."""
    return {source: number for number, source in enumerate(dict.fromkeys(row.source for row in published_scores()), 1)}


def _sensors(keys: Sequence[str]) -> str:
    """What a policy reads, in words where there are some."""
    if set(_IMAGES) <= set(keys):
        keys = ["RGB-D images, cameras", *(key for key in keys if key not in _IMAGES)]
    return ", ".join(_text(key) if key[0].islower() else key for key in keys) or "nothing"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5940 else f"{seconds / 3600:.1f} h"


def _rate(rate: float, low: float, high: float) -> str:
    return f"{rate:.0f} % ({_interval(low, high)})"


def _interval(low: float, high: float) -> str:
    return f"{low:.0f} to {high:.0f}"


def _demos(count: int) -> str:
    return f"{count} demo" if count == 1 else f"{count} demos"


def _one(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _text(words: str) -> str:
    """Words of others as they are, whatever Markdown or HTML would make of them; the bar is escaped by ``table``."""
    return re.sub(r"([\\`*_{}\[\]<>&!])", r"\\\1", words)


TABLES: dict[str, Callable[[], str]] = {
    "leaderboard-means": means,
    "leaderboard-tasks": tasks,
    "leaderboard-sources": sources,
}
"""By the name that stands in the page."""
