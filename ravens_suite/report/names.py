"""What runs are called in a report: by their agents, and by whatever else tells one from another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import UnknownNameError
from ravens_suite.report.runs import Run
from ravens_suite.rollout.environments import differing_arguments
from ravens_suite.rollout.policies import PolicySpec

_LONGEST = 40
Named = TypeVar("Named", bound=Hashable)


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """The same runs with names by which a reader can tell them from each other.

    An agent is called by its class. Where two classes of one name lie in different files, the files are told; where the
    runs of an agent have different settings, those that are no defaults; where its runs on one task were trained in
    different ways or environments, what differs; where a run learnt from more data than its number of demonstrations
    says, that. What is still alike is told by its folder.
    """
    classes = _shortest({run.policy.name: run.policy.label for run in runs})
    settings: dict[str, set[str]] = {}
    for run in runs:
        settings.setdefault(run.policy.name, set()).add(_settings(run))
    ways = _differing_ways(runs)
    named = []
    for run in runs:
        words = [_settings(run)] if len(settings[run.policy.name]) > 1 else []
        words.append(_in_words({name: value for name, value in _way(run).items() if name in ways[run.policy.name]}))
        words += ["and more data"] if run.plan.get("more_data") else []
        words += [_home_of(run.policy)] if run.policy.folder and not run.trained else []
        more = ", ".join(filter(None, words))
        agent = classes[run.policy.name]
        named.append(replace(run, shown=f"{agent} ({more})" if more else agent))
    alike = Counter(map(_looks, named))
    folders = _tails({run.folder for run in named if alike[_looks(run)] > 1}, lambda folder: folder.parts)
    return [
        replace(run, shown=f"{run.shown} in {'/'.join(folders[run.folder])}") if alike[_looks(run)] > 1 else run
        for run in named
    ]


def _home_of(policy: PolicySpec) -> str:
    """Whose weights an agent has that was evaluated elsewhere than with its training: run and step, or a folder."""
    folder = Path(policy.folder)
    run = RunFolder(folder.parent)
    if run.policy.path == folder:
        return run.path.name
    run = RunFolder(folder.parent.parent)
    if run.checkpoints_path == folder.parent and folder.name.isdecimal():
        return f"{run.path.name} after step {int(folder.name)}"
    return folder.name


def _looks(run: Run) -> Hashable:
    """What a reader sees of a run."""
    return run.title, run.label


def _settings(run: Run) -> str:
    """The settings of an agent that are not its defaults, for a person."""
    return _in_words(run.plan.get("config", {}))


def _in_words(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in sorted(values.items()))


_TRAINING = ("candidates", "steps", "until", "val_episodes")
"""Fields of a plan, beside its settings, in which two runs of different seeds do not differ in their seed alone."""


def _way(run: Run) -> dict[str, Any]:
    """How a run was trained, beside its settings, and in what environment, as far as it says so."""
    return {name: run.plan[name] for name in _TRAINING if run.plan.get(name) is not None} | _environment(run)


def _environment(run: Run) -> dict[str, Any]:
    arguments: Mapping[str, Any] = run.record.get("environments", {}).get(run.task, {}).get("arguments", {})
    return {name: value for name, value in arguments.items() if name != "renderer"}


def _differing_ways(runs: Sequence[Run]) -> dict[str, set[str]]:
    """By the name of a policy what of its runs' ways to be trained differs on one task, with as many demonstrations."""
    found: dict[str, set[str]] = {run.policy.name: set() for run in runs}
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.policy.name, run.title, str(run.demos), run.elsewhere), []).append(run)
    for (name, *_), alike in groups.items():
        first = alike[0]
        for run in alike[1:]:
            found[name] |= {key for key in _TRAINING if run.plan.get(key) != first.plan.get(key)}
            found[name] |= _differing(run.task, _environment(first), _environment(run))
    return found


def _differing(task: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Names of the arguments in which two environments differ."""
    try:
        return {*differing_arguments(task, before, now)}
    except UnknownNameError:  # Of a user's own data, or of a task that is not there any more.
        return {name for name in {*before, *now} if before.get(name) != now.get(name)}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _shortest(labels: Mapping[str, str]) -> dict[str, str]:
    """Names of policies by what tells them apart: ``Mine``, or ``v1/mine.py:Mine`` where there is another ``Mine``."""
    found: dict[str, str] = {}
    for label in set(labels.values()):
        same = [name for name, its in labels.items() if its == label]
        tails = _tails(same, lambda name: tuple(name.split("/")))
        found |= {name: "/".join(tails[name]) if len(same) > 1 else label for name in same}
    return found


def _tails(values: Iterable[Named], parts_of: Callable[[Named], Sequence[str]]) -> dict[Named, tuple[str, ...]]:
    """Of every value the last of its parts: as few as tell all of them apart."""
    parts = {value: tuple(parts_of(value)) for value in values}
    for count in range(1, max(map(len, parts.values()), default=0) + 1):
        tails = {value: whole[-count:] for value, whole in parts.items()}
        if len(set(tails.values())) == len(tails):
            return tails
    return parts
