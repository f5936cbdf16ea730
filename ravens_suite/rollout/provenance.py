"""Provenance of a result: command, commit, versions and machine."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json
from ravens_suite.data.run_record import THEN
from ravens_suite.execution.pool import available_cores
from ravens_suite.rollout.environments import versions

_MAIN = ("ravens_suite", "cli", "main.py")


def provenance() -> dict[str, Any]:
    """JSON: ``command``, ``commit``, ``versions``, ``machine``."""
    return {"command": command(), "commit": commit(), "versions": versions(), "machine": machine()}


def command() -> str:
    """The command line of this process, with the program's name only.

    ``python -m ravens_suite`` is called as the program that it is: the name of its file, ``__main__.py``, is none.
    """
    program = Path(sys.argv[0])
    ours = program.parts[-2:] == ("ravens_suite", "__main__.py") or program.parts[-3:] == _MAIN
    name = "ravens-suite" if ours else program.name
    return shlex.join([name, *sys.argv[1:]])


def commit() -> str:
    """The commit of the checkout this package runs from, ``-dirty`` when files were changed; empty when installed."""
    folder = Path(__file__).parent
    answers = []
    for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return ""
        if run.returncode:
            return ""
        answers.append(run.stdout.strip())
    return answers[0] + ("-dirty" if answers[1] else "")


def join_commits(before: str, now: str) -> str:
    """The commits of a record whose work was continued by newer code, as one string, oldest first."""
    return " and ".join(dict.fromkeys([*split_commits(before), *split_commits(now)]))


def joined(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of a file whose work was continued: that of now, with every commit and command that is in it.

    Args:
        before: what the file said.
        now: of ``provenance``.
    """
    commands = [part for each in (before, now) for part in str(each.get("command", "")).split(THEN) if part]
    commit = join_commits(str(before.get("commit", "")), str(now.get("commit", "")))
    return {**now, "commit": commit, "command": THEN.join(dict.fromkeys(commands))}


def noted_in(path: Path) -> Mapping[str, Any]:
    """The provenance that a JSON file has; empty where it has none."""
    value = read_json(path)
    noted = value.get("provenance") if isinstance(value, dict) else None
    return noted if isinstance(noted, dict) else {}


def resting_on(files: Iterable[Path]) -> dict[str, Any]:
    """The provenance of figures that are worked out now from files, which earlier code may have made.

    Args:
        files: JSON, each with a ``provenance``.
    """
    now = provenance()
    commits = ""
    for path in files:
        commits = join_commits(commits, str(noted_in(path).get("commit", "")))
    return {**now, "commit": join_commits(commits, now["commit"])}


def split_commits(commits: str) -> list[str]:
    """The inverse of ``join_commits``."""
    return [name for name in commits.split(" and ") if name]


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, operating system."""
    return {"processor": _processor(), "cores": available_cores(), "system": platform.platform(terse=True)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
