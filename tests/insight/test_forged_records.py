"""Records of results that say something impossible: a damaged file, whatever field it is, never a raw exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.language_probes import FirstChoice, ProbedEpisode
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import DamagedDataError
from ravens_suite.insight.calibration import Calibrated, Calibration, Reliability, read_calibration
from ravens_suite.insight.influence_record import (
    DecisionFound,
    DemonstrationFound,
    Influence,
    StepFound,
    read_influence,
    write_influence,
)
from ravens_suite.insight.proposals import Look, Tried
from ravens_suite.insight.robustness import Point, Robustness, read_robustness
from ravens_suite.report.runs import Score

_FORECAST = {"progress": 0.5, "failing": 0.1, "done": 0.2}
_OUTCOME = EpisodeOutcome(
    3, 0.5, True, 1, "done", {"block": True}, ({"outcome": "done"},), (0.5,), (0.9,), (_FORECAST, _FORECAST)
)
_PROBED = ProbedEpisode(3, "own", "put it there", 0.5, True, 1, "done", {"pick": FirstChoice(0.5, True, None)})
_TRIED = Tried(0, "", 0, (Look(3, 0.9, "block", None, (0.0, 1.0)),), 0, _OUTCOME, ("",), (0.1, 0.2))
_POLICY = {"kind": "oracle", "name": "oracle", "fingerprint": "", "code": ""}
_SCORE = {
    "task": "block-insertion",
    "split": "test",
    "policy": _POLICY,
    "arguments": {"observe": ["state"]},
    "seconds": 1.0,
    "renderer": "none",
    "provenance": {"commit": "a"},
    "definition": {"code": "a"},
    "watch": {"stop_at": 0.9},
    "options": {},
    **Summary.of([_OUTCOME]).to_json(),
    "results": [_OUTCOME.to_json()],
}
_ODD = (None, True, "x", [], {}, [3], {"a": 3}, 1.5)


def _altered(value: Any) -> Iterator[tuple[str, Any]]:
    """The same value with one part of it odd, for every part, or missing; with where that is."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(children):
        for odd in _ODD:
            if type(odd) is not type(part):
                yield f"{key} {odd!r}", {**value, key: odd} if isinstance(value, dict) else [odd, *value[1:]]
        for where, other in _altered(part):
            changed = copy.copy(value)
            changed[key] = other
            yield f"{key}.{where}", changed


def _refused(read: Callable[[Any], Any], good: Any) -> None:
    """Whatever is altered is taken as it is written or refused; ``good`` itself is read."""
    good = json.loads(json.dumps(good))
    read(good)
    count = 0
    for where, value in _altered(good):
        try:
            read(value)
        except (DamagedDataError, KeyError, TypeError, ValueError):
            count += 1
        except Exception as error:
            pytest.fail(f"{where}: {error!r}")
    assert count


@pytest.mark.parametrize(
    ("good", "field", "odd"),
    [
        (_OUTCOME, "seed", "3"),
        (_OUTCOME, "score", "0.5"),
        (_OUTCOME, "score", None),
        (_OUTCOME, "success", 3),
        (_OUTCOME, "steps", True),
        (_OUTCOME, "outcome", 3),
        (_OUTCOME, "goals", {"block": 2}),
        (_OUTCOME, "motions", [3]),
        (_OUTCOME, "rewards", ["x"]),
        (_OUTCOME, "confidences", [0.9, 0.9]),
        (_OUTCOME, "forecasts", [{"progress": 0.5}]),
        (_PROBED, "seed", "3"),
        (_PROBED, "sentence", "sung"),
        (_PROBED, "said", 3),
        (_PROBED, "first", {"pick": {"chance": "x", "named": True, "told": None}}),
        (_TRIED, "number", "0"),
        (_TRIED, "looks", []),
        (_TRIED, "chosen", 1),
        (_TRIED, "faults", []),
        (_TRIED, "seconds", [0.1]),
        (_TRIED, "outcome", None),
    ],
)
def test_an_odd_field_of_an_episode_is_refused(good: Any, field: str, odd: Any) -> None:
    value = json.loads(json.dumps(good.to_json()))
    assert type(good).from_json(value) == good
    with pytest.raises(TypeError):
        type(good).from_json({**value, field: odd})


def test_an_evaluation_is_read_whole_or_not_at_all() -> None:
    for field, odd in (
        ("arguments", []),
        ("definition", [1]),
        ("provenance", "x"),
        ("options", [1]),
        ("watch", {"stop_at": "x"}),
        ("policy", {**_POLICY, "name": 3}),
        ("policy", {**_POLICY, "kind": "guess"}),
    ):
        with pytest.raises(TypeError):
            Score.from_json({**_SCORE, field: odd})
    _refused(Score.from_json, _SCORE)


def test_records_of_runs_are_damaged_by_name(tmp_path: Path) -> None:
    summary = Summary.of([_OUTCOME])
    point = Point(0, "none", summary)
    curves = Robustness(
        "block-insertion", "test", _POLICY, (0, 1), point, {"light": (point,)}, tmp_path / "curves.json"
    )
    reliability = Reliability.of([0.9, 0.8], [True, False])
    calibrated = Calibrated("block-insertion", _POLICY, Calibration(), reliability, reliability, tmp_path / "fit.json")
    step = StepFound("block-insertion", 1, 0, 0.5, 0.5, {"pick": [0.0] * 7}, "a.png")
    decision = DecisionFound(
        "block-insertion", "test", 0, 0, "agent", {"pick": [0.0] * 7}, {}, 0.0, False, "a.png", (step,), ()
    )
    found = Influence("a", (5,), 10, (DemonstrationFound("block-insertion", 1, 1, 0.5, 0.1, 0.1, 0),), (decision,))
    run = RunFolder(tmp_path)
    write_influence(run, found, {})
    made = {"arguments": {"observe": ["state"]}, "definition": {"code": "a"}}

    def reader(path: Path, read: Callable[[], Any]) -> Callable[[Any], Any]:
        def write_and_read(value: Any) -> Any:
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(value))
            return read()

        return write_and_read

    assert read_influence(run) == found
    for path, read, good in (
        (curves.path, lambda: read_robustness(curves.path), {**curves.to_json(), **made}),
        (calibrated.path, lambda: read_calibration(calibrated.path), {**calibrated.to_json(), **made}),
        (run.influence / "influence.json", lambda: read_influence(run), found.to_json()),
    ):
        read_it = reader(path, read)
        read_it(good)
        for field, odd in (("arguments", []), ("definition", 3)):
            if field in good:
                with pytest.raises(DamagedDataError):
                    read_it({**good, field: odd})
        for where, value in _altered(json.loads(json.dumps(good))):
            try:
                read_it(value)
            except DamagedDataError:
                continue
            except Exception as error:
                pytest.fail(f"{path.name}, {where}: {error!r}")
    first = found.to_json()["decisions"][0]
    for field, odd in (("did", {"pick": "x"}), ("did", {"pick": [0.0]}), ("picture", "../../a.png")):
        with pytest.raises(DamagedDataError):
            read_it({**found.to_json(), "decisions": [{**first, field: odd}]})
    with pytest.raises(DamagedDataError, match="self_influence"):
        first = found.to_json()["demonstrations"][0]
        read_it({**found.to_json(), "demonstrations": [{**first, "self_influence": "x"}]})
