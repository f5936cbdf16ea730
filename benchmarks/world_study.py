"""Does it help planning to predict more of the picture, and which error foretells the score?

    python benchmarks/world_study.py --work FOLDER --out results/world_study.json
        [--tasks T...] [--seeds 0 1 2] [--shares 0 0.25 0.5 1] [--steps 300] [--episodes 40] [--scenes 20] [--calls 64]
        [--minutes M]

A cell is one training: of a task, a seed, a share of the picture, and ``offline`` or ``online``. Without a share the
model is ``reward-only``, else ``transport``. ``offline`` learns from episodes of ``explore``; ``online`` from half as
many, and then, anew, from these and as many of its own with 30 % random actions. Both take as many gradient steps in
the end. Each trained model plans the same test scenes, by the reward it predicts (``predicted``) and, where it predicts
pictures, by their distance to the goal picture (``picture``).

Errors are measured on validation episodes, of ``explore`` and of the oracle together, after one action: ``image_error``
over the pixels that change, beside that of ``persistence``; ``reward_error`` of the gain, beside that of no gain.

``correlations`` are rank correlations of an error with the score, over cells of one task at a time, whose ranks are
then pooled; the intervals are percentiles over cells drawn anew within each task.

What is finished is in ``--out`` and is not done again. After ``--minutes`` no further cell begins.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from world_models import measure, row, windows

from ravens_suite.agents.visual_foresight.agent import VisualForesight
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.dataset import Steps, TransitionDataset, read_steps
from ravens_suite.agents.visual_foresight.distance import distance
from ravens_suite.agents.visual_foresight.models.base import WorldModel
from ravens_suite.agents.visual_foresight.scenes import unpack
from ravens_suite.data.atomic import write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.provenance import commit, machine

_TASKS = ("block-insertion-easy", "block-insertion", "place-red-in-green")
_SEEN: dict[str, Any] = {"observe": ["images", "goal"], "image_size": [240, 320]}
_EXPLORED = 0.3
_DRAWS = 2000
Floats = NDArray[np.float64]
Figure = Callable[[NDArray[np.int64]], float]
"""Of the cells at these positions."""


@dataclass(frozen=True)
class Settings:
    """What all cells share.

    Attributes:
        steps: gradient steps of a training.
        episodes: of ``explore`` to learn from.
        held_out: validation episodes of ``explore`` and as many of the oracle, to measure errors on.
        scenes: test scenes that each model plans.
        calls: predictions that a decision may cost.
    """

    steps: int
    episodes: int
    held_out: int
    scenes: int
    calls: int


@dataclass(frozen=True)
class Cell:
    """One training."""

    task: str
    seed: int
    share: float
    mode: str

    @property
    def name(self) -> str:
        """For files and people."""
        return f"{self.task}-{self.mode}-{round(100 * self.share)}-{self.seed}"

    @property
    def rewards(self) -> tuple[str, ...]:
        """What it can plan by; it is trained as the first of them."""
        return ("predicted", "picture") if self.share else ("predicted",)


def cells(tasks: Sequence[str], seeds: Sequence[int], shares: Sequence[float]) -> list[Cell]:
    """All, one seed after the other, so that what is finished is balanced."""
    made = []
    for seed, task in product(seeds, tasks):
        made += [Cell(task, seed, share, "offline") for share in shares]
        made += [Cell(task, seed, share, "online") for share in shares if share in (0, 1)]
    return made


def episodes_of(data: Path, task: str, split: str, count: int) -> list[Steps]:
    """The first episodes of a folder, reduced."""
    store = EpisodeStore.of(data, task, split)
    return [read_steps(Demonstrations([store.path(seed)])[0]) for seed in list(store.seeds())[:count]]


class Data:
    """Episodes, collected when they are first asked for.

    Args:
        work: folder of all that the study makes.
        settings: of the study.
    """

    def __init__(self, work: Path, settings: Settings) -> None:
        self.work, self.settings = work, settings
        self._known: dict[tuple[str, str, str], list[Steps]] = {}

    def get(self, policy: str, task: str, split: str, count: int) -> list[Steps]:
        """So many episodes of ``explore`` or of the oracle."""
        key = (policy, task, split)
        if len(self._known.get(key, ())) < count:
            folder = self.work / policy
            collect(task, episodes=count, data=folder, split=split, policy=policy, arguments=_SEEN)
            self._known[key] = episodes_of(folder, task, split, count)
        return self._known[key][:count]

    def held_out(self, task: str) -> list[Steps]:
        """What errors are measured on."""
        count = self.settings.held_out
        return [*self.get("explore", task, "val", count), *self.get("oracle", task, "val", count)]

    def learned(self, cell: Cell) -> list[Steps]:
        """What a cell learns from; for ``online``, a first model acts."""
        count = self.settings.episodes
        if cell.mode == "offline":
            return self.get("explore", cell.task, "train", count)
        first = self.get("explore", cell.task, "train", count // 2)
        folder, own = self.work / "first" / cell.name, self.work / "own" / cell.name
        train(cell, first, self.settings).save(folder)
        collect(cell.task, episodes=count - count // 2, data=own, policy=folder, explore=_EXPLORED, arguments=_SEEN)
        return [*first, *episodes_of(own, cell.task, "train", count - count // 2)]


def config_of(cell: Cell, settings: Settings) -> VisualForesightConfig:
    """What a cell is trained with."""
    return VisualForesightConfig(
        steps=settings.steps,
        model="transport" if cell.share else "reward-only",
        share=cell.share,
        reward="predicted",
        calls=settings.calls,
        device="cpu",
    )


def train(cell: Cell, episodes: Sequence[Steps], settings: Settings) -> VisualForesight:
    """A whole training."""
    agent = VisualForesight(config_of(cell, settings), cell.seed)
    dataset = TransitionDataset(episodes)
    for step in range(settings.steps):
        agent.fit_step(dataset, step)
    return agent


@torch.inference_mode()
def reward_errors(model: WorldModel, episodes: Sequence[Steps], *, shows: bool) -> dict[str, float]:
    """The errors of the gains that a model predicts, and of those its pictures say, summed, beside those of no gain.

    Args:
        model: on the CPU.
        episodes: those with a goal picture count.
        shows: whether its pictures are to be measured, too.

    Raises:
        SystemExit: nothing brings any scene nearer to its goal or farther from it.
    """
    true: list[float] = []
    found: dict[str, list[float]] = {"predicted": [], **({"picture": []} if shows else {})}
    for episode in episodes:
        if episode.goal is None:
            continue
        goal = unpack([episode.goal])
        for (before, after), action in windows([episode], 1):
            scenes = unpack([before, after])
            made = model.predict(scenes[:1], torch.from_numpy(action.astype(np.float32)), model.begin(scenes[:1]), goal)
            now = float(distance(scenes[:1], goal))
            true.append(now - float(distance(scenes[1:], goal)))
            found["predicted"].append(float(made.gain))
            if shows:
                found["picture"].append(now - float(distance(made.scene, goal)))
    scale = float(np.abs(true).sum())
    if not scale:
        raise SystemExit("No held out action changes how far the goal is: collect more validation episodes.")
    return {name: round(float(np.abs(np.subtract(each, true)).sum()) / scale, 4) for name, each in found.items()}


def play(agent: VisualForesight, cell: Cell, reward: str, work: Path, settings: Settings) -> dict[str, float]:
    """How a trained model plans the test scenes."""
    acting = VisualForesight(replace(agent.config, reward=reward), cell.seed)
    acting.set_weights(agent.weights())
    folder = work / "policies" / f"{cell.name}-{reward}"
    acting.save(folder)
    done = evaluate(folder, cell.task, episodes=settings.scenes, arguments=_SEEN, out=work / "eval" / folder.name)
    return {"score": done.summary.mean_score, "seconds": round(done.seconds, 1)}


def run(cell: Cell, data: Data) -> dict[str, Any]:
    """One cell."""
    settings, start = data.settings, time.process_time()
    agent = train(cell, data.learned(cell), settings)
    trained, held_out = time.process_time(), data.held_out(cell.task)
    shows = bool(cell.share)
    image = row(measure(agent.acting, held_out, 1, agent.device))["share"] if shows else None
    errors = reward_errors(agent.acting, held_out, shows=shows)
    played = {reward: play(agent, cell, reward, data.work, settings) for reward in cell.rewards}
    return {
        **asdict(cell),
        "image_error": image,
        "reward_error": errors,
        "score": {reward: round(found["score"], 1) for reward, found in played.items()},
        "cpu_seconds": {"training": round(trained - start, 1), "all": round(time.process_time() - start, 1)},
        "commit": commit(),
    }


# ---------------------------------------------------------------------- what it shows


def pooled_ranks(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """(N,) ranks within each group, from -1 to 1 with mean 0."""
    ranks = np.zeros(len(values))
    for group in np.unique(groups):
        of = groups == group
        ranks[of] = (2 * rankdata(values[of]) - of.sum() - 1) / max(int(of.sum()) - 1, 1)
    return ranks


def correlation(one: Floats, other: Floats, groups: NDArray[np.int64]) -> float:
    """Rank correlation over groups; NaN where one side does not vary within any of them."""
    left, right = pooled_ranks(one, groups), pooled_ranks(other, groups)
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / scale if scale else float("nan")


def _drawn(groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions drawn anew within each group."""
    where = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return np.concatenate([rng.choice(of, len(of)) for of in where])


