"""Correlation by the Fourier transform is the sum of products, as are its gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ravens_suite.agents.common.correlation import correlate_everywhere, correlate_nearby


def test_correlation_is_the_sum_of_products() -> None:
    torch.manual_seed(2)
    query, maps = torch.randn(2, 3, 4, 5, 5), torch.randn(2, 2, 4, 12, 7)
    plain = [torch.nn.functional.conv2d(m, q, padding=2) for q, m in zip(query, maps, strict=True)]
    torch.testing.assert_close(correlate_everywhere(query, maps), torch.stack(plain), rtol=1e-4, atol=1e-4)
    patch = torch.randn(2, 3, 4, 9, 9)
    plain = [torch.nn.functional.conv2d(k, q) for q, k in zip(query, patch, strict=True)]
    torch.testing.assert_close(correlate_nearby(query, patch), torch.stack(plain), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("correlate", [correlate_everywhere, correlate_nearby])
def test_gradients_of_correlation_are_right(correlate: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    torch.manual_seed(3)
    query = torch.randn(2, 3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(2, 2, 2, 7, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(correlate, (query, maps))


def test_a_window_may_be_larger_than_the_map() -> None:
    torch.manual_seed(9)
    query = torch.randn(1, 2, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(1, 1, 3, 3, 12, dtype=torch.float64, requires_grad=True)
    plain = torch.nn.functional.conv2d(maps[0], query[0], padding=4)[None]
    torch.testing.assert_close(correlate_everywhere(query, maps), plain)
    assert torch.autograd.gradcheck(correlate_everywhere, (query, maps))
