"""The command line: finds the command, runs it, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

import inspect
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import tyro

from ravens_suite import __version__
from ravens_suite.cli.arguments import argument_rules
from ravens_suite.cli.commands import COMMANDS, Command
from ravens_suite.cli.console import Console
from ravens_suite.cli.help_texts import give_help
from ravens_suite.errors import RavensError, RavensWarning, UnknownNameError, named

PROGRAM = "ravens-suite"
_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130
_SIGNALLED = 128
"""Plus the number of the signal: the status that shells give to what a signal ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``ravens-suite``.

    Args:
        arguments: of the command line; those of this process by default.

    Returns:
        Exit status: 0 when the job is done, 1 when it failed, 2 for wrong usage, 130 after Ctrl-C, 143 after SIGTERM.
    """
    # Where other programs use the cores, too, a thread of OpenMP that waits for the others by spinning takes the time
    # that they need. libgomp, which torch's wheels bring along, reads this when it is loaded: here it is not yet.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        try:
            return _answer(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has ended, as in `ravens-suite train --help | head -1`. Python would fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGNALLED + signal.SIGPIPE


def _answer(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help"):
        (sys.stdout if given else sys.stderr).write(overview())
        return 0 if given else _USAGE
    if given[0] in ("-V", "--version"):
        sys.stdout.write(f"{PROGRAM} {__version__}\n")
        return 0
    if given[0] not in COMMANDS:
        sys.stderr.write(f"{PROGRAM}: {UnknownNameError('command', given[0], COMMANDS)}\n")
        return _USAGE
    logging.basicConfig(level=logging.WARNING, format=f"{PROGRAM}: %(message)s")
    return _run(parse(given))


def parse(arguments: Sequence[str]) -> Command:
    """The command that the arguments ask for.

    Tyro sees the options of one command only: reading those of all would double the time that ``--help`` takes.

    Raises:
        SystemExit: with 0 after ``--help``, with 2 when the arguments make no sense.
    """
    name, *options = arguments
    give_help(COMMANDS[name])
    with argument_rules():
        command: Command = tyro.cli(
            COMMANDS[name],
            prog=f"{PROGRAM} {name}",
            args=options,
            config=(tyro.conf.FlagCreatePairsOff,),
        )
    return command


def overview() -> str:
    """What ``--help`` says: every command with the first sentence of its docstring."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name.ljust(width)}  {_summary(command)}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            f"usage: {PROGRAM} COMMAND [OPTIONS]",
            "",
            "A simulation benchmark of vision-based tabletop rearrangement.",
            "",
            *lines,
            "",
            f"{PROGRAM} COMMAND --help lists the options of a command with their defaults.",
            f"{PROGRAM} --version says which version this is.",
            "",
        ]
    )


def _run(command: Command) -> int:
    try:
        with _ended_by_signals(), _quiet_threads(), warnings.catch_warnings():
            warnings.showwarning = _show
            command.run(Console(command.json))
    except KeyboardInterrupt as stop:
        sys.stderr.write(f"{PROGRAM}: stopped. What is done is kept; the same command continues.\n")
        return _SIGNALLED + stop.number if isinstance(stop, _Signalled) else _INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        ours = named(error)
        if ours is None:
            raise
        _complain(ours)
        return _FAILED
    return 0


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """Our own warnings in one line; those of others as Python has them."""
    stream = file or sys.stderr
    if issubclass(category, RavensWarning):
        stream.write(f"{PROGRAM}: note: {' '.join(str(message).split())}\n")
    else:
        stream.write(warnings.formatwarning(message, category, filename, lineno, line))


def _complain(error: RavensError) -> None:
    """Say an error in one line, and its notes below."""
    sys.stderr.write(f"{PROGRAM}: {' '.join(str(error).split())}\n")
    sys.stderr.writelines(f"{note}\n" for note in getattr(error, "__notes__", []))


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Threads within say nothing of what the system refuses: TensorBoard's raises it again where it is written to."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is None or named(arguments.exc_value) is None:
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


class _Signalled(KeyboardInterrupt):
    """A signal asks this process to end; as after Ctrl-C, what is being written is finished or taken back."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise _Signalled(number)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Signals that end a process at once by default, as schedulers of clusters send them, act like Ctrl-C within."""
    names = ("SIGTERM", "SIGHUP", "SIGXCPU")
    numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
    try:
        taken = {
            number: signal.signal(number, _end) for number in numbers if signal.getsignal(number) == signal.SIG_DFL
        }
    except ValueError:  # Not in the main thread.
        taken = {}
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def _summary(command: type[Command]) -> str:
    return (inspect.getdoc(command) or "").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
