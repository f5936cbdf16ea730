"""Whether there is an episode to act in: between a reset that succeeded and the end of what it began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gymnasium

from ravens_suite.errors import InvalidActionError, ResetNeededError


class ResetNeeded(ResetNeededError, gymnasium.error.ResetNeeded):  # noqa: N818 (named as Gymnasium's)
    """``ResetNeededError`` for those who catch Gymnasium's own error, which only the rooms that know Gymnasium can."""


class EnvironmentClosed(ResetNeeded, gymnasium.error.ClosedEnvironmentError):
    """The environment was closed; it is Gymnasium's own error for this, too."""


class Lifecycle:
    """Where an environment is between ``reset`` and the end of an episode.

    A reset or an action that is broken off, by an error or by Ctrl-C, leaves no episode: the scene may be half made.
    """

    def __init__(self) -> None:
        self._why_none = "No episode has begun"
        self._over = False
        self._closed = False

    @property
    def over(self) -> bool:
        """Whether the last episode was terminated or truncated, and nothing has begun since."""
        return self._over

    @contextmanager
    def begins(self) -> Iterator[None]:
        """Around a reset.

        Raises:
            EnvironmentClosed: there can be no episode any more.
        """
        if self._closed:
            raise EnvironmentClosed("The environment is closed, so it cannot be reset: make a new one.")
        self._why_none, self._over = "The last reset failed", False
        yield
        self._why_none = ""

    @contextmanager
    def acts(self) -> Iterator[None]:
        """Around an action; one that is refused changes nothing.

        Raises:
            ResetNeeded: there is no episode to act in.
        """
        self.require("step")
        try:
            yield
        except InvalidActionError:
            raise
        except BaseException:
            self._why_none = "The last action was broken off"
            raise

    def require(self, call: str) -> None:
        """Refuse a call where there is no episode.

        Args:
            call: name of the method.

        Raises:
            ResetNeeded: says why there is none.
            EnvironmentClosed: there can be none any more.
        """
        if self._closed:
            raise EnvironmentClosed(f"The environment is closed, so {call}() has nothing to work on: make a new one.")
        if self._why_none:
            raise ResetNeeded(f"{self._why_none}, so {call}() has nothing to work on: call reset() first.")

    def end(self) -> None:
        """The episode was terminated or truncated."""
        self._why_none, self._over = "The episode is over (it was terminated or truncated)", True

    def close(self) -> None:
        """The environment was closed."""
        self._why_none, self._over, self._closed = "The environment is closed", False, True
