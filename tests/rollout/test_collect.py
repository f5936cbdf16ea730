"""Collecting: which seeds are kept, what lies on the disk, and that nothing but the settings decides it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import fake_environment
import pytest
from fake_environment import TASK, BuggyWorker, MortalWorker

from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, OracleGaveUpError, UnknownNameError, WorkerError
from ravens_suite.execution.pool import JobPool
from ravens_suite.execution.processes import ProcessPool
from ravens_suite.rollout import collect as module
from ravens_suite.rollout.collect import collect

_FIRST_SIX = [0, 2, 3, 5, 7, 8]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    collect(TASK, episodes=6, data=folder)
    return _bytes(folder)


def test_the_first_solved_seeds_are_kept_and_every_attempt_is_recorded(tmp_path: Path) -> None:
    done = collect(TASK, episodes=7, data=tmp_path)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    assert store.seeds() == [*_FIRST_SIX, 10] == store.manifest()["seeds"]
    assert [attempt.seed for attempt in store.attempts()] == list(range(11))
    outcomes = {attempt.seed: attempt.outcome.outcome for attempt in store.attempts()}
    assert (outcomes[0], outcomes[1]) == ("done", "step limit")
    assert outcomes[6] == "gave up: Nothing to see."
    assert outcomes[9] == "not placed: Seed 9 has no room."
    row = done.to_json()
    assert (row["episodes"], row["attempts"], row["mean_steps"], row["renderer"]) == (7, 11, 2.0, "none")
    assert row["not_placed"] == 1
    assert row["mean_score"] == pytest.approx(100 * (7 + 2 * 0.3 + 0.1) / 10, abs=1e-4)
    assert row["success_rate"] == pytest.approx(100 * 7 / 10, abs=1e-4)


def test_an_episode_holds_what_happened(tmp_path: Path) -> None:
    collect(TASK, episodes=2, data=tmp_path, split="val")
    episode = EpisodeStore.of(tmp_path, TASK, "val").read(2)
    assert (episode.task, episode.split, episode.seed, episode.score, episode.success) == (TASK, "val", 2, 1.0, True)
    environment = fake_environment.FakeEnvironment(TASK, "val")
    first, _ = environment.reset(seed=2)
    assert (episode.observations["color"][0] == first["color"]).all()
    assert episode.observations["depth"].shape == (3, 3, 6, 8)
    assert episode.observations["instruction"].tolist() == ["step 0", "step 1", "step 2"]
    assert episode.actions["pick"].tolist() == [[2.0] * 7] * 2
    assert episode.poses["block"][:, 0].tolist() == [0.0, 0.5, 1.0]
    assert episode.cameras == environment.cameras
    assert episode.metadata["motion"][0] == {"outcome": "done", "steps": 3, "grasped": True, "clipped": False}
    assert episode.metadata["versions"]["numpy"]


@pytest.mark.parametrize(("workers", "seeds_a_unit"), [(1, 4), (3, 1), (2, 5)])
def test_any_number_of_workers_writes_the_same_bytes(
    tmp_path: Path, uninterrupted: dict[str, bytes], workers: int, seeds_a_unit: int
) -> None:
    with ProcessPool(workers, 3, False) as pool:
        _collect_in_processes(pool, tmp_path, seeds_a_unit=seeds_a_unit)
    assert _bytes(tmp_path) == uninterrupted


def _collect_in_processes(pool: JobPool, data: Path, worker: Any = None, **options: Any) -> None:
    """Children must know the fake task: they do once they unpickle something of its module."""
    before = module.DemonstrationWorker
    try:
        module.DemonstrationWorker = worker or fake_environment.MildWorker  # type: ignore[misc]
        collect(TASK, episodes=6, data=data, pool=pool, **options)
    finally:
        module.DemonstrationWorker = before  # type: ignore[misc]


def test_asking_for_more_extends_and_for_fewer_changes_nothing(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    collect(TASK, episodes=6, data=tmp_path)
    assert _bytes(tmp_path) == uninterrupted
    done = collect(TASK, episodes=2, data=tmp_path)
    assert _bytes(tmp_path) == uninterrupted
    assert (done.to_json()["episodes"], done.to_json()["attempts"], done.episode_seconds) == (2, 3, 0.0)


@pytest.mark.parametrize("survivors", [0, 1, 3, 5])
def test_a_killed_collection_continues_to_the_same_bytes(
    tmp_path: Path, uninterrupted: dict[str, bytes], survivors: int
) -> None:
    """What a kill may leave: a record shorter than the files, files out of order, a half-written temporary one."""
    collect(TASK, episodes=6, data=tmp_path)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    lines = (store.folder / "attempts.jsonl").read_bytes().splitlines(keepends=True)
    (store.folder / "attempts.jsonl").write_bytes(b"".join(lines[:survivors]) + lines[survivors][:20])
    store.path(5).unlink()
    (store.folder / ".000005.safetensors.0123.tmp").write_bytes(b"half")
    done = collect(TASK, episodes=6, data=tmp_path)
    assert _bytes(tmp_path) == uninterrupted
    assert len(done.attempts) == 9


_SURE = """
import numpy as np


