"""How soon agents break, side by side, gathered from runs that `ravens-suite robustness` has measured.

    python benchmarks/robustness.py RUN... --out results/robustness.json

For every run and every task of it that was measured: mean score, success rate and intervals of each axis and grade, and
the commands and commits behind training and measurement. Rows of the same run in the file are replaced; those of runs
that differ in a setting, in the number of demonstrations or in the seed stand beside each other.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import MissingDataError
from ravens_suite.insight.robustness import read_robustness

_OF_A_GRADE = ("amount", "mean_score", "mean_score_interval_95", "success_rate", "success_rate_interval_95")
_UNCHANGED = "unchanged"


def rows_of(run: RunFolder) -> list[dict[str, Any]]:
    """What was measured of one run, a row a task.

    Raises:
        MissingDataError: there is no run, or its robustness was not measured.
        DamagedDataError: what was measured is not what ``ravens-suite robustness`` writes.
    """
    from same_run import settings_of  # The documentation takes this file's functions without that folder.

    record = run.record()
    rows = []
    paths = sorted((run.path / "robustness").glob("*/test/summary.json"))
    if not paths:
        raise MissingDataError(f"There is no robustness in {run.path}: measure it first (ravens-suite robustness RUN).")
    for path in paths:
        read_robustness(path)  # Which says that it is damaged.
        found = read_json(path)
        rows.append(
            {
                "agent": record["plan"]["agent"],
                "task": found["task"],
                "demos": record["plan"]["demos"],
                "seed": record["plan"]["seed"],
                "steps": record["training"]["step"],
                "settings": settings_of(record, found["task"]),
                "episodes": found["episodes"],
                "first_seed": found["first_seed"],
                _UNCHANGED: _grade(found["nominal"]),
                "axes": {
                    name: {"unit": axis["unit"], "grades": [_grade(grade) for grade in axis["grades"]]}
                    for name, axis in found["axes"].items()
                },
                "commands": [_portable(record["command"]), _portable(found["provenance"]["command"])],
                "commits": [record["commit"], found["provenance"]["commit"]],
                "versions": found["provenance"]["versions"],
            }
        )
    return rows


def _portable(command: str) -> str:
    """A command without the folders of the machine that it ran on."""
    return shlex.join(Path(word).name if word.startswith("/") else word for word in shlex.split(command))


def _grade(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _OF_A_GRADE}


def scores(row: dict[str, Any], axis: str) -> list[float]:
    """Mean scores of the unchanged scenes and of the grades of an axis, in their order."""
    return [each["mean_score"] for each in (row[_UNCHANGED], *row["axes"][axis]["grades"])]


def main() -> None:
    """Gather, print a line an axis, write."""
    from refusals import rows_in
    from same_run import beside, names

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, help="JSON file; rows of other runs that it has stay")
    options = parser.parse_args()
    rows = [row for run in options.runs for row in rows_of(RunFolder(run))]
    for row, name in zip(rows, names(rows), strict=True):
        for axis in row["axes"]:
            print(row["task"], name, axis, *(f"{score:.0f}" for score in scores(row, axis)))
    if options.out is not None:
        write_json(options.out, {"rows": beside(rows_in(options.out), rows)})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
