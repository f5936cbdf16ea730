"""Habits of the demonstrations of each task, and which task a sentence belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.sentences import PHRASES
from ravens_suite.agents.pick_place.dataset import KEYS, PickPlaceDataset
from ravens_suite.agents.pick_place.habits import TASKS, heard
from ravens_suite.agents.pick_place.history import UNKNOWN
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.core.observations import ArraySpec, Interface
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.training.data import open_demonstrations
from tests.agents import scenes

PIECES = ("put the red ring in the brown hole", "place the blue letter R shape into its hole")
BEADS = ("lay the rope along the left side", "move the rope to the top side")
TOLD = Interface({key: ArraySpec((1,), "uint8") for key in [*KEYS, "instruction"]})
TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)


def piece(said: str) -> Step:
    rng = np.random.default_rng(0)
    return replace(scenes.insertion(rng).step(rng), instruction=said)


def bead(said: str) -> Step:
    return replace(piece(said), yaw=0.0, free_objects=())


def two_tasks() -> PickPlaceDataset:
    return PickPlaceDataset([[piece(each) for each in PIECES], [bead(each) for each in BEADS]], ["kits", "rope"])


def test_each_task_keeps_its_habits() -> None:
    both = two_tasks()
    kits, rope = (PickPlaceDataset([list(episode)]) for episode in both.episodes)
    np.testing.assert_allclose(both.habits_of_tasks[:2], [kits.habits, rope.habits], rtol=1e-6)
    assert both.habits_of_tasks.shape == (2, len(both.habits)) and both.words_of_tasks.shape == (2, PHRASES)
    assert kits.habits.turning and not rope.habits.turning and both.habits.turning
    assert rope.habits.least_move > 0 == both.habits.least_move
    assert both.habits.slots == pytest.approx((kits.habits.slots * 3 + rope.habits.slots * 3 - 0.5) / 5)


@pytest.mark.parametrize(
    ("said", "task"),
    [
        *((each, 0) for each in PIECES),
        *((each, 1) for each in BEADS),
        ("insert the green star into the gray hole", 0),
        ("arrange the cord on the right side of the table", 1),
        ("juggle", None),
        ("", None),
    ],
)
def test_words_tell_the_task(said: str, task: int | None) -> None:
    assert heard(said, two_tasks().words_of_tasks) == task


def test_every_episode_needs_its_task() -> None:
    with pytest.raises(ValueError, match="shorter"):
        PickPlaceDataset([[piece("put it in")]] * 2, ["kits"])


def test_a_task_with_many_sentences_is_as_likely_as_one_with_few() -> None:
    episodes = [[piece("put it in"), bead("lay it down")], [bead("lay it down")] * 40]
    data = PickPlaceDataset(episodes, ["few", "many"])
    assert heard("put it in", data.words_of_tasks) == 0
    assert heard("juggle", data.words_of_tasks) is None, "a word that no task has says nothing"


def test_where_a_task_is_told_nothing_or_there_are_too_many_none_is_told_apart() -> None:
    silent = replace(piece(""), instruction=None)
    many = [[piece("put it in")] for _ in range(TASKS + 1)]
    for episodes, tasks in (
        ([[piece(PIECES[0])], [silent]], ["kits", "other"]),
        (many, [str(number) for number in range(len(many))]),
    ):
        data = PickPlaceDataset(episodes, tasks)
        assert not len(data.habits_of_tasks) and not len(data.words_of_tasks)
        assert heard(PIECES[0], data.words_of_tasks) is None


def test_an_agent_of_several_tasks_acts_by_the_habits_of_the_one_that_it_hears(tmp_path: Path) -> None:
    data, agent = two_tasks(), Transporter(TINY, interface=TOLD)
    agent.fit_step(data, 0)
    agent.save(tmp_path)
    for each in (agent, Transporter.load(tmp_path)):
        assert isinstance(each, Transporter)
        net = each.optimiser.ema
        assert net.habits_now(BEADS[1]).least_move > 0 == net.habits_now(PIECES[1]).least_move
        assert net.habits_now(BEADS[1]).turning, "for what was taken for a rope and is none"
        np.testing.assert_allclose(net.habits_now("juggle"), data.habits, rtol=1e-6)


def test_a_data_set_of_few_tasks_is_small_and_nothing_is_left_of_those_of_another_one() -> None:
    """Influence keeps a data set of each demonstration."""
    one = PickPlaceDataset([[piece(PIECES[0])]])
    assert one.words_of_tasks.nbytes + one.habits_of_tasks.nbytes < 20_000
    net = Transporter(TINY, interface=TOLD).net
    for data in (two_tasks(), one):
        net.learn_habits(data)
        for buffer, table in ((net.habits_of_tasks, data.habits_of_tasks), (net.words_of_tasks, data.words_of_tasks)):
            assert buffer is not None and buffer.shape == (TASKS, table.shape[1])
            np.testing.assert_array_equal(buffer[: len(table)], table)
            assert not buffer[len(table) :].any()


def test_one_task_has_the_habits_of_all() -> None:
    data, agent = PickPlaceDataset([[piece(PIECES[0])] * 3, [bead(BEADS[0])]]), Transporter(TINY, interface=TOLD)
    agent.fit_step(data, 0)
    np.testing.assert_allclose(data.habits_of_tasks[0], data.habits, rtol=1e-6)
    heard_or_not = [agent.optimiser.ema.habits_now(said) for said in (PIECES[1], "juggle")]
    assert heard_or_not[0][:-1] == heard_or_not[1][:-1]


def test_a_paraphrase_of_a_task_whose_sentences_take_several_moves_takes_several_moves() -> None:
    """A sentence that one move carries out lets what was laid be taken up; another one ends when that is all."""
    data = PickPlaceDataset([[piece("pack all blocks into the box")] * 3, [piece(each) for each in PIECES]], ["a", "b"])
    agent = Transporter(TINY, interface=TOLD)
    agent.fit_step(data, 0)
    net = agent.optimiser.ema
    packed = net.returns_now("pack all blocks into the box")
    assert packed != UNKNOWN and net.returns_now("stow all blocks inside the box") == packed
    assert net.returns_now(PIECES[0]) == net.returns_now("put the star in its hole") == UNKNOWN
    assert net.returns_now("juggle") == UNKNOWN


def test_agents_of_before_there_were_tasks_act_by_the_habits_of_all() -> None:
    agent = Transporter(TINY, interface=TOLD)
    agent.fit_step(two_tasks(), 0)
    later = ("habits_of_tasks", "words_of_tasks")
    old = Transporter(TINY, 1, interface=TOLD)
    old.set_weights({name: value for name, value in agent.weights().items() if name not in later})
    assert old.optimiser.ema.habits_now(BEADS[0]).least_move == 0
    old.set_training_state({k: v for k, v in agent.training_state().items() if not k.endswith(later)})
    assert torch.equal(old.optimiser.ema.habits, agent.optimiser.ema.habits)


def test_tasks_are_told_apart_by_what_is_said_of_them(tmp_path: Path) -> None:
    tasks = ("put-block-in-bowl-seen", "packing-shapes")
    arguments = {"image_size": [48, 64], "observe": ["images", "instruction"], "wording": "training"}
    for task in tasks:
        collect(task, episodes=3, data=tmp_path, arguments=arguments)
    stores = [EpisodeStore.of(tmp_path, task, "train") for task in tasks]
    agent = Transporter(TINY, interface=stores[0].interface())
    data = agent.make_dataset(
        open_demonstrations(tmp_path, {task: store.seeds() for task, store in zip(tasks, stores, strict=True)})
    )
    order = [reader.summary.task for reader in open_demonstrations(tmp_path, {t: [0] for t in tasks})]
    said = {
        "put-block-in-bowl-seen": "stow the cyan blocks in any of the gray bowls",
        "packing-shapes": "stow the heart in the box",
    }
    for row, task in enumerate(order):
        assert heard(said[task], data.words_of_tasks) == row