class Sure:
    def reset(self, seed):
        self.drawn = seed % 100 / 100

    def act(self, observation):
        return {"pick": np.zeros(7), "place": np.zeros(7)}

    def confidence(self):
        return self.drawn


class Surer(Sure):
    def confidence(self):
        return 1.0
"""


@pytest.mark.parametrize("survivors", [0, 1, 3])
def test_a_killed_collection_loses_nothing_of_what_its_policy_said_of_itself(tmp_path: Path, survivors: int) -> None:
    """How sure it was lies in the record alone."""
    (tmp_path / "sure.py").write_text(_SURE)
    policy, whole, killed = f"{tmp_path / 'sure.py'}:Sure", tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        collect(TASK, episodes=4, data=folder, policy=policy)
    store = EpisodeStore.of(killed, TASK, "train")
    record = store.folder / "attempts.jsonl"
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:survivors]))
    done = collect(TASK, episodes=4, data=killed, policy=policy)
    assert _bytes(killed) == _bytes(whole)
    assert all(attempt.outcome.confidences for attempt in done.attempts)
    # What another one did is not done anew.
    record.unlink()
    others = {seed: store.path(seed).read_bytes() for seed in store.seeds()}
    collect(TASK, episodes=4, data=killed, policy=policy.replace("Sure", "Surer"))
    assert {seed: store.path(seed).read_bytes() for seed in store.seeds()} == others


def test_kill_nine_in_the_middle_then_the_same_command(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); import fake_environment as f; f.register();"
        "from ravens_suite.rollout.collect import collect;"
        "real = f.FakeEnvironment.step;"
        "f.FakeEnvironment.step = lambda *a: (time.sleep(0.05), real(*a))[1];"
        "collect(f.TASK, episodes=6, data=sys.argv[1])"
    )
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(Path(fake_environment.__file__).parent)])
    store = EpisodeStore.of(tmp_path, TASK, "train")
    deadline = time.monotonic() + 30
    while len(store) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert 2 <= len(store) < 6
    collect(TASK, episodes=6, data=tmp_path)
    assert _bytes(tmp_path) == uninterrupted


def test_damaged_and_missing_episodes_are_collected_again(
    tmp_path: Path, uninterrupted: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    collect(TASK, episodes=6, data=tmp_path)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    store.path(3).write_bytes(store.path(3).read_bytes()[:-7])
    store.path(0).unlink()
    collect(TASK, episodes=6, data=tmp_path)
    assert _bytes(tmp_path) == uninterrupted
    assert "000003.safetensors is damaged" in caplog.text


def test_a_line_taken_out_of_the_record_is_put_back_and_no_other_comes_twice(
    tmp_path: Path, uninterrupted: dict[str, bytes]
) -> None:
    collect(TASK, episodes=6, data=tmp_path)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    record = store.folder / "attempts.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:2] + lines[3:]))
    store.path(2).unlink()
    collect(TASK, episodes=6, data=tmp_path)
    assert sorted(record.read_bytes().splitlines(keepends=True)) == sorted(lines)
    assert store.manifest()["seeds"] == _FIRST_SIX
    record.write_bytes(b"".join(lines + lines[-2:]))  # As such a folder was left before.
    collect(TASK, episodes=7, data=tmp_path)
    assert store.manifest()["seeds"] == [*_FIRST_SIX, 10]


def test_an_episode_that_was_put_into_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    """One of the same task and seed, but of another environment, or written by another program."""
    collect(TASK, episodes=1, data=tmp_path / "a")
    collect(TASK, episodes=2, data=tmp_path / "b", arguments={"shade": 7})
    collect(TASK, episodes=2, data=tmp_path / "c", policy="random")
    own, other, tried = (EpisodeStore.of(tmp_path / name, TASK, "train") for name in "abc")
    episode = other.read(2)
    for put, said in (
        (episode, r"000002.safetensors was collected with other settings: shade 7, not 0\. Move it"),
        (replace(episode, metadata={}), r"000002.safetensors was not collected \(it does not note its arguments"),
        (replace(tried.read(1), seed=2), "000002.safetensors was made by a policy, and this folder is of the oracle"),
    ):
        own.write(put)
        with pytest.raises(ConflictError, match=said):
            collect(TASK, episodes=2, data=tmp_path / "a")
    own.path(2).unlink()
    assert collect(TASK, episodes=2, data=tmp_path / "a").episodes == 2


def test_other_settings_are_refused_even_when_nothing_is_missing(tmp_path: Path) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    before = _bytes(tmp_path)
    for episodes in (2, 3):
        with pytest.raises(ConflictError, match=r"arguments.shade is null, not 7"):
            collect(TASK, episodes=episodes, data=tmp_path, arguments={"shade": 7})
    assert _bytes(tmp_path) == before


def test_a_worker_that_dies_loses_nothing(tmp_path: Path, uninterrupted: dict[str, bytes]) -> None:
    with ProcessPool(2, 3, False) as pool:
        _collect_in_processes(pool, tmp_path, MortalWorker)
    (tmp_path / TASK / "died").unlink()
    assert _bytes(tmp_path) == uninterrupted


def test_a_unit_that_always_kills_its_worker_ends(tmp_path: Path) -> None:
    (tmp_path / TASK).mkdir()
    (tmp_path / TASK / "always").touch()
    with ProcessPool(1, 3, False) as pool, pytest.raises(WorkerError, match="died 3 times"):
        _collect_in_processes(pool, tmp_path, MortalWorker)


def test_a_bug_in_a_worker_is_told_with_its_traceback(tmp_path: Path) -> None:
    with ProcessPool(1, 3, False) as pool, pytest.raises(WorkerError, match="ZeroDivisionError: a bug") as error:
        _collect_in_processes(pool, tmp_path, BuggyWorker)
    assert "fake_environment.py" in error.value.__notes__[0]


def test_an_oracle_that_never_succeeds_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_environment, "FAILS", set(range(1000)))
    with pytest.raises(OracleGaveUpError, match=r"solved 0 of \d+ seeds of fake-task"):
        collect(TASK, episodes=3, data=tmp_path)


def test_scenes_without_room_are_not_put_down_to_the_oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_environment, "UNPLACED", set(range(1, 1000)))
    with pytest.raises(OracleGaveUpError, match=r"There was room for the scenes of 1 of \d+ seeds of fake-task"):
        collect(TASK, episodes=3, data=tmp_path, policy="random")


def test_wrong_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError):
        collect("fake-tusk", episodes=1, data=tmp_path)
    with pytest.raises(ConfigError, match="at least 1"):
        collect(TASK, episodes=0, data=tmp_path)
    with pytest.raises(ConfigError, match="seeds_a_unit must be at least 1"):
        collect(TASK, episodes=1, data=tmp_path, seeds_a_unit=0)
    for some in (1.5, "2", True):
        with pytest.raises(ConfigError, match="--episodes must be a whole number"):
            collect(TASK, episodes=some, data=tmp_path)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("first", "then"),
    [({}, {"observe": ["images"]}), ({"observe": ["images"]}, {}), ({}, {"shade": 0}), ({"shade": 0}, {})],
)
def test_to_observe_what_is_observed_anyway_is_no_other_setting(
    tmp_path: Path, first: dict[str, Any], then: dict[str, Any]
) -> None:
    small = {"image_size": [24, 32]}
    collect(TASK, episodes=1, data=tmp_path, arguments={**small, **first})
    assert collect(TASK, episodes=2, data=tmp_path, arguments={**small, **then}).episodes == 2
    with pytest.raises(ConflictError, match="observe"):
        collect(TASK, episodes=2, data=tmp_path, arguments={**small, "observe": ["images", "state"]})
