"""Small pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty without rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(header)} |", "|---" * len(header) + "|", *lines])


def page(*parts: str) -> str:
    """Blocks of text with an empty line between them; empty ones are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def toctree(names: Iterable[str], *, hidden: bool = True) -> str:
    """A table of contents of pages in the same folder."""
    return "\n".join(["```{toctree}", *([":hidden:"] if hidden else [":maxdepth: 1"]), "", *names, "```"])


def write(path: Path, text: str) -> None:
    """Write a page unless it is there already, so that Sphinx reads only what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def remove_others(folder: Path, kept: Iterable[str]) -> None:
    """Remove pages of earlier builds."""
    for path in set(folder.glob("*.md")) - {folder / name for name in kept}:
        path.unlink()
