"""Old names of the job pool, for callers that have not moved yet."""

from __future__ import annotations

from ravens_suite.execution.cores import available_cores
from ravens_suite.execution.pool import ENGINES
from ravens_suite.execution.pool import JobPool as Engine
from ravens_suite.execution.pool import make_pool as make_engine
from ravens_suite.execution.serial import SerialPool as SerialEngine

__all__ = ["ENGINES", "Engine", "SerialEngine", "available_cores", "make_engine"]
