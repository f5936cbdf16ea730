"""What defines a task: digests that say whether two results are of the same task, scene for scene.

A definition has parts, so that a change can be named. Those of the scene are taken from one scene that the task builds,
of the lowest seed that can be placed; poses are those in which bodies are put down, before anything moves, so that no
machine rounds them otherwise. Those of code are digests of sources without their documentation, see
``core/source_digest.py``.

| part | changes with |
|---|---|
| bodies | names, kinds, shapes, masses and friction; the files that the task says its scenes are of (``Task.files``) |
| colors | colours |
| poses | where bodies are put down |
| goals | objects, targets, matches, shares, tolerances, zones |
| limits | ``max_steps``, ``max_bodies``, the primitive and its settings |
| code | the files of the task: its own, and what they import from its package or folder |
| simulation | the suite's own code of scenes, physics, robot, scoring and oracle, and its meshes |
| images | the suite's own code of cameras and renderers |
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields, is_dataclass
from functools import lru_cache
from importlib import resources
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

import ravens_suite
from ravens_suite.core.seeding import SPLITS, Split
from ravens_suite.core.source_digest import code_lines, digest_of_files, digest_of_text, imported_files, own_files
from ravens_suite.envs.first_scenes import first_scenes
from ravens_suite.envs.task_checks import check_attributes, task_code
from ravens_suite.registry import load_task, task_parameters
from ravens_suite.sim.bodies import Body, Mesh
from ravens_suite.tasks.base import Task

Definition = dict[str, str]
"""Digest by part, JSON."""

OF_THE_TASK = {
    "bodies": "the bodies of its scenes",
    "colors": "the colours of its bodies",
    "poses": "where its bodies are put down",
    "goals": "its goals",
    "limits": "its limits or its primitive",
    "code": "its code",
}
"""Parts that the task itself decides, and how each is called in a message."""

OF_THE_SUITE = {
    "simulation": "the suite's code of the simulation",
    "images": "the suite's code that draws images",
}
"""Parts that all tasks share."""

_IMAGES = ("sim/rendering", "core/cameras.py", "core/heightmap.py")
_NEITHER = (
    "core/modules.py",
    "core/source_digest.py",
    "core/statistics.py",
    "core/memory.py",
    "envs/definition.py",
    "envs/first_scenes.py",
    "envs/task_checks.py",
)
"""Files of the rooms core, sim and envs that decide nothing of what happens in a scene."""
_SCRIPT = ("__main__", "__mp_main__")
"""Names of the module of the script that runs, in it and in its workers."""
_DIGITS = 6
"""Decimals of metres that count."""

_known: dict[tuple[Any, ...], Definition] = {}


def define(task: str, split: str = "train", arguments: Mapping[str, Any] | None = None) -> Definition:
    """The definition of a task; computed once in a process.

    Args:
        task: registered name.
        split: of the scene that is looked at; of what is none of the suite's splits, ``train``.
        arguments: of the environment; those of the task's class count.

    Raises:
        UnknownNameError: there is no such task.
        PlacementError: none of its first scenes can be placed.
    """
    task_class, own = load_task(task)
    parameters = task_parameters(task_class)
    options = {**own, **{name: value for name, value in (arguments or {}).items() if name in parameters}}
    options.pop("split", None)
    known_split: Split = next((known for known in SPLITS if known == split), "train")
    key = (task_class, known_split, json.dumps(options, sort_keys=True, default=repr))
    if key not in _known:
        with task_code(task, task_class, "__init__"):
            made = task_class(split=known_split, **options)
            check_attributes(made)
        with task_code(task, task_class, "build"):
            _known[key] = {**_scene(made), "code": _code(type(made)), **_suite()}
    return dict(_known[key])


def changed(then: Mapping[str, Any] | None, now: Mapping[str, Any], parts: Mapping[str, str]) -> list[str]:
    """What differs between two definitions, in words.

    Args:
        then: as noted; ``None`` where nothing was.
        now: of the task as it is.
        parts: those that are compared: ``OF_THE_TASK``, ``OF_THE_SUITE``.

    Returns:
        Empty where nothing differs or nothing was noted.
    """
    return [words for part, words in parts.items() if then and then.get(part) != now.get(part)]


def _scene(task: Task) -> Definition:
    """The parts that a built scene shows."""
    with closing(first_scenes(task)) as scenes:
        scene, goals = next(scenes)
        names = scene.objects()
        bodies = {name: scene.body(name) for name in names}
        described = [(name, scene.kind(name), _plain(_uncolored(body))) for name, body in bodies.items()]
        return {
            "bodies": _digest([*described, *map(_file, task.files)]),
            "colors": _digest([visual.color for body in bodies.values() for visual in body.visuals]),
            "poses": _digest([scene.placed(name) for name in names]),
            "goals": _digest([(type(goal).__name__, goal) for goal in goals]),
            "limits": _digest([task.max_steps, task.max_bodies, type(task.primitive).__name__, task.primitive]),
        }


def _code(task_class: type[Any]) -> str:
    """Digest of the files that define a class and its bases, but for those that every task shares."""
    package = Path(str(resources.files(ravens_suite)))
    files: set[Path] = set()
    cells: list[str] = []
    for base in task_class.__mro__:
        if base in Task.__mro__:
            continue
        path = Path(getattr(sys.modules.get(base.__module__), "__file__", None) or "")
        if path.suffix != ".py" or not path.is_file() or base.__module__ in _SCRIPT:
            cells.append(_written_in_a_notebook(base))
        elif path.is_relative_to(package / "tasks"):
            files |= imported_files(path, package / "tasks", package.parent)
        else:
            files |= own_files(path, base.__module__)
    return digest_of_text("\n".join([digest_of_files(files - _shared_by_tasks(package)), *cells]))


def _written_in_a_notebook(base: type[Any]) -> str:
    """The source of a class in a notebook or in the script that runs, of which other lines do something else.

    Empty where Python does not know it, and its scene must do.
    """
    try:
        return code_lines(inspect.cleandoc(inspect.getsource(base)))
    except (OSError, TypeError):
        return ""


def _shared_by_tasks(package: Path) -> set[Path]:
    tasks = package / "tasks"
    own = {tasks / name for name in ("__init__.py", "base.py", "placement.py", "sentences.py")}
    return own | set((tasks / "primitives").glob("*.py"))


@lru_cache(maxsize=1)
def _suite() -> Definition:
    """The parts that all tasks share."""
    package = Path(str(resources.files(ravens_suite)))
    drawn = {path for place in _IMAGES for path in _python_files(package / place)}
    rooms = {path for room in ("core", "sim", "envs") for path in _python_files(package / room)}
    files = (rooms | _shared_by_tasks(package)) - drawn - {package / place for place in _NEITHER}
    meshes = sorted(Path(str(resources.files("ravens_suite.assets"))).glob("*.obj"))
    content = [
        digest_of_files(files, of_the_suite=True),
        *(path.name + path.read_text(encoding="utf-8") for path in meshes),
    ]
    return {"simulation": digest_of_text("\n".join(content)), "images": digest_of_files(drawn, of_the_suite=True)}


def _python_files(place: Path) -> list[Path]:
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


def _uncolored(body: Body) -> Body:
    return body.colored((0.0, 0.0, 0.0))


def _digest(value: Any) -> str:
    return digest_of_text(json.dumps(_plain(value), sort_keys=True, ensure_ascii=True))


def _plain(value: Any) -> Any:
    """JSON of what scenes and goals are made of; numbers with ``_DIGITS`` decimals."""
    if isinstance(value, Mesh):
        return _plain_mesh(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
        return {"is": type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return round(value, _DIGITS) + 0.0  # Without a negative zero.
    if isinstance(value, type):
        return value.__name__
    return value if isinstance(value, bool | int | str | None) else str(type(value).__name__)


def _plain_mesh(mesh: Mesh) -> Any:
    """Of a mesh of the user's own what its file holds, and not the folder it lies in."""
    name, own = _file(mesh.name)
    return {"is": "Mesh", "name": name, "content": own, "pose": _plain(mesh.pose), "scale": _plain(mesh.scale)}


def _file(path: str | PathLike[str]) -> tuple[str, str]:
    """Name of a file, whatever folder it lies in, and a digest of what it holds; none of what is no file."""
    path = Path(path)
    return path.name, digest_of_text(path.read_bytes().decode("latin-1")) if path.is_file() else ""
