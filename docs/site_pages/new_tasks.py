"""The tables of GPU training, tilted targets, structures, language, way-points and calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import language, robustness, same_run
from benchmarks.scores import table as score_table
from ravens_suite.benchmark.published import published_scores
from ravens_suite.data.tables import read_rows
from site_pages.markdown import table

_RESULTS = Path(__file__).resolve().parents[2] / "results"
_SEED = "0"


def _rows(name: str, agent: str | None = None) -> list[dict[str, str]]:
    rows = list(read_rows(_RESULTS / name))
    return [row for row in rows if agent is None or row["agent"] == agent]


def _rate(row: Mapping[str, str]) -> str:
    return f"{float(row['strict']):.0f} % ({float(row['low']):.0f} to {float(row['high']):.0f})"


def gpu_steps() -> str:
    """A gradient step on a GPU, by how it was done."""
    found = json.loads((_RESULTS / "gpu.json").read_text(encoding="utf-8"))["steps"]
    rows = [
        [name, f"{step['milliseconds_a_step']:.0f} ms", f"{step['examples_a_second']:.0f}"]
        for name, step in found.items()
        if isinstance(step, dict)
    ]
    rows.sort(key=lambda row: float(row[2]))
    return table(["a step of transporter", "time", "examples a second"], rows)


def gpu_scores() -> str:
    """The published tasks from ten demonstrations, trained on a GPU."""
    return "\n".join(score_table([row for row in _rows("scores_gpu.csv", "transporter") if row["seed"] == _SEED], 10))


def six_dof() -> str:
    """Tasks with tilted targets; runs on processors are the later ones."""
    runs = [*_rows("scores_gpu.csv", "transporter-six-dof"), *_rows("scores_six_dof.csv")]
    latest = {(row["task"], int(row["demos"])): row for row in runs}
    rows = [
        [row["task"], row["demos"], f"{float(row['score']):.1f}", _rate(row), row["commit"][:7]]
        for _, row in sorted(latest.items())
    ]
    return table(["task", "demonstrations", "mean score", "success rate, 95 % interval", "commit"], rows)


def structures() -> str:
    """Structures that training never shows."""
    rows, kinds = _rows("structures.csv"), {}
    for row in rows:
        kinds.setdefault((int(row["demos"]), int(row["lookahead"])), {})[row["task"]] = row
    names = list(dict.fromkeys(row["task"] for row in rows))
    heads = [f"{demos} each" + (f", lookahead {ahead}" if ahead else "") for demos, ahead in sorted(kinds)]
    lines = [
        [
            name,
            *(
                f"{float(kinds[kind][name]['score']):.1f}, {_rate(kinds[kind][name])}" if name in kinds[kind] else ""
                for kind in sorted(kinds)
            ),
        ]
        for name in names
    ]
    means = [
        f"{math.fsum(float(row['score']) for row in kinds[kind].values()) / len(kinds[kind]):.1f}"
        if len(kinds[kind]) == len(names)
        else ""
        for kind in sorted(kinds)
    ]
    return table(["structure", *heads], [*lines, ["**mean**", *means]])


def waypoints() -> str:
    """Agents of way-points, beside the published Transporter, which is given whole motions."""
    published = {(row.task, row.demos): row.score for row in published_scores() if row.agent == "Transporter"}
    rows = [
        [
            row["task"],
            row["demos"],
            row["agent"],
            f"{float(row['score']):.1f}",
            _rate(row),
            f"{published[row['task'].removesuffix('-continuous'), int(row['demos'])]:.1f}",
            row["steps"],
            row["commit"][:7],
        ]
        for row in _rows("scores_waypoints.csv")
    ]
    head = ["task", "demonstrations", "agent", "mean score", "success rate, 95 % interval"]
    return table([*head, "Transporter, whole motions", "steps", "commit"], rows)


def language_tasks() -> str:
    """Tasks that are told in words, beside the best published agent of each column."""
    published: dict[tuple[str, str], tuple[float, str]] = {}
    for row in _rows("published_language.csv"):
        key = row["task"], row["demos"]
        published[key] = max(published.get(key, (0.0, "")), (float(row["score"]), row["agent"]))
    rows = []
    for row in sorted(_rows("scores_language.csv"), key=lambda row: (row["task"], int(row["demos"]))):
        best = published.get((row["task"], row["demos"]))
        rows.append(
            [
                row["task"] + "".join(f", with `{name}`" for name in _shown(row)),
                row["demos"],
                f"{float(row['score']):.1f}",
                _rate(row),
                "" if best is None else f"{best[0]:.1f}, {best[1]}",
                row["commit"][:7],
            ]
        )
    for demos in ("1", "10", "100"):
        columns = {task for task, number in published if number == demos}
        of = [row for row in _rows("scores_language.csv") if row["demos"] == demos and row["task"] in columns]
        if {row["task"] for row in of} == columns:
            rows += [
                [f"**mean, {name}**", demos, f"{ours:.1f}", "", f"{best:.1f}", ""]
                for name, (ours, best) in language.means(of).items()
            ]
    head = ["task", "demonstrations", "mean score", "success rate, 95 % interval", "best published"]
    return table([*head, "commit"], rows)


def _shown(row: dict[str, str]) -> list[str]:
    """What an agent was shown beside the scene and the sentence, by the settings that it was trained with."""
    return [name for name in ("remembers", "counts") if f'"{name}": true' in row["command"]]


def language_of_many() -> str:
    """One model for many tasks that are told, beside models of one task and the best published agent of each column."""
    alone = {(row["task"], row["demos"]): row for row in _rows("scores_language.csv") if not _shown(row)}
    rows, lines = _rows("scores_language_multi.csv"), []
    for demos in sorted({row["demos"] for row in rows}, key=int):
        of = [row for row in rows if row["demos"] == demos]
        lines += [
            [
                row["task"],
                demos,
                f"{float(row['score']):.1f}",
                _rate(row),
                f"{float(single['score']):.1f}" if (single := alone.get((row["task"], demos))) else "",
                f"{language.best_published(demos)[row['task']]:.1f}",
            ]
            for row in of
        ]
        lines += [
            [f"**mean, {name}**", demos, f"{ours:.1f}", "", "", f"{best:.1f}"]
            for name, (ours, best) in language.means(of).items()
        ]
    head = ["task", "demonstrations of each", "one model for all", "success rate, 95 % interval"]
    return table([*head, "a model of its own", "best published"], lines)


def until_solved() -> str:
    """Runs from ten demonstrations with the fast settings, beside the first build's time and whole runs."""
    whole = {row["task"]: row for row in _rows("scores.csv") if (row["demos"], row["seed"]) == ("10", _SEED)}
    scores = {row["task"]: row for row in _rows("scores_until_solved.csv")}
    column = json.loads((_RESULTS / "column.json").read_text(encoding="utf-8"))
    rows = [
        [
            row["task"],
            str(row["steps"]),
            f"{row['seconds'] / 60:.1f}",
            f"{row['first_seconds'] / 60:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['score']:.1f}",
            _rate(scores[row["task"]]),
            f"{float(whole[row['task']]['score']):.1f}",
        ]
        for row in column["rows"]
    ]
    before = math.fsum(float(whole[row["task"]]["score"]) for row in column["rows"]) / len(column["rows"])
    means = [math.fsum(row[key] for row in column["rows"]) / len(rows) for key in ("steps", "seconds", "first_seconds")]
    mean = ["**mean**", f"{means[0]:.0f}", f"{means[1] / 60:.1f}", f"{means[2] / 60:.1f}", f"{column['ratio']:.2f}"]
    head = ["task", "steps of 1,400", "training, min", "first build, min", "ratio", "mean score"]
    head += ["success rate, 95 % interval", "after all steps, whole tables"]
    return table(head, [*rows, [*mean, f"{column['mean_score']:.1f}", "", f"{before:.1f}"]])


