"""What every task says of itself: add a task and it is tested here without another line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ravens_suite.core.seeding import SPLITS
from ravens_suite.registry import load_task, task_names
from ravens_suite.tasks._packing import RIM, Cell, divide
from ravens_suite.tasks.packing_boxes import SIDES

DISTRACTORS = 6
"""Bodies for which there must be room beside those of a task."""


@pytest.mark.parametrize("name", task_names())
def test_it_says_what_to_do_in_one_plain_sentence(name: str) -> None:
    task_class, arguments = load_task(name)
    task = task_class(**arguments)
    instruction = task.current_instruction(0)
    assert instruction[0].islower()
    assert len(instruction.split()) >= 4
    assert not set(instruction) & set(".;!?\n")
    assert instruction.isascii()


def test_variants_that_look_different_are_asked_for_in_other_words() -> None:
    said = {}
    for name in ("block-insertion", "block-insertion-easy", "block-insertion-no-fixture", "block-insertion-six-dof"):
        task_class, arguments = load_task(name)
        said[name] = task_class(**arguments).current_instruction(0)
    assert said["block-insertion"] == said["block-insertion-easy"]
    assert len(set(said.values())) == 3
    assert "fixture" not in said["block-insertion-no-fixture"]


@pytest.mark.parametrize("name", task_names())
def test_its_bodies_fit_into_the_flat_state_with_room_for_distractors(build: Callable[..., Any], name: str) -> None:
    for split in SPLITS:
        start = build(name, 1, split)
        assert len(start.scene.poses()) + DISTRACTORS <= start.task.max_bodies


def test_the_largest_container_and_a_full_pallet_fit_too(build: Callable[..., Any]) -> None:
    inside = SIDES[1] / 2 - RIM
    largest = Cell((-inside, -inside), (inside, inside))
    boxes = max(len(divide(largest, np.random.default_rng(seed))) for seed in range(300))
    assert boxes + 1 + DISTRACTORS <= load_task("packing-boxes")[0].max_bodies
    start = build("palletizing-boxes", 0)
    while start.task._deliveries:
        start.task._deliver(start.scene)
    assert len(start.scene.poses()) == 19
    assert len(start.scene.poses()) + DISTRACTORS <= start.task.max_bodies
