"""Mixture density outputs: their likelihood, and that they keep two answers apart."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from ravens_suite.agents.common.mixture import MixtureDensity


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_the_loss_is_the_negative_log_likelihood_of_the_mixture() -> None:
    mixture = MixtureDensity(4, 3, 5)
    features, samples = torch.randn(7, 4), torch.randn(7, 3)
    weights, means, deviations = mixture(features)
    components = Independent(Normal(means, deviations[..., None].expand_as(means)), 1)
    expected = -MixtureSameFamily(Categorical(logits=weights), components).log_prob(samples).mean()
    assert torch.allclose(mixture.loss(features, samples), expected, atol=1e-5)
    assert torch.allclose(weights.exp().sum(dim=1), torch.ones(7))


def test_the_best_sample_is_the_mean_of_the_component_with_the_largest_weight() -> None:
    mixture = MixtureDensity(4, 3, 5)
    features = torch.randn(7, 4)
    weights, means, _ = mixture(features)
    expected = torch.stack([means[row, int(weights[row].argmax())] for row in range(7)])
    assert torch.equal(mixture.best(features), expected)


def test_of_two_right_answers_one_is_given_and_not_their_mean() -> None:
    mixture = MixtureDensity(1, 2, 6)
    optimiser = torch.optim.Adam(mixture.parameters(), 0.05)
    features = torch.ones(64, 1)
    samples = torch.where(torch.arange(64)[:, None] % 2 == 0, torch.tensor([-1.0, 0.5]), torch.tensor([1.0, 0.5]))
    for _ in range(200):
        optimiser.zero_grad()
        mixture.loss(features, samples).backward()
        optimiser.step()
    best = mixture.best(features[:1])[0].detach()
    assert abs(abs(float(best[0])) - 1) < 0.1
    assert abs(float(best[1]) - 0.5) < 0.1


def test_the_densest_mean_is_the_one_that_others_lie_near_and_no_improbable_one() -> None:
    mixture = MixtureDensity(1, 2, 4, period=2.0)
    means = torch.tensor([[0.0, 0.0], [1.0, 0.95], [1.0, -0.97], [5.0, 0.0]])
    weights, deviations = torch.tensor([0.4, 0.3, 0.2, 1e-4]).log(), torch.tensor([0.1, 0.1, 0.1, 1e-4])
    assert torch.equal(mixture.densest(weights, means, deviations), means[1])
    assert torch.equal(mixture.densest(weights[:1], means[:1], deviations[:1]), means[0])


def test_no_component_sinks_into_a_single_example() -> None:
    mixture = MixtureDensity(1, 2, 1)
    torch.nn.init.constant_(mixture.parameters_of.bias, -1000.0)
    _, _, deviations = mixture(torch.zeros(1, 1))
    assert float(deviations.detach().min()) > 0.0199


def test_angles_a_period_apart_are_the_same_sample_and_other_axes_have_none() -> None:
    mixture = MixtureDensity(4, 3, 5, period=2.0)
    features, samples = torch.randn(7, 4), torch.randn(7, 3)
    loss = mixture.loss(features, samples)
    assert torch.allclose(mixture.loss(features, samples + torch.tensor([0.0, 0.0, 6.0])), loss, atol=1e-4)
    assert not torch.allclose(mixture.loss(features, samples + torch.tensor([0.0, 2.0, 0.0])), loss, atol=1e-2)


def test_the_least_deviation_can_be_named() -> None:
    mixture = MixtureDensity(1, 2, 1)
    torch.nn.init.constant_(mixture.parameters_of.bias, -1000.0)
    _, _, deviations = mixture(torch.zeros(1, 1), 0.5)
    assert abs(float(deviations.detach()) - 0.5) < 1e-6
    features, samples = torch.zeros(1, 1), torch.ones(1, 2) * 1000
    assert mixture.loss(features, samples, 0.5) < mixture.loss(features, samples)
