"""What ``run.json`` may say: every field that is there is checked for its kind, and one that is missed is named."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ravens_suite.data.fields import Fields, is_number, is_whole
from ravens_suite.errors import DamagedDataError

THEN = " && "
"""Between commands that are noted together."""


class Recorded(dict[str, Any]):
    """A JSON object of a record; a field that it lacks is named where it is asked for.

    Args:
        value: the object, or its items.
        damaged: raises the error of the file for a reason; ``None`` for a plain copy, as ``dataclasses.asdict`` makes.
    """

    def __init__(
        self,
        value: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        damaged: Callable[[str], NoReturn] | None = None,
    ) -> None:
        super().__init__(value)
        self._damaged = damaged
        if damaged is not None:
            self.update({key: Recorded(item, damaged) for key, item in self.items() if type(item) is dict})

    def __missing__(self, key: str) -> NoReturn:
        if self._damaged is None:
            raise KeyError(key)
        self._damaged(f"it has no {key!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what another process is sent, is a plain dictionary."""
        return dict, (dict(self),)


def checked_record(value: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The record of a run, all of whose fields are of their kinds.

    Args:
        value: content of ``run.json``.
        path: of the file, for the message.

    Raises:
        DamagedDataError: a field is of another kind, now; or one is missing, when it is asked for.
    """

    def damaged(reason: str) -> NoReturn:
        raise DamagedDataError(f"{path} is damaged ({reason}): put the file back, or train again into another folder.")

    _check(value, _FIELDS, damaged, "")
    for task in value["plan"].get("tasks", ()) if "environments" in value else ():
        if task not in value["environments"]:
            damaged(f"'environments' lacks the task {task!r} of its plan")
    for task, environment in Fields(value, damaged).mapping("environments").items() if "environments" in value else ():
        if not isinstance(environment, Mapping):
            damaged(f"the environment of {task!r} is not a JSON object")
        _check(environment, _ENVIRONMENT, damaged, f"the environment of {task!r}, ")
    if "interface" in value:
        Fields(value, damaged).interface("interface")
    return Recorded(value, damaged)


def commands_of(record: Mapping[str, Any]) -> list[str]:
    """The commands that made a run, in order, each once: the one that began it, and those that gave it more steps.

    Args:
        record: content of ``run.json``; that of a run that was made of others has theirs first, joined by ``THEN``.
    """
    parts = [record, *record.get("continued", ())]
    given = [part["command"] for part in parts if part.get("command")]
    # A copy keeps which steps its run was given, whose commands are joined in its own already.
    return [*dict.fromkeys(one for each in given for one in _typed(each).split(THEN))]


def _typed(words: str | Sequence[str]) -> str:
    """A command as one types it: the program's name without its folder, where its words are noted one by one."""
    if isinstance(words, str):
        return words
    return shlex.join([Path(words[0]).name, *words[1:]])


def _check(value: Mapping[str, Any], kinds: Mapping[str, Any], damaged: Callable[[str], NoReturn], where: str) -> None:
    for name, kind in kinds.items():
        if name not in value:
            continue
        if isinstance(kind, Mapping):
            if not isinstance(value[name], Mapping):
                damaged(f"{where}{name!r} is not a JSON object")
            _check(value[name], kind, damaged, f"{where}{name!r} of ")
        elif not kind[1](value[name]):
            damaged(f"{where}{name!r} is {value[name]!r:.60}, not {kind[0]}")
    if kinds is _TRAINING and (unknown := sorted(set(value) - set(kinds))):
        damaged(f"{where}has an unknown field {unknown[0]!r}")


def _or_none(kind: tuple[str, Callable[[Any], bool]]) -> tuple[str, Callable[[Any], bool]]:
    return f"{kind[0]} or null", lambda value: value is None or kind[1](value)


def _each(kind: tuple[str, Callable[[Any], bool]]) -> tuple[str, Callable[[Any], bool]]:
    return f"an object of {kind[0]}", lambda value: isinstance(value, dict) and all(map(kind[1], value.values()))


def _list(kind: tuple[str, Callable[[Any], bool]]) -> tuple[str, Callable[[Any], bool]]:
    return f"a list of {kind[0]}", lambda value: isinstance(value, list) and all(map(kind[1], value))


_TEXT = ("a text", lambda value: isinstance(value, str))
_WHOLE = ("a whole number, not negative", is_whole)
_NUMBER = ("a number", is_number)
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_OBJECT = ("a JSON object", lambda value: isinstance(value, dict))
_TRAINING: dict[str, Any] = {
    "step": _WHOLE,
    "seconds": _NUMBER,
    "best_step": _WHOLE,
    "best_score": _or_none(_NUMBER),
    "validation": (
        "an object of numbers by step",
        lambda value: _each(_NUMBER)[1](value) and all(map(str.isdecimal, value)),
    ),
    "until_solved": {
        "periods": _list(("pairs of steps", lambda value: _list(_WHOLE)[1](value) and len(value) == 2)),
        "solved": _FLAG,
        "hardest": _WHOLE,
        "seconds": _NUMBER,
    },
}
_ENVIRONMENT = {"id": _TEXT, "arguments": _OBJECT, "definition": _each(_TEXT)}
_FIELDS: dict[str, Any] = {
    "plan": {
        "agent": _TEXT,
        "tasks": ("a list of names", lambda value: _list(_TEXT)[1](value) and len(value) > 0),
        "demos": _WHOLE,
        "seed": ("a whole number", lambda value: type(value) is int),
        "config": _OBJECT,
        "steps": _or_none(_WHOLE),
        "val_episodes": _WHOLE,
        "candidates": _WHOLE,
        "until": ("steps or solved", lambda value: value in ("steps", "solved")),
        "threads": _or_none(_WHOLE),
        "device": _TEXT,
        "keep_checkpoints": _WHOLE,
        "drop": _each(_list(_WHOLE)),
        "more_data": _list(_TEXT),
    },
    "environments": _OBJECT,
    "data": _TEXT,
    "demonstrations": _each(_list(_WHOLE)),
    **dict.fromkeys(("more_demonstrations", "episodes_beside"), _each(_each(_list(_WHOLE)))),
    "more_checksums": _each(_TEXT),
    "pool": _each(_WHOLE),
    "training": _TRAINING,
    "continued": _list(("objects", lambda value: isinstance(value, dict) and is_whole(value.get("step")))),
    "finished": _FLAG,
    "parameters": _WHOLE,
    "versions": _each(_TEXT),
    "machine": _OBJECT,
    "command": ("a text, or a list of them", lambda value: _TEXT[1](value) or _list(_TEXT)[1](value)),
    **dict.fromkeys(("selection", "commit", "torch", "code"), _TEXT),
}
