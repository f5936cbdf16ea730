"""The agent ``transporter``; see ``agent.py``."""

from .agent import Transporter

__all__ = ["Transporter"]
