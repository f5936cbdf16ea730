"""The record of a training run (``run.json``): begun, found again, given more steps, finished."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from ravens_suite.agents.base import Trainee, config_from_json
from ravens_suite.data.atomic import remove_leftovers
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError, blame
from ravens_suite.registry import load_trainee
from ravens_suite.rollout.policy_code import code_of, of_the_suite, outside_code
from ravens_suite.rollout.provenance import join_commits, provenance
from ravens_suite.training.data import (
    check_definition,
    check_environment,
    check_still_there,
    checksum_of,
    choose_demonstrations,
    episodes_beside,
    more_demonstrations,
    open_demonstrations,
    read_task,
    shared_interface,
    without,
)
from ravens_suite.training.settings import LATER_FIELDS, TrainingPlan
from ravens_suite.training.until_solved import SolvedState

_CHECKSUMS = "more_checksums"
"""In ``run.json``: by further data folder, of any kind, the checksum of the episodes that are learnt from."""
_BESIDE = "episodes_beside"
"""In ``run.json``: by folder that the agent's settings name, the seeds by task of the episodes that are read."""


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


def resolve_config(plan: TrainingPlan) -> Any:
    """The config of a plan's agent."""
    config_type = load_trainee(plan.agent).config_type
    known = {item.name for item in fields(config_type)}
    if "steps" not in known:
        raise ConfigError(f"{config_type.__name__} needs a field steps: int, the gradient steps of a run.")
    values = dict(plan.config)
    options = {"steps": plan.settings.steps, "device": plan.settings.device if "device" in known else None}
    for name, value in options.items():
        if value is not None and values.setdefault(name, value) != value:
            raise ConfigError(
                f"{name} is {value} by --{name} and {values[name]!r} in --config: give it once, by --{name}."
            )
    config = config_from_json(config_type, values)
    if not isinstance(config.steps, int) or config.steps < 1:
        raise ConfigError(f"steps must be at least 1, not {config.steps}.")
    return config


def find_record(plan: TrainingPlan, run: RunFolder) -> dict[str, Any] | None:
    """The record of the run that is there already, if there is one; its plan may lack steps."""
    if not run.exists():
        return None
    record = with_new_names(plan, run.record())
    found, wanted = record["plan"], plan.to_json()
    if differing := sorted(key for key in wanted if _but_steps(found).get(key) != _but_steps(wanted)[key]):
        key = differing[0]
        moved = " Folders that were moved hold the same episodes, and are named in the same order."
        other_folders = key == "more_data" or (key == "config" and _BESIDE in record)
        raise ConflictError(
            f"{run.path} holds a run with {key} {found.get(key)!r}, not {wanted[key]!r}: "
            f"name another folder, or delete this one.{moved if other_folders else ''}"
        )
    if missing := {"environments", "interface", "demonstrations", "training", "finished"} - record.keys():
        raise DamagedDataError(f"{run.record_path} has no {min(missing)!r}: delete {run.path} and train again.")
    if (had := _steps_of(found)) != (now := _steps_of(wanted)):
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


def with_new_names(plan: TrainingPlan, record: dict[str, Any]) -> dict[str, Any]:
    """The record of a run with further data folders as a plan names them, where these hold the same episodes.

    A project may have been moved since. Where one of them holds other episodes, the record stays as it is. They are
    those of ``more_data``, and those that settings of the agent name.

    Args:
        plan: of now.
        record: ``run.json``.
    """
    found = record["plan"]
    if _but_steps(found) == _but_steps(plan.to_json()):
        return record
    settings, config = load_trainee(plan.agent).named_data(resolve_config(plan)), found.get("config", {})
    pairs = [(found.get("more_data", []), plan.more_data)]
    usual = {name: [] if name in plan.config else list(folders) for name, folders in settings.items()}
    pairs += [(config.get(name, usual[name]), folders) for name, folders in settings.items()]
    if any(not isinstance(before, list) or len(before) != len(now) for before, now in pairs):
        return record
    names = {name: new for before, now in pairs for name, new in zip(before, now, strict=True)}
    seeds = {**record.get("more_demonstrations", {}), **record.get(_BESIDE, {})}
    known = record.get(_CHECKSUMS, {})
    if len({*names.values()}) != len(names) or not all(
        name == new or _is_moved(name, new, seeds.get(name, {}), known.get(name, "")) for name, new in names.items()
    ):
        return record

    def renamed(by_folder: Mapping[str, Any]) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in by_folder.items()}

    given = {name: plan.config[name] for name in settings if name in config and name in plan.config}
    changed = {key: renamed(record[key]) for key in ("more_demonstrations", _BESIDE, _CHECKSUMS) if key in record}
    now_named = {**found, "more_data": list(plan.more_data), "config": {**config, **given}}
    return {**record, **changed, "plan": now_named}


