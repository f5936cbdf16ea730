"""The files of a run: where they lie, and what is said of those that are missing or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError


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
