"""An episode comes back as it was; any damage is found and named."""

from __future__ import annotations

import dataclasses
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.data.container import Container
from ravens_suite.data.episode import Episode, EpisodeReader, read_episode, write_episode
from ravens_suite.data.frames import Encoder
from ravens_suite.data.recording import Recording
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


@pytest.mark.parametrize("view", [lambda array: np.stack([array, array], axis=-1)[..., 0], np.asfortranarray])
def test_views_come_back_as_what_they_show(
    tmp_path: Path, view: Callable[[np.ndarray], np.ndarray], episode: Episode
) -> None:
    """Others write the memory behind a view (``findings/safetensors_and_openexr_write_views_wrong.sh``)."""
    groups = ("observations", "actions", "poses")
    seen = {group: {key: view(array) for key, array in getattr(episode, group).items()} for group in groups}
    assert not any(array.flags.c_contiguous for arrays in seen.values() for array in arrays.values())
    write_episode(tmp_path / "e.safetensors", dataclasses.replace(episode, **seen))
    back = read_episode(tmp_path / "e.safetensors")
    for group in groups:
        _assert_same(getattr(back, group), getattr(episode, group))
        assert all(array.flags.c_contiguous for array in getattr(back, group).values())


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


def test_coded_images_go_from_file_to_file_as_they_are(
    tmp_path: Path, episode: Episode, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_episode(tmp_path / "a", episode)
    reader = EpisodeReader(tmp_path / "a")
    assert {"color", "depth"} <= set(reader.image_keys)
    monkeypatch.setattr(Encoder, "add", lambda *_: pytest.fail("coded again"))
    recording = Recording()
    for step in range(episode.steps + 1):
        recording.add(reader.observation(step, set(reader.keys) - set(reader.image_keys)))
    recording.images |= {key: reader.coded(key) for key in reader.image_keys}
    write_episode(tmp_path / "b", dataclasses.replace(episode, observations={}), recording)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_last_image_is_whole_where_it_equals_those_before(tmp_path: Path, make_episode: Make) -> None:
    episode = make_episode()
    still = {key: np.repeat(array[:1], len(array), axis=0) for key, array in episode.observations.items()}
    write_episode(tmp_path / "a", dataclasses.replace(episode, observations=still))
    recording = Recording(images={"color": EpisodeReader(tmp_path / "a").coded("color", episode.steps)})
    nothing = dataclasses.replace(episode, observations={}, actions={}, rewards=np.zeros(0), poses={})
    write_episode(tmp_path / "end", nothing, recording)
    assert np.array_equal(read_episode(tmp_path / "end").observations["color"], still["color"][-1:])


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


def test_a_flipped_byte_is_found_wherever_it_lies(tmp_path: Path, make_episode: Make) -> None:
    path = tmp_path / "000003.safetensors"
    write_episode(path, make_episode(steps=1, size=(6, 8)))
    good = path.read_bytes()
    arrays = 8 + int.from_bytes(good[:8], "little")  # Their place in the file, behind the header.
    end = len(good) - 40
    for position in [*range(arrays), *range(arrays, end, 9), *range(end, len(good))]:
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


_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
_KEYS = st.lists(st.from_regex(r"[a-z][a-z_]{0,6}", fullmatch=True), min_size=1, max_size=4, unique=True)


@st.composite
def _observed(draw: st.DrawFn, steps: int) -> dict[str, np.ndarray]:
    """Observations of any kind: texts, which may repeat, images, coordinates, numbers."""
    count = steps + 1

    def arrays(dtypes: list[str], least: int, most: int) -> st.SearchStrategy[np.ndarray]:
        shapes = hnp.array_shapes(min_dims=least, max_dims=most, max_side=4).map(lambda shape: (count, *shape))
        return st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, shapes))

    words = st.lists(st.one_of(st.sampled_from(["put the red block in the bowl", ""]), _TEXTS), min_size=2, max_size=3)
    texts = words.flatmap(lambda some: st.lists(st.sampled_from(some), min_size=count, max_size=count)).map(np.array)
    images = arrays(["uint8", "float32", "int32"], 3, 4)
    coordinates = arrays(["float64"], 0, 3)
    vectors = arrays(["float32", "uint8", "int32", "bool"], 0, 2)
    return {key: draw(st.one_of(texts, images, coordinates, vectors)) for key in draw(_KEYS)}


