"""The tables of figures in ``README.md`` and ``docs/results.md``, from the files in ``results/``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.scores import spread
from benchmarks.scores import table as score_table
from ravens_suite.benchmark.published import best_published, comparable_scores
from ravens_suite.data.language_probes import PARTS, SENTENCES
from ravens_suite.data.tables import read_rows
from site_pages.markdown import table

_RESULTS = Path(__file__).resolve().parents[2] / "results"
_AGENT, _SEED = "transporter", "0"
_DEMOS = (1, 10, 100)

ORIGINAL_STEPS = {
    "block-insertion": 1.0,
    "place-red-in-green": 1.6,
    "towers-of-hanoi": 7.4,
    "align-box-corner": 1.0,
    "stack-block-pyramid": 6.3,
    "palletizing-boxes": 18.2,
    "assembling-kits": 5.0,
    "packing-boxes": 6.4,
    "manipulating-rope": 7.1,
    "sweeping-piles": 11.9,
}
"""Mean steps of the original's own oracle over ten training seeds."""


def _scores(demos: int, seed: str | None = _SEED) -> list[dict[str, str]]:
    rows = [row for row in read_rows(_RESULTS / "scores.csv") if row["agent"] == _AGENT and int(row["demos"]) == demos]
    return [row for row in rows if seed is None or row["seed"] == seed]


def _json(name: str) -> Any:
    return json.loads((_RESULTS / name).read_text(encoding="utf-8"))


def scores(demos: int) -> str:
    """Every task from a number of demonstrations, beside the best published score."""
    return "\n".join(score_table(_scores(demos), demos))


def seeds(demos: int) -> str:
    """Every task from a number of demonstrations, seed by seed."""
    return "\n".join(spread(_scores(demos, seed=None), demos))


def means() -> str:
    """Means over the ten tasks, one row a number of demonstrations, of all seeds with which every task was run."""
    rows = []
    for demos in _DEMOS:
        found = _whole_seeds(demos)
        tasks = {row["task"]: [float(run["score"]) for run in found if run["task"] == row["task"]] for row in found}
        best = [published.score for task in tasks if (published := best_published(task, demos))]
        by_seed = [_mean([float(row["score"]) for row in found if row["seed"] == seed]) for seed in _seeds(found)]
        span = f" ({min(by_seed):.1f} to {max(by_seed):.1f})" if len(by_seed) > 1 else ""
        minutes = [float(row["train_seconds"]) / 60 for row in found]
        rows.append(
            [
                str(demos),
                str(len(by_seed)),
                f"{_mean(by_seed):.1f}{span}",
                f"{_mean(best):.1f}",
                f"{min(_mean(scores) for scores in tasks.values()):.1f}",
                f"{_mean([float(row['strict']) for row in found]):.1f} %",
                f"{_mean([_strict_published(task, demos) for task in tasks]):.1f} %",
                f"{_mean(minutes):.0f} min",
            ]
        )
    head = ["demonstrations", "seeds", "mean score", "best published", "lowest task", "success rate", "published"]
    return table([*head, "training"], rows)


def _whole_seeds(demos: int) -> list[dict[str, str]]:
    """The runs of those seeds with which every task was run."""
    found = _scores(demos, seed=None)
    tasks = {row["task"] for row in found}
    counts = {seed: len([row for row in found if row["seed"] == seed]) for seed in _seeds(found)}
    return [row for row in found if counts[row["seed"]] == len(tasks)]


def _seeds(rows: list[dict[str, str]]) -> list[str]:
    return sorted({row["seed"] for row in rows})


def strict() -> str:
    """Success rates of every task beside the published ones."""
    tasks = [row["task"] for row in _scores(_DEMOS[0])]
    ours = {demos: {row["task"]: float(row["strict"]) for row in _scores(demos)} for demos in _DEMOS}

    def cells(values: Callable[[int], tuple[float, float]]) -> list[str]:
        return [f"{mine:.1f} / {theirs:.1f}" for mine, theirs in map(values, _DEMOS)]

    rows = [
        [task, *cells(lambda demos, task=task: (ours[demos][task], _strict_published(task, demos)))] for task in tasks
    ]
    means = cells(
        lambda demos: (_mean(list(ours[demos].values())), _mean([_strict_published(task, demos) for task in tasks]))
    )
    heads = [f"from {demos}: ours / published, %" for demos in _DEMOS]
    return table(["task", *heads], [*rows, ["**mean**", *means]])


def _strict_published(task: str, demos: int) -> float:
    """The highest published success rate."""
    found = [row.strict for row in comparable_scores() if (row.task, row.demos) == (task, demos)]
    return max(rate for rate in found if rate is not None)


def speed() -> str:
    """The few figures of speed that matter."""
    beside, training, scaling = _json("side_by_side.json"), _json("training.json"), _json("scaling.json")
    rows = list(read_rows(_RESULTS / "simulation.csv"))
    seconds = [float(row["seconds_per_demo"]) for row in rows]
    ours = training[_AGENT]
    return table(
        ["what", "time", "compared"],
        [
            *_observations(),
            [
                "one demonstration on disk, three views of 480 x 640, one core",
                f"{min(seconds):.2f} to {max(seconds):.2f} s",
                f"{_times(beside['cpu_time'])} as fast as the original in one run with it, by processor time",
            ],
            ["two workers on two cores", "", f"{scaling['median_ratio']:.2f} times as fast as one"],
            [
                "one gradient step of `transporter`, two examples, one core",
                f"{ours['default_batch_seconds']:.2f} s",
                f"{training['default_batch_ratio']:.0f} times as fast as the published architecture",
            ],
            [
                "one action of `transporter`, one core",
                f"{ours['act_seconds']:.2f} s",
                f"{training['act_ratio']:.0f} times as fast as the published architecture",
            ],
        ],
    )


