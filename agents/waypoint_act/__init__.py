"""The agent ``waypoint-act``; see ``agent.py``."""

from .agent import WaypointAct

__all__ = ["WaypointAct"]
