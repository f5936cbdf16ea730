"""The encoder rotates with the scene, keeps the size of its features, and hides the whole table from placing."""

from __future__ import annotations

import pytest
import torch

from ravens_suite.agents.common.equivariant import rotate_quarter_turns
from ravens_suite.agents.transporter.encoder import Encoder, encode_image, rms_norm
from tests.agents.fields import rotate_fields


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_encoder_rotates_with_the_scene(turns: int) -> None:
    torch.manual_seed(0)
    encoder = Encoder(5, (2, 3, 4, 2), depth=1)
    image = torch.randn(1, 5, 64, 32)
    for upright, turned in zip(encoder(image), encoder(rotate_quarter_turns(image, turns)), strict=True):
        torch.testing.assert_close(rotate_fields(upright, turns), turned, rtol=1e-4, atol=1e-5)


def test_features_keep_their_size_however_large_the_weights() -> None:
    torch.manual_seed(5)
    encoder = Encoder(5, (2, 3, 4, 2), depth=2)
    image = torch.randn(2, 5, 64, 32)
    before = encoder(image)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight *= 30
    for small, large in zip(before, encoder(image), strict=True):
        for features in (small, large):
            sizes = features.square().mean(dim=(1, 2, 3)).sqrt()
            torch.testing.assert_close(sizes, torch.full((2,), 0.15), rtol=0.02, atol=0)


def test_the_gradient_of_normalised_features_is_right() -> None:
    torch.manual_seed(8)
    fields = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rms_norm, (fields,))
    short = fields.detach().bfloat16().requires_grad_()
    weights = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    (rms_norm(fields) * weights).sum().backward()
    (rms_norm(short).double() * weights).sum().backward()
    assert short.grad is not None and fields.grad is not None
    torch.testing.assert_close(short.grad.double(), fields.grad, rtol=0.05, atol=0.01)
    assert torch.isfinite(rms_norm(torch.zeros(1, 2, 3, 3))).all()


def test_what_the_whole_table_looks_like_reaches_picking_alone() -> None:
    torch.manual_seed(0)
    encoder = Encoder(5, (2, 2, 2, 2), depth=1)
    image = torch.rand(1, 5, 64, 64)
    before = encoder(image)
    with torch.no_grad():
        encoder.summary.bias += 1
    after = encoder(image)
    assert torch.equal(before.fine, after.fine) and torch.equal(before.coarse, after.coarse)
    assert not torch.allclose(before.global_context, after.global_context)


def test_the_input_tells_flat_markings_from_tall_objects() -> None:
    color = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
    flat, low, tall = encode_image(color, torch.tensor([[[0.0, 0.01, 0.1]]]))[0, 3:, 0].T
    assert flat.tolist() == [0, 0]
    assert low[1] > 0.9, "a centimetre saturates the second height"
    assert tall[0] == 2, "the first one is in units of 5 cm"
