"""Whether confidence is true after calibration: the calibration error of trained agents on test scenes.

    python benchmarks/calibration.py RUN... [--episodes 100] [--force] [--out results/calibration.json]

It does what ``ravens-suite calibrate RUN`` does and keeps the figures: the error as the agent says it, that after
calibration on as many validation scenes, the error of true confidences by chance, and what is beyond it. Outcomes that
lie in a run are not made again. Rows of runs that differ in a setting stand beside each other in the file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from refusals import only_task, rows_in
from same_run import beside, settings_of

from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.insight.calibration import calibrate
from ravens_suite.rollout.provenance import provenance


def whose(run: Path) -> dict[str, Any]:
    """What tells the row of a run of one task from others."""
    record, task = RunFolder(run).record(), only_task(RunFolder(run))
    plan = record["plan"]
    return {
        "agent": plan["agent"],
        "task": task,
        "demos": plan["demos"],
        "seed": plan["seed"],
        "settings": settings_of(record, task),
    }


def measure(run: Path, episodes: int, *, force: bool) -> dict[str, Any]:
    """The figures of one run of one task."""
    record = RunFolder(run).record()
    task = only_task(RunFolder(run))
    found = calibrate(str(run), task, episodes=episodes, force=force)
    right = sum(row.right * row.decisions for row in found.own.bins) / max(found.own.decisions, 1)
    return {
        **whose(run),
        "steps": record["training"]["best_step"],
        "episodes": episodes,
        "decisions": {"validation": found.calibration.decisions, "test": found.own.decisions},
        "right": round(right, 4),
        "error": {
            "own": round(found.own.error, 4),
            "calibrated": round(found.calibrated.error, 4),
            "by_chance": round(found.calibrated.by_chance, 4),
            "beyond_chance": round(found.calibrated.beyond_chance, 4),
        },
        "commit": provenance()["commit"],
    }


def main() -> None:
    """Measure all runs, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--episodes", type=int, default=100, help="of validation, and as many of test")
    parser.add_argument("--force", action="store_true", help="let outcomes of earlier code count")
    parser.add_argument("--out", type=Path, help="JSON file; rows of other runs that it has stay")
    given = parser.parse_args()
    beside([], [whose(run) for run in given.runs])  # Runs that no row could tell apart are refused first.
    for run in given.runs:
        row = measure(run, given.episodes, force=given.force)
        print(json.dumps(row), flush=True)
        if given.out is not None:
            rows = beside(rows_in(given.out), [row])
            write_json(given.out, {"command": "python benchmarks/calibration.py RUN...", "rows": rows})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
