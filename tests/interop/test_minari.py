"""Export to other libraries' formats, read back through those libraries."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import numpy as np
import pytest
from fake_environment import TASK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.data.episode import Episode
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, MissingDataError, UnknownNameError
from ravens_suite.interop.imports import import_episodes
from ravens_suite.interop.minari import export
from ravens_suite.interop.minari_spaces import space_text
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.collect_scenes import collect_scenes
from ravens_suite.rollout.environments import make_environment, versions


@pytest.fixture
def data(tmp_path: Path) -> Path:
    collect(TASK, episodes=3, data=tmp_path / "data")
    return tmp_path / "data"


def _poured_tea(seed: int, observations: dict[str, Any], actions: dict[str, Any]) -> Episode:
    """An episode of own data, of which there is no environment."""
    return Episode(
        task="pour-tea",
        split="lab",
        seed=seed,
        observations=observations,
        actions=actions,
        rewards=np.zeros(len(actions["open"])),
        poses={},
        cameras=(),
        success=True,
        metadata={},
    )


def _load(out: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(out))
    return minari.load_dataset(name)


def test_minari_reads_back_what_was_collected(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    (done,) = export(data, "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    store = EpisodeStore.of(data, TASK, "train")
    assert (done.episodes, dataset.total_episodes) == (3, 3)
    for seed, found in zip(store.seeds(), dataset.iterate_episodes(), strict=True):
        episode = store.read(seed)
        assert np.array_equal(found.rewards, episode.rewards)
        assert found.terminations.tolist() == [False] * (episode.steps - 1) + [True]
        assert not found.truncations.any()
        for group, wanted in ((found.observations, episode.observations), (found.actions, episode.actions)):
            assert group.keys() == wanted.keys()
            for key, values in wanted.items():
                assert np.array_equal(group[key], values)
                assert np.asarray(group[key]).dtype == values.dtype
    mark = dataset.storage.metadata["ravens_suite"]
    assert mark["seeds"] == store.seeds()
    assert [camera["name"] for camera in mark["cameras"]] == ["front", "left", "right"]


def test_an_episode_prints_and_says_what_was_not_observed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    (done,) = export(data, "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    episode = EpisodeStore.of(data, TASK, "train").read(0)
    found = dataset[0]
    assert "total_steps=2" in str(found)
    assert found.infos["success"].tolist() == [False, False, True]
    assert np.array_equal(found.infos["poses"]["block"], episode.poses["block"])
    assert found.infos["motion"]["outcome"].tolist() == [b"reset", b"done", b"done"]
    (facts,) = dataset.storage.get_episode_metadata([0])
    assert (facts["success"], facts["score"], facts["outcome"]) == (True, 1.0, "done")
    assert json.loads(facts["goals"]) == {"block": True}
    assert dataset.storage.metadata["requirements"] == [f"ravens-suite=={versions()['ravens-suite']}"]


def test_spaces_are_those_of_the_environment_and_hold_what_was_recorded(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    (done,) = export(data, "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    environment = make_environment(TASK, "train", {})
    assert dataset.observation_space == environment.observation_space
    assert dataset.action_space == environment.action_space
    episode = dataset[1]
    assert dataset.observation_space.contains({key: values[0] for key, values in episode.observations.items()})


def test_the_metadata_is_written_once_and_no_environment_is_left_open(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each append would write it again; and an environment that Minari makes of a specification stays open."""
    minari = pytest.importorskip("minari")
    pytest.importorskip("h5py")
    from minari.dataset._storages.hdf5_storage import HDF5Storage

    calls: list[object] = []
    real = HDF5Storage.update_episodes
    monkeypatch.setattr(
        HDF5Storage, "update_episodes", lambda self, episodes: (calls.append(1), real(self, episodes))[1]
    )
    opened, closed = [], []
    made = gymnasium.make

    def make(*args: Any, **kwargs: Any) -> Any:
        environment = made(*args, **kwargs)
        opened.append(environment)
        monkeypatch.setattr(environment.unwrapped, "close", lambda: closed.append(environment), raising=False)
        return environment

    monkeypatch.setattr(gymnasium, "make", make)
    export(data, "minari", tmp_path / "out")
    assert minari and len(calls) == 1
    assert len(opened) == len(closed) == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_space_written_short_is_read_back_the_same(data: st.DataObject) -> None:
    serialization = pytest.importorskip("minari.serialization")
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=3))
    dtype = data.draw(st.sampled_from(["uint8", "int32", "int64", "float32", "float64"]))
    floats = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 10.0, -np.inf])
    number = floats if dtype.startswith("f") else st.integers(0, 200)
    low = data.draw(
        st.one_of(number.map(lambda value: np.full(shape, value, dtype)), hnp.arrays(dtype, shape, elements=number))
    )
    box = gymnasium.spaces.Box(low, low, dtype=np.dtype(dtype).type)
    space = gymnasium.spaces.Dict(
        {"box": box, "text": gymnasium.spaces.Text(5, min_length=0), "n": gymnasium.spaces.Discrete(3)}
    )
    text = space_text(space)
    assert serialization.deserialize_space(text) == space
    assert len(text) <= len(serialization.serialize_space(space))


