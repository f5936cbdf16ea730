"""Training again without the demonstrations that influence names, and what that gained on validation scenes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import MOST_EPISODES, check_number, plain
from ravens_suite.data.outcomes import Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.run_record import THEN, commands_of
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.execution.pool import JobPool
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.insight.influence_record import Influence
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.data import data_of, without
from ravens_suite.training.loop import check_device, train
from ravens_suite.training.run_record import find_record
from ravens_suite.training.settings import TrainingPlan


@dataclass(frozen=True)
class Cleaned:
    """A run and the same without some of its demonstrations, on the same validation scenes.

    Attributes:
        run: folder of the new run.
        dropped: seeds of the demonstrations that were left out of the new run and not of the first, by task.
        before: figures of the first run by task.
        after: figures of the new one by task.
        not_compared: tasks whose episodes were made elsewhere, such as by a robot: there is no environment to try both
            runs in.
        earlier: how many demonstrations the first run had been trained without already.
    """

    run: Path
    dropped: Mapping[str, Sequence[int]]
    before: Mapping[str, Summary]
    after: Mapping[str, Summary]
    not_compared: tuple[str, ...] = ()
    earlier: int = 0

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        figures = {
            task: {"before": self.before[task].to_json(), "after": self.after[task].to_json()} for task in self.before
        }
        dropped = {task: list(seeds) for task, seeds in self.dropped.items()}
        before = {"left_out_before": self.earlier} if self.earlier else {}
        return {"run": str(self.run), "dropped": dropped, **before, **figures}


def first_ranked(found: Influence, count: int) -> dict[str, list[int]]:
    """Seeds by task of the demonstrations that are ranked first.

    Raises:
        ConfigError: there are not so many, or none would be left; or one has the seed of another one in further data.
    """
    count = check_number("--drop", count, 1, MOST_EPISODES)
    if count >= len(found.demonstrations):
        raise ConfigError(f"--drop must be below the number of demonstrations, {len(found.demonstrations)}: {count}.")
    chosen: dict[str, list[int]] = {}
    places = Counter((each.task, each.seed) for each in found.demonstrations)
    for each in found.demonstrations[:count]:
        if places[each.task, each.seed] > 1:
            raise ConfigError(
                f"Several demonstrations of {each.task} have the seed {each.seed}, in several folders, and seeds say "
                "which to leave out: remove the wrong one's file, and train again into another folder."
            )
        chosen.setdefault(each.task, []).append(each.seed)
    return {task: sorted(seeds) for task, seeds in chosen.items()}


def check_dropped(run: Path | str, dropped: Mapping[str, Sequence[int]]) -> None:
    """Refuse what ``train_without`` could not leave out, before anything is computed.

    Args:
        run: folder of the finished run.
        dropped: seeds by task.

    Raises:
        ConfigError: there is nothing to leave out; one is no demonstration of the run, or was left out of it already;
            or none would be left.
    """
    record = RunFolder(Path(run)).record()
    plan = TrainingPlan.from_json(record["plan"])
    dropped = _plain(dropped)
    if not any(dropped.values()):
        raise ConfigError('No demonstration is named that is to be left out: write them as {"TASK": [SEED, ...]}.')
    if repeated := [seed for task, seeds in dropped.items() for seed in seeds if seed in plan.drop.get(task, ())]:
        raise ConfigError(f"{run} was already trained without the demonstration {repeated[0]}: name others.")
    replace(plan, drop=dropped).check()
    for task, seeds in dropped.items():
        drawn = record["demonstrations"][task]
        further = {seed for each in record.get("more_demonstrations", {}).values() for seed in each.get(task, ())}
        without(drawn, [seed for seed in seeds if seed in drawn or seed not in further], task)


def check_room(run: Path | str, dropped: int | Mapping[str, Sequence[int]], out: Path | str | None = None) -> None:
    """Refuse a folder that holds another run than the one that is to be trained, before anything is computed.

    So is a device that is not here, unless that run is finished.

    Args:
        run: folder of the finished run.
        dropped: seeds by task, or how many demonstrations are to be left out where it is not known yet which.
        out: folder of the new run, see ``train_without``.

    Raises:
        ConflictError: it holds one that was trained otherwise, or without others.
        ConfigError: the first run was trained on a GPU, and torch finds none.
    """
    plan = TrainingPlan.from_json(RunFolder(Path(run)).record()["plan"])
    if not isinstance(dropped, int):
        _check_trainable(*_again(Path(run), plan, _plain(dropped), out))
        return
    count = dropped + _count(plan.drop)
    there = RunFolder(_folder(Path(run), count, out))
    lacks = TrainingPlan.from_json(there.record()["plan"]).drop if there.exists() else plan.drop
    if there.exists() and _count(lacks) != count:
        raise ConflictError(
            f"{there.path} holds a run that {_count(lacks) or 'no'} demonstrations were left out of, not {count}: name "
            "another folder with --out, or delete this one."
        )
    _check_trainable(replace(plan, drop=lacks), there)


def _check_trainable(plan: TrainingPlan, there: RunFolder) -> None:
    record = find_record(plan, there)
    if record is None or not record["finished"]:
        check_device(plan)


def _plain(dropped: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Seeds by task in Python's lists and numbers; they may have been NumPy's."""
    return {task: [plain(seed) for seed in seeds] for task, seeds in dropped.items()}


