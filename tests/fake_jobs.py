"""Jobs for processes of their own: they succeed, fail, die, or outlast their parent if they can."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ravens_suite.errors import ConfigError


def work(item: str, tell: Callable[[str], None]) -> str:
    """Do what the item says."""
    tell(f"at {item}")
    if item == "refuse":
        raise ConfigError("No.")
    if item == "bug":
        raise ZeroDivisionError("a bug")
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item.startswith("/"):
        Path(item).write_text(str(os.getpid()))
        time.sleep(60)
    return item.upper()
