"""Scores of other people's policies for the leaderboard: one JSON file each, checked against its own outcomes.

The form of a file is in ``submission_schema.json``. Beyond it, the test seeds must be 0, 1, ..., and every figure must
be what the outcomes give.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import plain
from ravens_suite.data.atomic import read_json
from ravens_suite.data.json_schema import schema_faults
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.errors import MissingDataError, SubmissionError, UnknownNameError
from ravens_suite.registry import load_task
from ravens_suite.rollout.environments import unlike_the_task

FORMAT = 1
MOST_BYTES = 1 << 26
"""64 MiB: a thousand results of a thousand seeds."""
_MOST_FAULTS = 20
"""Faults that one check tells of."""
_ROUNDED = 0.006
"""Points by which a figure may differ from that of the outcomes: it may be rounded to a hundredth."""


@dataclass(frozen=True)
class SubmittedResult:
    """One row of the leaderboard.

    Attributes:
        task: registered name.
        demos: demonstrations of this task that the policy was trained on.
        seed: of training.
        episodes: test seeds.
        mean_score: 0 to 100.
        mean_score_interval: its 95 % interval, (low, high).
        success_rate: strict, 0 to 100.
        success_rate_interval: its 95 % interval, (low, high).
        train_seconds: wall time of training.
        hardware: that it was trained on.
        observation_keys: what the policy reads.
        selection: how weights were chosen.
    """

    task: str
    demos: int
    seed: int
    episodes: int
    mean_score: float
    mean_score_interval: tuple[float, float]
    success_rate: float
    success_rate_interval: tuple[float, float]
    train_seconds: float
    hardware: str
    observation_keys: tuple[str, ...]
    selection: str


@dataclass(frozen=True)
class Submission:
    """A file that holds to the rules.

    Attributes:
        agent: name of the policy.
        description: what it is.
        link: to a paper or to code; may be empty.
        results: one or more.
    """

    agent: str
    description: str
    link: str
    results: tuple[SubmittedResult, ...]


@lru_cache(maxsize=1)
def submission_schema() -> dict[str, Any]:
    """The JSON schema of a file."""
    text = (resources.files("ravens_suite.benchmark") / "submission_schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_submission(path: Path | str) -> Submission:
    """A scores file, checked.

    Raises:
        MissingDataError: there is no such file.
        SubmissionError: it breaks a rule; the first twenty faults are its notes, or its message if there is but one.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise SubmissionError(
            f"{path} has more than {MOST_BYTES >> 20} MiB: leave out what the schema does not ask for."
        )
    value = _read(path)
    faults = list(islice(submission_faults(value), _MOST_FAULTS + 1))
    if len(faults) == 1:
        raise SubmissionError(f"{path}: {faults[0]}.")
    if faults:
        many = len(faults) > _MOST_FAULTS
        error = SubmissionError(f"{path} has {f'more than {_MOST_FAULTS}' if many else len(faults)} faults:")
        for fault in faults[:_MOST_FAULTS]:
            error.add_note(f"  {fault}")
        raise error
    results = tuple(_result(row) for row in value["results"])
    return Submission(value["agent"], value["description"], value.get("link", ""), results)


def submission_faults(value: Any) -> Iterator[str]:
    """What breaks the rules in a scores file, one line each.

    Args:
        value: what was read from the file.
    """
    wrong_form = list(islice(schema_faults(value, submission_schema()), _MOST_FAULTS + 1))
    if wrong_form:
        yield from wrong_form
        return
    seen: set[tuple[str, int, int]] = set()
    for index, row in enumerate(value["results"]):
        key = (row["task"], int(row["demos"]), int(row["seed"]))
        where = f"results[{index}]"
        if key in seen:
            yield f"{where}: {row['task']} from {key[1]} demonstrations with seed {key[2]} is there twice"
        seen.add(key)
        yield from (f"{where}{fault}" for fault in _row_faults(row))


