"""What a command says: plain lines for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from ravens_suite.cli.progress import ConsoleProgress


class Console:
    """Where a command's words go.

    Args:
        as_json: the result goes to standard output as one JSON object, and all else to standard error.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def say(self, line: str = "") -> None:
        """A line for people."""
        stream = sys.stderr if self.as_json else sys.stdout
        stream.write(f"{line}\n")
        stream.flush()

    def result(self, value: Mapping[str, Any]) -> None:
        """What a program would read; written with ``--json`` only."""
        if self.as_json:
            sys.stdout.write(f"{json.dumps(value)}\n")
            sys.stdout.flush()

    def progress(self, title: str) -> ConsoleProgress:
        """A progress bar on a terminal, plain lines elsewhere; use it as a context."""
        return ConsoleProgress(title)
