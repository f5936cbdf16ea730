"""Motion primitives, one class a file: what the poses of an action make the robot do.

A new primitive is one class that derives from ``Primitive``; a task names it in ``primitive``, from wherever it is.
"""

from ravens_suite.tasks.primitives.base import (
    LEVEL_OUT_OF_REACH,
    OUT_OF_REACH,
    WAYPOINTS_PER_ACTION,
    MotionReport,
    Primitive,
    Waypoint,
    expand,
)
from ravens_suite.tasks.primitives.pick_place import PickPlace
from ravens_suite.tasks.primitives.push import Push

__all__ = [
    "LEVEL_OUT_OF_REACH",
    "OUT_OF_REACH",
    "WAYPOINTS_PER_ACTION",
    "MotionReport",
    "PickPlace",
    "Primitive",
    "Push",
    "Waypoint",
    "expand",
]
