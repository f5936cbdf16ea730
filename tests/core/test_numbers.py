"""Numbers that users give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ravens_suite.core.numbers import MOST_SEED, check_number, plain
from ravens_suite.errors import ConfigError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_may_be_of_numpy(value: Any) -> None:
    assert type(check_number("--seed", value, 0, 5)) is int


def test_a_short_number_of_numpy_is_compared_with_the_largest_seed_and_counted_on() -> None:
    assert check_number("--seed", np.uint8(250), 0, MOST_SEED) + 10 == 260
    with pytest.raises(ConfigError, match="at most 5, not 250"):
        check_number("--seed", np.uint8(250), 0, 5)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "at least 0, not -1"),
        (6, "at most 5, not 6"),
        (True, "whole number, not True"),
        (2.0, "whole number, not 2.0"),
    ],
)
def test_what_cannot_work_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=f"--seed must be (a )?{words}"):
        check_number("--seed", value, 0, 5)


def test_a_number_of_numpy_becomes_one_of_python() -> None:
    made = [plain(value) for value in (np.int64(3), np.float32(0.5), np.bool_(True), "a", None)]
    assert made == [3, 0.5, True, "a", None]
    assert [type(value) for value in made[:3]] == [int, float, bool]
