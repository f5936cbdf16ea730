"""The files of a run: where they lie, and what is said of those that are missing or damaged."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.watching import WatchSpec


def test_every_file_lies_in_the_run_and_none_in_the_place_of_another(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    paths = [run.record_path, run.policy.weights, run.policy.settings, run.training, run.logs, run.evaluations]
    assert len(set(paths)) == len(paths)
    assert all(run.path in path.parents for path in paths)
    assert list(tmp_path.iterdir()) == []


def test_a_record_comes_back(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new" / "run")
    assert not run.exists()
    record = {"plan": {"agent": "transporter", "tasks": ["block-insertion"]}, "step": 3}
    run.write_record(record)
    assert run.exists() and RunFolder(run.path).record() == record
    run.write_record({**record, "step": 4})
    assert run.record()["step"] == 4
    assert list(run.path.iterdir()) == [run.record_path]


def test_a_folder_without_a_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no run in .*ravens-suite train"):
        RunFolder(tmp_path).record()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"plan": 3}'])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    run = RunFolder(tmp_path)
    run.record_path.write_text(text)
    with pytest.raises(DamagedDataError, match=r"run\.json is not"):
        run.record()


@pytest.mark.parametrize("parse", [PolicySpec.parse, WatchSpec.parse])
def test_a_run_that_was_killed_before_it_kept_weights_says_what_to_do(parse: Any, tmp_path: Path) -> None:
    """Not to train another one, which would be refused there."""
    RunFolder(tmp_path / "run").write_record({"plan": {"agent": "transporter", "tasks": ["block-insertion"]}})
    with pytest.raises(MissingDataError, match=r"\(yet\): run the ravens-suite train command that began it again"):
        parse(str(tmp_path / "run"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingDataError, match="train one, or name its folder"):
        parse(str(tmp_path / "empty"))


def test_a_policy_names_its_agent(tmp_path: Path) -> None:
    policy = PolicyFolder(tmp_path)
    with pytest.raises(MissingDataError, match="no trained agent"):
        policy.agent()
    for text in ("[]", "{}", "{"):
        policy.settings.write_text(text)
        with pytest.raises(DamagedDataError, match=r"agent\.json"):
            policy.agent()
    policy.settings.write_text(json.dumps({"agent": "transporter", "seed": 0}))
    assert policy.agent() == "transporter"


def test_a_fingerprint_is_of_settings_and_weights(tmp_path: Path) -> None:
    def fingerprint(settings: bytes, weights: bytes) -> str:
        policy = PolicyFolder(tmp_path)
        policy.settings.write_bytes(settings)
        policy.weights.write_bytes(weights)
        return policy.fingerprint()

    seen = [fingerprint(b"a", b"b"), fingerprint(b"a", b"c"), fingerprint(b"c", b"b")]
    assert len(set(seen)) == 3
    assert fingerprint(b"a", b"b") == seen[0]


def test_a_run_of_version_0_1_says_what_to_do(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_record({"plan": {"agent": "transporter", "task": "block-insertion"}})
    with pytest.raises(ConflictError, match=r"version 0\.1.*evaluate .*policy TASK"):
        run.record()


_WHOLE: dict[str, Any] = {
    "plan": {
        "agent": "state-mlp",
        "tasks": ["block-insertion"],
        "demos": 2,
        "seed": 0,
        "config": {},
        "steps": 5,
        "val_episodes": 1,
        "candidates": 1,
        "threads": None,
        "device": "auto",
    },
    "environments": {
        "block-insertion": {
            "id": "ravens_suite/BlockInsertion-v0",
            "arguments": {"observe": ["state"]},
            "definition": {"bodies": "7727427a5f5e7f32"},
        }
    },
    "interface": {
        "observation": {"state": {"dtype": "float64", "shape": [352]}},
        "action": {"pick": {"dtype": "float64", "shape": [7]}},
        "control": "primitive",
    },
    "demonstrations": {"block-insertion": [0, 1]},
    "pool": {"block-insertion": 2},
    "training": {"step": 5, "seconds": 1.5, "best_step": 5, "best_score": 0.0, "validation": {"5": 0.0}},
    "finished": True,
    "parameters": 3,
    "versions": {"numpy": "2.0"},
    "machine": {"cores": 2},
    "selection": "last weights",
    "command": "ravens-suite train",
    "commit": "a",
    "torch": "2.9",
    "code": "b",
}


def _paths(value: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return []
    return [path for key in value for path in [(*before, key), *_paths(value[key], (*before, key))]]


def _put(path: tuple[str, ...], *value: Any) -> dict[str, Any]:
    """The whole record with another value at a path, or with none."""
    record = json.loads(json.dumps(_WHOLE))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner.pop(path[-1])
    if value:
        inner[path[-1]] = value[0]
    return dict(record)


@pytest.mark.parametrize("path", _paths(_WHOLE), ids=".".join)
def test_a_field_of_another_kind_is_named_or_harmless(tmp_path: Path, path: tuple[str, ...]) -> None:
    run = RunFolder(tmp_path)
    free = {("plan", "config"), ("environments", "block-insertion", "arguments"), ("machine",)}
    refused = 0
    for value in (None, True, -1.5, "x", [], [1], {"a": 1}, {"1": "x"}):
        run.write_record(_put(path, value))
        try:
            run.record()
        except (DamagedDataError, ConflictError) as error:
            refused += 1
            assert str(run.record_path) in str(error)
    inside = any(path[: len(each)] == each and path != each for each in free)
    assert inside or refused >= 4


@pytest.mark.parametrize("path", _paths(_WHOLE), ids=".".join)
def test_a_field_that_is_gone_is_named_when_it_is_asked_for(tmp_path: Path, path: tuple[str, ...]) -> None:
    run = RunFolder(tmp_path)
    run.write_record(_put(path))
    try:
        found: Any = run.record()
        for key in path:
            found = found[key]
    except (DamagedDataError, ConflictError) as error:
        assert "run.json" in str(error)
    else:
        pytest.fail(f"{path} is there")


@pytest.mark.parametrize("field", ["environments", "plan"])
def test_a_field_of_another_run_is_named(tmp_path: Path, field: str) -> None:
    other = json.loads(json.dumps(_WHOLE).replace("block-insertion", "align-rope"))
    run = RunFolder(tmp_path)
    run.write_record({**_WHOLE, field: other[field]})
    with pytest.raises(DamagedDataError, match="lacks the task"):
        run.record()


def test_a_record_is_copied_and_sent_as_plain_json(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_record(_WHOLE)
    for record in (copy.deepcopy(run.record()), pickle.loads(pickle.dumps(run.record()))):
        assert record == _WHOLE and type(record) is type(record["plan"]) is dict
    run.write_record(run.record())
    assert run.record() == _WHOLE

    @dataclass
    class Holds:
        plan: dict[str, Any]

    assert asdict(Holds(run.record()["plan"])) == {"plan": _WHOLE["plan"]}