def _times(found: Mapping[str, float]) -> str:
    """A ratio to the original: the geometric mean over tasks, and the range."""
    span = f"{found['least']:.0f} to {found['greatest']:.0f} over {found['tasks']:.0f} tasks"
    return f"{found['geometric_mean']:.0f} times ({span})"


def side_by_side() -> str:
    """The original and this suite in one run on one machine."""
    found = _json("side_by_side.json")
    kinds = {"cpu_time": "processor time", "wall_time_on_idle_cores": "time on idle cores"}
    rows = [
        [what, *(f"{found[kind][column]:.0f}" for column in ("tasks", "geometric_mean", "least", "greatest"))]
        for kind, what in kinds.items()
    ]
    return table(["a demonstration of the original by ours", "tasks", "geometric mean", "least", "greatest"], rows)


def _observations() -> list[list[str]]:
    """Oracle steps a second with images and with states alone, where they were measured."""
    if not (_RESULTS / "observations.json").exists():
        return []
    found = _json("observations.json")
    rates = found["steps_a_second"]
    what = f"oracle steps of {found['task']} a second that observe states alone, one core"
    return [[what, f"{rates['state']:.0f}", f"{found['state_over_images']:.0f} times as many as with images"]]


def simulation() -> str:
    """Seconds of a demonstration, task by task."""
    rows = [
        [
            row["task"],
            f"{float(row['steps']):.1f}",
            f"{float(row['seconds_per_demo']):.2f}",
            f"{float(row['rendering_seconds']):.2f}",
            f"{float(row['physics_seconds']):.2f}",
            f"{float(row['disk_seconds']):.2f}",
            f"{float(row['reset_milliseconds']):.0f}",
        ]
        for row in read_rows(_RESULTS / "simulation.csv")
    ]
    header = ["task", "steps", "s a demonstration", "of it rendering", "physics", "disk"]
    return table([*header, "reset, ms"], rows)


def oracle() -> str:
    """The oracle on every environment, the published tasks first."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in read_rows(_RESULTS / "oracle.csv"):
        found.setdefault(row["task"], {})[row["split"]] = row
    order = [*ORIGINAL_STEPS, *(task for task in found if task not in ORIGINAL_STEPS)]
    order.sort(key=lambda task: task.endswith("-continuous"))
    rows = [_oracle_row(task, found[task]) for task in order if task in found]
    header = ["task", "seeds a split", "mean score, train / test", "success rate, %", "mean steps", "original"]
    return table(header, rows)


def _oracle_row(task: str, splits: Mapping[str, Mapping[str, str]]) -> list[str]:
    def both(column: str, digits: int) -> str:
        # Training scenes are the same with seen and with unseen colours, so that some are measured once.
        return " / ".join(
            f"{float(splits[split][column]):.{digits}f}" if split in splits else "\N{EN DASH}"
            for split in ("train", "test")
        )

    original = ORIGINAL_STEPS.get(task)
    return [
        task,
        next(iter(splits.values()))["episodes"],
        both("score", 1),
        both("strict", 0),
        both("mean_steps", 2),
        "" if original is None else f"{original:.1f}",
    ]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def language_probes() -> str:
    """What agents do that are told other things, a row a kind of sentence."""
    rows = []
    for probe in _json("language_probes.json")["probes"]:
        for kind, name in SENTENCES.items():
            found = probe["sentences"][kind]
            low, high = found["success_rate_interval_95"]
            rows.append(
                [
                    probe["task"],
                    str(probe["demos"]) + (f", {tasks} tasks" if (tasks := probe.get("tasks", 1)) > 1 else ""),
                    name,
                    f"{found['mean_score']:.1f}",
                    f"{found['success_rate']:.0f} % ({low:.0f} to {high:.0f})",
                    *(_share(found.get(f"first_{part}")) for part in PARTS),
                ]
            )
    head = ["task", "demonstrations", "told", "mean score", "success rate, 95 % interval"]
    return table([*head, "first pick on what the task names", "first place"], rows)


def _share(found: Mapping[str, Any] | None) -> str:
    return "" if found is None else f"{found['named']:.0f} % (chance {found['chance']:.0f})"


TABLES: dict[str, Callable[[], str]] = {
    "means": means,
    "strict": strict,
    "speed": speed,
    "scores-1": lambda: scores(1),
    "scores-10": lambda: scores(10),
    "scores-100": lambda: scores(100),
    "seeds-1": lambda: seeds(1),
    "seeds-10": lambda: seeds(10),
    "simulation": simulation,
    "side-by-side": side_by_side,
    "oracle": oracle,
    "language-probes": language_probes,
}
"""By the name that stands in the page: ``<!-- table: oracle -->``."""
