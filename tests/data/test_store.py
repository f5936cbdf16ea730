"""The folder of episodes: its manifest, its record of attempts, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.data.episode import Episode, write_episode
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.store import Attempt, EpisodeStore, _checksum
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError

Make = Callable[..., Episode]

_SETTINGS: dict[str, Any] = {"task": "block-insertion", "arguments": {"image_size": (24, 32)}, "renderer": "tiny"}


def _attempt(seed: int, kept: bool = True) -> Attempt:
    motions = ({"outcome": "done", "steps": 3}, {"outcome": "done", "steps": 5})
    outcome = EpisodeOutcome(seed, 1.0 if kept else 0.3, kept, 2, "done", {"block": kept}, motions)
    return Attempt(outcome, kept)


@pytest.fixture
def store(tmp_path: Path, make_episode: Make) -> EpisodeStore:
    store = EpisodeStore.of(tmp_path, "block-insertion", "train")
    store.claim(_SETTINGS, {"numpy": "2"})
    for seed in range(4):
        if seed != 1:
            store.write(make_episode(seed))
        store.record([_attempt(seed, kept=seed != 1)])
    store.finish()
    return store


def test_a_finished_store_lists_and_reads_by_seed(store: EpisodeStore) -> None:
    assert store.seeds() == [0, 2, 3] == store.manifest()["seeds"]
    assert len(store) == 3
    assert store.read(2).seed == 2
    assert store.reader(3).summary.seed == 3
    assert [attempt.kept for attempt in store.attempts()] == [True, False, True, True]
    assert store.attempts() == [_attempt(seed, kept=seed != 1) for seed in range(4)]
    with pytest.raises(MissingDataError, match="no episode of seed 1"):
        store.read(1)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    store = EpisodeStore(tmp_path / "none")
    assert (store.seeds(), store.attempts()) == ([], [])
    with pytest.raises(MissingDataError, match="ravens-suite collect"):
        store.manifest()


def test_the_same_settings_may_be_claimed_again(store: EpisodeStore) -> None:
    before = (store.folder / "manifest.json").read_bytes()
    store.claim(_SETTINGS, {"numpy": "3"})
    assert (store.folder / "manifest.json").read_bytes() == before


def test_other_settings_are_refused_by_name(store: EpisodeStore) -> None:
    """What only follows from the arguments is not named beside them: it buried them."""
    interface = {"control": "primitive", "observation": {}, "action": {}}
    other = {**_SETTINGS, "arguments": {"image_size": (48, 64)}, "renderer": "moderngl", "interface": interface}
    with pytest.raises(ConflictError) as error:
        store.claim(other, {})
    assert "arguments.image_size is [24, 32], not [48, 64]" in str(error.value)
    assert 'renderer is "tiny", not "moderngl"' in str(error.value)
    assert "--data" in str(error.value) and "interface" not in str(error.value)
    with pytest.raises(ConflictError, match="interface is null, not"):
        store.claim({**_SETTINGS, "interface": interface}, {})


def test_a_damaged_episode_and_a_missing_one_are_not_intact(
    store: EpisodeStore, caplog: pytest.LogCaptureFixture
) -> None:
    data = bytearray(store.path(2).read_bytes())
    data[len(data) // 2] ^= 4
    store.path(2).write_bytes(data)
    store.path(3).unlink()
    assert [store.intact(seed) for seed in range(4)] == [True, False, False, False]
    assert "000002.safetensors is damaged" in caplog.text
    with pytest.raises(DamagedDataError, match="000002"):
        store.read(2)


def test_every_flipped_byte_of_the_manifest_is_found(store: EpisodeStore) -> None:
    path = store.folder / "manifest.json"
    for bad in _flipped(path.read_bytes()):
        path.write_bytes(bad)
        with pytest.raises(DamagedDataError, match="delete it"):
            store.manifest()


def test_every_flipped_byte_of_the_record_ends_the_attempts_there(store: EpisodeStore) -> None:
    path = store.folder / "attempts.jsonl"
    whole = store.attempts()
    for bad in _flipped(path.read_bytes()):
        path.write_bytes(bad)
        known = store.attempts()
        assert len(known) < len(whole) and known == whole[: len(known)], bad


def _flipped(good: bytes) -> Iterator[bytes]:
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 2
        yield bytes(bad)


@pytest.mark.parametrize("lost", [1, 2, 30, 150])
def test_a_torn_record_is_cut_back_to_whole_lines(store: EpisodeStore, lost: int) -> None:
    path = store.folder / "attempts.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    store.repair()
    known = store.attempts()
    assert whole.startswith(path.read_bytes())
    store.record([_attempt(seed, kept=seed != 1) for seed in range(len(known), 4)])
    assert path.read_bytes() == whole


def test_finish_names_episodes_nobody_recorded_and_deletes_none(
    store: EpisodeStore, make_episode: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store.write(make_episode(9))
    (store.folder / ".000010.safetensors.abc.tmp").write_bytes(b"half")
    store.finish()
    assert sorted(path.name for path in store.folder.iterdir()) == [
        "000000.safetensors",
        "000002.safetensors",
        "000003.safetensors",
        "000009.safetensors",
        "attempts.jsonl",
        "manifest.json",
    ]
    assert store.manifest()["seeds"] == [0, 2, 3]
    assert "seeds 9" in caplog.text
    store.record([_attempt(9)])
    store.finish()
    assert store.manifest()["seeds"] == [0, 2, 3, 9]
    assert [attempt.seed for attempt in store.attempts()] == [0, 1, 2, 3]


def test_own_data_need_no_record_and_have_any_seeds(tmp_path: Path, make_episode: Make) -> None:
    store = EpisodeStore(tmp_path / "mine")
    store.claim({}, {})
    for seed in (7, 40):
        store.write(make_episode(seed))
    store.finish()
    assert store.seeds() == [7, 40] == store.manifest()["seeds"]
    assert store.read(40).seed == 40


def test_recording_alone_keeps_a_record_of_any_seeds_through_a_repair(tmp_path: Path, make_episode: Make) -> None:
    store = EpisodeStore(tmp_path / "mine")
    store.claim({}, {})
    store.write(make_episode(7))
    store.record([_attempt(7)])
    store.repair()
    store.finish()
    assert store.seeds() == [7] == store.manifest()["seeds"]


def test_numbers_of_numpy_are_numbers(tmp_path: Path, make_episode: Make) -> None:
    """Whoever records with them has counted with them."""
    store = EpisodeStore(tmp_path / "mine")
    store.claim({"gain": np.float32(0.5)}, {})
    store.write(make_episode(7))
    outcome = EpisodeOutcome(np.int64(7), np.float32(1.0), np.bool_(True), np.int64(2), "done", {"cup": np.bool_(True)})
    store.record([Attempt(outcome, kept=np.bool_(True))])
    store.finish()
    assert store.manifest()["seeds"] == [7] and store.manifest()["gain"] == 0.5
    assert store.recorded() == [Attempt(EpisodeOutcome(7, 1.0, True, 2, "done", {"cup": True}), kept=True)]


@pytest.mark.parametrize("settings", [{"seeds": [1]}, {"format": "mine"}, {"tool": {1, 2}}, {"noise": float("nan")}])
def test_settings_that_cannot_be_kept_are_refused(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        EpisodeStore(tmp_path / "mine").claim(settings, {})


@pytest.mark.parametrize("settings", [{"cameras": ["front"]}, {"cameras": 2}, {"renderer": None}, {"arguments": [1]}])
def test_settings_that_would_be_called_damaged_are_not_written(tmp_path: Path, settings: dict[str, object]) -> None:
    store = EpisodeStore(tmp_path / "mine")
    with pytest.raises(ConfigError, match=f"{next(iter(settings))[:6]}.*name it otherwise"):
        store.claim(settings, {})
    with pytest.raises(MissingDataError):
        store.manifest()


@pytest.mark.parametrize(("key", "own"), [("task", "block-insertion"), ("split", "train")])
def test_an_episode_that_would_be_called_misplaced_is_not_written(
    tmp_path: Path, make_episode: Make, key: str, own: str
) -> None:
    store = EpisodeStore(tmp_path / "mine")
    store.claim({key: "another"}, {})
    with pytest.raises(ConflictError, match=f"seed 7 is of {key} '{own}', and .*mine was claimed for 'another'"):
        store.write(make_episode(7))
    assert not store.seeds()


def test_episodes_that_changed_places_are_refused_by_name(store: EpisodeStore, make_episode: Make) -> None:
    store.path(2).rename(store.folder / "spare")
    store.path(3).rename(store.path(2))
    (store.folder / "spare").rename(store.path(3))
    for seed in (2, 3):
        assert not store.intact(seed)
        with pytest.raises(DamagedDataError, match=f"00000{seed}.*is the episode of seed {5 - seed}, not {seed}"):
            store.read(seed)
    write_episode(store.path(0), replace(make_episode(0), task="stack-block-pyramid"))
    with pytest.raises(DamagedDataError, match="of task 'stack-block-pyramid', not 'block-insertion'"):
        store.reader(0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", None),
        ("seeds", "all"),
        ("seeds", [-1]),
        ("versions", []),
        ("arguments", 3),
        ("renderer", None),
        ("format", 2),
        ("cameras", [3]),
        ("cameras", [{}]),
        ("interface", {}),
        ("interface", {"control": "primitive", "observation": {"color": 3}, "action": {}}),
    ],
)
def test_a_forged_manifest_is_refused_by_name(store: EpisodeStore, key: str, value: object) -> None:
    path = store.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest[key] = value
    manifest["checksum"] = _checksum(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(DamagedDataError, match=r"manifest\.json"):
        store.manifest()


def test_forged_lines_of_the_record_end_it(store: EpisodeStore) -> None:
    path = store.folder / "attempts.jsonl"
    whole = store.attempts()
    lines = path.read_text().splitlines()
    for bad in ("[]", "3", "null", "[" * 100_000, '{"seed": 1}', lines[1].replace('"seed": 1', '"seed": true')):
        path.write_text("\n".join([lines[0], bad, *lines[2:]]))
        assert store.attempts() == whole[:1]


def test_two_processes_do_not_collect_into_one_folder(store: EpisodeStore) -> None:
    with (
        store.locked(),
        pytest.raises(ConflictError, match="Another process"),
        EpisodeStore(store.folder).locked(),
    ):
        pass
    with store.locked():
        pass


def test_files_with_other_names_are_no_episodes_and_are_named(
    tmp_path: Path, make_episode: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A copy by hand must not count an episode twice, nor one that is not found by its seed."""
    store = EpisodeStore.of(tmp_path, "block-insertion", "train")
    store.claim({}, {})
    store.write(make_episode(3))
    for name in ("3", "0000003", "\u00b2", "\u0663", "copy of 000003"):
        (store.folder / f"{name}.safetensors").write_bytes(store.path(3).read_bytes())
    assert store.seeds() == [3]
    store.finish()
    assert store.manifest()["seeds"] == [3]
    assert "0000003.safetensors, 3.safetensors, copy of 000003.safetensors" in caplog.text
    assert "such as 000007.safetensors" in caplog.text
