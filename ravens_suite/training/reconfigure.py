"""A trained agent that acts by other settings: the same weights, without training again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ravens_suite.core.observations import Interface
from ravens_suite.data.atomic import UNFINISHED, read_json, write_json
from ravens_suite.data.locks import locked_file
from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.data.run_record import THEN, commands_of
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError, UnknownNameError, blame
from ravens_suite.registry import load_trainee
from ravens_suite.training.resolved_config import named_code, resolve_config
from ravens_suite.training.settings import TrainingPlan


def reconfigure(run: str | Path, settings: Mapping[str, Any], out: str | Path, command: str = "") -> RunFolder:
    """A copy of a run whose agent acts by other settings.

    Its evaluations are its own; those of the first run are not copied. It is the run that training with these settings
    from the start would have given, since training does not read them. Only validation episodes were acted by those of
    before, which the ``selection`` of the record says where weights were chosen by them.

    Args:
        run: folder of a finished training run.
        settings: to change, JSON values, out of the agent's ``acting_settings``.
        out: folder of the copy, which is not there yet.
        command: that asks for it, to be noted after the one that trained.

    Raises:
        ConfigError: there is no setting to change, one has a value that cannot work, or training reads it.
        UnknownNameError: the agent has no such setting.
        ConflictError: the folder is there already, or training is not finished.
        MissingDataError: there is no such run.
    """
    source, target = RunFolder(Path(run)), RunFolder(Path(out))
    record = source.record()
    if not record["finished"]:
        raise ConflictError(f"{source.path} is still to be trained: the command that began it goes on with it.")
    if target.path.exists():
        raise ConflictError(f"{target.path} is there already: name another folder with --out, or delete it.")
    plan = TrainingPlan.from_json(record["plan"])
    trainee = load_trainee(plan.agent)
    _check_names(trainee, plan.agent, settings)
    plan = replace(plan, config={**plan.config, **settings})
    config = resolve_config(plan)
    trainee.check_config(config, Interface.from_json(record["interface"]))
    noted = THEN.join(filter(None, (*commands_of(record), command)))
    with _unfinished(target.path) as folder:
        made = RunFolder(folder / target.path.name)
        _copy(source, made)
        outside = trainee.named_outside(config)
        for files in (made.policy, *made.checkpoints().values()):
            _change(files, settings, outside)
        kept = {name: value for name, value in record.items() if name != "outside"}
        changed = {"plan": plan.to_json(), "command": noted, "selection": _selection(record)}
        write_json(made.record_path, {**kept, **named_code(plan), **changed})
        with blame(f"load of the agent {plan.agent}"):
            trainee.load(made.policy.path)
        made.path.rename(target.path)
    return target


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A folder beside a path for what will be moved there; that of a killed process is removed first.

    Raises:
        ConflictError: another process has one.
    """
    folder = path.with_name(f".{path.name[:_NAME_LENGTH]}{UNFINISHED}")
    with locked_file(path, "copying a run into"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


_NAME_LENGTH = 100


def _selection(record: Mapping[str, Any]) -> str:
    """How the weights of a run were chosen, of which a copy acts otherwise."""
    rule = str(record.get("selection", ""))
    validated = record["training"]["best_score"] is not None
    return rule if not validated or rule.endswith(_OF_BEFORE) else f"{rule}{_OF_BEFORE}"


_OF_BEFORE = ", acting by the settings of before"


def _check_names(trainee: Any, agent: str, settings: Mapping[str, Any]) -> None:
    known, free = {item.name for item in fields(trainee.config_type)}, trainee.acting_settings
    free_names = f"Those of {agent} that may be: {', '.join(free) or 'none'}."
    if not settings:
        raise ConfigError(f"Name a setting to change in --config. {free_names}")
    for name in settings:
        if name not in known:
            raise UnknownNameError(f"setting of {agent}", name, known)
        if name not in free:
            raise ConfigError(
                f"{name} is read in training, so it cannot be changed afterwards: train again. {free_names}"
            )


def _copy(source: RunFolder, made: RunFolder) -> None:
    """All that training wrote."""
    if not source.policy.settings.exists():
        raise MissingDataError(
            f"There is no trained agent in {source.path}: the command that trained it makes it again."
        )
    made.path.mkdir()
    for path in (source.policy.path, source.checkpoints_path, source.logs, source.training):
        if path.is_dir():
            shutil.copytree(path, made.path / path.name)
        elif path.exists():
            shutil.copy2(path, made.path / path.name)


def _change(files: PolicyFolder, settings: Mapping[str, Any], outside: Mapping[str, Any]) -> None:
    config = {**files.config(), **settings}
    value = {**read_json(files.settings), "config": config}
    value.pop("outside", None)
    write_json(files.settings, {**value, **({"outside": dict(outside)} if any(outside.values()) else {})})
