"""An episode comes back as it was; any damage is found and named."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ravens_suite.data.episode import Episode, EpisodeReader, Recording, read_episode, write_episode
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError

Make = Callable[..., Episode]


def _assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].dtype == b[key].dtype, key
        assert a[key].shape == b[key].shape, key
        assert a[key].tobytes() == b[key].tobytes(), key
        assert a[key].flags.writeable, key


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_every_field_comes_back(tmp_path: Path, steps: int, make_episode: Make) -> None:
    episode = make_episode(steps=steps)
    write_episode(tmp_path / "new" / "e.safetensors", episode)
    back = read_episode(tmp_path / "new" / "e.safetensors")
    for group in ("observations", "actions", "poses"):
        _assert_same(getattr(back, group), getattr(episode, group))
    assert back.rewards.tobytes() == episode.rewards.tobytes()
    assert back.summary == episode.summary
    assert back.score == pytest.approx(sum(episode.rewards))


def test_parts_are_read_alone(tmp_path: Path, episode: Episode) -> None:
    path = tmp_path / "e.safetensors"
    write_episode(path, episode)
    reader = EpisodeReader(path)
    assert reader.summary == episode.summary
    _assert_same(reader.actions(), episode.actions)
    for step in range(episode.steps + 1):
        seen = reader.observation(step)
        assert all(np.array_equal(seen[key], episode.observations[key][step]) for key in episode.observations)
    assert len(reader.observations(stop=1)["color"]) == 1
    with pytest.raises(IndexError, match="no observation 3"):
        reader.observation(3)


def test_the_same_episode_gives_the_same_bytes(tmp_path: Path, make_episode: Make) -> None:
    first, second = make_episode(), make_episode()
    shuffled = {key: second.observations[key] for key in sorted(second.observations, reverse=True)}
    write_episode(tmp_path / "a", first)
    write_episode(tmp_path / "b", dataclasses.replace(second, observations=shuffled))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_recording_gives_the_bytes_of_the_observations(tmp_path: Path, episode: Episode) -> None:
    recording = Recording()
    for step in range(episode.steps + 1):
        recording.add({key: array[step].copy() for key, array in episode.observations.items()})
    write_episode(tmp_path / "a", episode)
    write_episode(tmp_path / "b", dataclasses.replace(episode, observations={}), recording)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_episode_without_observations_is_refused(tmp_path: Path, episode: Episode) -> None:
    with pytest.raises(ConfigError, match="without observations"):
        write_episode(tmp_path / "e", dataclasses.replace(episode, observations={}))
    assert not (tmp_path / "e").exists()


def test_a_recording_of_another_length_is_refused(tmp_path: Path, episode: Episode) -> None:
    recording = Recording()
    recording.add({key: array[0] for key, array in episode.observations.items()})
    with pytest.raises(ConfigError, match="was seen 1 times; an episode of 2 steps has 3"):
        write_episode(tmp_path / "e", episode, recording)
    assert not (tmp_path / "e").exists()


def test_a_new_version_replaces_the_old_and_leaves_nothing_beside_it(tmp_path: Path, make_episode: Make) -> None:
    write_episode(tmp_path / "e", make_episode(1))
    write_episode(tmp_path / "e", make_episode(2))
    assert read_episode(tmp_path / "e").seed == 2
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, episode: Episode) -> None:
    write_episode(tmp_path / "e", episode)
    before = (tmp_path / "e").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_episode(tmp_path / "e", dataclasses.replace(episode, metadata={"bad": float("nan")}))
    assert (tmp_path / "e").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["e"]


def test_every_flipped_byte_is_found(tmp_path: Path, make_episode: Make) -> None:
    path = tmp_path / "000003.safetensors"
    write_episode(path, make_episode(steps=1, size=(6, 8)))
    good = path.read_bytes()
    for position in range(0, len(good)):
        bad = bytearray(good)
        bad[position] ^= 1 << (position % 8)
        path.write_bytes(bad)
        with pytest.raises(DamagedDataError, match="000003"):
            EpisodeReader(path).check()


@pytest.mark.parametrize("keep", [0, 5, 100, -40, -32, -1])
def test_a_shortened_file_is_found(tmp_path: Path, episode: Episode, keep: int) -> None:
    path = tmp_path / "e"
    write_episode(path, episode)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedDataError, match="delete it"):
        read_episode(path)


def test_bytes_added_inside_or_after_are_found(tmp_path: Path, episode: Episode) -> None:
    path = tmp_path / "e"
    write_episode(path, episode)
    good = path.read_bytes()
    for bad in (good + b"\0", good[:-32] + b"\0" + good[-32:]):
        path.write_bytes(bad)
        with pytest.raises(DamagedDataError):
            read_episode(path)


def test_other_files_are_not_episodes(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no file .*nothing"):
        read_episode(tmp_path / "nothing")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(DamagedDataError):
        read_episode(tmp_path / "zip")


def test_any_safetensors_reader_opens_it(tmp_path: Path, episode: Episode) -> None:
    safetensors = pytest.importorskip("safetensors")
    write_episode(tmp_path / "e", episode)
    with safetensors.safe_open(tmp_path / "e", "numpy") as file:
        assert np.array_equal(file.get_tensor("actions/pick"), episode.actions["pick"])


def test_arrays_of_other_lengths_are_refused(episode: Episode) -> None:
    with pytest.raises(ConfigError, match="'color' has 2 rows; an episode of 2 steps has 3"):
        dataclasses.replace(episode, observations={"color": episode.observations["color"][:2]})
    with pytest.raises(ConfigError, match="'block'"):
        dataclasses.replace(episode, poses={"block": np.zeros((3, 6))})


def test_images_of_a_still_camera_shrink_thirtyfold(tmp_path: Path, make_episode: Make) -> None:
    rows, columns = 480, 640
    slope = np.linspace(0.6, 1.4, rows)[:, None] + np.linspace(0, 0.2, columns)
    color = np.full((2, 3, rows, columns, 3), 90, np.uint8)
    color[1, :, 100:150, 100:150] = 200
    from ravens_suite.core.types import quantize_depth

    episode = make_episode(steps=1)
    depth = quantize_depth(np.broadcast_to(slope, (2, 3, rows, columns)))
    write_episode(tmp_path / "e", dataclasses.replace(episode, observations={"color": color, "depth": depth}))
    assert (color.nbytes + depth.nbytes) / (tmp_path / "e").stat().st_size > 30