def _less(one: Figure, other: Figure) -> Figure:
    return lambda at: one(at) - other(at)


def with_interval(figure: Figure, groups: NDArray[np.int64]) -> dict[str, float | list[float] | None]:
    """A figure over all cells, and its 95 % interval over cells drawn anew; none where there is nothing to compare."""
    value = figure(np.arange(len(groups)))
    if np.isnan(value):
        return {"value": None, "interval_95": None}
    rng = np.random.default_rng(0)
    drawn = [figure(_drawn(groups, rng)) for _ in range(_DRAWS)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return {"value": round(value, 2), "interval_95": [round(float(low), 2), round(float(high), 2)]}


def correlations(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of both errors with the score, by what was planned by, over the offline cells that predict pictures."""
    chosen = [each for each in rows if each["mode"] == "offline" and each["share"]]
    if not chosen:
        return {}
    groups = np.unique([each["task"] for each in chosen], return_inverse=True)[1].astype(np.int64)
    image = np.array([each["image_error"] for each in chosen], dtype=float)
    made: dict[str, Any] = {}
    for reward in ("predicted", "picture"):
        score = np.array([each["score"][reward] for each in chosen])
        gain = np.array([each["reward_error"][reward] for each in chosen])

        def of(error: Floats, score: Floats = score) -> Figure:
            return lambda at: correlation(error[at], score[at], groups[at])

        by_image, by_gain = of(image), of(gain)
        made[reward] = {
            "cells": len(chosen),
            "image_error": with_interval(by_image, groups),
            "reward_error": with_interval(by_gain, groups),
            "image_less_reward": with_interval(_less(by_image, by_gain), groups),
        }
    return made


def summary(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Means over seeds, by task, mode and share."""
    keys = sorted({(each["task"], each["mode"], each["share"]) for each in rows})
    for task, mode, share in keys:
        of = [each for each in rows if (each["task"], each["mode"], each["share"]) == (task, mode, share)]
        image = [each["image_error"] for each in of if each["image_error"] is not None]
        yield {
            "task": task,
            "mode": mode,
            "share": share,
            "seeds": sorted(each["seed"] for each in of),
            "image_error": round(float(np.mean(image)), 3) if image else None,
            "reward_error": _means([each["reward_error"] for each in of], 3),
            "score": _means([each["score"] for each in of], 1),
        }


def _means(found: Sequence[dict[str, float]], digits: int) -> dict[str, float]:
    return {name: round(float(np.mean([each[name] for each in found])), digits) for name in found[0]}


def known_rows(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """What an earlier run finished.

    Raises:
        SystemExit: it had other settings.
    """
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    if found["settings"] != asdict(settings):
        raise SystemExit(f"{path} was made with {found['settings']}: name another --out, or give the same settings.")
    return list(found["rows"])


def report(rows: Sequence[dict[str, Any]], wanted: Sequence[Cell], settings: Settings) -> dict[str, Any]:
    """All that is written."""
    done = {(each["task"], each["seed"], each["share"], each["mode"]) for each in rows}
    return {
        "command": "python benchmarks/world_study.py --work FOLDER "
        + " ".join(f"--{name.replace('_', '-')} {value}" for name, value in asdict(settings).items()),
        "machine": machine(),
        "settings": asdict(settings),
        "missing": [each.name for each in wanted if (each.task, each.seed, each.share, each.mode) not in done],
        "correlations": correlations(rows),
        "summary": list(summary(rows)),
        "rows": list(rows),
    }


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=_TASKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=(0, 1, 2))
    parser.add_argument("--shares", type=float, nargs="+", default=(0.0, 0.25, 0.5, 1.0))
    for name, value in asdict(Settings(steps=300, episodes=40, held_out=10, scenes=20, calls=64)).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    settings = Settings(**{name: getattr(options, name) for name in Settings.__dataclass_fields__})
    torch.set_num_threads(1)
    start, data = time.monotonic(), Data(options.work, settings)
    rows, wanted = known_rows(options.out, settings), cells(options.tasks, options.seeds, options.shares)
    for cell in wanted:
        if any(all(each[key] == value for key, value in asdict(cell).items()) for each in rows):
            continue
        if time.monotonic() - start > 60 * options.minutes:
            break
        rows.append(run(cell, data))
        print(json.dumps(rows[-1]), flush=True)
        write_json(options.out, report(rows, wanted, settings))


if __name__ == "__main__":
    main()
