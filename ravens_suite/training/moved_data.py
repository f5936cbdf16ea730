"""Whether further data folders of a run that have other names by now hold the same episodes, as in a moved project.

They are those of ``--more-data``, and those that settings of the agent name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.registry import load_trainee
from ravens_suite.training.data import checksum_of
from ravens_suite.training.resolved_config import resolve_config
from ravens_suite.training.settings import TrainingPlan, without_steps

CHECKSUMS = "more_checksums"
"""In ``run.json``: by further data folder, of any kind, the checksum of the episodes that are learnt from."""
BESIDE = "episodes_beside"
"""In ``run.json``: by folder that the agent's settings name, the seeds by task of the episodes that are read."""


def with_new_names(plan: TrainingPlan, record: dict[str, Any]) -> dict[str, Any]:
    """The record of a run with further data folders as a plan names them, where these hold the same episodes.

    A project may have been moved since. Where one of them holds other episodes, the record stays as it is. They are
    those of ``more_data``, and those that settings of the agent name.

    Args:
        plan: of now.
        record: ``run.json``.
    """
    found = record["plan"]
    if without_steps(found) == without_steps(plan.to_json()):
        return record
    settings, config = load_trainee(plan.agent).named_data(resolve_config(plan)), found.get("config", {})
    pairs = [(found.get("more_data", []), plan.more_data)]
    usual = {name: [] if name in plan.config else list(folders) for name, folders in settings.items()}
    pairs += [(config.get(name, usual[name]), folders) for name, folders in settings.items()]
    if any(not isinstance(before, list) or len(before) != len(now) for before, now in pairs):
        return record
    names = {name: new for before, now in pairs for name, new in zip(before, now, strict=True)}
    seeds = {**record.get("more_demonstrations", {}), **record.get(BESIDE, {})}
    known = record.get(CHECKSUMS, {})
    if len({*names.values()}) != len(names) or not all(
        name == new or _is_moved(name, new, seeds.get(name, {}), known.get(name, "")) for name, new in names.items()
    ):
        return record

    def renamed(by_folder: Mapping[str, Any]) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in by_folder.items()}

    given = {name: plan.config[name] for name in settings if name in config and name in plan.config}
    changed = {key: renamed(record[key]) for key in ("more_demonstrations", BESIDE, CHECKSUMS) if key in record}
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
