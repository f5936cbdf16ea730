"""Progress bars of the command line."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self, TextIO

_PLAIN_LINES_SECONDS = 10.0


class ConsoleProgress:
    """A bar on a terminal, elsewhere a plain line every ten seconds and at the end.

    Args:
        title: what is being done.
        stream: where to; standard error by default.
    """

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = sys.stderr if stream is None else stream
        self._bar: Any = None
        self._last_line = time.monotonic()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """See ``execution/progress.py``."""
        if self._stream.isatty():
            self._draw(done, total, note)
        elif done == total or time.monotonic() - self._last_line > _PLAIN_LINES_SECONDS:
            self._last_line = time.monotonic()
            self._stream.write(f"{self._title}: {done}/{total}{f' ({note})' if note else ''}\n")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def _draw(self, done: int, total: int, note: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=self._title, file=self._stream, dynamic_ncols=True)
        self._bar.total = total
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
