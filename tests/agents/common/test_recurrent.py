"""Recurrent convolutional layers over sequences of maps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ravens_suite.agents.common.recurrent import ConvLstm, ConvLstmStack, LstmState, OverTime
from ravens_suite.errors import ConfigError


def _sequence(times: int, batch: int = 2, channels: int = 3) -> Tensor:
    return torch.randn(times, batch, channels, 5, 7, generator=torch.Generator().manual_seed(times))


@settings(deadline=None, max_examples=15)
@given(times=st.integers(1, 5), batch=st.integers(1, 3), hidden=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_step_at_a_time_equals_all_at_once(times: int, batch: int, hidden: list[int]) -> None:
    torch.manual_seed(0)
    net, sequence = ConvLstmStack(3, hidden), _sequence(times, batch)
    outputs, states = net(sequence)
    assert outputs.shape == (times, batch, hidden[-1], 5, 7)
    state: tuple[LstmState, ...] | None = None
    for now, maps in enumerate(sequence):
        output, state = net.step(maps, state)
        torch.testing.assert_close(output, outputs[now], atol=1e-6, rtol=1e-5)
    assert state is not None
    for stepped, whole in zip(state, states, strict=True):
        torch.testing.assert_close(stepped.hidden, whole.hidden, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(stepped.cell, whole.cell, atol=1e-6, rtol=1e-5)


def test_a_sequence_may_be_given_in_two_pieces() -> None:
    layer, sequence = ConvLstm(3, 4), _sequence(5)
    whole, _ = layer(sequence)
    first, state = layer(sequence[:2])
    second, _ = layer(sequence[2:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, atol=1e-6, rtol=1e-5)


def test_what_comes_later_changes_nothing_before() -> None:
    net, sequence = ConvLstmStack(3, (4, 4)), _sequence(4)
    changed = sequence.clone()
    changed[2] += 1
    before, after = net(sequence)[0], net(changed)[0]
    torch.testing.assert_close(before[:2], after[:2])
    assert (before[2:] - after[2:]).abs().amax(dim=(1, 2, 3, 4)).min() > 0


def test_it_learns_to_remember_what_it_saw_three_steps_ago() -> None:
    """The first map of a sequence holds a bit; the last output must tell it."""
    torch.manual_seed(0)
    net, head = ConvLstmStack(1, (4,)), nn.Conv2d(4, 1, 1)
    bits = torch.tensor([0.0, 1.0, 1.0, 0.0])
    sequence = torch.zeros(4, 4, 1, 4, 4)
    sequence[0] = bits[:, None, None, None]
    optimiser = torch.optim.Adam([*net.parameters(), *head.parameters()], 0.05)
    loss = torch.tensor(0.0)
    for _ in range(60):
        logits = head(net(sequence)[0][-1]).mean(dim=(1, 2, 3))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, bits)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1


def test_gradients_stop_where_a_state_is_detached() -> None:
    layer, sequence = ConvLstm(3, 4), _sequence(2).requires_grad_()
    _, state = layer(sequence[:1])
    output, _ = layer(sequence[1:], LstmState(*state).detach())
    output.sum().backward()
    assert sequence.grad is not None
    assert not sequence.grad[0].any()
    assert sequence.grad[1].any()


def test_any_layer_takes_sequences() -> None:
    layer, sequence = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), _sequence(3)
    outputs = OverTime(layer)(sequence)
    assert outputs.shape == (3, 2, 2 * 3 * 5)
    for maps, output in zip(sequence, outputs, strict=True):
        torch.testing.assert_close(layer(maps), output)


def test_layers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="odd"):
        ConvLstm(1, 1, kernel=4)
    with pytest.raises(ConfigError, match="at least one layer"):
        ConvLstmStack(1, ())
