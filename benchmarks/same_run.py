"""Whose row of a results file a new one is: for the scripts beside this one that gather rows of several runs.

Rows of runs that differ, if only in one setting, stand side by side; a run that is measured again replaces its own row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ravens_suite.errors import ConflictError
from ravens_suite.rollout.environments import contradictions
from ravens_suite.training.settings import TrainingSettings

FIELDS = ("agent", "task", "demos", "seed", "tasks", "split", "settings")
"""What tells rows apart. What a row of an earlier version lacks, nobody knows, unless it had but one value then."""
_THEN: Mapping[str, Any] = {"tasks": 1, "split": "test", "grades": [1, 2, 3]}
_TRAINING = ("candidates", "steps", "until", "val_episodes")


def settings_of(record: Mapping[str, Any], task: str) -> dict[str, Any]:
    """How a run was made, as far as that is not by default: settings of agent, training, data and environment.

    Args:
        record: its ``run.json``.
        task: one of its tasks, or another one, of which no environment is noted.
    """
    plan, usual = record["plan"], TrainingSettings()
    training = {name: plan[name] for name in _TRAINING if plan.get(name, None) not in (None, getattr(usual, name))}
    data = {name: plan[name] for name in ("drop", "more_data") if plan.get(name)}
    environment = record.get("environments", {}).get(task, {}).get("arguments", {})
    given = {name: value for name, value in environment.items() if name != "renderer"}
    differing = {name: now for name, (_, now) in contradictions(task, {}, given).items()}
    return {**plan.get("config", {}), **training, **data, **differing}


def is_of_the_same(row: Mapping[str, Any], other: Mapping[str, Any], fields: Sequence[str] = FIELDS) -> bool:
    """Whether two rows are of the same, as far as both say so."""
    one, two = {**_THEN, **row}, {**_THEN, **other}
    return all(one[name] == two[name] for name in fields if name in one and name in two)


def beside(
    known: Iterable[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], fields: Sequence[str] = FIELDS
) -> list[Mapping[str, Any]]:
    """The rows of a file with new ones, which take the place of those that are of the same.

    Args:
        known: rows of the file.
        new: rows of now.
        fields: what tells rows apart.

    Raises:
        ConflictError: two of the new rows are of the same.
    """
    for number, row in enumerate(new):
        if any(is_of_the_same(row, other, fields) for other in new[:number]):
            raise ConflictError(
                f"Two of the runs are of {in_words(row, fields)}, and nothing tells their rows apart: name one of them."
            )
    kept = []
    for row in known:
        if not (now := [other for other in new if is_of_the_same(row, other, fields)]):
            kept.append(row)
        elif unsaid := [name for name in fields if name in now[0] and name not in {**_THEN, **row}]:
            print(f"Replaced: a row of {in_words(row, fields)} that does not say its {' and '.join(unsaid)}.")
    return [*kept, *new]


def in_words(row: Mapping[str, Any], fields: Sequence[str] = FIELDS) -> str:
    """What a row is of, for a person."""
    return ", ".join(f"{name} {row[name]}" for name in fields if row.get(name) not in (None, {}))


def names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the agent of each row is called: by its name, and by what tells it from the others of its name and task."""
    found = []
    for row in rows:
        own = _facts(row)
        others = [_facts(each) for each in rows if (each["agent"], each["task"]) == (row["agent"], row["task"])]
        told = [name for name in own if any(each.get(name) != own[name] for each in others)]
        words = ", ".join(f"{name} {own[name]}" for name in told)
        found.append(f"{row['agent']} ({words})" if words else str(row["agent"]))
    return found


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What may tell a row from others of its agent and task."""
    whole = {**_THEN, **row}
    known = {name: whole[name] for name in ("demos", "seed", "tasks", "split") if name in whole}
    return {**known, **row.get("settings", {})}


def refuse_another(path: Path, found: Mapping[str, Any], asked: Mapping[str, Any], of: str) -> None:
    """Refuse to write over what was measured otherwise, before it is measured.

    Args:
        path: of the results.
        found: how what is there was measured; empty where nothing is.
        asked: how it is to be measured now.
        of: what it is of, for the message.

    Raises:
        ConflictError: they differ.
    """
    for name, now in asked.items():
        if name in found and found[name] != now:
            raise ConflictError(
                f"{path} holds {of} with {name} {found[name]!r}, and it is {now!r} now: name another file (--out), or "
                "take that part out of it."
            )
