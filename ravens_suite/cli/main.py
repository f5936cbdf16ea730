"""The command line: finds the command, runs it, and turns what goes wrong into one line and an exit status."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Sequence

import tyro

from ravens_suite.cli.commands import COMMANDS, Command
from ravens_suite.cli.console import Console
from ravens_suite.errors import RavensError, UnknownNameError

PROGRAM = "ravens-suite"
_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130
_NEEDED_TO_TRAIN = ("torch", "safetensors", "tensorboard")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``ravens-suite``.

    Args:
        arguments: of the command line; those of this process by default.

    Returns:
        Exit status: 0 when the job is done, 1 when it failed, 2 for wrong usage, 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        (sys.stdout if given else sys.stderr).write(overview())
        return 0 if given else _USAGE
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
            "",
        ]
    )


def _run(command: Command) -> int:
    try:
        command.run(Console(command.json))
    except RavensError as error:
        sys.stderr.write(f"{PROGRAM}: {' '.join(str(error).split())}\n")
        sys.stderr.writelines(f"{note}\n" for note in getattr(error, "__notes__", []))
        return _FAILED
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED_TO_TRAIN:
            raise
        sys.stderr.write(
            f"{PROGRAM}: Training needs {error.name}, which is missing: pip install 'ravens-suite[train]'.\n"
        )
        return _FAILED
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: stopped. What is done is kept; the same command continues.\n")
        return _INTERRUPTED
    return 0


def _summary(command: type[Command]) -> str:
    return (inspect.getdoc(command) or "").splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
