"""How well the forecaster ``progress`` judges episodes of scenes that it has never seen.

    python benchmarks/progress.py TASK... --data DIR --failing DIR... [--demos N] [--steps N] [--runs DIR] [--out FILE]

``DIR/TASK/train`` and ``DIR/TASK/test`` hold recorded episodes, in ``--data`` those of the oracle, in ``--failing``
those of policies that fail::

    ravens-suite collect TASK --data data --image-size 240 320
    ravens-suite collect TASK --data data --image-size 240 320 --split test --episodes 40
    ravens-suite collect TASK --data explored --image-size 240 320 --policy oracle --explore 0.4
    ... and the last once more with --split test --episodes 40

For each task a forecaster is trained on the train episodes of all folders, and the test episodes are judged:

- ``progress_error``: mean absolute error of the progress over all observations; beside it that of the mean progress of
  the training episodes after as many actions.
- ``done_auc``: area under the curve with which observations where all is done are told from others.
- ``foreseen``: share of the unsolved episodes of which the forecaster says so two actions before the end or earlier, at
  the threshold at which it says so of 5 % of the solved ones; and how many episodes that is.
- ``stop``: share of the solved episodes that ``--stop-when-done`` would end when all is done and not before, and share
  of the unsolved ones that it would end, at a probability of 0.5.
- ``next_view``: mean absolute error of the next view over the pixels that change (colours in 0 to 1, heights in units
  of 0.1 m), beside that of persistence (nothing changes) and of the moved copy (``views.moved_copy``).

Each task is written under its name into the file of ``--out``; other tasks there stay.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from same_run import refuse_another
from scipy.stats import rankdata

from ravens_suite.agents.forecasters.progress.episodes import WatchedEpisode, read_episodes
from ravens_suite.agents.forecasters.progress.forecaster import Progress
from ravens_suite.agents.forecasters.progress.views import changed, moved_copy, view_error
from ravens_suite.core.forecast import STAGES, Forecast
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.provenance import provenance
from ravens_suite.rollout.watching import DONE_AT
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

ALARMS, EARLY = 0.05, 2
FAILING, DONE = STAGES.index("failing"), STAGES.index("done")


@dataclass
class Judged:
    """What the forecaster says of one test episode.

    Attributes:
        episode: it.
        said: one an observation.
        errors: of the next view over the pixels that change, one an action where any do: (forecaster, persistence,
            moved copy).
    """

    episode: WatchedEpisode
    said: list[Forecast] = field(default_factory=list)
    errors: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def solved(self) -> bool:
        """Whether it was solved in the end."""
        return bool(self.episode.stages[-1] == DONE)

    @property
    def warned(self) -> float:
        """Highest probability of failing, two actions before the end or earlier."""
        return max((forecast.failing for forecast in self.said[: max(len(self.said) - EARLY, 0)]), default=-math.inf)


def judge(forecaster: Progress, episode: WatchedEpisode, actions: Sequence[dict[str, Any]]) -> Judged:
    """Watch an episode from its beginning to its end."""
    judged = Judged(episode)
    forecaster.reset()
    for step, view in enumerate(episode.views):
        judged.said.append(forecaster.watch(view, actions[step - 1] if step else None))
        if step < len(actions):
            after = episode.views[step + 1]
            where = changed(view, after)
            if where.any():
                guesses = (
                    forecaster.foresee(actions[step]),
                    view.channels(),
                    moved_copy(view, episode.poses[step]).channels(),
                )
                first, second, third = (view_error(guess, after, where) for guess in guesses)
                judged.errors.append((first, second, third))
    return judged


def area_under_curve(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive one has a higher score than another one; ``None`` where one kind is missing."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return None
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(positive) - count)))


def foreseen(episodes: Sequence[Judged]) -> dict[str, Any]:
    """Share of unsolved episodes that are foreseen at ``ALARMS`` false alarms; see the module's docstring."""
    solved = [each.warned for each in episodes if each.solved]
    failed = [each.warned for each in episodes if not each.solved]
    counts = {"failed": len(failed), "solved": len(solved)}
    if not solved or not failed:
        return {**counts, "share": None}
    threshold = float(np.quantile(solved, 1 - ALARMS, method="higher"))
    alarms = float(np.mean([value > threshold for value in solved]))
    share = float(np.mean([value > threshold for value in failed]))
    return {**counts, "share": round(share, 4), "false_alarms": round(alarms, 4), "threshold": round(threshold, 4)}


def stops(episodes: Sequence[Judged]) -> dict[str, Any]:
    """How good the decision to stop is; see the module's docstring."""
    solved = [each for each in episodes if each.solved]
    right = [_stopped_at(each) == int(np.argmax(each.episode.stages == DONE)) for each in solved]
    wrong = [_stopped_at(each) is not None for each in episodes if not each.solved]
    shares = {"solved": right, "unsolved": wrong}
    return {name: round(float(np.mean(values)), 4) if values else None for name, values in shares.items()}


