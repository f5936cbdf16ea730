"""The tables of studies: runs on all language tasks, world models, and influence beside training again."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ravens_suite.data.tables import read_rows
from site_pages.markdown import table

_INFLUENCES = ("influence", "without_curvature", "plain_tracin", "cosine")
_RANKINGS = ("self_influence", "plain_tracin", "loss_over_training", "loss_at_the_end", "feature_distance")
_LEAST_COST = 5.0
"""Points of score that wrong demonstrations must cost before a share of them means anything."""
_RESULTS = Path(__file__).resolve().parents[2] / "results"


def _json(name: str) -> Any:
    return json.loads((_RESULTS / name).read_text(encoding="utf-8"))


def outlook_draws() -> str:
    """Runs on eight language tasks at once, in the order in which they were made."""
    rows_of_all = read_rows(_RESULTS / "scores_language_multi.csv")
    last = {row["task"]: float(row["score"]) for row in rows_of_all if row["demos"] == "100"}
    runs = _json("outlook_draw.json")["runs"]
    columns = [{task: each["score"] for task, each in run["scores"].items()} for run in runs] + [last]
    rows = [[task, *(f"{column[task]:.1f}" for column in columns)] for task in last]
    for name, unseen in (("seen", False), ("unseen", True)):
        of = [task for task in last if task.endswith("-unseen") == unseen]
        means = [math.fsum(column[task] for task in of) / len(of) for column in columns]
        rows.append([f"**mean, {name}**", *(f"{mean:.1f}" for mean in means)])
    return table(["task", *(run["name"] for run in runs), "the run above"], rows)


def world_study() -> str:
    """Errors and scores of world models by the share of the picture that they predict, means over seeds."""
    rows = [
        [
            row["task"],
            row["mode"],
            f"{100 * row['share']:.0f} %",
            str(len(row["seeds"])),
            _figure(row["image_error"], 3),
            *(_figure(row["reward_error"].get(by), 2) for by in ("predicted", "picture")),
            *(_figure(row["score"].get(by), 1) for by in ("predicted", "picture")),
        ]
        for row in _json("world_study.json")["summary"]
    ]
    head = ["task", "episodes", "of the picture", "seeds", "error of the picture", "of the predicted gain"]
    return table([*head, "of the gain that pictures show", "score by the former", "score by the latter"], rows)


def world_study_correlations() -> str:
    """Rank correlations of errors with scores."""
    found: Mapping[str, Any] = _json("world_study.json")["correlations"]
    names = {"predicted": "the predicted gain", "picture": "the predicted picture"}
    rows = [
        [
            names[by],
            str(figures["cells"]),
            *(_with_interval(figures[name]) for name in ("image_error", "reward_error", "image_less_reward")),
        ]
        for by, figures in found.items()
    ]
    return table(
        ["planned by", "trainings", "error of the picture and score", "error of the gain and score", "difference"], rows
    )


def leave_one_out() -> str:
    """How influence and training again without each demonstration agree; one row a run that measured the curvature."""
    rows = [
        [
            row["task"],
            str(row["demonstrations"]),
            str(_of_command(run["command"], "--steps", 2000)),
            str(_of_command(run["command"], "--config", {"width": 256})["width"]),
            *(f"{row['rank_correlation'][name]:.2f}" for name in _INFLUENCES),
            f"{row['perfect_estimate']:.2f}",
        ]
        for run in _json("influence.json")["runs"]
        if run["part"] == "leave-one-out"
        for row in run["rows"]
        if "without_curvature" in row["rank_correlation"]
    ]
    head = ["influence", "without curvature", "TracIn", "cosine of gradients", "a perfect estimate"]
    rows = sorted(rows, key=lambda row: (int(row[3]), int(row[1]), row[0]))
    return table(["task", "demonstrations", "steps of training", "hidden units", *head], rows)


def planted() -> str:
    """How well wrong demonstrations are told from right ones, a row a task, length of training and kind."""
    rows = [
        [
            row["task"],
            f"`{run['agent']}`",
            str(_of_command(run["command"], "--steps", 2000)),
            row["kind"].removeprefix("wrong ").replace("random place", "place, drawn at random"),
            *(f"{row['areas'][name]:.2f}" for name in _RANKINGS),
        ]
        for run, row in _planted()
    ]
    head = ["self-influence", "TracIn", "loss over training", "loss at the end", "distance in feature space"]
    return table(["task", "agent", "steps", "wrong in", *head], rows)


def dropped() -> str:
    """Scores with and without the demonstrations that are ranked first, a row a task and kind."""
    rows = [
        [
            row["task"],
            f"`{run['agent']}`",
            row["kind"].removeprefix("wrong ").replace("random place", "place, drawn at random"),
            *(f"{score:.0f}" for score in _scores(row)),
            _brought_back(*_scores(row)),
            str(row["wrong_among_first"]["3"]),
        ]
        for run, row in _planted()
        if "score" in row
    ]
    head = ["all 30", "without the first three", "without the wrong ones", "brought back"]
    return table(["task", "agent", "wrong in", *head, "wrong among the first three, of 9"], rows)


def _planted() -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Runs with three planted cases a kind, and each of their rows; task by task, shorter training first."""
    found = [
        (run, row)
        for run in _json("influence.json")["runs"]
        if run["part"] == "rank" and _of_command(run["command"], "--seeds", 3) == 3
        for row in run["rows"]
        if "brought_back" not in row  # Of an earlier self-influence.
    ]
    order = list(dict.fromkeys(row["task"] for _, row in found))
    return sorted(
        found, key=lambda each: (order.index(each[1]["task"]), _of_command(each[0]["command"], "--steps", 2000))
    )


def _scores(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """Mean scores of all demonstrations, without the first three, and without the wrong ones."""
    score = row["score"]
    return score["all"], score["without_first"]["3"], score["without_wrong"]


def _brought_back(everything: float, without_first: float, without_wrong: float) -> str:
    """A share of what wrong demonstrations cost; none where they cost too little to tell it from chance."""
    cost = without_wrong - everything
    return f"{100 * (without_first - everything) / cost:.0f} %" if cost >= _LEAST_COST else "-"


def _of_command(command: str, option: str, default: Any) -> Any:
    """What a command says of an option, JSON."""
    words = shlex.split(command)
    return json.loads(words[words.index(option) + 1]) if option in words else default


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _with_interval(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    low, high = figure["interval_95"]
    return f"{figure['value']:.2f} ({low:.2f} to {high:.2f})"


TABLES: dict[str, Callable[[], str]] = {
    "dropped": dropped,
    "leave-one-out": leave_one_out,
    "outlook-draws": outlook_draws,
    "planted": planted,
    "world-study": world_study,
    "world-study-correlations": world_study_correlations,
}
"""By the name that stands in the page."""