def _count(seeds: Mapping[str, Sequence[int]]) -> int:
    return sum(len(set(each)) for each in seeds.values())


def _folder(run: Path, count: int, out: Path | str | None) -> Path:
    """Folder of a run that lacks so many demonstrations."""
    home = run.resolve() if run.name in ("", "..") else run  # The folder "." has no name of its own.
    return home.with_name(f"{home.name}-without-{count}") if out is None else Path(out)


def _again(
    run: Path, plan: TrainingPlan, dropped: Mapping[str, Sequence[int]], out: Path | str | None
) -> tuple[TrainingPlan, RunFolder]:
    """The plan of a run without some more demonstrations, and where it is carried out."""
    every = {task: sorted({*plan.drop.get(task, ()), *seeds}) for task, seeds in {**plan.drop, **dropped}.items()}
    return replace(plan, drop=every), RunFolder(_folder(run, _count(every), out))


def _note_first(run: RunFolder, command: str) -> None:
    """Note before a run's command the one that made the run that it begins from: it alone would not repeat it."""
    record = run.record()
    own = str(record.get("command", ""))
    if command and not own.startswith(f"{command}{THEN}"):
        run.write_record({**record, "command": f"{command}{THEN}{own}" if own else command})


def train_without(
    run: Path | str,
    data: Path | str | None,
    dropped: Mapping[str, Sequence[int]],
    *,
    out: Path | str | None = None,
    val_episodes: int = 20,
    pool: JobPool | None = None,
    on_progress: Progress = silent,
) -> Cleaned:
    """Train a run's plan again without some of its demonstrations, and evaluate both on validation scenes.

    Where a task has no environment, as one's own data, the new run is all there is: nothing is evaluated.

    All else of what the first run learnt from is the same, whatever was collected since. Both commands go on where they
    were stopped, and what is finished is not done again.

    Args:
        run: folder of the finished run.
        data: folder of all data; ``None`` for the one that the run was trained on.
        dropped: seeds by task, all of them demonstrations of the run.
        out: folder of the new run; beside the first one, with ``-without-N`` at the end of its name, unless given;
            N counts what was left out of the first run, too.
        val_episodes: scenes of each task.
        pool: where episodes are run; this process by default.
        on_progress: called after every step of training and every episode.

    Raises:
        ConfigError: a demonstration is not one of the run, or none would be left.
    """
    run = Path(run)
    data = None if data is None else Path(data)
    out = None if out is None else Path(out)
    val_episodes = check_number("--val-episodes", val_episodes, 1, MOST_EPISODES)
    before = RunFolder(run)
    record = before.record()
    plan = TrainingPlan.from_json(record["plan"])
    dropped = _plain(dropped)
    check_dropped(run, dropped)
    again, new = _again(run, plan, dropped, out)
    folder = new.path
    train(again, data_of(record, data), folder, like=run, on_progress=on_progress)
    _note_first(RunFolder(folder), THEN.join(commands_of(record)))
    elsewhere = tuple(task for task in plan.tasks if record["environments"][task].get("id") == "")

    def figures(policy: Path) -> dict[str, Summary]:
        return {
            task: evaluate(
                str(policy), task, split="val", episodes=val_episodes, pool=pool, on_progress=on_progress
            ).summary
            for task in plan.tasks
            if task not in elsewhere
        }

    earlier = sum(map(len, plan.drop.values()))
    return Cleaned(folder, dropped, figures(run), figures(folder), elsewhere, earlier)
