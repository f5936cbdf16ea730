"""Tables keep one row a key, in order."""

from pathlib import Path

import pytest

from ravens_suite.data.tables import read_rows, record_row
from ravens_suite.errors import ConflictError, RavensError


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


@pytest.mark.parametrize(
    "text",
    [
        b"task,score\nrope\n",
        b"task,score\nrope,1,2\n",
        b"task,task\na,b\n",
        b"\xff\xfe",
        b'task\n"rope\n',
        b"a\n" + b"x" * 200_000,
    ],
    ids=["short row", "long row", "a column twice", "no text", "no end of quotes", "a long field"],
)
def test_a_foreign_table_is_refused_by_name_and_kept(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(text)
    with pytest.raises(RavensError, match=r"scores\.csv"):
        record_row(path, {"task": "rope", "score": 1}, ["task"])
    assert path.read_bytes() == text


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_new_row_leaves_the_bytes_of_all_others_as_they_are(tmp_path: Path, end: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(f"task,score{end}a,1.0{end}c,3.0{end}".encode())
    record_row(path, {"task": "b", "score": 2.0}, key=("task",))
    assert path.read_bytes() == f"task,score{end}a,1.0{end}b,2.0{end}c,3.0{end}".encode()


def test_a_spreadsheets_mark_of_the_encoding_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes(b"\xef\xbb\xbftask,score\r\nb,1\r\n")
    record_row(path, {"task": "a", "score": 2}, ["task"])
    assert path.read_bytes() == b"\xef\xbb\xbftask,score\r\na,2\r\nb,1\r\n"


def test_splits_come_in_the_order_in_which_they_are_used(tmp_path: Path) -> None:
    path = tmp_path / "oracle.csv"
    for split in ("test", "train", "val"):
        record_row(path, {"task": "a", "split": split}, key=("task", "split"))
    assert [row["split"] for row in read_rows(path)] == ["train", "val", "test"]


def test_a_row_of_the_committed_table_can_be_measured_again_without_changing_others(tmp_path: Path) -> None:
    committed = Path(__file__).parents[2] / "results" / "oracle.csv"
    path = tmp_path / "oracle.csv"
    path.write_bytes(committed.read_bytes())
    record_row(path, read_rows(path)[7], key=("task", "split"))
    assert path.read_bytes() == committed.read_bytes()
