"""Tables keep one row a key, in order."""

from pathlib import Path

import pytest

from ravens_suite.data.tables import read_rows, record_row
from ravens_suite.errors import ConflictError


def test_rows_are_replaced_by_key_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.csv"
    for task, demos, score in (("b", 10, 1), ("a", 100, 2), ("a", 9, 3), ("b", 10, 4)):
        record_row(path, {"task": task, "demos": demos, "score": score}, key=("task", "demos"))
    assert [(row["task"], row["demos"], row["score"]) for row in read_rows(path)] == [
        ("a", "9", "3"),
        ("a", "100", "2"),
        ("b", "10", "4"),
    ]
    with pytest.raises(ConflictError, match="has columns task, demos, score"):
        record_row(path, {"task": "a"}, key=("task",))
