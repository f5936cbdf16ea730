"""Tables of what is registered, in which what is broken is listed, too, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ravens_suite.cli.console import Console
from ravens_suite.errors import MissingLibraryError, RavensError

Row = dict[str, Any]


def describe_all(kind: str, names: Iterable[str], row: Callable[[str], Row]) -> tuple[list[Row], list[Row]]:
    """A row for each name, and one with its reason for each that cannot be used.

    Args:
        kind: ``task`` or ``agent``.
        names: all that are registered.
        row: describes one.

    Returns:
        Rows of those that work, and rows of ``kind``, ``reason`` of those that do not.

    Raises:
        MissingLibraryError: a library that all need is not installed.
    """
    rows, broken = [], []
    for name in names:
        try:
            rows.append(row(name))
        except MissingLibraryError:
            raise
        except Exception as error:  # Code of other packages: whatever it raises, the list goes on.
            reason = str(error) if isinstance(error, RavensError) else f"{type(error).__name__}: {error}"
            broken.append({kind: name, "reason": " ".join(reason.split())})
    return rows, broken


def say_table(console: Console, table: Sequence[Sequence[str]]) -> None:
    """Print rows of cells in columns."""
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
    for cells in table:
        console.say("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def say_broken(console: Console, kind: str, broken: Sequence[Row]) -> None:
    """Print what cannot be used, and why."""
    for row in broken:
        console.say(f"\nBroken: {row[kind]}. {row['reason']}")
