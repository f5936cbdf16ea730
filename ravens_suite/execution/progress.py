"""How a long job tells its caller how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called after every step of a long job."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Take in how far the job is.

        Args:
            done: number of steps that are done.
            total: number of steps.
            note: a few words on the latest step, for example its score.
        """


def silent(done: int, total: int, note: str = "") -> None:
    """A ``Progress`` that shows nothing."""
