"""The tables of the README, from the scores of the grid.

    python benchmarks/scores.py [--scores results/scores.csv] [--agent transporter] [--seed 0]

Markdown on standard output: for each number of demonstrations for which there are published figures a table of all
tasks that were measured, with the best of these figures, and the mean over tasks. Where there are other seeds, which
draw other demonstrations and other initial weights, a table of the scores of each follows.
"""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ravens_suite.benchmark.comparison import difference
from ravens_suite.benchmark.published import best_published, published_scores
from ravens_suite.data.tables import read_rows

EPISODES = 100
"""Test seeds behind a row whose command names no other number."""


def episodes_of(scores: dict[str, str]) -> int:
    """Test seeds behind a row, as the command says that made it."""
    words = [part for word in shlex.split(scores.get("command") or "") for part in word.split("=", 1)]
    given = [after for word, after in pairwise(words) if word == "--episodes"]
    return int(given[-1]) if given else EPISODES


def row(scores: dict[str, str], best: float) -> str:
    """One line of a table."""
    ours = round(float(scores["score"]), 1)
    gap = difference(ours, episodes_of(scores), best)
    first, second = (f"**{value:.1f}**" if value >= max(ours, best) else f"{value:.1f}" for value in (ours, best))
    strict = f"{float(scores['strict']):.0f} % ({float(scores['low']):.0f} to {float(scores['high']):.0f})"
    interval = f"{gap.points:+.1f} ({gap.low:+.0f} to {gap.high:+.0f})"
    minutes = f"{float(scores['train_seconds']) / 60:.1f}"
    return f"| {scores['task']} | {first} | {strict} | {second} | {interval} | {minutes} | {scores['commit'][:7]} |"


def table(rows: list[dict[str, str]], demos: int) -> list[str]:
    """The lines of the table of one number of demonstrations."""
    order = list(dict.fromkeys(each.task for each in published_scores()))
    best = {r["task"]: found.score for r in rows if (found := best_published(r["task"], demos))}
    rows = sorted((r for r in rows if r["task"] in best), key=lambda r: order.index(r["task"]))
    if not rows:
        return ["Nothing of this is published."]
    lines = [
        "| task | mean score | success rate, 95 % interval | best published | difference, 95 % interval "
        "| training, min | commit |",
        "|---|---|---|---|---|---|---|",
        *(row(scores, best[scores["task"]]) for scores in rows),
    ]
    ours, theirs = (math.fsum(values) / len(rows) for values in ([float(r["score"]) for r in rows], best.values()))
    name = "mean" if len(rows) == len(order) else f"mean of these {len(rows)}"
    return [*lines, f"| **{name}** | {ours:.1f} | | {theirs:.1f} | {ours - theirs:+.1f} | | |"]


def spread(rows: list[dict[str, str]], demos: int) -> list[str]:
    """The lines of the table of all seeds of one number of demonstrations, or nothing where there is one seed."""
    seeds = sorted({int(r["seed"]) for r in rows})
    found = {(r["task"], int(r["seed"])): r for r in rows}
    tasks = [task for task in dict.fromkeys(each.task for each in published_scores()) if best_published(task, demos)]
    lines = {}
    for task in tasks:
        runs = [found[task, seed] for seed in seeds if (task, seed) in found]
        if len(runs) > 1:
            scores = [float(found[task, seed]["score"]) if (task, seed) in found else None for seed in seeds]
            lines[task] = [*scores, _mean([float(r["score"]) for r in runs]), _mean([float(r["strict"]) for r in runs])]
    if not lines:
        return []
    # Of seeds of which a task is missing there is no mean.
    means = [None if None in column else _mean(column) for column in zip(*lines.values(), strict=True)]

    def line(name: str, values: list[float | None]) -> str:
        *scores, mean, rate = values
        known = [value for value in scores if value is not None]
        shown = " | ".join("" if value is None else f"{value:.1f}" for value in [*scores, mean])
        apart = f"{max(known) - min(known):.1f}" if known else ""
        return f"| {name} | {shown} | {apart} | {rate:.1f} % |"

    return [
        f"| task | {' | '.join(f'seed {seed}' for seed in seeds)} | mean | apart | success rate |",
        "|---" * (len(seeds) + 4) + "|",
        *(line(task, values) for task, values in lines.items()),
        line(f"**{'mean' if len(lines) == len(tasks) else f'mean of these {len(lines)}'}**", means),
    ]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=Path, default=Path("results/scores.csv"), help="(default: %(default)s)")
    parser.add_argument("--agent", default="transporter", help="(default: %(default)s)")
    parser.add_argument("--seed", default="0", help="(default: %(default)s)")
    options = parser.parse_args()
    found = [r for r in read_rows(options.scores) if r["agent"] == options.agent]
    rows = [r for r in found if r["seed"] == options.seed]
    if not rows:
        parser.error(f"{options.scores} has no rows of {options.agent} with seed {options.seed}.")
    for demos in sorted({int(r["demos"]) for r in rows}):
        print(f"\nFrom {demos} demonstration{'s' if demos > 1 else ''}:\n")
        print("\n".join(table([r for r in rows if int(r["demos"]) == demos], demos)))
        if others := spread([r for r in found if int(r["demos"]) == demos], demos):
            print("\nAll seeds:\n")
            print("\n".join(others))


if __name__ == "__main__":
    main()
