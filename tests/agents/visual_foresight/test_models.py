"""World models: what they begin with, that they learn, and how they are found by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ravens_suite.agents.visual_foresight import models
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.lookup import find_model, find_planner, names_in
from ravens_suite.agents.visual_foresight.models.base import Memory, Prediction, Window, WorldModel, share_mask
from ravens_suite.agents.visual_foresight.models.stochastic import Stochastic
from ravens_suite.agents.visual_foresight.moving import carry_all, move
from ravens_suite.agents.visual_foresight.optimiser import Optimiser
from ravens_suite.agents.visual_foresight.scenes import CHANNELS, COLUMNS, ROWS
from ravens_suite.agents.visual_foresight.trunk import _compose
from ravens_suite.errors import ConfigError
from tests.agents.visual_foresight.tables import table

CONFIG = VisualForesightConfig(width=8, precision="float32")
LEARNED = [name for name in names_in(models) if name not in ("persistence", "moved-patch")]
BEFORE = table((20, 40, 8, 16))[None]
ACTION = torch.tensor([[24.0, 48.0, 50.0, 100.0, 0.5]])


def window() -> Window:
    """A block that slides a little further than it is put, and one at the other side that stays."""
    after = find_model("moved-patch")(CONFIG).predict(BEFORE, ACTION + torch.tensor([0.0, 0, 3, 0, 0])).scene
    heavy, action = table((60, 20, 8, 16))[None], torch.tensor([[64.0, 28.0, 30.0, 60.0, 0.5]])
    pairs = torch.stack([torch.cat([BEFORE, after]), torch.cat([heavy, heavy])])
    return Window(pairs, torch.stack([ACTION, action]), torch.cat([after, after]))


FIRST_GUESS = {
    "transport": "moved-patch",
    "stochastic": "moved-patch",
    "conv-lstm": "persistence",
    "reward-only": "persistence",
}


@pytest.mark.parametrize(("name", "like"), FIRST_GUESS.items())
def test_an_untrained_model_predicts_its_first_guess(name: str, like: str) -> None:
    made, wanted = (find_model(each)(CONFIG).predict(BEFORE, ACTION).scene for each in (name, like))
    assert (made - wanted).abs().max() < 0.02


def test_all_of_the_scene_is_carried_with_what_the_object_is_put_on() -> None:
    """What lies beside the picked object is shown beside its place, too, as high as there is something below."""
    scene = table((20, 40, 8, 16), (30, 40, 8, 16), (50, 100, 10, 20))
    action = torch.tensor([[24.0, 48.0, 55.0, 110.0, 0.0]])
    carried = carry_all(scene[None], action, move(scene[None], action))[0]
    torch.testing.assert_close(carried[:3, 110, 55], scene[:3, 48, 24])
    torch.testing.assert_close(carried[:3, 110, 65], scene[:3, 48, 34])
    assert float(carried[3, 110, 55]) == pytest.approx(0.62, abs=1e-3)


@pytest.mark.parametrize("name", LEARNED)
def test_it_learns_and_its_losses_are_named(name: str) -> None:
    torch.manual_seed(0)
    model = find_model(name)(CONFIG)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(24):
        losses = model.losses(window(), generator)
        total = torch.stack(list(losses.values())).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        found.append({key: float(value.detach()) for key, value in losses.items()})
    assert set(found[0]) >= ({"picture", "gain"} if model.shows else {"gain"})
    # The mean counts, as single steps may be too wide, and how far differs with a processor's instructions.
    assert sum(sum(losses.values()) for losses in found[-6:]) / 6 < 0.9 * sum(found[0].values())


@pytest.mark.parametrize("name", names_in(models))
def test_several_steps_keep_their_shapes(name: str) -> None:
    model = find_model(name)(CONFIG)
    scenes, actions = BEFORE.expand(3, -1, -1, -1), ACTION.expand(3, -1)
    memory = tuple(each.expand(3, *each.shape[1:]) for each in model.begin(BEFORE))
    for _ in range(2):
        made = model.predict(scenes, actions, memory, scenes)
        assert made.scene.shape == scenes.shape
        assert made.gain.shape == (3,)
        scenes, memory = made.scene, made.memory


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_share_of_the_picture_is_predicted(share: float) -> None:
    mask = share_mask(share, BEFORE)
    assert float(mask.mean()) == pytest.approx(share)
    losses = find_model("transport")(VisualForesightConfig(width=4, share=share)).losses(window(), torch.Generator())
    assert ("picture" in losses) == (share > 0)


def test_samples_of_the_stochastic_model_differ() -> None:
    torch.manual_seed(1)
    model = Stochastic(CONFIG)
    torch.nn.init.normal_(model.picture.out.weight)
    first, second = (model.sample(BEFORE, ACTION, torch.Generator().manual_seed(seed)).scene for seed in (0, 1))
    assert not torch.allclose(first, second)
    assert torch.equal(first, model.sample(BEFORE, ACTION, torch.Generator().manual_seed(0)).scene)


def test_names_are_those_of_the_files_and_others_are_refused() -> None:
    assert {*FIRST_GUESS, *FIRST_GUESS.values()} <= set(names_in(models))
    assert find_model(f"{Stochastic.__module__}:Stochastic") is Stochastic
    with pytest.raises(ConfigError, match=r"no model 'nothing'\. Choose conv-lstm, .*transport"):
        find_model("nothing")
    with pytest.raises(ConfigError, match="no planner 'base'"):
        find_planner("base")
    with pytest.raises(ConfigError, match="is no planner: it must be a subclass of Planner"):
        find_planner("pathlib:Path")
    with pytest.raises(ConfigError, match="Cannot import the model"):
        find_model("nowhere:Model")


class Normalised(WorldModel):
    """Its layers keep statistics of what they saw."""

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__(config)
        self.layers = torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 4, 1))

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        return Prediction(self.layers(scenes), scenes.new_zeros(len(actions)), memory)


def test_statistics_that_layers_keep_go_to_the_model_that_acts() -> None:
    model = Normalised(CONFIG)
    optimiser = Optimiser(model, CONFIG)
    for step in range(3):
        losses = model.losses(window(), torch.Generator())
        optimiser.step(torch.stack(list(losses.values())).sum(), step)
    kept, own = (dict(each.named_buffers()) for each in (optimiser.ema, model))
    assert int(kept["layers.0.num_batches_tracked"]) == 3 * window().actions.shape[1]
    assert all(torch.equal(kept[name], value) for name, value in own.items())


@pytest.mark.parametrize("horizon", [1, 2])
def test_a_memory_is_used_where_training_taught_it(horizon: int) -> None:
    torch.manual_seed(0)
    model = find_model("conv-lstm")(VisualForesightConfig(width=8, precision="float32", horizon=horizon))
    torch.nn.init.normal_(model.picture.out.weight)
    action, other = ACTION, ACTION + torch.tensor([0.0, 0, 20, 0, 0])
    scenes, goals = torch.cat([window().scenes[:1], BEFORE[:, None]], dim=1), window().goals[:1]
    losses = model.losses(Window(scenes, torch.stack([action, other], dim=1), goals), torch.Generator())
    losses["picture"].backward()
    learned = model.cell.from_hidden.weight.grad
    assert (learned is not None and bool(learned.abs().sum() > 0)) == (horizon > 1)
    first = model.predict(BEFORE, action, model.begin(BEFORE))
    after_it, anew = (model.predict(BEFORE, other, memory).scene for memory in (first.memory, model.begin(BEFORE)))
    assert torch.equal(after_it, anew) == (horizon == 1)


def test_what_never_happened_so_far_can_still_be_learned() -> None:
    """However sure it has become that a scene stays as it is, an object that moves teaches it something."""
    scenes = table((20, 40, 8, 8))[None]
    after = table((50, 90, 8, 8))[None]
    values = torch.zeros(1, CHANNELS + 3, ROWS, COLUMNS)
    values[:, CHANNELS + 1] = 200.0
    values.requires_grad_()
    made = _compose(values, after, scenes)
    assert float((made - scenes).detach().abs().max()) < 0.4, "more of the scene as it was than of what moved"
    (made - after).abs().mean().backward()
    assert values.grad is not None
    moves = values.grad[0, CHANNELS : CHANNELS + 2, 94, 54]
    assert float(moves[0]) < -1e-10 and float(moves[1]) > 0
