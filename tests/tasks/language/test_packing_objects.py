"""Things to be packed: names, splits, sizes, and folders of a user's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import trimesh

from ravens_suite.assets.things import things
from ravens_suite.core.seeding import generator
from ravens_suite.envs import definition
from ravens_suite.envs.definition import OF_THE_TASK, changed, define
from ravens_suite.errors import ConfigError, MeshError
from ravens_suite.registry import environment_id, load_task
from ravens_suite.sim.bodies import Mesh, triangles
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.language._colors import RGB
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


@pytest.mark.parametrize("seed", [49, 52])
def test_nothing_rolls_away_once_the_scene_is_built(build: Build, seed: int) -> None:
    start = build("packing-objects-seq-unseen-shapes", seed, "test")
    for name in start.scene.objects():
        x, y, _ = start.scene.pose(name).position
        assert 0.27 < x < 0.73, name
        assert -0.48 < y < 0.48, name


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


def test_what_a_folder_holds_is_part_of_the_task_also_what_its_first_scene_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation was taken for one of the meshes that there are now."""

    def defined(split: Any = "train") -> dict[str, str]:
        monkeypatch.setattr(definition, "_known", {})
        return define("packing-objects-seq-unseen", split, {"folder": str(tmp_path)})

    folder_of(tmp_path, *(f"thing_{i}.obj" for i in range(12)), "held.obj", "back.obj")
    (tmp_path / "held_out.txt").write_text("held\nback\n")
    task = load_task("packing-objects-seq")[0](folder=str(tmp_path), objects="unseen")  # type: ignore[call-arg]
    scene = Scene()
    task.build(scene, generator(0, "train", "scene"))
    shown = {name.rsplit(" ", 1)[0] for name in scene.objects()}
    scene.close()
    (unseen, *_) = sorted({f"thing {i}" for i in range(12)} - shown)
    then, tested = defined(), defined("test")
    assert defined() == then
    larger = CUBE.replace("0.1", "0.08")
    (tmp_path / "held.obj").write_text(larger)
    assert defined() == then
    assert changed(tested, defined("test"), OF_THE_TASK)
    (tmp_path / f"{unseen.replace(' ', '_')}.obj").write_text(larger)
    assert changed(then, defined(), OF_THE_TASK) == [OF_THE_TASK["bodies"]]


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


def test_neither_the_unit_of_a_mesh_matters_nor_where_its_origin_is(tmp_path: Path) -> None:
    folder_of(tmp_path, "metres.obj", "other.obj")
    corners = [line.split() for line in CUBE.splitlines()]
    for name, scale, away in (("millimetres", 1000, 70.0), ("kilometres", 1e-3, 0.0)):
        moved = [
            ["v", *(str(float(part) * scale + away) for part in line[1:4])] if line[:1] == ["v"] else line
            for line in corners
        ]
        (tmp_path / f"{name}.obj").write_text("\n".join(" ".join(line) for line in moved))
    sizes = {thing.name: np.array(thing.size()) for thing in things_in(tmp_path)}
    bodies = {thing.name: thing.body(1.0) for thing in things_in(tmp_path)}
    for name in ("millimetres", "kilometres"):
        ratio = sizes[name] / sizes["metres"]
        assert ratio == pytest.approx(ratio[0])
        corners_now = triangles(bodies[name].visuals[0].shape).reshape(-1, 3)
        np.testing.assert_allclose(corners_now.max(axis=0), sizes[name] / 2, atol=1e-4)
        np.testing.assert_allclose(corners_now.min(axis=0), -sizes[name] / 2, atol=1e-4)


@pytest.mark.parametrize("size", [(0.03, 0.02, 0.2), (0.2, 0.01, 0.2), (0.01, 0.2, 0.03)])
def test_a_mesh_that_would_fall_over_is_laid_down(tmp_path: Path, size: tuple[float, float, float]) -> None:
    for name in ("pen.stl", "pencil.stl"):
        trimesh.creation.box(size).export(tmp_path / name)
    thing = things_in(tmp_path)[0]
    assert thing.size() == pytest.approx(sorted(size, reverse=True))
    (shape,) = thing.body(2.0).collisions
    shown = triangles(shape)
    assert np.ptp(shown.reshape(-1, 3), axis=0) == pytest.approx([2 * side for side in sorted(size, reverse=True)])
    assert trimesh.Trimesh(**trimesh.triangles.to_kwargs(shown)).volume > 0, "a turn, and no mirror image"
    assert np.ptp(thing.surface(1.0), axis=0) == pytest.approx(thing.size())


def test_what_stands_on_its_own_stays_as_the_file_has_it(tmp_path: Path) -> None:
    for name in ("mug.stl", "cup.stl"):
        trimesh.creation.box((0.06, 0.1, 0.11)).export(tmp_path / name)
    assert things_in(tmp_path)[0].size() == pytest.approx((0.06, 0.1, 0.11))


@pytest.mark.parametrize("names", [("red_mug.obj", "red_mug.stl"), ("red_mug.obj", "red mug.obj"), ("a.obj", "A.obj")])
def test_two_meshes_of_one_name_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    folder_of(tmp_path, "tin.obj", *names)
    with pytest.raises(ConfigError, match=rf"({names[0]}|{names[1]}) and .* are both called"):
        things_in(tmp_path)


def test_names_are_plain_words_and_colours_are_found_in_any_spelling(tmp_path: Path) -> None:
    folder_of(tmp_path, "Red_Mug.obj", "__blue-tin_.obj", "Grey__cup.OBJ", "._Red_Mug.obj")
    found = {thing.name: thing.parts[0][1] for thing in things_in(tmp_path)}
    assert found == {"Red Mug": RGB["red"], "blue-tin": RGB["blue"], "Grey cup": RGB["gray"]}


def test_a_name_that_no_sentence_can_have_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, "tin.obj", "große_dose.obj")
    with pytest.raises(ConfigError, match=r"große_dose\.obj .* ASCII"):
        things_in(tmp_path)
    (tmp_path / "große_dose.obj").rename(tmp_path / "__.obj")
    with pytest.raises(ConfigError, match=r"__\.obj .* has no name that a sentence could say"):
        things_in(tmp_path)


def test_held_out_names_may_be_those_of_files(tmp_path: Path) -> None:
    folder_of(tmp_path, "red_mug.obj", "tin.obj", "old_shoe.obj", "cup.obj")
    (tmp_path / "held_out.txt").write_bytes("\ufeffred mug \r\nTin\r\nold_shoe.obj\r\n\r\n".encode())
    assert [thing.name for thing in things_in(tmp_path) if not thing.held_out] == ["cup"]
    (tmp_path / "held_out.txt").write_text("old shoo\n")
    with pytest.raises(ConfigError, match=r"names 'old shoo', which is no mesh of the folder: write 'old shoe' or so"):
        things_in(tmp_path)
    (tmp_path / "held_out.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"held_out\.txt cannot be read"):
        things_in(tmp_path)


def test_a_flat_mesh_is_refused_by_its_name(tmp_path: Path) -> None:
    folder_of(tmp_path, "tin.obj")
    (tmp_path / "card.obj").write_text("v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\nf 1 2 3 4\n")
    with pytest.raises(MeshError, match=r"card\.obj cannot collide"):
        things_in(tmp_path)[0].size()


@pytest.mark.parametrize("name", ["packing-objects-seq-unseen", "packing-objects-group-unseen"])
def test_the_oracle_packs_them(rollout: Callable[..., Any], name: str) -> None:
    end = rollout(name, 0, "test")
    assert end.success
    assert end.score == pytest.approx(1)
