"""Which demonstrations a run learns from: those that it draws, those of further folders, and those it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_trainee
from ravens_suite.training.data import episodes_beside, open_demonstrations
from ravens_suite.training.moved_data import BESIDE
from ravens_suite.training.resolved_config import resolve_config
from ravens_suite.training.settings import TrainingPlan


def check_folders(plan: TrainingPlan, data: Path) -> None:
    """Refuse further data whose episodes would count twice, however the path to them is written."""
    seen = {data.resolve(): "--data"}
    for folder in plan.more_data:
        if (other := seen.setdefault(Path(folder).resolve(), f"--more-data {folder}")) != f"--more-data {folder}":
            raise ConfigError(
                f"--more-data {folder} is the folder of {other}, too, whose demonstrations would count twice: "
                f"{'draw more of them with --demos' if other == '--data' else 'name it once'}."
            )
    # The same folder in the same words is refused where its episodes are looked for.
    for setting, folders in load_trainee(plan.agent).named_data(resolve_config(plan)).items():
        for folder in folders:
            if (other := seen.setdefault(Path(folder).resolve(), f"{setting} {folder}")) != f"{setting} {folder}":
                raise ConfigError(
                    f"{setting} names {folder}, the folder of {other}, too, whose episodes would count twice: "
                    f"{'draw more of them with --demos' if other == '--data' else 'name it once'}."
                )


def drawn_by(like: Mapping[str, Any], task: str) -> list[int]:
    """The demonstrations of a task that another run drew, with those that it left out."""
    return sorted({*like["demonstrations"][task], *like["plan"].get("drop", {}).get(task, ())})


def of_these(
    found: Mapping[str, Mapping[str, Sequence[int]]], known: Mapping[str, Mapping[str, Sequence[int]]]
) -> dict[str, dict[str, list[int]]]:
    """Demonstrations of further folders that another run learnt from, without those that were collected since."""
    left: dict[str, dict[str, list[int]]] = {}
    for folder, by_task in found.items():
        before = known.get(folder, {})
        kept = {task: [seed for seed in seeds if seed in before.get(task, ())] for task, seeds in by_task.items()}
        if some := {task: seeds for task, seeds in kept.items() if seeds}:
            left[folder] = some
    return left


def dropped_here(plan: TrainingPlan, task: str, drawn: Sequence[int]) -> list[int]:
    """The demonstrations to leave out but for those that lie in further data folders alone."""
    elsewhere = {seed for folder in plan.more_data for seed in EpisodeStore.of(Path(folder), task, "train").seeds()}
    return [seed for seed in plan.drop.get(task, ()) if seed in drawn or seed not in elsewhere]


def drawn_beside(
    plan: TrainingPlan,
    chosen: Mapping[str, Sequence[int]],
    more: Mapping[str, Mapping[str, Sequence[int]]],
    *,
    force: bool,
) -> dict[str, dict[str, list[int]]]:
    """The episodes in data folders that the agent's settings name, see ``episodes_beside``.

    Args:
        plan: of the run.
        chosen: seeds of its demonstrations by task.
        more: those of further data, by folder.
        force: see ``train``.
    """
    counts = {
        task: len(chosen[task]) + sum(len(by_task.get(task, ())) for by_task in more.values()) for task in plan.tasks
    }
    agent = load_trainee(plan.agent)
    return episodes_beside(agent, agent.named_data(resolve_config(plan)), counts, force=force)


def demonstrations_of(plan: TrainingPlan, record: Mapping[str, Any], data: Path) -> Demonstrations:
    """What a run learns from, tasks and folders in the order of its plan.

    What a gradient step draws depends on the order. Files have names in that of the alphabet, so that a run that goes
    on would draw otherwise than one that was never stopped.

    Args:
        plan: of the run.
        record: its ``run.json``.
        data: folder of all data.

    Raises:
        MissingDataError: a file is not there any more.
    """
    chosen, more = record["demonstrations"], record.get("more_demonstrations", {})
    # Runs of earlier versions did not note them.
    beside = record[BESIDE] if BESIDE in record else drawn_beside(plan, chosen, more, force=True)
    folders = load_trainee(plan.agent).named_data(resolve_config(plan)).values()
    named = [folder for several in folders for folder in several]

    def in_order(
        by_folder: Mapping[str, Mapping[str, Sequence[int]]], folders: Sequence[str]
    ) -> dict[str, dict[str, Sequence[int]]]:
        return {
            folder: {task: by_folder[folder][task] for task in plan.tasks if task in by_folder[folder]}
            for folder in folders
            if folder in by_folder
        }

    of_tasks = {task: chosen[task] for task in plan.tasks}
    return open_demonstrations(data, of_tasks, in_order(more, plan.more_data), in_order(beside, named))
