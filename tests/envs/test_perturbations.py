"""Changes of a scene by given amounts: what each changes, by how much, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ravens_suite.core.observations import Observation
from ravens_suite.envs.perturbations import Perturbations
from ravens_suite.rollout.environments import make_environment


def first(task: str = "place-red-in-green", seed: int = 3, **arguments: Any) -> tuple[Observation, dict[str, Any]]:
    """What is observed first, and what is said of it."""
    environment = make_environment(task, "test", {"renderer": "tiny", "image_size": [24, 32], **arguments})
    seen = environment.reset(seed=seed)
    environment.close()
    return seen


def poses(info: dict[str, Any]) -> dict[str, list[float]]:
    return {name: list(pose) for name, pose in info["privileged"]["poses"].items()}


SEEN = {"camera": 0.05, "calibration": 0.05, "light": 2.0, "background": 1.0, "color": 1.0}


@pytest.mark.parametrize(("name", "amount"), SEEN.items())
def test_looks_change_and_no_body_moves(name: str, amount: float) -> None:
    plain, info = first()
    changed, other = first(perturb={name: amount})
    again, _ = first(perturb={name: amount})
    assert poses(info) == poses(other)
    assert not np.array_equal(plain["color"], changed["color"])
    np.testing.assert_array_equal(changed["color"], again["color"])
    if name in ("light", "background", "color"):
        np.testing.assert_array_equal(plain["depth"], changed["depth"])


def test_nothing_changes_by_nothing() -> None:
    plain, info = first(observe=["images", "instruction"])
    zero, other = first(observe=["images", "instruction"], perturb=dict.fromkeys([*SEEN, "crowding"], 0.0))
    assert poses(info) == poses(other)
    for key, value in plain.items():
        np.testing.assert_array_equal(value, zero[key])


@pytest.mark.parametrize("name", ["camera", "calibration"])
def test_cameras_move_as_far_as_was_said_and_only_calibration_keeps_it_quiet(name: str) -> None:
    plain, _ = first()
    near, _ = first(perturb={name: 0.01})
    far, _ = first(perturb={name: 0.04})
    ways = [seen["camera_poses"][:, :3, 3] - plain["camera_poses"][:, :3, 3] for seen in (near, far)]
    if name == "calibration":
        assert not np.any(ways)
        return
    np.testing.assert_allclose(np.linalg.norm(ways[0], axis=1), 0.01)
    np.testing.assert_allclose(ways[1], 4 * ways[0], atol=1e-12)  # The same way, farther.
    turns = [
        np.einsum("nij,nij->n", seen["camera_poses"][:, :3, :3], plain["camera_poses"][:, :3, :3])
        for seen in (near, far)
    ]
    np.testing.assert_allclose(np.degrees(np.arccos((turns[0] - 1) / 2)), 1.0, rtol=1e-4)
    np.testing.assert_allclose(np.degrees(np.arccos((turns[1] - 1) / 2)), 4.0, rtol=1e-4)


def test_crowded_objects_stand_nearer_to_each_other() -> None:
    def spread(crowding: float) -> float:
        distances = []
        for seed in range(6):
            places = np.array(
                [
                    pose[:2]
                    for pose in poses(
                        first("place-red-in-green", seed, observe=["state"], perturb={"crowding": crowding})[1]
                    ).values()
                ]
            )
            apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(len(places))
            distances.append(apart.min(axis=1).mean())
        return float(np.mean(distances))

    loose, close, closest = (spread(crowding) for crowding in (0.0, 0.8, 0.98))
    assert loose > close > closest > 0.03


def test_occluders_hide_and_are_no_obstacle() -> None:
    environment = make_environment("block-insertion", "test", {"observe": ["state"], "perturb": {"occluders": 6}})
    _, info = environment.reset(seed=0)
    posts = [name for name in info["privileged"]["poses"] if name.startswith("occluder")]
    assert len(posts) == 6
    score, over = 0.0, False
    while not over:
        _, reward, terminated, truncated, _ = environment.step(environment.get_wrapper_attr("oracle_action")())
        score, over = score + float(reward), terminated or truncated
    assert score == pytest.approx(1.0)
    state = environment.get_wrapper_attr("save_state")()
    environment.get_wrapper_attr("restore_state")(state)
    environment.close()


def test_mistyped_words_keep_their_letters() -> None:
    sentence = "put the red block in the green bowl"
    for count in (1, 3, 100):
        made = Perturbations(mistyped=count).mistype(sentence, np.random.default_rng(count))
        pairs = list(zip(sentence.split(), made.split(), strict=True))
        assert all(sorted(old) == sorted(new) for old, new in pairs)
        # Two letters that are the same are never swapped: that would change nothing.
        assert sum(old != new for old, new in pairs) == min(count, 7)
    assert Perturbations(mistyped=3).mistype("aaa bb abb", np.random.default_rng(0)) == "aaa bb bab"
    said = [first(observe=["instruction"], perturb=change)[0]["instruction"] for change in ({}, {"mistyped": 2})]
    assert said[0] != said[1]


@pytest.mark.parametrize("change", [{"perturb": {"color": 1.0}}, {"randomize": ["color"]}])
def test_boxes_that_come_later_are_coloured_too_and_the_same_after_a_state(change: dict[str, Any]) -> None:
    def colors(environment: Any) -> dict[str, Any]:
        scene = environment.unwrapped._scene
        return {name: scene.body(name).visuals[0].color for name in scene.objects() if name.startswith("box_")}

    small = {"renderer": "tiny", "image_size": [24, 32]}
    plain, changed = (make_environment("palletizing-boxes", "test", {**small, **more}) for more in ({}, change))
    for environment in (plain, changed):
        environment.reset(seed=0)
        for _ in range(2):
            environment.step(environment.get_wrapper_attr("oracle_action")())
    before, after = colors(plain), colors(changed)
    assert list(before) == list(after) == ["box_0", "box_1", "box_2"]
    assert all(before[name] != after[name] for name in before)
    state = changed.get_wrapper_attr("save_state")()
    changed.reset(seed=1)
    changed.get_wrapper_attr("restore_state")(state)
    assert colors(changed) == after
    plain.close()
    changed.close()


LOOKING = [{"name": str(x), "position": [x, 0.3, 1.0], "look_at": [0.5, 0, 0]} for x in (0.4, 0.5, 0.6, 0.7)]


@pytest.mark.parametrize("change", [{"perturb": {"color": 0.5, "camera": 0.02}}, {"randomize": ["color", "camera"]}])
def test_colours_of_a_seed_do_not_depend_on_how_many_cameras_look(change: dict[str, Any]) -> None:
    def looks(count: int) -> tuple[dict[str, Any], Any]:
        small = {"renderer": "tiny", "image_size": [24, 32], "cameras": LOOKING[:count], **change}
        environment: Any = make_environment("place-red-in-green", "test", small)
        seen, _ = environment.reset(seed=3)
        scene = environment.unwrapped._scene
        colors = {name: scene.body(name).visuals[0].color for name in scene.objects()}
        environment.close()
        return colors, seen["camera_poses"]

    three, poses_of_three = looks(3)
    for count in (1, 4):
        others, poses_of_others = looks(count)
        assert others == three
        np.testing.assert_array_equal(poses_of_others[: min(count, 3)], poses_of_three[:count])
