"""The pages of the API: one a room, with all its modules, from the docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

from site_pages.markdown import page, remove_others, table, toctree, write

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = _ROOT / "ravens_suite"

ROOMS = {
    "core": "Poses, cameras, observations, heightmaps, goals, seeds",
    "sim": "Scene, bodies, robot, renderers",
    "tasks": "What a task is, placement, primitives",
    "envs": "The Gymnasium environment",
    "data": "Episodes on disk",
    "agents": "What an agent is, and parts of agents",
    "rollout": "Policies, collect, evaluate, replay",
    "training": "Training runs",
    "execution": "Job pools",
    "benchmark": "Grids of runs, published figures",
    "insight": "Robustness, influence of demonstrations, calibration, weak spots",
    "report": "Pages and pictures for people",
    "interop": "Formats and protocols of other libraries",
}
"""Rooms of the package in the order of the pages; one that does not exist has no page."""

_TOP = ("registry", "registry.entries", "errors")


def write_pages(folder: Path) -> None:
    """Write the page of every room, and the index."""
    rooms = {room: modules(room) for room in ROOMS if _folder(room).is_dir()}
    for room, names in rooms.items():
        write(folder / f"{room}.md", _page(room, ROOMS[room], names))
    write(folder / "package.md", _page("package", "Names and errors", [f"ravens_suite.{name}" for name in _TOP]))
    write(folder / "index.md", _index(list(rooms)))
    remove_others(folder, ["index.md", "package.md", *(f"{room}.md" for room in rooms)])


def modules(room: str) -> list[str]:
    """Full names of the documented modules of a room: no private ones, and none without a docstring of its own."""
    found = []
    for path in sorted(_folder(room).rglob("*.py")):
        parts = path.relative_to(_folder(room)).with_suffix("").parts
        if any(part.startswith("_") for part in parts) or (room == "tasks" and not _shared_by_tasks(parts)):
            continue
        found.append(".".join(("ravens_suite", room, *parts)))
    return found


def _shared_by_tasks(parts: tuple[str, ...]) -> bool:
    """Tasks themselves have pages of their own."""
    return parts[0] in ("base", "placement", "primitives", "sentences")


def _folder(room: str) -> Path:
    return _ROOT / "agents" if room == "agents" else _PACKAGE / room


def _index(rooms: list[str]) -> str:
    rows = [[f"[{room}]({room}.md)", ROOMS[room]] for room in rooms]
    rows.append(["[package](package.md)", "Names of tasks and agents; all errors"])
    return page(
        "# API",
        "From the docstrings, one page a room of the package. `ARCHITECTURE.md` says which room may use which.",
        table(["room", "what it holds"], rows),
        toctree([*rooms, "package"]),
    )


def _page(room: str, words: str, names: list[str]) -> str:
    parts = [f"# {room}", f"{words}."]
    for name in names:
        parts += [f"## {_short(name)}", f"```{{eval-rst}}\n.. automodule:: {name}\n```"]
    return page(*parts)


def _short(name: str) -> str:
    return f"`{name}`"


def docstring(path: Path) -> str:
    """The docstring of a module, without importing it."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
