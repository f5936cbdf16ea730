"""The optimiser of matrices: what it makes of a gradient, and that it does what PyTorch's does."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ravens_suite.agents.common.muon import Muon, orthogonalise

shapes = st.tuples(st.integers(2, 20), st.integers(2, 60))


@settings(deadline=None, max_examples=50)
@given(st.lists(shapes, min_size=1, max_size=4), st.floats(-8, 8), st.integers(0, 2**31))
def test_singular_values_come_near_one_and_vectors_stay(sizes: list[tuple[int, int]], power: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    matrices = []
    for rows, columns in sizes:
        left, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator))
        right, _ = torch.linalg.qr(torch.randn(columns, columns, generator=generator))
        count = min(rows, columns)
        values = 10.0**power * (0.05 + 0.95 * torch.rand(count, generator=generator))
        matrices.append((left[:, :count] * values) @ right[:, :count].T)
    for matrix, result in zip(matrices, orthogonalise(matrices), strict=True):
        assert result.shape == matrix.shape
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        inner = left.T @ result @ right.T
        assert ((inner.diagonal() > 0.6) & (inner.diagonal() < 1.25)).all()
        torch.testing.assert_close(inner - inner.diagonal().diag(), torch.zeros_like(inner), atol=2e-2, rtol=0)


def test_a_gradient_of_zeros_moves_nothing() -> None:
    weight = torch.nn.Parameter(torch.ones(3, 5))
    weight.grad = torch.zeros(3, 5)
    Muon([weight], 0.1).step()
    torch.testing.assert_close(weight.detach(), torch.ones(3, 5))


def test_steps_are_those_of_torch() -> None:
    torch.manual_seed(0)
    mine = [torch.nn.Parameter(torch.randn(shape)) for shape in ((8, 72), (20, 6), (8, 72))]
    theirs = [torch.nn.Parameter(weight.detach().clone()) for weight in mine]
    start = [weight.detach().clone() for weight in mine]
    optimiser = Muon(mine, 1e-2, weight_decay=0.1)
    reference = torch.optim.Muon(theirs, 1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        for a, b in zip(mine, theirs, strict=True):
            a.grad = torch.randn(a.shape)
            b.grad = a.grad.clone()
        optimiser.step()
        reference.step()
    for a, b, begin in zip(mine, theirs, start, strict=True):
        # The reference iterates in bfloat16.
        assert (a - b).norm() < 0.05 * (b - begin).norm()


def test_a_kernel_of_a_convolution_is_a_matrix_of_an_output_a_row() -> None:
    torch.manual_seed(0)
    kernel = torch.nn.Parameter(torch.randn(6, 3, 2, 5).to(memory_format=torch.channels_last))
    matrix = torch.nn.Parameter(kernel.detach().reshape(6, 30).clone())
    narrow = torch.nn.Parameter(torch.randn(12, 2, 1, 3))
    tall = torch.nn.Parameter(narrow.detach().reshape(12, 6).clone())
    kernels, matrices = Muon([kernel, narrow], 1e-2, weight_decay=0.1), Muon([matrix, tall], 1e-2, weight_decay=0.1)
    for _ in range(3):
        for a, b in ((kernel, matrix), (narrow, tall)):
            a.grad = torch.randn(a.shape)
            b.grad = a.grad.reshape(b.shape).clone()
        kernels.step()
        matrices.step()
    torch.testing.assert_close(kernel.detach().reshape(6, 30), matrix.detach())
    torch.testing.assert_close(narrow.detach().reshape(12, 6), tall.detach())
