"""``progress``: how far an episode is, whether it is done, whether it will fail, and what comes next."""

from .forecaster import Progress

__all__ = ["Progress"]
