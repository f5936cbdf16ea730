"""The outlook: it learns where a scene is filled once a sentence is carried out, and placing listens to it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from ravens_suite.agents.common.equivariant import rotate_quarter_turns
from ravens_suite.agents.common.sentences import make_sentences
from ravens_suite.agents.pick_place.augmentation import UNCHANGED, augment
from ravens_suite.agents.pick_place.dataset import PickPlaceDataset
from ravens_suite.agents.pick_place.steps import Step
from ravens_suite.agents.transporter import Transporter
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.encoder import encode_image
from ravens_suite.agents.transporter.outlook import Outlook, OutlookBatch, filled_cells
from ravens_suite.agents.transporter.placing import coarse_logits
from ravens_suite.core.heightmap import Heightmap
from ravens_suite.core.observations import Interface
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.training.data import open_demonstrations

ROWS, COLUMNS = AGENT_WORKSPACE.shape
TINY = TransporterConfig(
    widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12, steps=8, precision="float32", device="cpu"
)
ZONES = {"blue": (slice(16, 64), (78, 121, 167)), "green": (slice(96, 144), (89, 169, 79))}
"""Columns and colours of two zones on a table."""
SAID = ["fill the blue zone with the red block", "the red block is to fill the green zone"]


def table(block: tuple[slice, slice] | None = None) -> Heightmap:
    """Two zones, and a red block."""
    color, height = np.full((ROWS, COLUMNS, 3), 51, np.uint8), np.zeros((ROWS, COLUMNS), np.float32)
    for columns, shade in ZONES.values():
        color[200:248, columns] = shade
    if block is not None:
        color[block], height[block] = (255, 87, 89), 0.04
    return Heightmap(color, height)


def step(start: tuple[slice, slice], end: tuple[slice, slice] | None, said: str) -> Step:
    """The step at which a sentence is said, with the scene of its end as its goal."""
    scene = table(start)
    affinity = (scene.height > 0.01).astype(np.float32)
    at = np.array([80.0, 40.0])
    return Step(scene.color, scene.height, at, at, 0.0, affinity / affinity.sum(), goal=table(end), instruction=said)


def test_cells_are_filled_where_something_lies_in_the_end_that_did_not_before() -> None:
    start, end = (slice(32, 64), slice(64, 96)), (slice(208, 240), slice(24, 56))
    rng = np.random.default_rng(0)
    moved, still, removed = (augment(step(start, to, "do it"), replace(UNCHANGED), rng) for to in (end, start, None))
    cells = filled_cells([moved, still, removed])
    assert cells.shape == (3, ROWS // 8, COLUMNS // 8)
    expected = torch.zeros(ROWS // 8, COLUMNS // 8)
    expected[26:30, 3:7] = 1
    assert torch.equal(cells[0], expected)
    assert not cells[1:].any(), "nothing is filled where a thing is only taken away"


def batch(said: list[str], rng: np.random.Generator) -> OutlookBatch:
    """A block at a random place, which is to fill the zone that a sentence names."""
    examples = []
    for words in said:
        row, column = rng.integers(0, 120), rng.integers(0, COLUMNS - 32)
        where = ZONES["blue" if "blue" in words else "green"][0]
        start = (slice(row, row + 32), slice(column, column + 32))
        examples.append(augment(step(start, (slice(208, 240), where), words), UNCHANGED, rng))
    colors = [example.color for example in examples]
    image = encode_image(
        *(torch.from_numpy(np.stack([getattr(e, key) for e in examples])) for key in ("color", "height"))
    )
    return OutlookBatch(image, make_sentences(said, colors), filled_cells(examples))


def test_it_learns_which_of_two_places_a_sentence_means() -> None:
    torch.manual_seed(0)
    net, rng = Outlook(), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(net.parameters(), 5e-3)
    for _ in range(60):
        loss = net.loss(batch(SAID, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    shown = batch(SAID, np.random.default_rng(9))
    prior = net.prior(shown.image, shown.sentence)
    assert prior.shape == (2, ROWS // 4, COLUMNS // 4)
    shares = prior.flatten(1).softmax(dim=1).view_as(prior)
    named = [columns for columns, _ in ZONES.values()]
    first, second = (shares[:, 48:64, each.start // 4 : each.stop // 4].sum(dim=(1, 2)).detach() for each in named)
    assert first[0] > 0.8 and second[1] > 0.8


def test_it_turns_with_the_scene() -> None:
    torch.manual_seed(0)
    net, image = Outlook(), torch.randn(1, 5, 64, 64)
    sentence = make_sentences(SAID[:1], [np.zeros((64, 64, 3), np.uint8)])
    turned = net(rotate_quarter_turns(image, 1), sentence)
    assert torch.allclose(turned, rotate_quarter_turns(net(image, sentence), 1), atol=1e-4)


def test_placing_moves_how_far_it_is_trusted_and_nothing_else_of_it() -> None:
    torch.manual_seed(0)
    net, shown = Outlook(), batch(SAID[:1], np.random.default_rng(0))
    net.prior(shown.image, shown.sentence).square().sum().backward()
    assert [name for name, value in net.named_parameters() if value.grad is not None] == ["trust", "trusts.weight"]


def test_it_is_trusted_by_what_is_said() -> None:
    torch.manual_seed(0)
    net, shown = Outlook(), batch(SAID, np.random.default_rng(0))
    before = net.prior(shown.image, shown.sentence)
    _, said = net.sentence(shown.sentence)
    with torch.no_grad():
        # Twice as far for the first sentence, and as before for the other.
        other = said[1] / said[1].norm()
        first = said[0] - (said[0] @ other) * other
        net.trusts.weight.copy_((first / (first @ said[0]))[None])
    after = net.prior(shown.image, shown.sentence)
    assert torch.allclose(after, before * torch.tensor([2.0, 1.0])[:, None, None], atol=1e-4)


def test_runs_and_weights_of_before_it_was_trusted_by_what_is_said_go_on(
    told: tuple[PickPlaceDataset, Interface],
) -> None:
    data, interface = told
    agent, old, other = (Transporter(TINY, seed, interface) for seed in range(3))
    agent.fit_step(data, 0)
    name = "outlook.trusts.weight"
    old.set_training_state({key: value for key, value in agent.training_state().items() if not key.endswith(name)})
    other.set_weights({key: value for key, value in agent.weights().items() if key != name})
    assert not old.net.state_dict()[name].any() and not other.net.state_dict()[name].any()
    old.fit_step(data, 1)
    assert old.net.state_dict()[name].any()


def test_nothing_is_learned_where_nothing_is_filled() -> None:
    torch.manual_seed(0)
    net, shown = Outlook(), batch(SAID[:1], np.random.default_rng(0))
    loss = net.loss(shown._replace(filled=torch.zeros_like(shown.filled)))
    loss.backward()
    assert abs(loss.item()) < 1e-5
    assert all(value.grad is None or value.grad.abs().max() < 1e-5 for value in net.parameters())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[PickPlaceDataset, Interface]:
    folder, task = tmp_path_factory.mktemp("told"), "stack-block-pyramid-seq-seen"
    collect(task, episodes=1, data=folder, arguments={"image_size": [48, 64], "observe": ["images", "instruction"]})
    store = EpisodeStore.of(folder, task, "train")
    agent = Transporter(TINY, interface=store.interface())
    return agent.make_dataset(open_demonstrations(folder, {task: store.seeds()})), store.interface()


def test_the_end_of_a_sentence_is_the_scene_of_the_next_one(told: tuple[PickPlaceDataset, Interface]) -> None:
    steps = [*told[0].episodes[0]]
    assert len({each.instruction for each in steps}) == len(steps), "every step has a sentence of its own"
    for one, following in pairwise(steps):
        assert one.goal is not None
        assert np.array_equal(one.goal.height, following.height) and np.array_equal(one.goal.color, following.color)
    assert steps[-1].goal is not None


def test_the_agent_learns_it_beside_the_rest_from_the_same_examples(told: tuple[PickPlaceDataset, Interface]) -> None:
    data, interface = told
    with_it, without = (Transporter(replace(TINY, outlook=count), 0, interface) for count in (3, 0))
    found = [agent.step_inputs(data, agent.augmentation(1), 5) for agent in (with_it, without)]
    assert torch.equal(found[0].batch.image, found[1].batch.image)
    assert found[0].batch.outlook is not None and len(found[0].batch.outlook.image) == 3
    assert found[1].batch.outlook is None
    before = with_it.net.state_dict()["outlook.stem.weight"].clone()
    assert "outlook" in with_it.fit_step(data, 0) and "outlook" not in without.fit_step(data, 0)
    assert not torch.equal(with_it.net.state_dict()["outlook.stem.weight"], before)
    assert not any(name.startswith("outlook") for name in without.weights())


def test_it_changes_where_things_are_placed(told: tuple[PickPlaceDataset, Interface]) -> None:
    data, interface = told
    agent = Transporter(TINY, 0, interface)
    batch = agent.step_inputs(data, agent.augmentation(1), 0).batch
    scene = agent.net.read(batch.image, batch.sentence)
    features = agent.net.place_features(scene, batch.pick)
    assert features.prior is not None
    with_it, without = (
        coarse_logits(each, agent.net.angles(12, turning=True)) for each in (features, features._replace(prior=None))
    )
    assert torch.allclose(with_it - without, features.prior[:, None].expand_as(with_it), atol=1e-4)


def test_weights_of_before_there_was_an_outlook_act_as_they_did(
    told: tuple[PickPlaceDataset, Interface], tmp_path: Path
) -> None:
    data, interface = told
    old, agent = Transporter(replace(TINY, outlook=0), 0, interface), Transporter(TINY, 1, interface)
    agent.set_weights(old.weights())
    said, scene = "put the red block on the lightest brown block", data.episodes[0][0].scene
    first, second = (each.decide(scene, None, said) for each in (old, agent))
    assert torch.equal(first.pick_logits, second.pick_logits) and torch.equal(first.place_logits, second.place_logits)
