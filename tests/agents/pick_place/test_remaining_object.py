"""Remaining-object augmentation: when the last scene is known, and what its examples show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.pick_place.augmentation import Augmentation, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.agents.pick_place.remaining_object import with_object_left, with_remaining_object
from ravens_suite.agents.pick_place.steps import Step, step_from_maps
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from tests.agents import scenes

RED, GREEN = (200, 60, 60), (60, 160, 60)
START, GOAL = Pose((0.4, -0.2, 0.0)), Pose((0.5, 0.2, 0.0))
SIDE, FRAME = 6, 40
"""Pixels: of the square that is pushed, and of the frame it goes to."""


def beside(pose: Pose, columns: float = 0, rows: float = 0) -> Array:
    """(2,) pixel position so far from one of a pose."""
    return to_pixels(pose) + np.array([columns, rows])


def square(middle: Array, side: int) -> tuple[slice, slice]:
    column, row = (int(value) - side // 2 for value in middle)
    return slice(row, row + side), slice(column, column + side)


def table(*standing: Array) -> Heightmap:
    """A frame drawn about the goal, and squares that stand on the table."""
    color = np.full((320, 160, 3), 50, np.uint8)
    height = np.zeros((320, 160), np.float32)
    color[square(to_pixels(GOAL), FRAME)] = GREEN
    color[square(to_pixels(GOAL), FRAME - 6)] = 50
    for middle in standing:
        color[square(middle, SIDE)] = RED
        height[square(middle, SIDE)] = 0.01
    return Heightmap(color, height)


def middle(weights: Array) -> Array:
    """(2,) pixel position of the middle of an image, (rows, columns), that sums to 1."""
    rows, columns = np.indices(weights.shape)
    return np.array([(weights * columns).sum(), (weights * rows).sum()]) + 0.5


def pushed(end: Heightmap | None, place: Pose = GOAL) -> Step:
    """A push that ends a little short of its place."""
    return step_from_maps(table(to_pixels(START)), table(beside(GOAL, rows=-8)), START, place, end)


ARRIVED = beside(GOAL, rows=-8), beside(GOAL, columns=4)
END = table(*ARRIVED)


def test_the_end_is_known_of_a_push_of_a_free_object() -> None:
    step = pushed(END)
    assert step.final_scene is not None and (step.final_scene.color == END.color).all()
    assert len(step.free_objects) == 1
    assert step.free_objects[0].mask.sum() == SIDE**2


@pytest.mark.parametrize(
    "step",
    [
        pushed(None),
        # Carried, not pushed: it arrives as it left.
        step_from_maps(table(to_pixels(START)), table(to_pixels(GOAL)), START, GOAL, END),
        # Nothing stands where the push begins.
        step_from_maps(table(to_pixels(GOAL)), table(to_pixels(GOAL)), START, GOAL, END),
        # Part of something longer that stays, such as a rope.
        step_from_maps(
            table(*(beside(START, rows=6 * i) for i in range(8))),
            table(*(beside(START, rows=6 * i) for i in range(2, 8)), beside(GOAL, rows=-8)),
            START,
            GOAL,
            END,
        ),
        pushed(END, Pose.planar(0.5, 0.2, 0.0, 0.3)),
    ],
    ids=["unknown", "carried", "nothing", "part", "turned"],
)
def test_of_other_steps_it_is_not(step: Step) -> None:
    assert step.final_scene is None
    assert with_remaining_object(step, np.random.default_rng(0)) is step


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_is_done_but_for_what_is_picked(seed: int) -> None:
    step = pushed(END)
    example = with_remaining_object(step, np.random.default_rng(seed))
    assert (example.free_objects, example.final_scene) == ((), None)
    assert (example.place == step.place).all()
    assert np.linalg.norm(example.pick - step.place) <= np.linalg.norm(step.pick - step.place) + 1e-9
    assert np.allclose(example.centre - example.pick, step.centre - step.pick)
    column, row = example.pick.astype(int)
    assert tuple(example.color[row, column]) == RED
    assert example.pick_affinity.sum() == pytest.approx(1)
    assert np.abs(middle(example.pick_affinity) - example.pick).max() < 1
    assert ((example.height > 0) == (example.color == RED).all(axis=-1)).all()
    # Of the square at least half shows where nothing stood; all else is as it was, at the end and here.
    added = (example.color != END.color).any(axis=-1)
    assert SIDE**2 / 2 - SIDE <= added.sum() <= (SIDE + 1) ** 2
    rows, columns = np.nonzero(added)
    assert np.ptp(rows) <= SIDE and np.ptp(columns) <= SIDE
    assert (table(*ARRIVED).color == END.color).all() and (table(*ARRIVED).height == END.height).all()


def test_it_lies_all_about_the_goal_and_on_what_is_drawn_there() -> None:
    rng = np.random.default_rng(0)
    examples = [with_remaining_object(pushed(END), rng) for _ in range(60)]
    ways = {tuple(np.sign(example.pick - example.place)) for example in examples}
    assert ways == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    green = (END.color == GREEN).all(axis=-1)
    covering = [bool((green & (example.color == RED).all(axis=-1)).any()) for example in examples]
    assert 6 < sum(covering) < 54


def test_it_does_not_lie_in_a_gap_between_what_has_arrived() -> None:
    around = [beside(GOAL, 7 * i, 7 * j) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
    step, rng = pushed(table(*around)), np.random.default_rng(0)
    offsets = np.array([with_remaining_object(step, rng).pick - step.place for _ in range(300)])
    # The pile reaches 17 pixels from its middle, and half an object may be within it, at a corner more on both axes.
    assert 14 < np.abs(offsets).max(axis=1).min() < 18


@pytest.mark.parametrize("goal", [Pose((0.252, 0.2, 0.0)), Pose((0.5, 0.498, 0.0))])
def test_near_the_edge_of_the_map_the_pick_is_on_it(goal: Pose) -> None:
    """Even if it was beside the object."""
    pick = Pose((0.4 + 0.013, -0.2, 0.0))
    step = step_from_maps(table(to_pixels(START)), table(beside(GOAL, rows=-8)), pick, goal, END)
    assert step.final_scene is not None
    for seed in range(100):
        example = with_remaining_object(step, np.random.default_rng(seed))
        assert np.all(example.pick >= 0) and np.all(example.pick < [160, 320])
        assert example.pick_affinity.sum() == pytest.approx(1)


def test_without_room_a_step_stays_as_it_is() -> None:
    full = table(*ARRIVED)
    full.height[:, ::2], full.height[::2] = 0.05, 0.05
    full.height[::4, ::4] = 0.0
    step = pushed(full)
    assert step.final_scene is not None
    assert with_remaining_object(step, np.random.default_rng(0)) is step


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 20, 40), (1.0, 55, 60)])
def test_the_setting_is_a_share_of_examples(share: float, least: int, most: int) -> None:
    augmentation = Augmentation(yaw=0, shift=0, remaining=share, altered_scenes=0)
    step, rng = pushed(END), np.random.default_rng(1)
    examples = [augment(step, augmentation, rng) for _ in range(60)]
    # Three squares show, if one hides no more than half of another.
    three = [int((example.color == RED).all(axis=-1).sum()) > 2.4 * SIDE**2 for example in examples]
    assert least <= sum(three) <= most


@pytest.mark.parametrize(("metres", "known"), [(0.02, True), (0.1, False)])
def test_the_end_is_known_of_what_takes_all_to_one_place(tmp_path: Path, metres: float, known: bool) -> None:
    collect("sweeping-piles", episodes=1, data=tmp_path)
    store = EpisodeStore.of(tmp_path, "sweeping-piles", "train")
    # Whether it succeeded is not for an agent to know.
    episode = replace(store.read(store.seeds()[0]), success=False)
    episode.actions["place"][-1, 0] += metres
    store.write(episode)
    (steps,) = PickPlaceDataset.from_demonstrations(Demonstrations([store.path(episode.seed)])).episodes
    ends = [step.final_scene is not None for step in steps]
    # Pushes of several cubes at once have no single object that could be shown once more.
    assert sum(ends) > len(ends) / 4 if known else not any(ends)


def carried() -> tuple[Step, Heightmap]:
    """A block that was laid into its frame, and the scene then."""
    scene = scenes.insertion(np.random.default_rng(0))
    step, end = scene.step(np.random.default_rng(0)), scene.draw(scene.targets[0])
    assert len(step.free_objects) == 1
    return replace(step, end=end), end


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_one_more_of_what_was_laid_down_is_picked_and_what_has_arrived_stays(seed: int) -> None:
    step, end = carried()
    example = with_object_left(step, np.random.default_rng(seed))
    assert example is not None and (example.free_objects, example.end) == ((), None)
    added = (example.height - end.height) > 0.03
    size = step.free_objects[0].mask.sum()
    assert added.sum() == pytest.approx(size, rel=0.1)
    elsewhere = ~cv2.dilate(added.astype(np.uint8), np.ones((21, 21))).astype(bool)
    assert (example.color[elsewhere] == end.color[elsewhere]).all()
    assert (example.height[elsewhere] == end.height[elsewhere]).all(), "what has arrived is there, too"
    column, row = example.pick.astype(int)
    assert added[row - 1 : row + 2, column - 1 : column + 2].any()
    assert example.pick_affinity.sum() == pytest.approx(1)
    assert example.pick_affinity[~cv2.dilate(added.astype(np.uint8), np.ones((3, 3))).astype(bool)].sum() < 0.01


def test_where_it_goes_is_not_known() -> None:
    step, _ = carried()
    rng = np.random.default_rng(0)
    often = Augmentation(unfinished=1.0, scatter=0.0)
    assert not any(augment(step, often, rng).place_known for _ in range(5))
    assert all(augment(replace(step, end=None), often, rng).place_known for _ in range(5))
    assert all(augment(step, Augmentation(unfinished=0.0), rng).place_known for _ in range(5))


def test_without_bare_table_there_is_no_room_for_one_more() -> None:
    step, end = carried()
    full = Heightmap(end.color, end.height.copy())
    full.height[::4] = 0.05
    assert with_object_left(replace(step, end=full), np.random.default_rng(0)) is None


@pytest.mark.parametrize(("task", "known"), [("sweeping-piles", False), ("place-red-in-green", True)])
def test_the_last_scene_is_kept_of_picks_and_not_of_pushes(task: str, known: bool, tmp_path: Path) -> None:
    collect(task, episodes=1, data=tmp_path)
    store = EpisodeStore.of(tmp_path, task, "train")
    demonstrations = Demonstrations([store.path(store.seeds()[0])])
    (steps,) = PickPlaceDataset.from_demonstrations(demonstrations).episodes
    assert any(step.free_objects for step in steps)
    assert any(step.end is not None for step in steps) == known
    (steps,) = PickPlaceDataset.from_demonstrations(demonstrations, first_scenes=True).episodes
    assert all(step.end is None for step in steps), "what is remembered would not show it"


@pytest.mark.parametrize(
    ("task", "known"), [("put-block-in-bowl-seen", True), ("stack-block-pyramid-seq-seen", False)], ids=["one", "many"]
)
def test_a_sentence_that_changes_says_nothing_of_the_last_scene(task: str, known: bool, tmp_path: Path) -> None:
    collect(task, episodes=1, data=tmp_path, arguments={"observe": ["images", "instruction"]})
    store = EpisodeStore.of(tmp_path, task, "train")
    demonstrations = Demonstrations([store.path(store.seeds()[0])])
    (steps,) = PickPlaceDataset.from_demonstrations(demonstrations, instructions=True).episodes
    assert any(step.free_objects for step in steps)
    assert any(step.end is not None for step in steps) == known
