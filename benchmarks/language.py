"""One model for all language tasks: its score in every published column, beside the best published one.

    python benchmarks/language.py RUN [--episodes 100] [--workers 2] [--out results/scores_language_multi.csv]

``RUN`` was trained on several tasks that are told in words (``ravens-suite train transporter --tasks ...``), or on one.
Each of its tasks is evaluated as ``ravens-suite evaluate RUN TASK`` does it, with seen and with unseen colours where
figures of both are published; what the run has in its folder already is not run again. Prints every column, and the
means over these columns, ours and that of the best published ones. The table of ``--out`` has one run of an agent,
number of demonstrations, seed and number of tasks; another one is refused.
"""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.tables import read_rows, record_row
from ravens_suite.errors import ConflictError
from ravens_suite.execution.pool import make_pool
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.provenance import provenance

PUBLISHED = Path(__file__).resolve().parents[1] / "results" / "published_language.csv"
_ENDINGS = ("-seen", "-unseen", "-full")
_KEY = ("agent", "task", "demos", "seed", "tasks")


_OF_THE_MACHINE = ("--out", "--data", "--threads", "--device")
"""Options of the training command that say nothing of what was trained."""


def family(task: str) -> str:
    """A task's name without its colours."""
    for ending in _ENDINGS:
        task = task.removesuffix(ending)
    return task


def best_published(demos: str) -> dict[str, float]:
    """The highest published score of every task from a number of demonstrations."""
    best: dict[str, float] = {}
    for row in read_rows(PUBLISHED):
        if row["demos"] == demos:
            best[row["task"]] = max(best.get(row["task"], 0.0), float(row["score"]))
    return best


def columns(run: RunFolder) -> list[str]:
    """The published tasks that a run can be judged on: to one that was shown all colours, none is unseen."""
    plan = run.record()["plan"]
    known = {family(task) for task in plan["tasks"]}
    known_in_all_colours = {f"{family(task)}-unseen" for task in plan["tasks"] if task.endswith("-full")}
    published = best_published(str(plan["demos"]))
    return [task for task in published if family(task) in known and task not in known_in_all_colours]


def refuse_another_run(path: Path, run: RunFolder, tasks: Iterable[str]) -> None:
    """Refuse a table that holds another run where the rows of this one would stand.

    Raises:
        ConflictError: it does, by the commands that they were trained with.
    """
    record = run.record()
    plan, wanted = record["plan"], set(tasks)
    own = {"agent": plan["agent"], "demos": plan["demos"], "seed": plan["seed"], "tasks": len(plan["tasks"])}
    for row in read_rows(path):
        here = row["task"] in wanted and all(row[name] == str(value) for name, value in own.items())
        if here and _asked(row["train_command"]) != _asked(record["command"]):
            raise ConflictError(
                f"{path} has {row['task']} of another run of {plan['agent']} from {plan['demos']} demonstrations with "
                f"seed {plan['seed']} ({row['train_command']}): name another --out, or delete its rows."
            )


def _asked(command: str) -> list[str]:
    """The words of a training command without those about the machine."""
    left, skipped = [], False
    for word in shlex.split(command):
        if not skipped and word.partition("=")[0] not in _OF_THE_MACHINE:
            left.append(word)
        skipped = word in _OF_THE_MACHINE
    return left


def measure(run: RunFolder, task: str, episodes: int, workers: int) -> dict[str, str]:
    """One row: a task's test scenes."""
    record = run.record()
    plan, training = record["plan"], record["training"]
    found = evaluate(str(run.path), task, episodes=episodes, pool=make_pool(workers=workers)).summary
    low, high = found.success_rate_interval
    values = {
        "agent": plan["agent"],
        "task": task,
        "demos": plan["demos"],
        "seed": plan["seed"],
        "tasks": len(plan["tasks"]),
        "wording": next(iter(record["environments"].values()))["arguments"].get("wording", "plain"),
        "score": round(found.mean_score, 4),
        "strict": round(found.success_rate, 2),
        "low": round(low, 2),
        "high": round(high, 2),
        "steps": training["step"],
        "train_seconds": round(training["seconds"], 1),
        "commit": provenance()["commit"],
        "train_command": record["command"],
        "command": shlex.join(["ravens-suite", "evaluate", "RUN", task, "--episodes", str(episodes)]),
    }
    return {name: str(value) for name, value in values.items()}


def means(rows: Sequence[dict[str, str]]) -> dict[str, tuple[float, float]]:
    """Of seen colours (with tasks that have no other), and of unseen ones: our mean and that of the best published."""
    found = {}
    for name, unseen in (("seen", False), ("unseen", True)):
        chosen = [row for row in rows if row["task"].endswith("-unseen") == unseen]
        if chosen:
            ours = math.fsum(float(row["score"]) for row in chosen)
            theirs = math.fsum(best_published(row["demos"])[row["task"]] for row in chosen)
            found[name] = ours / len(chosen), theirs / len(chosen)
    return found


def main() -> None:
    """Measure all columns, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--columns", nargs="+", metavar="TASK", help="only these; all that are published unless given")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    run = RunFolder(given.run)
    possible, rows = columns(run), []
    if not possible or (other := sorted({*(given.columns or ())}.difference(possible))):
        parser.error(
            f"{given.run} can be judged in {', '.join(possible) or 'no published column'}"
            + (f", not in {', '.join(other)}." if possible else ": see its tasks and number of demonstrations.")
        )
    if given.out is not None:
        refuse_another_run(given.out, run, given.columns or possible)
    for task in given.columns or possible:
        rows.append(measure(run, task, given.episodes, given.workers))
        best = best_published(rows[-1]["demos"])[task]
        print(f"{task}: {rows[-1]['score']} (success rate {rows[-1]['strict']} %), best published {best}", flush=True)
        if given.out is not None:
            record_row(given.out, rows[-1], _KEY)
    for name, (ours, theirs) in means(rows).items():
        print(f"mean of {name}: {ours:.1f}, best published of each column {theirs:.1f}")


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
