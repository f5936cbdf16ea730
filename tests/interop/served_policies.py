"""Policies to be served in tests; their file imports nothing by which programs ask others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ravens_suite.errors import OracleGaveUpError


class Counting:
    """Gives the number of its calls since it was reset, and the seed; gives up at the fourth."""

    def reset(self, seed: int) -> None:
        self.seed, self.calls = seed, 0

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        if self.calls == 4:
            raise OracleGaveUpError("Tired.")
        return {"pick": np.full(7, self.calls, np.float32), "place": np.full(7, self.seed % 1000)}


class Sure(Counting):
    """Says how sure it is of every second action."""

    def confidence(self) -> float | None:
        return self.calls / 8 if self.calls % 2 else None


ONE_OBJECT = Counting()


class Tensor:
    """An array of another library: NumPy makes its own of it, msgpack does not know it."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.arange(7, dtype=np.float32)


def of_another_library(observation: dict[str, Any]) -> dict[str, Any]:
    return {"pick": Tensor(), "place": range(7)}


def without_a_name(observation: dict[str, Any]) -> Any:
    return np.array([0.5, 0.1, 0.005, 0, 0, 0, 1])


def nothing(observation: dict[str, Any]) -> None:
    return None


def broken(observation: dict[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("a bug")
