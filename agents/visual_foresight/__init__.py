"""The agent ``visual-foresight``; see ``agent.py``."""

from .agent import VisualForesight

__all__ = ["VisualForesight"]
