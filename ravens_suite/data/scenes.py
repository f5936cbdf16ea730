"""A named set of scenes of a task as one JSON file: seeds, and what is changed of the environment in each.

Such a file::

    {"format": "ravens-suite scenes", "version": 1, "name": "hard light", "task": "block-insertion",
     "scenes": [{"seed": 10003, "split": "test", "changes": {"perturb": {"light": 1.0}}, "kind": "dim"}]}

``changes`` are arguments of the environment, on top of those that the evaluated policy knows; amounts in ``perturb``
join its own by name. ``split`` is ``test`` unless given. ``kind`` is free text; scenes of one kind are summarised
together. Whatever else a scene holds is kept as ``notes``, but for what looks like one of these names misspelt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ravens_suite.core.numbers import MOST_SEED, plain
from ravens_suite.core.seeding import SPLITS, Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.errors import ConfigError, DamagedDataError, did_you_mean

FORMAT, VERSION = "ravens-suite scenes", 1
_OWN = ("seed", "split", "changes", "kind")


@dataclass(frozen=True)
class SceneSpec:
    """One scene.

    Attributes:
        seed: of the scene.
        split: of the seed.
        changes: arguments of the environment, JSON values.
        kind: in a few words; empty for none.
        notes: what else is known of it, JSON values.
    """

    seed: int
    split: Split = "test"
    changes: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", plain(self.seed))

    def arguments(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of the environment, from those that a policy knows."""
        return changed_arguments(own, self.changes)

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``SceneSet.from_json`` rebuilds it."""
        changes = dict(self.changes)
        return {"seed": self.seed, "split": self.split, "changes": changes, "kind": self.kind, **self.notes}


@dataclass(frozen=True)
class SceneSet:
    """A named set of scenes.

    Attributes:
        name: of the set.
        task: registered name.
        scenes: in the order of the file.
        notes: what else the file says, JSON values.
    """

    name: str
    task: str
    scenes: tuple[SceneSpec, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``from_json`` rebuilds it."""
        head = {"format": FORMAT, "version": VERSION, "name": self.name, "task": self.task}
        return {**head, **self.notes, "scenes": [scene.to_json() for scene in self.scenes]}

    @staticmethod
    def from_json(value: Any, damaged: Any) -> SceneSet:
        """The inverse of ``to_json``.

        Args:
            value: content of the file.
            damaged: raises the error of the file for a reason.
        """
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            damaged(f'it lacks "format": "{FORMAT}"')
        if value.get("version") != VERSION:
            damaged(f"its version is {value.get('version')!r}, this release reads {VERSION}")
        for name in ("name", "task"):
            if not isinstance(value.get(name), str) or not value[name]:
                damaged(f"{name!r} is no text")
        scenes = value.get("scenes")
        if not isinstance(scenes, list):
            damaged("'scenes' is no list")
        made = tuple(_scene(number, scene, damaged) for number, scene in enumerate(scenes, 1))
        notes = {k: v for k, v in value.items() if k not in ("format", "version", "name", "task", "scenes")}
        return SceneSet(value["name"], value["task"], made, notes)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_json(path, self.to_json())


def changed_arguments(own: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of an environment with changes on top; amounts in ``perturb`` join those that are there."""
    merged = {**own, **changes}
    if "perturb" in changes:
        merged["perturb"] = {**(own.get("perturb") or {}), **changes["perturb"]}
    return merged


def read_scenes(text: Path | str) -> SceneSet:
    """The scenes of a file, or one of them.

    Args:
        text: path of the file, or that with ``#`` and the number of a scene, from 1.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it holds no scenes; the message says which scene and field is wrong.
        ConfigError: there is no scene of that number.
    """
    text = str(text)
    name, mark, number = text.rpartition("#")
    if Path(text).exists() or not Path(name).is_file():  # A folder may have # in its name, too.
        name, mark = text, ""
    path = Path(name)
    value = read_json(path, "mend it there, docs/robustness.md shows the form")

    def damaged(reason: str) -> NoReturn:
        raise DamagedDataError(f"{path} holds no scenes to evaluate ({reason}): see docs/robustness.md for the form.")

    found = SceneSet.from_json(value, damaged)
    if not mark:
        return found
    if not found.scenes:
        raise ConfigError(f"{path} has no scene: there is nothing to take out of it.")
    if not number.isdecimal() or not 1 <= int(number) <= len(found.scenes):
        raise ConfigError(f"{path} has scenes 1 to {len(found.scenes)}; there is no scene {number!r}.")
    # A name of its own: its results must not take the place of those of the whole set.
    return SceneSet(f"{found.name}#{int(number)}", found.task, (found.scenes[int(number) - 1],), found.notes)


def changes_digest(changes: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that tell changes apart, for names of files."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True, default=_json_of).encode()).hexdigest()[:12]


def scenes_digest(scenes: SceneSet) -> str:
    """Twelve hexadecimal digits that tell sets of one name apart: of the task and, in order, what makes each scene."""
    made = [[scene.seed, scene.split, scene.changes, scene.kind] for scene in scenes.scenes]
    return hashlib.sha256(json.dumps([scenes.task, made], sort_keys=True, default=_json_of).encode()).hexdigest()[:12]


def _json_of(value: Any) -> Any:
    """Numbers and arrays of NumPy's as JSON has them."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise ConfigError(
        f"A change of a scene is written as JSON, which has no {type(value).__name__}: got {value!r:.60}."
    )


def kinds_of(scenes: Sequence[SceneSpec]) -> list[str]:
    """All kinds, the most frequent first."""
    counts: dict[str, int] = {}
    for scene in scenes:
        counts[scene.kind] = counts.get(scene.kind, 0) + 1
    return sorted(counts, key=lambda kind: (-counts[kind], kind))


def _scene(number: int, value: Any, damaged: Any) -> SceneSpec:
    if not isinstance(value, dict):
        damaged(f"scene {number} is no object")
    for name in value.keys() - {*_OWN}:
        if hint := did_you_mean(name, [own for own in _OWN if own not in value], cutoff=0.8):
            damaged(f"scene {number} has {name!r}.{hint}")
    seed, split, changes, kind = (
        value.get("seed"),
        value.get("split", "test"),
        value.get("changes", {}),
        value.get("kind", ""),
    )
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MOST_SEED:
        damaged(f"'seed' of scene {number} is no whole number >= 0")
    if split not in SPLITS:
        damaged(f"'split' of scene {number} is none of {', '.join(SPLITS)}")
    if not isinstance(changes, dict) or not isinstance(changes.get("perturb", {}), dict):
        damaged(f"'changes' of scene {number} are no arguments by name")
    if not isinstance(kind, str):
        damaged(f"'kind' of scene {number} is no text")
    return SceneSpec(seed, split, changes, kind, {k: v for k, v in value.items() if k not in _OWN})
