"""Whether trained agents listen, gathered from runs that were probed.

    python benchmarks/language_probes.py runs --out results/language_probes.json

For every run below the folder and every task of it that `ravens-suite probe-language` has probed: the figures of each
kind of sentence, and the commands, commits and machine behind training and probe. Probes of runs that differ in a
setting stand beside each other in the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from refusals import rows_in
from same_run import beside, names, settings_of

from ravens_suite.data.atomic import files_below, read_json, write_json
from ravens_suite.data.run_folder import RECORD, RunFolder
from ravens_suite.errors import MissingDataError

_OF_THE_PROBE = ("task", "split", "arguments", "sentences", "seconds")


def probes_of(run: RunFolder) -> list[dict[str, Any]]:
    """What was found out about one run, a row a task."""
    record = run.record()
    plan, training = record["plan"], record["training"]
    rows = []
    for path in sorted(run.probes.glob("language-*.json")):
        probe = read_json(path)
        rows.append(
            {
                "agent": plan["agent"],
                "demos": plan["demos"],
                "tasks": len(plan["tasks"]),
                "seed": plan["seed"],
                "steps": training["best_step"],
                "settings": settings_of(record, probe["task"]),
                "train_seconds": round(training["seconds"], 1),
                **{key: probe[key] for key in _OF_THE_PROBE},
                "commands": [record["command"], probe["provenance"]["command"]],
                "commits": [record["commit"], probe["provenance"]["commit"]],
                "machine": probe["provenance"]["machine"],
                "versions": probe["provenance"]["versions"],
            }
        )
    return rows


def main() -> None:
    """Gather, print a line a probe, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the runs")
    parser.add_argument("--out", type=Path, help="JSON file of all probes; those of other runs that it has stay")
    options = parser.parse_args()
    runs = [RunFolder(path.parent) for path in files_below(options.folder, RECORD)]
    if not (rows := [row for run in runs for row in probes_of(run)]):
        raise MissingDataError(f"No run in {options.folder} was probed: do it first (ravens-suite probe-language RUN).")
    for row, name in zip(rows, names(rows), strict=True):
        scores = {kind: figures["mean_score"] for kind, figures in row["sentences"].items()}
        print(name, row["task"], row["demos"], scores)
    if options.out is not None:
        write_json(options.out, {"probes": beside(rows_in(options.out, "probes"), rows)})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