def _blank(observations: dict[str, np.ndarray], steps: int) -> Episode:
    return Episode(
        task="block-insertion",
        split="train",
        seed=0,
        observations=observations,
        actions={},
        rewards=np.zeros(steps),
        poses={},
        cameras=(),
        success=False,
        metadata={},
    )


def _assert_equal(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert actual.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, str) or value.dtype.kind == "U":
            assert np.array_equal(actual[key], value), key
        else:
            assert (actual[key].dtype, actual[key].shape) == (value.dtype, value.shape), key
            assert actual[key].tobytes() == value.tobytes(), key


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_window_of_any_keys_is_the_slice_of_what_was_observed(data: st.DataObject) -> None:
    steps = data.draw(st.integers(0, 4))
    observations = data.draw(_observed(steps))
    start, stop = data.draw(st.integers(-2, 7)), data.draw(st.integers(-2, 7))
    keys = data.draw(st.none() | st.lists(st.sampled_from(sorted(observations)), unique=True))
    with tempfile.TemporaryDirectory() as folder:
        write_episode(Path(folder) / "e", _blank(observations, steps))
        reader = EpisodeReader(Path(folder) / "e")
        window = reader.window(start, stop, keys)
        everything = reader.episode().observations
        one_by_one = list(reader.each(keys))
    chosen = observations if keys is None else {key: observations[key] for key in keys}
    _assert_equal(window, {key: array[max(start, 0) : max(stop, 0)] for key, array in chosen.items()})
    _assert_equal(everything, observations)
    for step, observation in enumerate(one_by_one):
        rows = {key: str(each[step]) if each.dtype.kind == "U" else each[step] for key, each in chosen.items()}
        _assert_equal(observation, rows)
    assert len(one_by_one) == steps + 1
    assert reader.keys == tuple(sorted(observations))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_one_observation_is_what_the_environment_gave(data: st.DataObject) -> None:
    steps = data.draw(st.integers(0, 3))
    observations = data.draw(_observed(steps))
    step = data.draw(st.integers(0, steps))
    given_then = {
        key: str(array[step]) if array.dtype.kind == "U" else array[step] for key, array in observations.items()
    }
    recording = Recording()
    for index in range(steps + 1):
        recording.add({key: array[index] for key, array in observations.items()})
    with tempfile.TemporaryDirectory() as folder:
        write_episode(Path(folder) / "e", _blank({}, steps), recording)
        observation = EpisodeReader(Path(folder) / "e").observation(step)
        write_episode(Path(folder) / "f", _blank(observations, steps))
        assert (Path(folder) / "e").read_bytes() == (Path(folder) / "f").read_bytes()
    _assert_equal(observation, given_then)
    assert {type(observation[key]) for key in observations if observations[key].dtype.kind == "U"} <= {str}


def test_a_window_reads_its_own_frames_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_episode: Make
) -> None:
    episode = make_episode(steps=3)
    rng = np.random.default_rng(0)
    color = rng.integers(0, 255, (4, 3, 24, 32, 3), dtype=np.uint8)
    write_episode(tmp_path / "e", dataclasses.replace(episode, observations={**episode.observations, "color": color}))
    reader = EpisodeReader(tmp_path / "e")
    read: list[str] = []
    real = Container.blob
    monkeypatch.setattr(Container, "blob", lambda self, name: (read.append(name), real(self, name))[1])
    assert np.array_equal(reader.window(1, 3, ["color"])["color"], color[1:3])
    assert read == ["observations/color/0001/0", "observations/color/0002/0"]


