"""The record of a training run (``run.json``): begun, found again, given more steps, finished."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ravens_suite.agents.base import Trainee
from ravens_suite.data.atomic import remove_leftovers
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError, blame
from ravens_suite.registry import load_trainee
from ravens_suite.rollout.policy_code import code_of, of_the_suite
from ravens_suite.rollout.provenance import join_commits, provenance
from ravens_suite.training.data import (
    check_definition,
    check_environment,
    check_still_there,
    checksum_of,
    choose_demonstrations,
    more_demonstrations,
    read_task,
    shared_interface,
    without,
)
from ravens_suite.training.learnt_from import (
    check_folders,
    demonstrations_of,
    drawn_beside,
    drawn_by,
    dropped_here,
    of_these,
)
from ravens_suite.training.moved_data import BESIDE, CHECKSUMS, with_new_names
from ravens_suite.training.resolved_config import code_named_by, named_code, resolve_config
from ravens_suite.training.settings import TrainingPlan, steps_of, without_steps
from ravens_suite.training.until_solved import SolvedState

__all__ = [
    "TrainingState",
    "begin",
    "check_unchanged",
    "demonstrations_of",
    "find_record",
    "finish",
    "named_code",
    "resolve_config",
    "steps_to_add",
    "take_up",
    "where_it_stands",
    "with_new_names",
]
"""With those that were here before they had modules of their own."""


@dataclass
class TrainingState:
    """How far a run is; written with every checkpoint.

    Attributes:
        step: gradient steps done.
        seconds: of training so far, validation left out, but for the checks of ``--until solved``.
        best_step: of the weights in ``policy/``.
        best_score: their mean score on validation episodes, 0 to 100.
        validation: mean score of every evaluated checkpoint, by its step.
        until_solved: of runs that end when validation scenes are solved.
    """

    step: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float | None = None
    validation: dict[str, float] = field(default_factory=dict)
    until_solved: SolvedState = field(default_factory=SolvedState)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> TrainingState:
        """The inverse of ``dataclasses.asdict``, from JSON."""
        known = dict(value)
        solved = SolvedState(**known.pop("until_solved", {}))
        solved.periods = [(first, end) for first, end in solved.periods]
        return TrainingState(**known, until_solved=solved)


def find_record(plan: TrainingPlan, run: RunFolder) -> dict[str, Any] | None:
    """The record of the run that is there already, if there is one; its plan may lack steps."""
    if not run.exists():
        return None
    record = with_new_names(plan, run.record())
    found, wanted = record["plan"], plan.to_json()
    if differing := sorted(key for key in wanted if without_steps(found).get(key) != without_steps(wanted)[key]):
        key = differing[0]
        moved = " Folders that were moved hold the same episodes, and are named in the same order."
        other_folders = key == "more_data" or (key == "config" and BESIDE in record)
        raise ConflictError(
            f"{run.path} holds a run with {key} {found.get(key)!r}, not {wanted[key]!r}: "
            f"name another folder, or delete this one.{moved if other_folders else ''}"
        )
    if missing := {"environments", "interface", "demonstrations", "training", "finished"} - record.keys():
        raise DamagedDataError(f"{run.record_path} has no {min(missing)!r}: delete {run.path} and train again.")
    if (had := steps_of(found)) != (now := steps_of(wanted)):
        if not record["finished"]:
            raise ConflictError(
                f"{run.path} holds a run with steps {had}, not {now}, which is not finished: finish it as it was begun "
                "before it is given more, or name another folder."
            )
        if steps_to_add(plan, record) < 0:
            raise ConflictError(
                f"{run.path} holds a run with steps {record['training']['step']}, not {now}: a run can be given more "
                "steps, but not fewer. Name another folder."
            )
    return record


def steps_to_add(plan: TrainingPlan, record: Mapping[str, Any]) -> int:
    """By how many steps a plan goes beyond a finished run; 0 for the plan that the run was made by."""
    solved = record["training"].get("until_solved", {}).get("solved", False)
    if solved or steps_of(record["plan"]) == steps_of(plan.to_json()):
        return 0
    return int(resolve_config(plan).steps) - int(record["training"]["step"])


def where_it_stands(record: Mapping[str, Any], step: int, *, scheduled: bool) -> str:
    """What becomes of a run that is there already, in words that follow its name.

    Args:
        record: of the run, taken up.
        step: after which it goes on; 0 for a new one, of which there is nothing to say.
        scheduled: whether a step of its agent depends on how many there are to be.
    """
    if record["finished"]:
        return f"is finished, after step {step}."
    if step and record.get("continued") and record["continued"][-1]["step"] == step:
        schedule = " Its schedule goes on where that of all these steps is then: see docs/evaluation.md."
        return f"was finished after step {step} and gets more.{schedule if scheduled else ''}"
    return f"continues after step {step}." if step else ""


def take_up(plan: TrainingPlan, run: RunFolder, begun: dict[str, Any] | None) -> dict[str, Any]:
    """The record to train by: of the run that is there, which another process may have begun meanwhile, or the new one.

    The folder is locked.
    """
    for folder in (run.policy, *run.checkpoints().values()):
        remove_leftovers(folder.path)
    record = find_record(plan, run)
    if record is None:
        if begun is None:
            raise MissingDataError(f"{run.path} was removed meanwhile: run the same command again.")
        for leftover in (run.policy.path, run.checkpoints_path, run.logs):
            shutil.rmtree(leftover, ignore_errors=True)
        run.training.unlink(missing_ok=True)
        return begun
    if not record["finished"] or steps_to_add(plan, record) <= 0:
        return _resumed(record)
    part = {"step": record["training"]["step"], "command": provenance()["command"]}
    parts = [*record.get("continued", []), part]
    return {**_resumed(record), "plan": plan.to_json(), "continued": parts, "finished": False}


def begin(
    plan: TrainingPlan, data: Path, pool: int | None, force: bool, like: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The record of a new run: all that is needed to resume, evaluate and report it.

    Args:
        plan: of the run.
        data: folder of all data.
        pool: see ``train``.
        force: see ``train``.
        like: record of another run of the same tasks, whose demonstrations are taken in place of drawing any.
    """
    agent = load_trainee(plan.agent)
    tasks = [read_task(agent, task, data) for task in plan.tasks]
    interface = shared_interface(tasks)
    for task in [] if force else tasks:
        where = str(EpisodeStore.of(data, task.task, "train").folder)
        check_definition(where, task.task, task.environment, "Collect again into another --data folder, or --force.")
    if plan.settings.val_episodes:
        for task in tasks:
            check_environment(task)
    check_folders(plan, data)
    seeds = {task: EpisodeStore.of(data, task, "train").seeds()[:pool] for task in plan.tasks}
    more = more_demonstrations(agent, tasks, plan.more_data, plan.drop, force=force)
    if like is not None:
        more = of_these(more, like.get("more_demonstrations", {}))
    chosen = {}
    for name in plan.tasks:
        if like is None:
            drawn = choose_demonstrations(seeds[name], plan.demos, plan.seed, name)
        else:
            drawn = drawn_by(like, name)
        chosen[name] = without(drawn, dropped_here(plan, name, drawn), name)
    beside = like.get(BESIDE, {}) if like is not None else drawn_beside(plan, chosen, more, force=force)
    checksums = {name: checksum_of(name, by_task) for name, by_task in {**more, **beside}.items()}
    return {
        "plan": plan.to_json(),
        "environments": {task.task: task.environment for task in tasks},
        "interface": interface.to_json(),
        "demonstrations": chosen,
        **({"more_demonstrations": more} if more else {}),
        **({BESIDE: beside} if beside else {}),
        **({CHECKSUMS: checksums} if checksums else {}),
        "pool": {task: len(collected) for task, collected in seeds.items()} if like is None else like.get("pool", {}),
        "training": asdict(TrainingState()),
        **provenance(),
        "torch": torch.__version__,
        "code": code_of(plan.agent),
        **named_code(plan),
        "finished": False,
    }


