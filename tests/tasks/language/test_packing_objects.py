"""Things to be packed: names, splits, sizes, and folders of a user's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from ravens_suite.assets.things import things
from ravens_suite.errors import ConfigError
from ravens_suite.registry import environment_id, load_task
from ravens_suite.sim.bodies import Mesh
from ravens_suite.tasks.language._things import _PARTS, THINGS, things_in, things_of

Build = Callable[..., Any]
CUBE = """v 0 0 0
v 0.1 0 0
v 0.1 0.06 0
v 0 0.06 0
v 0 0 0.05
v 0.1 0 0.05
v 0.1 0.06 0.05
v 0 0.06 0.05
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


def names(objects: Any, split: str) -> set[str]:
    return {thing.name for thing in things_of(objects, split, None)}


def test_there_are_56_names_of_28_shapes_in_two_looks() -> None:
    assert len({thing.name for thing in THINGS}) == 56
    families = Counter(thing.parts[0][0].split("_")[1] for thing in THINGS)
    assert len(families) == 28
    assert set(families.values()) == {2}
    assert {family: "".join(sorted(parts)) for family, parts in things().items()} == _PARTS
    assert len({thing.parts for thing in THINGS}) == 56


def test_19_are_held_out_for_their_shape_or_their_look() -> None:
    assert names("seen", "train") == names("seen", "test")
    train, test = names("unseen", "train"), names("unseen", "test")
    assert (len(train), len(test), len(train & test)) == (37, 19, 0)
    shapes, looks = names("unseen-shapes", "test"), names("unseen-looks", "test")
    assert (len(shapes), len(looks), shapes | looks) == (12, 7, test)
    family = {thing.name: thing.parts[0][0].split("_")[1] for thing in THINGS}
    known = {family[name] for name in train}
    assert not known & {family[name] for name in shapes}
    assert {family[name] for name in looks} <= known
    words = set(" ".join(train).split())
    assert all(words & set(name.split()) for name in test)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: str(thing.name))
def test_a_thing_lies_flat_and_is_as_long_as_a_hand(thing: Any) -> None:
    x, y, z = thing.size()
    assert 0.12 < max(x, y) <= 0.245
    assert z <= max(x, y) + 1e-6
    points = thing.surface(0.5)
    np.testing.assert_allclose(np.ptp(points, axis=0).max(), max(x, y) / 2, rtol=0.1)
    body = thing.body(0.5)
    assert body.collisions == tuple(visual.shape for visual in body.visuals)
    assert all(isinstance(shape, Mesh) and shape.scale == 0.5 for shape in body.collisions)


def test_each_sentence_names_another_thing_of_the_split(build: Build) -> None:
    for seed, split in ((0, "train"), (1, "train"), (2, "test"), (3, "test")):
        start = build("packing-objects-seq-unseen", seed, split)
        allowed = names("unseen", split)
        shown = [name.rsplit(" ", 1)[0] for name in start.scene.objects() if name != "container"]
        assert len(set(shown)) == len(shown)
        assert set(shown) <= allowed
        said = [words["thing"] for words in start.task.said]
        assert [goal.objects[0].rsplit(" ", 1)[0] for goal in start.goals] == said
        assert 1 <= len(said) < len(shown)
        assert start.task.step_limit() == len(said) + 1


def test_all_things_of_one_name_are_packed(build: Build) -> None:
    for seed in range(4):
        start = build("packing-objects-group", seed)
        (goal,), named = start.goals, start.task.said[0]["thing"]
        shown = [name for name in start.scene.objects() if name != "container"]
        assert {name for name in shown if name.rsplit(" ", 1)[0] == named} == set(goal.objects)
        assert 2 <= len(goal.objects) < len(shown)
        assert goal.weights().sum() == pytest.approx(1)


def folder_of(path: Path, *files: str) -> Path:
    for name in files:
        (path / name).write_text(CUBE)
    return path


def test_a_folder_of_meshes_takes_the_place_of_the_things(tmp_path: Path) -> None:
    folder_of(tmp_path, "red_brick.obj", "old_shoe.obj", "blue_cup.obj", "tin.obj", "pen.obj")
    (tmp_path / "held_out.txt").write_text("tin\nblue cup\n")
    (tmp_path / "tin.png").write_bytes(b"no picture")
    assert [thing.name for thing in things_in(tmp_path)] == ["blue cup", "old shoe", "pen", "red brick", "tin"]
    options = {"folder": str(tmp_path), "objects": "unseen"}
    for split, expected in (("train", {"old shoe", "pen", "red brick"}), ("test", {"blue cup", "tin"})):
        env = gymnasium.make(
            environment_id("packing-objects-seq"), split=split, observe=["state", "instruction"], **options
        )
        observation, _ = env.reset(seed=0)
        assert observation["instruction"].removeprefix("pack the ").removesuffix(" in the brown box") in expected
        _, reward, *_ = env.step(env.get_wrapper_attr("oracle_action")())
        assert reward > 0
        env.close()


def test_a_folder_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    task = load_task("packing-objects-seq")[0]
    with pytest.raises(ConfigError, match="There is no folder"):
        task(folder=str(tmp_path / "none"))  # type: ignore[call-arg]
    folder_of(tmp_path, "one.obj")
    with pytest.raises(ConfigError, match="at least two are needed"):
        task(folder=str(tmp_path))  # type: ignore[call-arg]
    folder_of(tmp_path, "two.obj")
    with pytest.raises(ConfigError, match=r"held_out\.txt"):
        task(split="test", folder=str(tmp_path), objects="unseen")  # type: ignore[call-arg]
    (tmp_path / "held_out.txt").write_text("three\n")
    with pytest.raises(ConfigError, match="names 'three'"):
        task(folder=str(tmp_path))  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="objects must be one of"):
        task(objects="few")  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="folder must be the path"):
        task(folder=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["packing-objects-seq-unseen", "packing-objects-group-unseen"])
def test_the_oracle_packs_them(rollout: Callable[..., Any], name: str) -> None:
    end = rollout(name, 0, "test")
    assert end.success
    assert end.score == pytest.approx(1)