def test_keys_that_were_not_observed_are_refused(tmp_path: Path, episode: Episode) -> None:
    write_episode(tmp_path / "e", episode)
    reader = EpisodeReader(tmp_path / "e")
    for ask in (lambda: reader.observation(0, ["color", "state"]), lambda: reader.window(0, 9, ["state"])):
        with pytest.raises(MissingDataError, match=r"no 'state': .*--observe .*state"):
            ask()
    with pytest.raises(ConfigError, match=r"list of names; got 'color': write \['color'\]"):
        reader.observation(0, "color")
    with pytest.raises(IndexError):
        reader.observation(-1)


def test_observations_of_changing_shape_are_refused_by_name(tmp_path: Path) -> None:
    recording = Recording()
    recording.add({"tip": np.zeros(3)})
    recording.add({"tip": np.zeros(4)})
    with pytest.raises(ConfigError, match="'tip'"):
        write_episode(tmp_path / "e", _blank({}, 1), recording)


def test_a_text_costs_its_letters_once(tmp_path: Path) -> None:
    """An instruction stays the same for many steps."""
    text = "x" * 1000
    write_episode(tmp_path / "e", _blank({"instruction": np.array([text] * 50 + ["y"])}, 50))
    assert (tmp_path / "e").stat().st_size < 3000
    reader = EpisodeReader(tmp_path / "e")
    assert [reader.observation(step)["instruction"] for step in (0, 49, 50)] == [text, text, "y"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"depth": np.full((1, 4, 4), 650, np.uint16)}, r"uint16\. Millimetres\? .*/ 1000"),
        ({"depth": np.full((1, 4, 4), 650, np.float32)}, "looks like millimetres"),
        ({"depth": np.array([[[0, 650], [650, 650]]], np.float32)}, "looks like millimetres"),
        ({"depth": np.array([[[60, 640], [650, 660]]], np.float32)}, "looks like millimetres"),
        ({"depth": np.full((1, 4, 4), 0.65)}, "float64"),
        ({"depth": np.full((4, 4), 0.65, np.float32)}, r"\(N, H, W\)"),
        ({"depth": np.full((1, 4, 4), np.nan, np.float32)}, "not finite: put 0"),
        ({"depth": np.full((1, 4, 4), -1, np.float32)}, "negative"),
        ({"goal_depth": np.full((1, 4, 4), 650, np.uint16)}, "'goal_depth'"),
        ({"color": np.zeros((1, 4, 4, 3), np.float32)}, "uint8"),
        ({"color": np.zeros((1, 4, 4, 4), np.uint8)}, r"\(N, H, W, 3\)"),
        ({"mask": np.zeros((1, 0, 4), np.uint8)}, "pixels"),
        ({"mask": np.zeros((1, 4, 4), np.complex64)}, "complex64"),
    ],
)
def test_images_in_other_units_or_shapes_are_refused(change: dict[str, np.ndarray], says: str) -> None:
    """Millimetres taken as metres would be learned from without an error."""
    with pytest.raises(ConfigError, match=says):
        Recording().add(change)


def test_depth_of_any_camera_in_metres_is_taken(tmp_path: Path) -> None:
    depth = np.array([[[[0.0, 0.3], [10.0, 99.0]]]], np.float32)
    write_episode(tmp_path / "e", _blank({"depth": depth}, 0))
    assert np.array_equal(read_episode(tmp_path / "e").observations["depth"], depth)


def test_where_a_far_sighted_camera_saw_nothing_depth_may_be_large(tmp_path: Path) -> None:
    depth = np.array([[[0.0, 0.3], [300.0, 299.994]], [[0.4, 0.5], [0.5, 500.0]]], np.float32)[None]
    write_episode(tmp_path / "e", _blank({"depth": depth}, 0))
    assert np.array_equal(read_episode(tmp_path / "e").observations["depth"], depth)