def test_a_second_export_leaves_what_is_there_and_a_killed_one_leaves_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    out = tmp_path / "out"
    read = EpisodeStore.read
    monkeypatch.setattr(EpisodeStore, "read", lambda self, seed: read(self, seed) if seed == 0 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(data, "minari", out)
    assert not out.exists()
    monkeypatch.undo()
    (out / ".unfinished-killed").mkdir(parents=True)
    (done,) = export(data, "minari", out)
    file = done.folder / "data" / "main_data.hdf5"
    before = file.stat().st_mtime_ns
    assert export(data, "minari", out) == [done]
    assert file.stat().st_mtime_ns == before
    assert [path.name for path in out.iterdir()] == ["ravens_suite"]


def test_other_episodes_are_not_overwritten(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    export(data, "minari", tmp_path / "out")
    collect(TASK, episodes=4, data=data)
    with pytest.raises(ConflictError, match="other episodes"):
        export(data, "minari", tmp_path / "out")


def test_episodes_of_the_same_seeds_made_otherwise_are_no_success(data: Path, tmp_path: Path) -> None:
    """The old pixels would stay, and the command would say that all went well."""
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    export(data, "minari", tmp_path / "out")
    collect(TASK, episodes=3, data=tmp_path / "other", arguments={"shade": 3})
    with pytest.raises(ConflictError, match=r"settings\.arguments\.shade is null, not 3"):
        export(tmp_path / "other", "minari", tmp_path / "out")
    store = EpisodeStore.of(data, TASK, "train")
    store.write(replace(store.read(0), success=False))
    with pytest.raises(ConflictError, match="the same seeds, but other files"):
        export(data, "minari", tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "data" / "metadata.json").write_text("["),
        lambda folder: (folder / "data" / "metadata.json").write_text("[]"),
        lambda folder: (folder / "data" / "metadata.json").write_text("{}"),
        lambda folder: (folder / "data" / "metadata.json").unlink(),
        lambda folder: (folder / "data" / "main_data.hdf5").write_bytes(b"cut"),
        lambda folder: (folder / "data" / "main_data.hdf5").unlink(),
    ],
)
def test_a_changed_export_is_named_and_not_deleted(
    data: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    (done,) = export(data, "minari", tmp_path / "out")
    change(done.folder)
    before = sorted(done.folder.rglob("*"))
    with pytest.raises(ConflictError, match="train-v0"):
        export(data, "minari", tmp_path / "out")
    assert sorted(done.folder.rglob("*")) == before


def test_what_an_earlier_build_left_out_is_named(data: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("minari")
    (done,) = export(data, "minari", tmp_path / "out")
    file, about = done.folder / "data" / "main_data.hdf5", done.folder / "data" / "metadata.json"
    with h5py.File(file, "r+") as episodes:
        for episode in episodes.values():
            del episode.attrs["record"]
    content = json.loads(about.read_text())
    content["ravens_suite"]["bytes"] = file.stat().st_size
    about.write_text(json.dumps(content))
    with pytest.raises(ConflictError, match="by an earlier build, without record of its episodes: name another --out"):
        export(data, "minari", tmp_path / "out")


def test_two_stores_of_one_name_are_refused_with_both_named(data: Path, tmp_path: Path) -> None:
    collect(TASK, episodes=1, data=data / "again")
    with pytest.raises(ConflictError, match=f"again.*{TASK}.*{TASK}.*would both be"):
        export(data, "minari", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sentences_of_own_data_lie_in_the_space_of_their_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had letters and digits of ASCII alone, so that no sentence with a space was in it."""
    pytest.importorskip("h5py")
    store = EpisodeStore(tmp_path / "mine")
    store.claim({}, {})
    for seed, said in enumerate(("pour the tea", "gieße Tee ein, schön heiß")):
        observations = {"instruction": np.array([said, said])}
        store.write(_poured_tea(seed, observations, {"open": np.zeros((1, 1))}))
    store.finish()
    (done,) = export(tmp_path, "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    said = [found.observations["instruction"][0] for found in dataset.iterate_episodes()]
    assert said == ["pour the tea", "gieße Tee ein, schön heiß"]
    assert all({"instruction": each} in dataset.observation_space for each in said)


def test_own_data_under_a_free_name_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no environment of them, and the manifest may say nothing."""
    pytest.importorskip("h5py")
    store = EpisodeStore(tmp_path / "mine")
    store.claim({}, {})
    rng = np.random.default_rng(0)
    for seed, steps in ((5, 2), (6, 0)):
        observations = {"force": rng.normal(size=(steps + 1, 6)), "note": np.array(["a", "bc", ""][: steps + 1])}
        actions = {"wrist": rng.normal(size=(steps, 7)), "open": np.zeros((steps, 1), dtype=np.int64)}
        store.write(_poured_tea(seed, observations, actions))
    store.finish()
    (done,) = export(tmp_path, "minari", tmp_path / "out")
    assert (done.name, done.episodes, done.steps) == ("ravens_suite/pour-tea/lab-v0", 1, 2)
    found = _load(tmp_path / "out", done.name, monkeypatch)[0]
    assert np.array_equal(found.observations["force"], store.read(5).observations["force"])
    assert found.observations["note"] == ["a", "bc", ""]
    assert found.actions["open"].dtype == np.int64


def test_a_recovered_environment_replays_what_was_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed and the actions of an exported episode give its observations, byte for byte."""
    pytest.importorskip("h5py")
    arguments = {"image_size": [24, 32], "observe": ["images", "state"], "motion": "simulated"}
    collect("block-insertion-continuous", episodes=1, data=tmp_path / "data", arguments=arguments)
    (done,) = export(tmp_path / "data", "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    episode, environment = dataset[0], dataset.recover_environment()
    (facts,) = dataset.storage.get_episode_metadata([0])
    seen = [environment.reset(seed=facts["seed"])[0]]
    for step in range(len(episode)):
        action = {key: values[step] for key, values in episode.actions.items()}
        assert dataset.action_space.contains(action)
        observation, reward, *_ = environment.step(action)
        seen.append(observation)
        assert reward == episode.rewards[step]
    environment.close()
    for key, values in episode.observations.items():
        for was, is_now in zip(values, seen, strict=True):
            assert np.array_equal(was, is_now[key]), key


def test_a_recovered_environment_draws_as_the_exported_one_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py")
    collect(
        "block-insertion", episodes=1, data=tmp_path / "data", arguments={"image_size": [12, 16], "renderer": "tiny"}
    )
    (done,) = export(tmp_path / "data", "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    environment = dataset.recover_environment()
    observation, info = environment.reset(seed=0)
    environment.close()
    assert info["renderer"] == "tiny"
    assert np.array_equal(observation["color"], dataset[0].observations["color"][0])


def test_of_scenes_that_change_the_environment_none_is_named_to_recover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its replays would be of other scenes: without the distractors."""
    task = "place-red-in-green"
    plain, crowded = SceneSpec(0, "train"), SceneSpec(1, "train", {"distractors": 2})
    for name, scenes in (("plain", (plain,)), ("mixed", (plain, crowded))):
        collect_scenes(SceneSet(name, task, scenes), data=tmp_path / name, arguments={"image_size": [12, 16]})
        (done,) = export(tmp_path / name, "minari", tmp_path / "out" / name)
        dataset = _load(tmp_path / "out" / name, done.name, monkeypatch)
        assert (dataset.env_spec is not None) == (name == "plain")
        import_episodes(tmp_path / "out" / name, "minari", tmp_path / "back" / name)
        own, back = (EpisodeStore.of(tmp_path / folder / name, task, "train") for folder in (".", "back"))
        assert own.path(0).read_bytes() == back.path(0).read_bytes()
    metadata = done.folder / "data" / "metadata.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "env_spec": "{}"}))
    with pytest.raises(ConflictError, match="earlier build, with an environment that not all scenes are of"):
        export(tmp_path / "mixed", "minari", tmp_path / "out" / "mixed")


@pytest.mark.parametrize("task", ["block-insertion", "palletizing-boxes"])
def test_minaris_collector_takes_the_info_of_every_step(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes ``info`` apart by jax, whose part in it stands here in a few lines: exact dicts, lists and tuples."""
    minari = pytest.importorskip("minari")
    pytest.importorskip("h5py")
    jax = ModuleType("jax")
    jax.tree_util = ModuleType("jax.tree_util")  # type: ignore[attr-defined]
    jax.tree_util.tree_map = _tree_map  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jax", jax)
    monkeypatch.setitem(sys.modules, "jax.tree_util", jax.tree_util)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    environment = make_environment(task, "train", {"observe": ["state"]})
    collector = minari.DataCollector(environment, record_infos=True, data_format="hdf5", jpeg_encoding=False)
    collector.reset(seed=0)
    for _ in range(2):
        *_, terminated, _, info = collector.step(environment.unwrapped.oracle_action())
        if terminated:
            break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        episode = collector.create_dataset("some/thing-v0")[0]
    collector.close()
    assert episode.infos["success"][-1] == info["success"]
    assert episode.infos["renderer"].tolist()[0] == b"none"
    body = next(iter(info["goals"]))
    assert np.array_equal(episode.infos["privileged"]["poses"][body][-1], info["privileged"]["poses"][body])
    assert len(episode.infos["cameras"]["_index_0"]["name"]) == len(episode) + 1


def _tree_map(function: Any, tree: Any, *rest: Any) -> Any:
    if type(tree) is dict:
        assert all(type(other) is dict and other.keys() == tree.keys() for other in rest)
        return {key: _tree_map(function, tree[key], *(other[key] for other in rest)) for key in tree}
    if type(tree) in (list, tuple):
        assert all(len(other) == len(tree) for other in rest)
        return type(tree)(_tree_map(function, *parts) for parts in zip(tree, *rest, strict=True))
    return function(tree, *rest)


def test_a_missing_library_says_how_to_install_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(MissingDataError, match=r"pip install 'ravens-suite\[minari\]'"):
        export(data, "minari", tmp_path / "out")


def test_nothing_to_export_and_unknown_formats_are_said(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="ravens-suite collect"):
        export(tmp_path, "minari", tmp_path / "out")
    with pytest.raises(UnknownNameError, match="minari"):
        export(tmp_path, "minary", tmp_path / "out")


def test_it_says_who_acted_and_that_a_broken_rule_ended_the_episode(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learner bootstraps over a truncated step, but not over a terminated one."""
    pytest.importorskip("h5py")
    episode = EpisodeStore.of(data, TASK, "train").read(0)
    store = EpisodeStore.of(tmp_path / "tried", TASK, "train")
    store.claim({"task": TASK, "split": "train", "experience": True}, versions())
    outcomes = ("done", "failed: a cube has fallen", "step limit", "gave up: nothing is left")
    for seed, outcome in enumerate(outcomes):
        policy = {"kind": "explore", "name": "explore"} if seed else {"kind": "agent", "name": "mine", "explore": 0.25}
        metadata = {**episode.metadata, "outcome": outcome, "policy": policy}
        store.write(replace(episode, seed=seed, metadata=metadata))
    store.finish()
    (done,) = export(tmp_path / "tried", "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    ends = [(found.terminations.tolist(), found.truncations.tolist()) for found in dataset.iterate_episodes()]
    nothing, last = [False] * episode.steps, [False] * (episode.steps - 1) + [True]
    assert ends == [(last, nothing), (last, nothing), (nothing, last), (nothing, last)]
    metadata = dataset.storage.metadata
    assert metadata["algorithm_name"] == "mine with 25% random actions; explore"
    assert metadata["description"] == f"Episodes, {TASK}, split train."
    said = [facts["policy"] for facts in dataset.storage.get_episode_metadata(range(4))]
    assert said == ["mine with 25% random actions", *["explore"] * 3]
    (done,) = export(data, "minari", tmp_path / "shown")
    assert _load(tmp_path / "shown", done.name, monkeypatch).storage.metadata["algorithm_name"] == "scripted oracle"


def test_a_body_and_its_part_are_kept_apart(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py")
    episode = EpisodeStore.of(data, TASK, "train").read(0)
    names = ("mug", "mug/handle", "mug%2Fhandle", "mug/handle/tip", "/cup", "a/b", "a//b", ".")
    poses = {name: episode.poses["block"] + number for number, name in enumerate(names)}
    store = EpisodeStore.of(tmp_path / "own", "pour-tea", "train")
    store.claim({}, {})
    store.write(replace(episode, task="pour-tea", poses=poses))
    store.finish()
    (done,) = export(tmp_path / "own", "minari", tmp_path / "out")
    (found,) = _load(tmp_path / "out", done.name, monkeypatch).iterate_episodes()
    assert np.array_equal(found.infos["poses"]["mug"], poses["mug"])
    import_episodes(tmp_path / "out", "minari", tmp_path / "back")
    back = EpisodeStore.of(tmp_path / "back", "pour-tea", "train")
    assert back.path(0).read_bytes() == store.path(0).read_bytes()


def test_own_data_may_say_that_they_are_scenes(tmp_path: Path) -> None:
    store = EpisodeStore.of(tmp_path / "data", "own", "train")
    store.claim({"scenes": True}, {})  # Of one's own, not those of ``collect --scenes``.
    pose = np.array([[0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])
    seen = {"touch": np.zeros((2, 3))}
    store.write(Episode("own", "train", 1, seen, {"pick": pose}, np.array([1.0]), {}, (), True, {}))
    store.finish()
    for _ in range(2):  # The second time it is there already.
        (dataset,) = export(tmp_path / "data", "minari", tmp_path / "out")
        assert dataset.episodes == 1


def test_of_what_nobody_noted_the_policy_is_unknown_and_names_may_have_slashes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    episode = EpisodeStore.of(data, TASK, "train").read(0)
    poses = {"cup": episode.poses["block"] + 1.0, "shelf/cup": episode.poses["block"]}
    own = replace(episode, task="pour-tea", poses=poses, metadata={})
    store = EpisodeStore.of(tmp_path / "own", "pour-tea", "train")
    store.claim({"scenes": 12, "experience": "two years"}, {})  # Words of one's own, which mean something else here.
    store.write(own)
    store.finish()
    (done,) = export(tmp_path / "own", "minari", tmp_path / "out")
    assert _load(tmp_path / "out", done.name, monkeypatch).storage.metadata["algorithm_name"] == "unknown"
    import_episodes(tmp_path / "out", "minari", tmp_path / "back")
    back = EpisodeStore.of(tmp_path / "back", "pour-tea", "train")
    assert back.path(0).read_bytes() == store.path(0).read_bytes()
