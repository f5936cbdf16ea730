"""One learning-rate cycle, averaged weights, and a state by name from which training goes on to the bit."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from ravens_suite.agents.common.optimiser import Optimiser, OptimiserConfig, one_cycle

CONFIG = OptimiserConfig(steps=100, learning_rate=0.01, weight_decay=0.0, ema_decay=0.9)


def make(seed: int = 0) -> Optimiser[nn.Module]:
    torch.manual_seed(seed)
    return Optimiser(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2)), CONFIG)


def loss(optimiser: Optimiser[nn.Module]) -> torch.Tensor:
    inputs = torch.linspace(-1, 1, 20).view(5, 4)
    return (optimiser.net(inputs) - inputs[:, :2]).square().mean()


def test_the_learning_rate_rises_to_its_top_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 100, 0.01) for step in range(101)]
    top = max(range(101), key=rates.__getitem__)
    assert rates[top] == 0.01 and 0 < top < 50
    assert rates[: top + 1] == sorted(rates[: top + 1]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < rates[0] < 0.5 * rates[top]
    assert one_cycle(500, 100, 0.01) == rates[-1], "steps beyond the cycle keep its last rate"


def test_steps_descend_and_averaged_weights_follow() -> None:
    optimiser = make()
    start = float(loss(optimiser).detach())
    rates = [optimiser.step(loss(optimiser), step) for step in range(60)]
    assert float(loss(optimiser).detach()) < 0.5 * start
    assert rates == [one_cycle(step, 100, 0.01) for step in range(60)]
    pairs = list(zip(optimiser.net.parameters(), optimiser.ema.parameters(), strict=True))
    assert all(torch.allclose(weight, average, atol=0.1) for weight, average in pairs)
    assert not any(torch.equal(weight, average) for weight, average in pairs)


def test_a_state_by_name_continues_to_the_bit() -> None:
    whole, resumed = make(1), make(2)
    for step in range(3):
        whole.step(loss(whole), step)
    resumed.set_state({name: value.clone() for name, value in whole.state().items()})
    for step in range(3, 6):
        whole.step(loss(whole), step)
        resumed.step(loss(resumed), step)
    first, second = whole.state(), resumed.state()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {"net.0.weight", "average.0.weight", "moment.momentum_buffer.0.weight", "moment.exp_avg.0.bias"} <= set(
        first
    )


def test_kernels_of_convolutions_are_left_to_adamw_unless_told_otherwise() -> None:
    def names(**settings: bool) -> set[str]:
        optimiser = Optimiser(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(3, 3)), replace(CONFIG, **settings))
        optimiser.step(sum((weight.square().sum() for weight in optimiser.net.parameters()), torch.zeros(())), 0)
        return {name for name in optimiser.state() if name.startswith("moment.momentum_buffer")}

    assert names() == {"moment.momentum_buffer.1.weight"}
    assert names(convolutions=True) == {"moment.momentum_buffer.0.weight", "moment.momentum_buffer.1.weight"}
    assert names(convolutions=True, use_muon=False) == set()
