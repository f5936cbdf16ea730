"""Layers turn with their input, exactly for quarter turns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch

from ravens_suite.agents.common.correlation import (
    angle_grid,
    correlate_everywhere,
    correlate_nearby,
    highest,
    match_everywhere,
    match_nearby,
    rotate_query,
    steerable,
)
from ravens_suite.agents.common.equivariant import ORIENTATIONS, FieldConv, LiftingConv, quarter_turns
from ravens_suite.agents.transporter.encoder import Encoder, rms_norm


def turn_fields(tensor: torch.Tensor, turns: int) -> torch.Tensor:
    """A field map (batch, fields * 4, rows, columns) as it is after the scene turned by quarter turns."""
    batch, channels, rows, columns = tensor.shape
    fields = tensor.view(batch, channels // ORIENTATIONS, ORIENTATIONS, rows, columns)
    turned = quarter_turns(fields.roll(turns, dims=2), turns)
    return turned.reshape(batch, channels, *turned.shape[-2:])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_trunk_turns_with_the_scene(turns: int) -> None:
    torch.manual_seed(0)
    trunk = Encoder(5, (2, 3, 4, 2), depth=1)
    image = torch.randn(1, 5, 64, 32)
    for upright, turned in zip(trunk(image), trunk(quarter_turns(image, turns)), strict=True):
        torch.testing.assert_close(turn_fields(upright, turns), turned, rtol=1e-4, atol=1e-5)


def test_features_keep_their_size_however_large_the_weights() -> None:
    torch.manual_seed(5)
    trunk = Encoder(5, (2, 3, 4, 2), depth=2)
    image = torch.randn(2, 5, 64, 32)
    before = trunk(image)
    with torch.no_grad():
        for weight in trunk.parameters():
            weight *= 30
    for small, large in zip(before, trunk(image), strict=True):
        for features in (small, large):
            sizes = features.square().mean(dim=(1, 2, 3)).sqrt()
            torch.testing.assert_close(sizes, torch.full((2,), 0.15), rtol=0.02, atol=0)


def test_gradients_of_tied_kernels_are_right() -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    layers = torch.nn.Sequential(
        LiftingConv(3, 2, 4, stride=2, padding=1), FieldConv(2, 2), FieldConv(2, 1, 2, stride=2)
    )
    layers.double()
    names = [name for name, _ in layers.named_parameters()]

    def output(*weights: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(layers, dict(zip(names, weights, strict=True)), image)
        return result

    assert torch.autograd.gradcheck(output, tuple(layers.parameters()))


def test_kernels_kept_for_acting_follow_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(6)
    trained, other = FieldConv(2, 2), FieldConv(2, 2)
    acting = copy.deepcopy(trained).requires_grad_(False)
    fields = torch.randn(1, 8, 5, 5)
    made = []
    make = FieldConv._tied
    monkeypatch.setattr(FieldConv, "_tied", lambda layer: made.append(layer) or make(layer))

    def check() -> None:
        """What acts is what it is made anew from, and is made once."""
        made.clear()
        with torch.inference_mode():
            kept = [acting(fields) for _ in range(3)]
        assert len(made) == 1, "kept, and not kept too long"
        fresh = copy.deepcopy(acting).requires_grad_(True)
        torch.testing.assert_close(kept[-1], fresh(fields), rtol=1e-5, atol=1e-6)

    check()
    with torch.no_grad():
        torch._foreach_lerp_(list(acting.parameters()), list(other.parameters()), 0.5)
    check()
    with torch.no_grad():
        acting.bias += 1
    check()
    acting.load_state_dict(other.state_dict())
    check()
    acting.double()
    fields = fields.double()
    check()


def test_kernels_of_trained_weights_are_not_kept() -> None:
    """A fused optimiser changes them unnoticed."""
    torch.manual_seed(7)
    layer = FieldConv(2, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=True)
    fields = torch.randn(1, 8, 5, 5)
    with torch.inference_mode():
        before = layer(fields)
    layer(fields).square().sum().backward()
    optimiser.step()
    with torch.inference_mode():
        after = layer(fields)
    torch.testing.assert_close(after, layer(fields).detach())
    assert not torch.equal(before, after)


@pytest.mark.parametrize("first", [True, False])
def test_kernels_kept_in_one_precision_do_not_serve_the_other(first: bool) -> None:
    layer = FieldConv(2, 2).requires_grad_(False)
    fields = torch.randn(1, 8, 5, 5)
    results = {}
    for use_bfloat16 in (first, not first):
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=use_bfloat16):
            results[use_bfloat16] = layer(fields)
    assert results[True].dtype == torch.bfloat16
    assert results[False].dtype == torch.float32
    torch.testing.assert_close(results[True].float(), results[False], rtol=0.02, atol=0.02)


def test_the_gradient_of_balanced_features_is_right() -> None:
    torch.manual_seed(8)
    fields = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rms_norm, (fields,))
    use_bfloat16 = fields.detach().bfloat16().requires_grad_()
    weights = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    (rms_norm(fields) * weights).sum().backward()
    (rms_norm(use_bfloat16).double() * weights).sum().backward()
    assert use_bfloat16.grad is not None and fields.grad is not None
    torch.testing.assert_close(use_bfloat16.grad.double(), fields.grad, rtol=0.05, atol=0.01)
    assert torch.isfinite(rms_norm(torch.zeros(1, 2, 3, 3))).all()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_steering_by_a_quarter_turn_is_turning_the_fields(turns: int) -> None:
    torch.manual_seed(1)
    fields = torch.randn(1, 16, 9, 9)
    turned = rotate_query(steerable(fields), torch.full((1, 1), turns * math.pi / 2))[:, 0]
    torch.testing.assert_close(turned, steerable(turn_fields(fields, turns)), rtol=1e-4, atol=1e-5)


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


@pytest.mark.parametrize("count", [8, 9, 1])
@pytest.mark.parametrize("start", [0.0, 0.7])
def test_matching_turns_the_query_by_every_angle(count: int, start: float) -> None:
    """However many quarter turns are made of others (for nine angles and for one, none), with its gradients."""
    torch.manual_seed(4)
    query, key = torch.randn(2, 16, 5, 5, requires_grad=True), torch.randn(2, 16, 12, 9, requires_grad=True)
    patches = torch.randn(2, 3, 16, 9, 9, requires_grad=True)
    angles = angle_grid(count, query.device) + start

    def plain(maps: torch.Tensor, padding: int) -> torch.Tensor:
        turned = rotate_query(query, angles.expand(2, -1))
        pairs = zip(maps, turned, strict=True)
        return torch.stack([torch.nn.functional.conv2d(m, q, padding=padding) for m, q in pairs])

    for ours, theirs, maps in (
        (match_everywhere(query, key, angles), plain(key[:, None], 2)[:, 0], key),
        (match_nearby(query, patches, angles), plain(patches, 0), patches),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-4)
        weights = torch.randn_like(ours)
        slopes, wanted = (torch.autograd.grad((m * weights).sum(), (query, maps)) for m in (ours, theirs))
        torch.testing.assert_close(slopes, wanted, rtol=1e-3, atol=2e-3)


def test_a_window_may_be_larger_than_the_map() -> None:
    torch.manual_seed(9)
    query = torch.randn(1, 2, 3, 9, 9, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(1, 1, 3, 3, 12, dtype=torch.float64, requires_grad=True)
    plain = torch.nn.functional.conv2d(maps[0], query[0], padding=4)[None]
    torch.testing.assert_close(correlate_everywhere(query, maps), plain)
    assert torch.autograd.gradcheck(correlate_everywhere, (query, maps))


def test_the_highest_cells_keep_apart() -> None:
    torch.manual_seed(4)
    scores = torch.rand(20, 15)
    scores[3, 4], scores[5, 6], scores[19, 14], scores[0, 0] = 5, 4, 3, 6
    found = highest(scores, 4, 4, torch.tensor([[-1, 1]])).tolist()
    assert found[:2] == [[3, 4], [19, 14]], "a cell near one that is taken, or near a higher one, counts no more"
    for index, (row, column) in enumerate(found):
        assert all(max(abs(row - r), abs(column - c)) >= 4 for r, c in found[:index])
