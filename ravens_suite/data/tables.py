"""Tables of results: sorted CSV files with one row for each key, written whole or not at all."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ravens_suite.core.seeding import SPLITS
from ravens_suite.data.atomic import check_writable, write_bytes
from ravens_suite.data.locks import locked_file
from ravens_suite.errors import ConflictError, DamagedDataError


def record_row(
    path: Path, row: Mapping[str, Any], key: Sequence[str], *, notes: Mapping[str, str] | None = None
) -> None:
    """Add a row to a table, or replace the one with the same key. A table that is not there is made.

    Several processes may add to one table. It keeps its line ends and its mark of the encoding (a BOM), which
    spreadsheets write, so that a new row is the only change.

    Args:
        path: of the CSV file.
        row: value by column, in the order of the columns of a new table.
        key: columns that identify a row, and by which a new one finds its place: rows that are there stay in theirs.
        notes: further columns that identify a row. A table gets one with the first row that has a text in it, at the
            end, and stays without it until then; earlier rows have none there.

    Raises:
        ConflictError: the table has other columns.
    """
    with locked_file(path, "adding to", wait=True):
        new = {name: str(value) for name, value in row.items()}
        rows = read_rows(path)
        found = list(rows[0]) if rows else []
        noted = {name: text for name, text in (notes or {}).items() if text or name in found}
        new |= noted
        rows = [dict.fromkeys(noted, "") | row for row in rows]
        key = [*key, *noted]
        _check(path, rows, new)
        columns = [*found, *(name for name in new if name not in found)]
        _enter(rows, new, key)
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator=_line_end(path))
        writer.writeheader()
        writer.writerows(rows)
        write_bytes(path, [_mark(path), text.getvalue().encode()])


def check_table(path: Path, columns: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Refuse a table that would not take a row, before the work whose row it is.

    Args:
        path: of the CSV file, which need not be there.
        columns: of the row.
        notes: names of further columns that it may have, see ``record_row``.

    Raises:
        ConflictError: the table has other columns.
        DamagedDataError: it is none.
        OSError: it is a folder, or its folder cannot be made or written to.
    """
    check_writable(path)
    rows = read_rows(path)
    _check(path, rows, [*columns, *(name for name in notes if rows and name in rows[0])])


def _check(path: Path, rows: Sequence[Mapping[str, str]], columns: Collection[str]) -> None:
    if rows and set(rows[0]) != set(columns):
        raise ConflictError(f"{path} has columns {', '.join(rows[0])}, not {', '.join(columns)}: name another file.")


def _enter(rows: list[dict[str, str]], new: dict[str, str], key: Sequence[str]) -> None:
    """Replace the row with the same key where it stands, or put the new one before the first with a greater key."""

    def order(row: Mapping[str, str]) -> list[tuple[float, int, str]]:
        return [_sortable(row[name]) for name in key]

    place = next((i for i, row in enumerate(rows) if order(row) >= order(new)), len(rows))
    same = [i for i, row in enumerate(rows) if all(row[name] == new[name] for name in key)]
    if same:
        rows[same[0]] = new
    else:
        rows.insert(place, new)


def _line_end(path: Path) -> str:
    """That of the first line of a table; a line feed where there is none. Spreadsheets write two characters."""
    if not path.exists():
        return "\n"
    with path.open("rb") as file:
        return "\r\n" if file.readline().endswith(b"\r\n") else "\n"


def _mark(path: Path) -> bytes:
    """The mark of UTF-8 with which a table begins; empty where it has none, or is not there."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        return codecs.BOM_UTF8 if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else b""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table; none when there is no such file.

    Raises:
        DamagedDataError: it is not a table in which every row has one value for each column.
    """
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, names = list(reader), list(reader.fieldnames or ())
    except (csv.Error, UnicodeDecodeError) as error:
        raise DamagedDataError(f"{path} is not a table ({error}): mend it, or name another file.") from error
    for number, row in enumerate(rows, 2):
        if set(row) != set(names) or None in row.values() or len(set(names)) != len(names):
            raise DamagedDataError(f"{path}, row {number}, does not fit its columns: mend it, or name another file.")
    return rows


def _sortable(text: str) -> tuple[float, int, str]:
    """Sort key: numbers by value, then the splits as one uses them, then other words by letter."""
    try:
        return float(text), 0, ""
    except ValueError:
        return float("inf"), SPLITS.index(text) if text in SPLITS else len(SPLITS), text
