"""Freed memory is used again, where a process asked for it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_COUNT_PAGES = """
import resource
import numpy as np
from ravens_suite.core.memory import keep_freed_memory

{first}
def pages():
    for _ in range(20):
        arrays = [np.ones(1_000_000) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(-pages() + pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_used_again() -> None:
    def count(first: str) -> int:
        code = _COUNT_PAGES.format(first=first)
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(run.stdout)

    assert count("keep_freed_memory()") < 0.01 * count("")
