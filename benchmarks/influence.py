"""Whether influence finds demonstrations that are wrong, and whether it says what leaving one out does.

    python benchmarks/influence.py PART [--agent A] [--tasks T...] [--seeds N] [--steps N] [--out FILE]

A part is one of rank, leave-one-out, projection, time.

``rank``: of 30 demonstrations, 3 are carried out wrongly (another goal, another object, a place drawn at random; every
action of them). For each task and kind, the area under the curve with which they are told from the others, by
self-influence, by the estimated held-out loss, by plain TracIn, by the loss (at the end, and over all checkpoints), and
by the distance in feature space to the three nearest others (features and action). Then, for the demonstrations that
are ranked first, as many as ``--drop`` says: how many of the wrong ones of all runs are among them, and which share of
what the wrong ones cost leaving them out brings back, in loss on demonstrations of validation scenes and, with
``--episodes``, in score on as many test scenes.

``leave-one-out``: rank correlation of influence on the loss of unseen demonstrations with training again without each
one, both as means over seeds; and that of a perfect estimate, since training again differs from seed to seed.
``projection``: the same figures from projected gradients and from those of the last layer alone, beside whole
gradients. ``time``: of one question beside training, with 100 demonstrations.

Each command adds its rows to the file of ``--out``, or puts them in the place of those it made before.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from leave_one_out import leave_one_out
from numpy.typing import NDArray
from planted import BAD, DEMOS, KINDS, Case, Result, mean_score, plant, recovered, right
from refusals import rows_in
from scipy.stats import spearmanr
from trained_copies import CHECKPOINTS, CONFIG, Trained, fit, gradients_of, losses_of

from ravens_suite.cli.commands.options import json_object
from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.data.atomic import write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.insight import scores
from ravens_suite.insight.gradients import datasets_of
from ravens_suite.insight.training_gradients import PROJECTION
from ravens_suite.registry import environment_id, load_agent
from ravens_suite.rollout.provenance import provenance

Array = NDArray[np.float64]
NEAREST = 3


def feature_distances(trained: Trained, paths: Sequence[Path]) -> Array:
    """Mean distance of each demonstration to its nearest others, in features of the last layer and the action."""
    agent: Any = trained.agent
    agent.set_weights(trained.copies[-1])
    seen: list[torch.Tensor] = []
    layers = [module for module in agent.net.modules() if not list(module.children())]
    hooks = [layer.register_forward_pre_hook(lambda _, given: seen.append(given[0])) for layer in layers]
    rows = []
    for path, (dataset, steps) in zip(paths, datasets_of(agent, Demonstrations(paths)), strict=True):
        actions = next(iter(Demonstrations([path]))).actions()
        flat = np.concatenate([actions[key].reshape(len(steps), -1) for key in sorted(actions)], axis=1)
        features = []
        for step in steps:
            seen.clear()
            with torch.no_grad():
                agent.example_loss(dataset, step)
            last = seen[-1].detach().float()
            features.append((last.mean(dim=(0, 2, 3)) if last.ndim == 4 else last.flatten()).numpy())
        rows.append(np.concatenate([np.mean(features, axis=0), flat.mean(axis=0)]))
    for hook in hooks:
        hook.remove()
    table = np.stack(rows)
    table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-9)
    apart = np.linalg.norm(table[:, None] - table[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.sort(apart, axis=1)[:, :NEAREST].mean(axis=1))


def area(score: Array, bad: NDArray[np.bool_]) -> float:
    """Area under the curve: the chance that a wrong demonstration has a higher score than a right one."""
    wrong, rest = score[bad][:, None], score[~bad][None]
    return float(np.mean((wrong > rest) + 0.5 * (wrong == rest)))


def measures(trained: Trained, paths: Sequence[Path]) -> dict[str, Array]:
    """Everything that demonstrations can be ranked by."""
    found = gradients_of(trained, paths)
    losses = scores.demonstration_losses(found)
    return {
        "self_influence": scores.self_influence(found),
        "held_out_loss": scores.held_out_losses(found).mean(axis=0),
        "plain_tracin": scores.plain_self_influence(found),
        "loss_over_training": losses.mean(axis=0),
        "loss_at_the_end": losses[-1],
        "feature_distance": feature_distances(trained, paths),
    }


def rank(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """See the module's docstring; one row a task and kind."""
    rows = []
    for task in options.tasks:
        source = right(task, load_agent(options.agent), folder)
        unseen = EpisodeStore.of(source, task, "val")
        paths_unseen = [unseen.path(seed) for seed in unseen.seeds()]
        known: dict[tuple[int, ...], Result] = {}
        for kind in options.kinds:
            areas: list[dict[str, float]] = []
            named: list[list[int]] = []
            again: list[list[Result]] = []
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                case = plant(task, source, folder / "planted", kind, seed)

                def train(
                    without: Sequence[int], case: Case = case, task: str = task, source: Path = source, seed: int = seed
                ) -> Trained:
                    return fit(options.agent, task, source, case.paths(without), options.steps, seed)

                whole = train(())
                found = measures(whole, case.paths())
                wrong = np.isin(case.seeds, case.bad)
                order = np.argsort(-found["self_influence"], kind="stable")
                firsts = [order[:count] for count in options.drop]
                areas.append({name: area(score, wrong) for name, score in found.items()})
                print(task, kind, seed, f"{whole.seconds:.0f} s", json.dumps(areas[-1]), flush=True)
                named.append([int(wrong[first].sum()) for first in firsts])
                if not options.no_drop:
                    results = [result_of(whole, task, source, paths_unseen, options.episodes)]
                    for left_out in (case.bad, *([case.seeds[int(index)] for index in first] for first in firsts)):
                        # Where no wrong one stays, the rest is the same for every kind, and so is the agent.
                        key = (seed, *sorted(left_out)) if set(case.bad) <= set(left_out) else ()
                        result = known.get(key)
                        if result is None:
                            result = result_of(train(left_out), task, source, paths_unseen, options.episodes)
                        if key:
                            known[key] = result
                        results.append(result)
                    again.append(results)
            row: dict[str, Any] = {"task": task, "kind": kind, "areas": _mean_of(areas)}
            row["wrong_among_first"] = dict(zip(map(str, options.drop), np.sum(named, axis=0).tolist(), strict=True))
            if again:
                row |= recovered(again, options.drop)
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def result_of(trained: Trained, task: str, source: Path, unseen: Sequence[Path], episodes: int) -> Result:
    """How good an agent is on what it has not seen."""
    loss = float(losses_of(trained, unseen).mean())
    return Result(loss, mean_score(trained.agent, task, source, episodes) if episodes else None)


