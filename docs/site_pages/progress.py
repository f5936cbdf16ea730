"""The table of the page about progress, from ``results/progress.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from site_pages.markdown import table

_FILE = Path(__file__).resolve().parents[2] / "results" / "progress.json"
_HEADER = (
    "task",
    "steps of training",
    "error of progress",
    "by the number of actions alone",
    "done or not, area under the curve",
    "solved, stopped in time",
    "unsolved, stopped",
    "failures foreseen",
    "next view",
    "moved copy",
    "persistence",
)


def progress_table() -> str:
    """One row a task: how well the forecaster judges episodes of unseen scenes."""
    found = json.loads(_FILE.read_text(encoding="utf-8"))
    return table(_HEADER, [_row(task, figures) for task, figures in sorted(found.items())])


def _row(task: str, figures: dict[str, Any]) -> list[str]:
    views, stop, auc = figures["next_view"], figures["stop"], figures["done_auc"]
    return [
        task,
        str(figures["steps"]),
        f"{figures['progress_error']:.3f}",
        f"{figures['progress_error_by_step_alone']:.3f}",
        "-" if auc is None else f"{auc:.3f}",
        _percent(stop["solved"]),
        _percent(stop["unsolved"]),
        _foreseen(figures["foreseen"]),
        *(f"{views[name]:.3f}" for name in ("forecaster", "moved_copy", "persistence")),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _foreseen(found: dict[str, Any]) -> str:
    return f"{_percent(found['share'])} of {found['failed']}"
