"""Losses of a batch, and of what the refinement starts from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ravens_suite.agents.pick_place.augmentation import Augmentation, Example, augment
from ravens_suite.agents.transporter.config import TransporterConfig
from ravens_suite.agents.transporter.losses import compute_losses, draw, make_batch
from ravens_suite.agents.transporter.network import TransporterNet
from tests.agents import scenes

CONFIG = TransporterConfig(widths=(2, 2, 2, 2), depth=1, coarse_radius=6, fine_radius=6, angles=12)


def losses(net: TransporterNet, examples: list[Example], rng: object) -> dict[str, torch.Tensor]:
    draws = draw(CONFIG, len(examples), rng, turning=True)  # type: ignore[arg-type]
    return compute_losses(net, CONFIG, make_batch(examples), draws, use_bfloat16=False)


@pytest.fixture
def net() -> TransporterNet:
    torch.manual_seed(0)
    return TransporterNet(CONFIG)


def test_the_loss_of_a_batch_is_the_mean_of_its_examples(net: TransporterNet) -> None:
    """Objects with different symmetries, and so with different numbers of correct places, included."""
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
    examples = [
        augment(replace(step, symmetry_order=order), Augmentation(flips=True), np.random.default_rng(order))
        for order in (4, 1, 3)
    ]
    assert [len(example.yaw) for example in examples] == [4, 1, 3]
    fixed = SimpleNamespace(uniform=lambda low, high, size=None: low if size is None else np.zeros(size))
    together = losses(net, examples, fixed)
    alone = [losses(net, [example], fixed) for example in examples]
    for name, loss in together.items():
        torch.testing.assert_close(loss, torch.stack([each[name] for each in alone]).mean(), rtol=1e-3, atol=1e-4)


def test_each_loss_reaches_its_own_heads(net: TransporterNet) -> None:
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
    example = augment(step, Augmentation(), np.random.default_rng(0))
    parts = {"pick": net.pick, "place": net.coarse, "refine": net.fine}
    for name, head in parts.items():
        net.zero_grad(set_to_none=True)
        losses(net, [example], np.random.default_rng(0))[name].backward()
        assert all(weight.grad is not None for weight in head.parameters())
        assert all(weight.grad is None for weight in net.pick.parameters()) == (name != "pick")
        assert net.trunk.stem.weight.grad is not None, "the encoder learns from all of them"


def test_where_no_pick_is_known_to_be_best_none_is_learned(net: TransporterNet) -> None:
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
    known = augment(step, Augmentation(flips=True), np.random.default_rng(0))
    unknown = replace(known, pick_affinity=np.zeros_like(known.pick_affinity))
    gradients = []
    for examples in ([unknown], [known], [known, unknown]):
        net.zero_grad()
        loss = losses(net, examples, np.random.default_rng(0))["pick"]
        loss.backward()  # type: ignore[no-untyped-call]
        gradients.append(torch.cat([p.grad.flatten() for p in net.pick.parameters() if p.grad is not None]))
        assert torch.isfinite(loss)
    assert gradients[0].abs().max() < 1e-4 * gradients[1].abs().max(), "what is left is rounding over all cells"
    assert torch.allclose(gradients[2], gradients[1] / 2, atol=1e-5)


def test_where_the_place_is_not_known_picks_alone_are_learned(net: TransporterNet) -> None:
    step = scenes.insertion(np.random.default_rng(0)).step(np.random.default_rng(0))
    known = augment(step, Augmentation(flips=True), np.random.default_rng(0))
    unknown = replace(known, place_known=False)
    gradients = {}
    for name, head in (("pick", net.pick), ("place", net.coarse), ("refine", net.fine)):
        for example in (known, unknown):
            net.zero_grad()
            losses(net, [example], np.random.default_rng(0))[name].backward()  # type: ignore[no-untyped-call]
            found = [p.grad.flatten() for p in head.parameters() if p.grad is not None]
            gradients[name, example.place_known] = torch.cat(found).abs().max()
    assert gradients["pick", False] == gradients["pick", True]
    for name in ("place", "refine"):
        assert gradients[name, False] < 1e-3 * gradients[name, True], "what is left is rounding over all cells"
