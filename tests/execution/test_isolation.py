"""Jobs in processes of their own: outcomes, deaths, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_jobs
import pytest

from ravens_suite.execution.isolation import Outcome, run_here, run_isolated


def test_what_fails_or_dies_is_reported_and_the_others_go_on() -> None:
    told: list[tuple[str, str]] = []
    items = ["a", "refuse", "die", "bug", "b"]
    outcomes = {
        outcome.item: outcome
        for outcome in run_isolated(fake_jobs.work, items, 2, lambda item, note: told.append((item, note)))
    }
    assert set(outcomes) == set(items)
    assert outcomes["a"] == Outcome("a", "A") and outcomes["b"].result == "B"
    assert outcomes["refuse"].failure == "No."
    assert outcomes["bug"].failure == "ZeroDivisionError: a bug"
    assert "signal 9" in outcomes["die"].failure
    assert ("a", "at a") in told


def test_here_it_is_the_same_without_processes() -> None:
    outcomes = list(run_here(fake_jobs.work, ["a", "refuse"], 1, lambda item, note: None))
    assert outcomes == [Outcome("a", "A"), Outcome("refuse", failure="No.")]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_jobs_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import fake_jobs\n"
        "from ravens_suite.execution.isolation import run_isolated\n"
        "if __name__ == '__main__':\n"
        f"    list(run_isolated(fake_jobs.work, [{str(mark)!r}], 1, lambda item, note: None))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    _wait_for(lambda: mark.exists() and mark.read_text() != "")
    child = int(mark.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _wait_for(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def _wait_for(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