def result_of(
    evaluation: Path | str,
    *,
    demos: int,
    seed: int,
    train_seconds: float,
    hardware: str,
    observation_keys: Sequence[str],
    selection: str,
) -> dict[str, Any]:
    """An entry of ``results`` from the file that ``ravens-suite evaluate`` wrote.

    Args:
        evaluation: that file, of the split ``test``, for example ``runs/block/eval/test.json``.
        demos: demonstrations of the task that the policy was trained on. Numbers may be NumPy's.
        seed: of training.
        train_seconds: wall time of training.
        hardware: that it was trained on.
        observation_keys: what the policy reads; a single key may be given alone.
        selection: how weights were chosen.

    Raises:
        MissingDataError: there is no such file.
        SubmissionError: it is no evaluation, or of another split; or of the task with options that are not its own,
            with changed scenes, or with episodes that a forecaster ended.
    """
    evaluation = Path(evaluation)
    record = read_json(evaluation, "name the file that ravens-suite evaluate wrote")
    try:
        if record["split"] != "test":
            raise SubmissionError(f"{evaluation} is of the split {record['split']}: evaluate with --split test.")
        outcomes = [EpisodeOutcome.from_json(item) for item in record["results"]]
        task, provenance = record["task"], record["provenance"]
        made = {"command": provenance["command"], "commit": provenance["commit"]}
        if other := _other_conditions(task, record):
            raise SubmissionError(
                f"{evaluation} is of {task} {other}: the leaderboard has each task as it is. Evaluate without that; "
                "a run, which keeps to its own environment, through a policy of yours that loads it "
                "(docs/evaluation.md)."
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SubmissionError):
            raise
        raise SubmissionError(f"{evaluation} is no evaluation of ravens-suite evaluate ({error}).") from error
    keys = [observation_keys] if isinstance(observation_keys, str) else list(observation_keys)
    return {
        "task": task,
        "demos": plain(demos),
        "seed": plain(seed),
        **_figures([outcome.score for outcome in outcomes], [outcome.success for outcome in outcomes]),
        "train_seconds": plain(train_seconds),
        "hardware": hardware,
        "observation_keys": keys,
        "selection": selection,
        **made,
        "outcomes": [{"seed": one.seed, "score": one.score, "success": one.success} for one in outcomes],
    }


def _other_conditions(task: str, record: Mapping[str, Any]) -> str:
    """What makes the scores of an evaluation those of something else than its task, in words; empty for nothing."""
    if record.get("watch", {}).get("stop_at") is not None:
        return "as a forecaster ended its episodes"
    try:
        changed = unlike_the_task(task, record.get("arguments", {}))
    except UnknownNameError:
        return ""  # Told when the file is checked.
    return f"with {', '.join(f'{name} {value!r:.60}' for name, value in sorted(changed.items()))}" if changed else ""


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")  # Editors on Windows put a mark before UTF-8.
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except FileNotFoundError as error:
        raise MissingDataError(f"There is no file {path}.") from error
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{path} is not JSON: {error}.") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is named twice")
    return found


def _row_faults(row: Mapping[str, Any]) -> Iterator[str]:
    try:
        task, _ = load_task(row["task"].removesuffix("-continuous"))
        if not task.__module__.startswith("ravens_suite."):
            yield f".task: {row['task']} is a task of your own; the leaderboard has those of the suite"
    except UnknownNameError as error:
        yield f".task: {str(error).removesuffix('.')}"
    outcomes = row["outcomes"]
    if row["episodes"] != len(outcomes):
        yield f".episodes: {row['episodes']}, but there are {len(outcomes)} outcomes"
    for index, outcome in enumerate(outcomes):
        if outcome["seed"] != index:
            yield f".outcomes[{index}].seed: {outcome['seed']}; test seeds are 0, 1, 2, ... in order, none left out"
            return
    figures = _figures([one["score"] for one in outcomes], [one["success"] for one in outcomes])
    for name, expected in figures.items():
        given = row[name]
        pairs = zip(given, expected, strict=True) if isinstance(expected, list) else [(given, expected)]
        if name != "episodes" and any(abs(a - b) > _ROUNDED for a, b in pairs):
            yield f".{name}: {given}, but the outcomes give {expected}"


def _figures(scores: Sequence[float], successes: Sequence[bool]) -> dict[str, Any]:
    """The figures of some episodes, by the names that they have everywhere."""
    outcomes = [EpisodeOutcome(0, a, b, 0, "") for a, b in zip(scores, successes, strict=True)]
    figures = Summary.of(outcomes).to_json()
    del figures["mean_steps"], figures["failures"]
    return figures


def _result(row: Mapping[str, Any]) -> SubmittedResult:
    low, high = row["mean_score_interval_95"]
    least, most = row["success_rate_interval_95"]
    return SubmittedResult(
        task=row["task"],
        demos=int(row["demos"]),
        seed=int(row["seed"]),
        episodes=int(row["episodes"]),
        mean_score=float(row["mean_score"]),
        mean_score_interval=(float(low), float(high)),
        success_rate=float(row["success_rate"]),
        success_rate_interval=(float(least), float(most)),
        train_seconds=float(row["train_seconds"]),
        hardware=row["hardware"],
        observation_keys=tuple(row["observation_keys"]),
        selection=row["selection"],
    )