def calibration() -> str:
    """How far the confidence of agents is true, before and after calibration."""
    found = json.loads((_RESULTS / "calibration.json").read_text(encoding="utf-8"))["rows"]
    rows = [
        [
            row["task"] + name.removeprefix(row["agent"]),
            str(row["episodes"]),
            str(row["decisions"]["test"]),
            f"{100 * row['right']:.0f} %",
            *(f"{row['error'][name]:.3f}" for name in ("own", "calibrated", "by_chance")),
        ]
        for row, name in zip(found, same_run.names(found), strict=True)
    ]
    head = ["task", "scenes", "decisions", "right", "error, as it says", "calibrated", "by chance alone"]
    return table(head, rows)


def robustness_of_agents() -> str:
    """Mean scores of agents at every grade of every axis, the unchanged scenes first."""
    found = json.loads((_RESULTS / "robustness.json").read_text(encoding="utf-8"))["rows"]
    names = same_run.names(found)
    agents = list(dict.fromkeys(names))
    by_both = {(row["task"], name): row for row, name in zip(found, names, strict=True)}
    lines = []
    for task in dict.fromkeys(row["task"] for row in found):
        for axis in next(row["axes"] for row in found if row["task"] == task):
            cells = [
                " ".join(f"{score:.0f}" for score in robustness.scores(row, axis))
                if (row := by_both.get((task, agent))) and axis in row["axes"]
                else ""
                for agent in agents
            ]
            lines.append([task, f"`{axis}`", *cells])
    return table(["task", "axis", *(f"`{agent}`" for agent in agents)], lines)


TABLES: dict[str, Callable[[], str]] = {
    "until-solved": until_solved,
    "calibration": calibration,
    "robustness": robustness_of_agents,
    "gpu-steps": gpu_steps,
    "gpu-scores": gpu_scores,
    "six-dof": six_dof,
    "structures": structures,
    "language": language_tasks,
    "language-of-many": language_of_many,
    "waypoints": waypoints,
}
"""By the name that stands in the page."""