def test_what_is_given_in_another_form_is_stored_in_its_own(tmp_path: Path, episode: Episode) -> None:
    """Robots and simulators give float32 and NumPy's own truth values and numbers."""
    rewards = np.array([0.25, 0.5], np.float32)
    poses = {name: rows.astype(np.float32) for name, rows in episode.poses.items()}
    written = dataclasses.replace(episode, rewards=rewards, poses=poses, success=np.bool_(True), seed=np.int64(7))  # type: ignore[arg-type]
    path = tmp_path / "000007.safetensors"
    write_episode(path, written)
    found = read_episode(path)
    EpisodeReader(path).check()
    assert (found.seed, found.success, found.score) == (7, True, 0.75)
    assert type(found.seed) is int and type(found.success) is bool
    assert found.rewards.dtype == np.float64
    for name, rows in poses.items():
        assert found.poses[name].dtype == np.float64
        assert np.array_equal(found.poses[name], rows, equal_nan=True)
    listed = dataclasses.replace(episode, rewards=[0, 1], success=0)  # type: ignore[arg-type]
    assert (listed.rewards.dtype, listed.success) == (np.float64, False)


def test_lists_of_actions_are_stored_as_the_arrays_they_are(tmp_path: Path, episode: Episode) -> None:
    pick: Any = [[0.5, 0.1, 0.02, 0, 0, 0, 1]] * 2
    write_episode(tmp_path / "e", dataclasses.replace(episode, actions={"pick": pick}))
    assert read_episode(tmp_path / "e").actions["pick"].tolist() == pick


def test_arrays_with_a_mask_are_refused_since_it_would_be_lost() -> None:
    depth = np.ma.masked_equal(np.ones((1, 2, 3), np.float32), 1.0)
    with pytest.raises(ConfigError, match="'depth' has a mask"):
        Recording().add({"depth": depth})


_DTYPES = ["uint8", "int8", "bool", "uint16", "float16", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", _DTYPES)
@pytest.mark.parametrize("shape", [(3,), (2, 3, 3), (1, 4, 5)])
def test_what_was_added_may_change_afterwards(
    dtype: str, shape: tuple[int, ...], tmp_path: Path, episode: Episode
) -> None:
    """A camera fills one array again and again, and a policy works on what it observes in place."""
    shown = [(np.arange(np.prod(shape)).reshape(shape) % 2 == step % 2).astype(dtype) for step in range(3)]
    recording, same = Recording(), np.empty(shape, dtype)
    for values in shown:
        same[...] = values
        recording.add({"seen": same})
        same[...] = 0
    write_episode(tmp_path / "e", dataclasses.replace(episode, observations={}), recording)
    assert read_episode(tmp_path / "e").observations["seen"].tolist() == [values.tolist() for values in shown]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"seed": 1.0}, "seed must be a whole number >= 0"),
        ({"success": "yes"}, "success of an episode must be true or false"),
        ({"success": None}, "success of an episode must be true or false"),
        ({"rewards": np.array([0.0, np.nan])}, "rewards of seed 3 are not all finite"),
        ({"rewards": np.zeros((2, 1))}, "give one number an action"),
        ({"rewards": ["a", "b"]}, "The rewards must be numbers"),
        ({"actions": {"arm/pick": np.zeros((2, 7))}}, "'arm/pick' has a slash"),
        ({"actions": {"": np.zeros((2, 7))}}, "The action '' is no name"),
        ({"observations": {"": np.zeros((3, 7))}}, "The observation key '' is no name"),
        ({"observations": {7: np.zeros((3, 7))}}, "The observation key 7 is no name"),
        ({"observations": {"touch": np.zeros((3, 1, 1, 1, 1, 1, 1, 2, 2), np.float32)}}, "at most 7 axes"),
        ({"observations": {"note": ["\ud800"] * 3}}, "no Unicode"),
        ({"metadata": {"speed": np.float32(1)}}, "must be JSON: Object of type float32"),
        ({"metadata": {"speed": float("nan")}}, "must be JSON"),
        ({"observations": {"phase": np.zeros((3, 2), complex)}}, "dtype complex128, which is not stored"),
    ],
)
def test_what_would_not_be_read_again_is_not_written(
    change: dict[str, Any], says: str, tmp_path: Path, episode: Episode
) -> None:
    with pytest.raises(ConfigError, match=says):
        write_episode(tmp_path / "episode.safetensors", dataclasses.replace(episode, **change))
    assert not list(tmp_path.iterdir())
