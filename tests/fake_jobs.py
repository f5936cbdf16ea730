"""Workers for testing job pools: their jobs succeed, fail, kill their process, or outlast their parent if they can."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from ravens_suite.errors import ConfigError, UnknownNameError
from ravens_suite.execution.pool import make_pool


class WordWorker:
    """Does what the word says."""

    def run(self, job: str, on_note: Callable[[str], None]) -> str:
        on_note(f"at {job}")
        if job == "refuse":
            raise ConfigError("No.")
        if job == "unknown":
            error = UnknownNameError("task", "tusk", ["mask", "task"])
            error.add_note("In the job.")
            raise error
        if job == "bug":
            raise ZeroDivisionError("a bug")
        if job == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if job == "exit":
            os._exit(3)
        return job.upper()

    def close(self) -> None:
        pass


class EnvironWorker:
    """Tells the environment variables of its process."""

    def run(self, job: str) -> str:
        return os.environ.get(job, "")

    def close(self) -> None:
        pass


class UnpicklableWorker:
    """Its results cannot leave their process."""

    def run(self, job: int) -> object:
        return lambda: job

    def close(self) -> None:
        pass


class RefusingWorker:
    """Refuses every job."""

    def run(self, job: int) -> int:
        raise ConfigError(f"I cannot do {job}.")

    def close(self) -> None:
        pass


class PidWorker:
    """Tells its process and how many jobs it has done."""

    def __init__(self) -> None:
        self.done = 0

    def run(self, job: int) -> tuple[int, int]:
        self.done += 1
        return os.getpid(), self.done

    def close(self) -> None:
        pass


class SleepWorker:
    """Writes the number of its process into a folder, and sleeps."""

    def run(self, job: str) -> None:
        (Path(job) / str(os.getpid())).touch()
        time.sleep(60)

    def close(self) -> None:
        pass


class ParentWorker:
    """Writes the number of its process into a folder, and has two processes of its own do the same."""

    def run(self, job: str, on_note: Callable[[str], None]) -> None:
        (Path(job) / str(os.getpid())).touch()
        with make_pool(workers=2) as pool:
            list(pool.map(SleepWorker, [job, job]))

    def close(self) -> None:
        pass


class NoteWorker:
    """Reports twice in a row."""

    def run(self, job: int, on_note: Callable[[str], None]) -> int:
        on_note("first")
        on_note("second")
        return job

    def close(self) -> None:
        pass


class EchoWorker:
    """Gives back its job; at one of them its process dies, the first time.

    Args:
        folder: where it notes each job that it did, and its death.
        fatal: that job.
    """

    def __init__(self, folder: str, fatal: int) -> None:
        self.folder, self.fatal = Path(folder), fatal

    def run(self, job: int) -> int:
        if job == self.fatal and not (self.folder / "died").exists():
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        with (self.folder / "done").open("a") as file:
            file.write(f"{job}\n")
        return job

    def close(self) -> None:
        pass


class MirrorWorker:
    """Gives back its job, whatever it is."""

    def run(self, job: bytes) -> bytes:
        return job

    def close(self) -> None:
        pass


class LimitsWorker:
    """Tells the limits of its process."""

    def run(self, job: int) -> dict[str, str]:
        return {name: os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "LP_NUM_THREADS")}

    def close(self) -> None:
        pass


class BadlyMadeError(Exception):
    """Cannot be pickled, unpickled or told."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(left)
        self.held = lambda: right

    def __str__(self) -> str:
        raise RuntimeError("no text")


class HeldError(ConfigError):
    """One of ours with something that cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.held = lambda: None


class UnreadableResult:
    """Can be pickled, but not unpickled."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("not a number",)


class HostileWorker:
    """Fails in every way that a job can fail, but for the death of its process."""

    def run(self, job: str) -> object:
        if job == "badly made":
            raise BadlyMadeError(1, 2)
        if job == "held":
            raise HeldError("It holds a function.")
        if job == "local":
            raise type("LocalError", (ConfigError,), {})("Of a class that nobody else has.")
        if job == "exit":
            raise SystemExit(3)
        if job == "interrupt":
            raise KeyboardInterrupt
        if job == "disk":
            raise OSError(28, "No space left on device", "a/file")
        if job == "group":
            raise ExceptionGroup("several", [ValueError("a"), BadlyMadeError(1, 2)])
        return UnreadableResult() if job == "unreadable" else job

    def close(self) -> None:
        pass


class TwoPartsError(ConfigError):
    """An error of a plug-in, whose constructor takes something else than a message."""

    def __init__(self, left: int, *, right: str) -> None:
        super().__init__(f"{left} does not go with {right}.")
        self.left, self.right = left, right


def fail(number: int) -> None:
    if number % 2:
        raise TwoPartsError(number, right="the other")
    raise UnknownNameError("task", "tusk", ["task"])
