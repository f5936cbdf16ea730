"""The page of mended faults names every fault once, and tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_COUNTS = {"A": 10, "B": 8, "C": 11, "D": 15, "E": 10, "F": 7, "G": 6}


def _rows() -> dict[str, str]:
    """The cell of tests by fault."""
    lines = (_ROOT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [A-G]\d", line)]
    assert all(len(row) == 4 and all(row) for row in cells)
    return {row[0]: row[3] for row in cells}


@cache
def _tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_its_line() -> None:
    assert list(_rows()) == [f"{letter}{number}" for letter, count in _COUNTS.items() for number in range(1, count + 1)]


@pytest.mark.parametrize(("fault", "tests"), _rows().items())
def test_its_tests_exist(fault: str, tests: str) -> None:
    named = re.findall(r"`(tests/[^`]+)::(test_[^`]+)`", tests)
    assert named or tests.startswith("none: "), f"{fault} names no test and no reason"
    for file, name in named:
        assert name in _tests(_ROOT / file), f"{fault} names {name}, which is not in {file}"