def _is_moved(name: str, new: str, seeds: Mapping[str, Sequence[int]], known: str) -> bool:
    """Whether a folder holds what a run learnt from another one.

    Args:
        name: of the folder that it learnt from.
        new: of the other one.
        seeds: that it learnt from, by task.
        known: checksum of the episodes; empty for runs of earlier versions.
    """
    if not seeds:
        return False
    try:
        found = checksum_of(new, seeds)
        # Where there is neither a checksum nor the folder, the same seeds have to do.
        return found == (known or (checksum_of(name, seeds) if Path(name).is_dir() else found))
    except (DamagedDataError, MissingDataError):
        return False


def _but_steps(plan: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as JSON without the number of steps."""
    config = {key: value for key, value in dict(plan.get("config", {})).items() if key != "steps"}
    return {**LATER_FIELDS, **plan, "steps": None, "config": config}


def _steps_of(plan: Mapping[str, Any]) -> Any:
    """The number of steps in a plan as JSON; ``None`` for the agent's own."""
    steps = plan.get("steps")
    return dict(plan.get("config", {})).get("steps") if steps is None else steps


def steps_to_add(plan: TrainingPlan, record: Mapping[str, Any]) -> int:
    """By how many steps a plan goes beyond a finished run; 0 for the plan that the run was made by."""
    solved = record["training"].get("until_solved", {}).get("solved", False)
    if solved or _steps_of(record["plan"]) == _steps_of(plan.to_json()):
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
    _check_folders(plan, data)
    seeds = {task: EpisodeStore.of(data, task, "train").seeds()[:pool] for task in plan.tasks}
    more = more_demonstrations(agent, tasks, plan.more_data, plan.drop, force=force)
    if like is not None:
        more = _of_these(more, like.get("more_demonstrations", {}))
    chosen = {}
    for name in plan.tasks:
        if like is None:
            drawn = choose_demonstrations(seeds[name], plan.demos, plan.seed, name)
        else:
            drawn = _drawn_by(like, name)
        chosen[name] = without(drawn, _dropped_here(plan, name, drawn), name)
    beside = like.get(_BESIDE, {}) if like is not None else _drawn_beside(plan, chosen, more, force=force)
    checksums = {name: checksum_of(name, by_task) for name, by_task in {**more, **beside}.items()}
    return {
        "plan": plan.to_json(),
        "environments": {task.task: task.environment for task in tasks},
        "interface": interface.to_json(),
        "demonstrations": chosen,
        **({"more_demonstrations": more} if more else {}),
        **({_BESIDE: beside} if beside else {}),
        **({_CHECKSUMS: checksums} if checksums else {}),
        "pool": {task: len(collected) for task, collected in seeds.items()} if like is None else like.get("pool", {}),
        "training": asdict(TrainingState()),
        **provenance(),
        "torch": torch.__version__,
        "code": code_of(plan.agent),
        **named_code(plan),
        "finished": False,
    }


def _drawn_beside(
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
    beside = record[_BESIDE] if _BESIDE in record else _drawn_beside(plan, chosen, more, force=True)
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


def _check_folders(plan: TrainingPlan, data: Path) -> None:
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


def _drawn_by(like: Mapping[str, Any], task: str) -> list[int]:
    """The demonstrations of a task that another run drew, with those that it left out."""
    return sorted({*like["demonstrations"][task], *like["plan"].get("drop", {}).get(task, ())})


def _of_these(
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


def _dropped_here(plan: TrainingPlan, task: str, drawn: Sequence[int]) -> list[int]:
    """The demonstrations to leave out but for those that lie in further data folders alone."""
    elsewhere = {seed for folder in plan.more_data for seed in EpisodeStore.of(Path(folder), task, "train").seeds()}
    return [seed for seed in plan.drop.get(task, ()) if seed in drawn or seed not in elsewhere]


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
        named = ", ".join(_code_named_by(plan))
        raise ConflictError(
            f"{run.path} was trained before a change of the code that its settings name ({named}). Name another "
            "folder, or --force."
        )


def named_code(plan: TrainingPlan) -> dict[str, str]:
    """What ``run.json`` notes of a user's own code that the settings of a plan name: its digest, if there is any.

    Raises:
        ConfigError: there is no such file or module.
    """
    digest = outside_code(_code_named_by(plan))
    return {"outside": digest} if digest else {}


def _code_named_by(plan: TrainingPlan) -> list[str]:
    return load_trainee(plan.agent).named_outside(resolve_config(plan))["code"]


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
