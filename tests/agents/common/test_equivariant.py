"""Layers are equivariant to quarter turns, exactly, and act by the weights that they have."""

from __future__ import annotations

import pytest
import torch

from ravens_suite.agents.common.equivariant import (
    FieldConv,
    LiftingConv,
    forget_kernels,
    invariants,
    modulate,
    rotate_quarter_turns,
)
from tests.agents.fields import rotate_fields


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_layers_rotate_with_their_input(turns: int) -> None:
    torch.manual_seed(0)
    lifting, layer = LiftingConv(3, 2, 3, padding=1), FieldConv(2, 4)
    image = torch.randn(1, 3, 8, 6)
    output = layer(lifting(image))
    rotated = layer(lifting(rotate_quarter_turns(image, turns)))
    torch.testing.assert_close(rotate_fields(output, turns), rotated, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(rotate_quarter_turns(output, turns), rotated), "orientations are shifted, too"


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_invariants_stay_and_modulation_rotates_with_the_scene(turns: int) -> None:
    torch.manual_seed(1)
    fields, scale, shift = torch.randn(2, 12, 5, 5), torch.randn(2, 3), torch.randn(2, 3)
    middle, rotated_middle = fields[..., 2, 2], rotate_fields(fields, turns)[..., 2, 2]
    assert not torch.equal(middle, rotated_middle)
    torch.testing.assert_close(invariants(middle), invariants(rotated_middle))
    modulated = rotate_fields(modulate(fields, scale, shift), turns)
    torch.testing.assert_close(modulated, modulate(rotate_fields(fields, turns), scale, shift))


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


def test_acting_follows_the_weights_however_they_change() -> None:
    """Kernels that were computed once are not used after a change of the weights, in place or as a whole."""
    torch.manual_seed(6)
    other = FieldConv(2, 2)
    acting = FieldConv(2, 2).requires_grad_(False)
    fields = torch.randn(1, 8, 5, 5)

    def output() -> torch.Tensor:
        """The second output, and that of a layer with the same weights that has never acted."""
        with torch.inference_mode():
            first, second = acting(fields), acting(fields)
        fresh = FieldConv(2, 2).to(fields.dtype)
        fresh.load_state_dict(acting.state_dict())
        assert torch.equal(first, second)
        torch.testing.assert_close(second, fresh(fields).detach(), rtol=1e-5, atol=1e-6)
        return second.clone()

    before = output()
    with torch.no_grad():
        torch._foreach_lerp_(list(acting.parameters()), list(other.parameters()), 0.5)
    averaged = output()
    with torch.no_grad():
        acting.bias += 1
    raised = output()
    acting.load_state_dict(other.state_dict())
    loaded = output()
    assert len({float(each.sum()) for each in (before, averaged, raised, loaded)}) == 4
    acting.double()
    fields = fields.double()
    output()


def test_a_layer_in_training_follows_a_fused_optimiser() -> None:
    """A fused optimiser changes weights without raising their version."""
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


def test_kernels_are_made_again_after_a_change_that_torch_does_not_note() -> None:
    torch.manual_seed(8)
    net = torch.nn.Sequential(LiftingConv(3, 2, 3, padding=1), FieldConv(2, 2)).requires_grad_(False)
    image = torch.randn(1, 3, 5, 5)
    with torch.inference_mode():
        before = net(image)
        for weight in net.parameters():
            weight.data.add_(1)
        forget_kernels(net.modules())
        after = net(image)
    torch.testing.assert_close(after, net(image))
    assert not torch.equal(before, after)


def test_what_has_acted_still_gives_the_gradient_of_its_input() -> None:
    torch.manual_seed(9)
    layer, fields = FieldConv(2, 2).requires_grad_(False), torch.randn(1, 8, 5, 5)
    with torch.inference_mode():
        acted = layer(fields)
    output = layer(fields.requires_grad_())
    output.sum().backward()
    torch.testing.assert_close(output.detach(), acted.clone())
    assert fields.grad is not None and fields.grad.abs().sum() > 0


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
