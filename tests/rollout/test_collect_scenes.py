"""Demonstrations of a set of scenes, and agents that learn from them beside others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.cli.main import main
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError, OracleGaveUpError
from ravens_suite.execution.processes import ProcessPool
from ravens_suite.insight.influence import find_influence
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.collect_scenes import collect_scenes
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK = "block-insertion"
SMALL = {"image_size": [24, 32], "observe": ["images", "state"]}
CROWDED = {"perturb": {"crowding": 0.5}}
DARK = {"perturb": {"light": 1.0}}
SETTINGS = TrainingSettings(steps=3, val_episodes=0, threads=1, device="cpu")
PLAN = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=2, settings=SETTINGS, config={"width": 8})


def scene_set(*scenes: SceneSpec) -> SceneSet:
    return SceneSet("hard ones", TASK, scenes)


HARD = scene_set(
    SceneSpec(100_001, "train", CROWDED, "crowded"),
    SceneSpec(100_004, "train", DARK),
    SceneSpec(100_002, "train", CROWDED, "crowded"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    collect(TASK, episodes=2, data=folder / "plain", arguments=SMALL)
    collect_scenes(HARD, data=folder / "hard", arguments=SMALL)
    return folder


def test_each_scene_is_demonstrated_as_it_is(data: Path) -> None:
    store = EpisodeStore.of(data / "hard", TASK, "train")
    assert store.seeds() == store.manifest()["seeds"] == [100_001, 100_002, 100_004]
    assert store.manifest()["arguments"] == SMALL, "what the scenes change is not of all of them"
    episode = store.read(100_001)
    assert episode.metadata["arguments"] == {**SMALL, **CROWDED} and episode.metadata["kind"] == "crowded"
    assert episode.score > 0.99
    assert store.read(100_004).metadata["arguments"] == {**SMALL, **DARK}


def test_any_number_of_workers_makes_the_same_and_a_second_call_does_nothing(data: Path, tmp_path: Path) -> None:
    with ProcessPool(2, 3, False) as pool:
        collect_scenes(HARD, data=tmp_path, arguments=SMALL, pool=pool)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    assert store.digest() == EpisodeStore.of(data / "hard", TASK, "train").digest()
    store.path(100_002).unlink()
    calls: list[int] = []
    again = collect_scenes(HARD, data=tmp_path, arguments=SMALL, on_progress=lambda done, *_: calls.append(done))
    assert calls == [3] and again.episodes == 3, "only what is missing is made again"
    assert len(store.recorded()) == 3


def test_a_scene_that_was_not_solved_is_tried_again_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tired(OraclePolicy):
        def act(self, observation: Any) -> Any:
            raise OracleGaveUpError("Tired.")

    states, seed = {"observe": ["state"]}, 100_001
    with monkeypatch.context() as worse:
        worse.setattr("ravens_suite.rollout.collect_scenes.OraclePolicy", Tired)
        with pytest.raises(ConfigError, match="solved none of the 1 scenes"):
            collect_scenes(scene_set(SceneSpec(seed, "train", CROWDED)), data=tmp_path, arguments=states)
    store = EpisodeStore.of(tmp_path, TASK, "train")
    assert [attempt.kept for attempt in store.recorded()] == [False]
    eased = scene_set(SceneSpec(seed, "train"))
    assert collect_scenes(eased, data=tmp_path, arguments=states).episodes == 1
    assert [attempt.kept for attempt in store.recorded()] == [True]
    assert store.manifest()["seeds"] == [seed] and store.read(seed).metadata["arguments"] == states


@pytest.mark.parametrize(
    ("scenes", "message"),
    [
        ((), "no scene"),
        ((SceneSpec(100_001, "test", CROWDED),), "split test, on which agents are judged"),
        ((SceneSpec(3, "train"), SceneSpec(3, "train", CROWDED)), "seed 3 twice"),
    ],
)
def test_sets_to_learn_nothing_from_are_refused(scenes: tuple[SceneSpec, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        collect_scenes(scene_set(*scenes), data=tmp_path, arguments=SMALL)
    assert not list(tmp_path.iterdir())


def test_a_folder_holds_scenes_or_other_demonstrations(data: Path) -> None:
    with pytest.raises(ConflictError, match="not of a set of scenes"):
        collect_scenes(HARD, data=data / "plain", arguments=SMALL)
    with pytest.raises(ConflictError, match="collected with other settings"):
        collect(TASK, episodes=1, data=data / "hard", arguments=SMALL)
    with pytest.raises(ConflictError, match="the same seed with other changes"):
        collect_scenes(scene_set(SceneSpec(100_001, "train")), data=data / "hard", arguments=SMALL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observe": ["images", "state", "goal"]}, "what is observed .there are goal_camera_intrinsics, .*, too"),
        ({"observe": ["state"]}, "what is observed .there is no camera_intrinsics, no camera_poses, no color"),
        ({"image_size": [48, 64]}, r"color .shape \(3, 48, 64, 3\), where others have \(3, 24, 32, 3\)"),
        ({"distractors": 2}, r"state .shape \(374,\), where others have \(352,\)"),
    ],
)
def test_scenes_that_change_what_is_observed_do_not_share_a_folder(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """They were mixed: the manifest said of all episodes what was true of some."""
    scenes = scene_set(SceneSpec(100_001, "train"), SceneSpec(100_002, "train", changes))
    with pytest.raises(ConflictError, match=message):
        collect_scenes(scenes, data=tmp_path, arguments=SMALL)
    assert not list(tmp_path.iterdir())


def test_changes_that_leave_the_observation_as_it_is_are_no_conflict(tmp_path: Path) -> None:
    changed = {"observe": ["state"], "ends_when_done": True}
    scenes = scene_set(SceneSpec(100_001, "train", changed), SceneSpec(100_002, "train"))
    assert collect_scenes(scenes, data=tmp_path, arguments={"observe": ["state"]}).episodes == 2


def test_an_agent_learns_from_both(data: Path, tmp_path: Path) -> None:
    both = replace(PLAN, more_data=(str(data / "hard"),), keep_checkpoints=1)
    train(both, data / "plain", tmp_path / "both")
    record = RunFolder(tmp_path / "both").record()
    assert record["demonstrations"] == {TASK: [0, 1]}
    assert record["more_demonstrations"] == {str(data / "hard"): {TASK: [100_001, 100_002, 100_004]}}
    assert TrainingPlan.from_json(record["plan"]) == both and both.name.endswith("-and-more")
    train(PLAN, data / "plain", tmp_path / "one")
    one, other = (RunFolder(tmp_path / name).policy.weights.read_bytes() for name in ("one", "both"))
    assert one != other
    found = find_influence(tmp_path / "both", data / "plain")
    assert sorted(each.seed for each in found.demonstrations) == [0, 1, 100_001, 100_002, 100_004]
    fewer = replace(both, drop={TASK: (1, 100_002)})
    train(fewer, data / "plain", tmp_path / "fewer")
    record = RunFolder(tmp_path / "fewer").record()
    assert record["demonstrations"] == {TASK: [0]}
    assert record["more_demonstrations"] == {str(data / "hard"): {TASK: [100_001, 100_004]}}


def test_more_data_are_not_those_that_are_learnt_from_already(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would count twice"):
        train(replace(PLAN, more_data=(f"{data}/hard/../plain",)), data / "plain", tmp_path / "run")


def test_more_data_of_another_kind_are_named_with_their_folder(data: Path, tmp_path: Path) -> None:
    collect(TASK, episodes=1, data=tmp_path / "large", arguments={**SMALL, "distractors": 1})
    with pytest.raises(ConfigError, match=f"in {TASK} and .* in {TASK} in {tmp_path / 'large'}: collect both"):
        train(replace(PLAN, more_data=(str(tmp_path / "large"),)), data / "plain", tmp_path / "run")


def test_an_empty_folder_of_more_data_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="which --more-data names"):
        train(replace(PLAN, more_data=(str(tmp_path / "none"),)), data / "plain", tmp_path / "run")


def test_the_command_line_does_both(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "hard.json", tmp_path / "hard"
    scene_set(*HARD.scenes[:1]).write(path)
    words = ["collect", "--scenes", str(path), "--data", str(out), "--environment", json.dumps(SMALL)]
    assert main(words) == 0 and "1 episodes in" in capsys.readouterr().out
    options: list[Any] = ["--demos", 2, "--steps", 2, "--val-episodes", 0, "--data", data / "plain", "--config"]
    more: list[Any] = ['{"width": 8}', "--more-data", out, "--out", tmp_path / "run"]
    assert main([str(word) for word in ["train", "state-mlp", TASK, *options, *more]]) == 0
    assert RunFolder(tmp_path / "run").record()["more_demonstrations"] == {str(out): {TASK: [100_001]}}
    assert main([*words, "--episodes", "3"]) == 1 and "leave --episodes" in capsys.readouterr().err
    assert main([*words[:1], "place-red-in-green", *words[1:]]) == 1
