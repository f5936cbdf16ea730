"""Success of the scripted oracle on every task, over training and test seeds.

    python benchmarks/oracle.py [--tasks T...] [--episodes 100] [--continuous-episodes 25] [--workers 2] [--out results]

With ``--out``, writes ``oracle.csv``: task, split, episodes, score, strict, mean_steps, and ``oracle_failures.json``:
the seeds whose score is below 1, with how far they got and what the motions ended in.
Episodes already measured under ``runs/oracle`` are not run again: delete that folder after a change to the simulation.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from made_by import made_by

from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import write_json
from ravens_suite.execution.pool import JobPool, make_pool
from ravens_suite.registry import task_names
from ravens_suite.rollout.evaluate import Evaluation, evaluate

SPLITS: tuple[Split, ...] = ("train", "test")


def measure(task: str, split: Split, episodes: int, pool: JobPool) -> Evaluation:
    """The oracle on seeds 0, 1, ... of a split."""
    return evaluate(
        "oracle",
        task,
        split=split,
        episodes=episodes,
        out=Path("runs/oracle") / task,
        pool=pool,
    )


def row(found: Evaluation) -> dict[str, Any]:
    """One line of the table."""
    figures = found.to_json()
    return {
        "task": found.plan.task,
        "split": found.plan.split,
        "episodes": figures["episodes"],
        "score": round(figures["mean_score"], 2),
        "strict": round(figures["success_rate"], 2),
        "mean_steps": round(figures["mean_steps"], 2),
    }


def failures(found: Evaluation) -> dict[str, Any]:
    """By seed, the episodes that the oracle did not solve."""
    return {
        str(result.seed): {
            "score": round(result.score, 4),
            "steps": result.steps,
            "outcome": result.outcome,
            "not_met": [name for name, met in result.goals.items() if not met],
            "motions": [motion["outcome"] for motion in result.motions],
        }
        for result in found.outcomes
        if not (result.success and result.score > 0.99)
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=None, help="default: every task, then every continuous form")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument(
        "--continuous-episodes", type=int, default=25, help="of each continuous form, which takes longer"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="folder of both files; without it nothing is written")
    options = parser.parse_args()
    names = options.tasks or [*task_names(), *(f"{name}-continuous" for name in task_names())]
    rows, failed = [], {}
    with make_pool("processes", options.workers) as pool:
        for task in names:
            count = options.continuous_episodes if task.endswith("-continuous") else options.episodes
            for split in SPLITS:
                found = measure(task, split, count, pool)
                rows.append(row(found))
                failed[f"{task}/{split}"] = failures(found)
                print(json.dumps(rows[-1]), flush=True)
    if options.out is None:
        return
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "oracle.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    failed = {key: value for key, value in failed.items() if value}
    write_json(options.out / "oracle_failures.json", {**made_by(), **failed})


if __name__ == "__main__":
    main()