def check_unchanged(record: Mapping[str, Any], plan: TrainingPlan, data: Path, run: RunFolder) -> None:
    """Refuse to take a run for one of today where its task, its demonstrations or a user's own agent has changed."""
    for task, environment in record["environments"].items():
        check_definition(str(run.path), task, environment, "Name another folder for the run, or --force.")
    check_still_there(str(run.path), record, data, "Name another folder for the run.")
    if record.get("code", "") not in ("", code_of(plan.agent)) and not of_the_suite(plan.agent):
        raise ConflictError(
            f"{run.path} was trained by {plan.agent} before a change of its code. Name another folder, or --force."
        )
    if record.get("outside", "") != named_code(plan).get("outside", ""):
        named = ", ".join(code_named_by(plan))
        raise ConflictError(
            f"{run.path} was trained before a change of the code that its settings name ({named}). Name another "
            "folder, or --force."
        )


def _resumed(record: dict[str, Any]) -> dict[str, Any]:
    """The record of a resumed run; if the code is newer, it names every commit that trained it."""
    now = provenance()
    if record["training"]["step"] == 0:
        return {**record, **now, "torch": torch.__version__}
    return {**record, "commit": join_commits(record["commit"], now["commit"])}


def finish(run: RunFolder, agent: Trainee[Any]) -> dict[str, Any]:
    """Note that a run is done, and how its weights were chosen; the record."""
    record = run.record()
    validated = record["training"]["best_score"] is not None
    rule = "best mean score on validation episodes" if validated else "last weights"
    if record["training"]["until_solved"]["solved"]:
        rule = "solved validation episodes"
    with blame(f"weights of the agent {agent.name}"):
        parameters = sum(value.numel() for value in agent.weights().values())
    record |= {"selection": rule, "parameters": parameters, "finished": True}
    run.write_record(record)
    return record