def _stopped_at(judged: Judged) -> int | None:
    """The observation at which the episode would be ended; ``None`` for none."""
    return next((step for step, forecast in enumerate(judged.said) if forecast.done >= DONE_AT), None)


def figures(episodes: Sequence[Judged], training: Sequence[WatchedEpisode]) -> dict[str, Any]:
    """All figures of one task."""
    scores = np.concatenate([each.episode.scores for each in episodes])
    said = [forecast for each in episodes for forecast in each.said]
    progress, done = (np.array([getattr(forecast, name) for forecast in said]) for name in ("progress", "done"))
    steps = np.concatenate([np.arange(len(each.episode.scores)) for each in episodes])
    stages = np.concatenate([each.episode.stages for each in episodes])
    auc = area_under_curve(done, stages == DONE)
    errors = np.array([row for each in episodes for row in each.errors])
    views = dict(zip(("forecaster", "persistence", "moved_copy"), errors.mean(axis=0).round(4).tolist(), strict=True))
    return {
        "episodes": len(episodes),
        "observations": len(scores),
        "progress_error": round(float(np.abs(progress - scores).mean()), 4),
        "progress_error_by_step_alone": round(float(np.abs(_by_step(training, steps) - scores).mean()), 4),
        "done_auc": None if auc is None else round(auc, 4),
        "foreseen": foreseen(episodes),
        "stop": stops(episodes),
        "next_view": {"actions": len(errors), **views},
    }


def _by_step(training: Sequence[WatchedEpisode], steps: NDArray[Any]) -> NDArray[Any]:
    """Mean progress of the training episodes after as many actions; of longer episodes the last."""
    longest = max(len(episode.scores) for episode in training)
    padded = [np.pad(episode.scores, (0, longest - len(episode.scores)), mode="edge") for episode in training]
    return np.asarray(np.mean(padded, axis=0)[np.minimum(steps, longest - 1)])


def tested(folder: Path, task: str, count: int) -> Demonstrations:
    """The first test episodes of a folder."""
    store = EpisodeStore.of(folder, task, "test")
    return Demonstrations([store.path(seed) for seed in store.seeds()[:count]])


def config_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of the forecaster."""
    return {"more_data": [str(folder) for folder in arguments.failing], **json.loads(arguments.config)}


def measure(task: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train a forecaster of a task and judge all test episodes."""
    config = config_of(arguments)
    settings = TrainingSettings(steps=arguments.steps, val_episodes=0, threads=1, device=arguments.device)
    plan = TrainingPlan(agent="progress", tasks=(task,), demos=arguments.demos, settings=settings, config=config)
    run = RunFolder(arguments.runs / task)
    done = train(plan, arguments.data, run.path, force=True)
    forecaster = Progress.load(run.policy.path)
    torch.set_num_threads(1)
    result: dict[str, Any] = {"steps": done.steps, "training_seconds": round(done.seconds, 1), "config": config}
    training = read_episodes(_trained_on(task, arguments))
    result["training_episodes"] = len(training)
    judged: dict[str, list[Judged]] = {}
    for folder in (arguments.data, *arguments.failing):
        episodes = tested(folder, task, arguments.test)
        judged[folder.name] = [_judged(forecaster, reader) for reader in episodes if reader.summary.steps]
    everything = [each for group in judged.values() for each in group]
    result |= figures(everything, training)
    result["progress_error_of"] = {
        name: round(float(np.mean([abs(s.progress - t) for each in group for s, t in _pairs(each)])), 4)
        for name, group in judged.items()
    }
    return result


def _pairs(judged: Judged) -> Iterable[tuple[Forecast, float]]:
    return zip(judged.said, judged.episode.scores.tolist(), strict=True)


def _judged(forecaster: Progress, reader: Any) -> Judged:
    actions = reader.actions()
    rows = [{name: values[step] for name, values in actions.items()} for step in range(reader.summary.steps)]
    return judge(forecaster, WatchedEpisode.of(reader), rows)


def _trained_on(task: str, arguments: argparse.Namespace) -> Demonstrations:
    stores = [EpisodeStore.of(folder, task, "train") for folder in (arguments.data, *arguments.failing)]
    return Demonstrations([store.path(seed) for store in stores for seed in store.seeds()[: arguments.demos]])


def main() -> None:
    """Measure the tasks, print their figures, and note them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--failing", type=Path, nargs="+", required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/progress"))
    parser.add_argument("--demos", type=int, default=100)
    parser.add_argument("--test", type=int, default=40)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--config", default="{}")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    asked = {"steps": arguments.steps, "config": config_of(arguments)}
    for task in arguments.tasks if arguments.out is not None and arguments.out.exists() else ():
        refuse_another(arguments.out, read_json(arguments.out).get(task, {}), asked, f"{task} measured")
    for task in arguments.tasks:
        start = time.perf_counter()
        row = {**measure(task, arguments), **provenance()}
        row["seconds"] = round(time.perf_counter() - start, 1)
        print(json.dumps({task: row}))
        if arguments.out is not None:
            known = read_json(arguments.out) if arguments.out.exists() else {}
            write_json(arguments.out, {**known, task: row})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