def _mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def projection(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Self-influence and inner products from less than the whole gradient, beside those from all of it."""
    rows = []
    for task in options.tasks:
        source = right(task, load_agent(options.agent), folder)
        store = EpisodeStore.of(source, task, "train")
        paths = [store.path(seed) for seed in store.seeds()[:DEMOS]]
        trained = fit(options.agent, task, source, paths, options.steps, options.first_seed)
        whole = gradients_of(trained, paths, 0)
        last = sum(value.numel() for value in list(trained.agent.trained_parameters().values())[-2:])
        cut = {f"projected to {size}": gradients_of(trained, paths, size) for size in (256, 1024, PROJECTION, 16384)}
        cut["last layer"] = replace(whole, gradients=whole.gradients[..., -last:])
        for name, found in cut.items():
            inner, exact = (each.gradients[-1] @ each.gradients[-1].T for each in (found, whole))
            rows.append(
                {
                    "task": task,
                    "kept": name,
                    "whole": whole.gradients.shape[2],
                    "self_influence_rank_correlation": round(
                        float(spearmanr(scores.self_influence(found), scores.self_influence(whole))[0]), 4
                    ),
                    "inner_product_correlation": round(float(np.corrcoef(inner.ravel(), exact.ravel())[0, 1]), 4),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def timing(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """CPU time of one question beside that of training, with 100 demonstrations."""
    rows = []
    for task in options.tasks:
        source = right(task, load_agent(options.agent), folder / "many", 100)
        store = EpisodeStore.of(source, task, "train")
        paths = [store.path(seed) for seed in store.seeds()]
        fit(options.agent, task, source, paths[:1], CHECKPOINTS, 0)  # What is loaded once belongs to neither.
        start = time.process_time()
        trained = fit(options.agent, task, source, paths, options.steps, options.first_seed)
        training = time.process_time() - start
        total = int(load_agent(options.agent).config_type().steps)
        usual = training * total / int(trained.agent.config.steps)
        start = time.process_time()
        found = gradients_of(trained, paths)
        first = time.process_time() - start
        start = time.process_time()
        scores.influence_on(found, gradients_of(trained, paths[:1], curved=False).gradients[:, 0].astype(np.float64))
        further = time.process_time() - start
        rows.append(
            {
                "task": task,
                "demonstrations": len(paths),
                "steps_timed": int(trained.agent.config.steps),
                "training_s_of_all_steps": round(usual, 2),
                "gradients_of_five_checkpoints_s": round(first, 2),
                "first_question_share": round((first + further) / usual, 4),
                "further_question_share": round(further / usual, 5),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


PARTS = {"rank": rank, "leave-one-out": leave_one_out, "projection": projection, "time": timing}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--agent", default="state-mlp")
    parser.add_argument("--tasks", nargs="+", default=["block-insertion-translation"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0, help="of training; the agent's own number unless given")
    parser.add_argument("--config", default="{}", help="settings of the agent, as a JSON object")
    parser.add_argument("--demos", type=int, default=20, help="of leave-one-out")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="of mistakes; rank only")
    parser.add_argument(
        "--drop", type=int, nargs="+", default=[BAD], help="first ranked demonstrations to leave out; rank only"
    )
    parser.add_argument("--episodes", type=int, default=0, help="test scenes for a score beside the loss; rank only")
    parser.add_argument("--no-drop", action="store_true", help="rank only, do not train again")
    parser.add_argument("--work", type=Path, default=Path("data/influence"), help="folder of demonstrations")
    parser.add_argument("--out", type=Path, help="JSON file to write; nothing is written without it")
    options = parser.parse_args()
    CONFIG.update(json_object("--config", options.config))
    check_number("--seeds", options.seeds, 1, MOST_EPISODES)
    load_agent(options.agent)
    for task in options.tasks:
        environment_id(task)
    if options.out:
        rows_in(options.out, "runs")  # Another file is refused before anything is measured.
    torch.set_num_threads(1)
    rows = PARTS[options.part](options, options.work / options.agent)
    if options.out:
        # Where the demonstrations lie and where the result goes are of this machine.
        command = shlex.join(["python", "benchmarks/influence.py", *_without(sys.argv[1:], ("--work", "--out"))])
        known = rows_in(options.out, "runs")
        run = {"command": command, "part": options.part, "agent": options.agent, "rows": rows, "commit": _commit()}
        write_json(options.out, {"runs": [*(each for each in known if each["command"] != command), run]})


def _without(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """A command line without some options and their values."""
    left, skipped = [], False
    for word in words:
        if not skipped and word not in options:
            left.append(word)
        skipped = word in options
    return left


def _commit() -> str:
    return str(provenance()["commit"])


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
