"""Recurrent convolutional layers: maps over time (ConvLSTM, Shi et al. 2015, arXiv 1506.04214, without peepholes).

A sequence of maps is a tensor (T, B, C, H, W): time, batch, channels, rows, columns. What a layer remembers goes in and
comes out, so a sequence can be given whole or a step at a time, with the same result::

    net = ConvLstmStack(6, (32, 32))
    everything, _ = net(sequence)             # (T, B, 32, H, W)
    state = None
    for maps in sequence:                     # (B, C, H, W)
        output, state = net.step(maps, state)  # (B, 32, H, W), as everything[t]

Layers that know no time, such as encoders and decoders, take sequences within ``OverTime``.

Maps are float32, or bfloat16 where layers multiply in it (``autocast``); ``OverTime`` takes any dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ravens_suite.errors import ConfigError

_GATES = 4
"""Input gate, forget gate, output gate, candidate; in this order."""


class LstmState(NamedTuple):
    """What a ConvLSTM layer remembers; both (B, hidden, H, W) float32."""

    hidden: Tensor
    cell: Tensor

    def detach(self) -> LstmState:
        """The same values, through which no gradient flows: for training on pieces of long sequences."""
        return LstmState(self.hidden.detach(), self.cell.detach())


class ConvLstm(nn.Module):
    """One ConvLSTM layer.

    The convolution of the inputs is done for all times at once; only that of the hidden state is in the loop.

    Args:
        inputs: channels of the input.
        hidden: channels of the state and of the output.
        kernel: side of both kernels in cells, odd; maps keep their size.
        forget_bias: initial bias of the forget gate; 1 lets a new layer remember (Jozefowicz et al. 2015).

    Raises:
        ConfigError: the kernel is even.
    """

    def __init__(self, inputs: int, hidden: int, kernel: int = 3, *, forget_bias: float = 1.0) -> None:
        super().__init__()
        if kernel % 2 != 1:
            raise ConfigError(f"The kernel of a ConvLSTM must be odd, so that maps keep their size; got {kernel}.")
        self.hidden = hidden
        self.from_input = nn.Conv2d(inputs, _GATES * hidden, kernel, padding=kernel // 2)
        self.from_hidden = nn.Conv2d(hidden, _GATES * hidden, kernel, padding=kernel // 2, bias=False)
        bias = torch.zeros(_GATES, hidden)
        bias[1] = forget_bias
        self.from_input.bias = nn.Parameter(bias.flatten())

    def forward(self, sequence: Tensor, state: LstmState | None = None) -> tuple[Tensor, LstmState]:
        """The outputs for a sequence, and what is remembered after it.

        Args:
            sequence: (T, B, inputs, H, W) float32, T at least 1.
            state: after what came before; ``None`` at the beginning, which is zeros.

        Returns:
            Outputs (T, B, hidden, H, W) and the state after the last step.
        """
        gates = over_time(self.from_input, sequence)  # (T, B, 4 hidden, H, W)
        state = self.initial(sequence[0]) if state is None else state
        outputs = []
        for now in gates:
            state = self._advance(now, state)
            outputs.append(state.hidden)
        return torch.stack(outputs), state

    def step(self, maps: Tensor, state: LstmState | None = None) -> tuple[Tensor, LstmState]:
        """One step of ``forward``: (B, inputs, H, W) to (B, hidden, H, W), and the state after it."""
        state = self._advance(self.from_input(maps), self.initial(maps) if state is None else state)
        return state.hidden, state

    def initial(self, maps: Tensor) -> LstmState:
        """The state before the first step.

        Args:
            maps: (B, ..., H, W), whose size, dtype and device it gets.
        """
        zeros = maps.new_zeros(maps.shape[0], self.hidden, *maps.shape[-2:])
        return LstmState(zeros, zeros)

    def _advance(self, from_input: Tensor, state: LstmState) -> LstmState:
        """The next state, from the convolved input (B, 4 hidden, H, W)."""
        gates = from_input + self.from_hidden(state.hidden)
        entering, keeping, leaving, candidate = gates.chunk(_GATES, dim=1)
        cell = torch.sigmoid(keeping) * state.cell + torch.sigmoid(entering) * torch.tanh(candidate)
        return LstmState(torch.sigmoid(leaving) * torch.tanh(cell), cell)


class ConvLstmStack(nn.Module):
    """ConvLSTM layers on top of each other; the output is that of the last one.

    Args:
        inputs: channels of the input.
        hidden: channels of each layer; at least one layer.
        kernel: see ``ConvLstm``.

    Raises:
        ConfigError: there is no layer.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], kernel: int = 3) -> None:
        super().__init__()
        if not hidden:
            raise ConfigError("A stack of ConvLSTM layers needs at least one layer: give the channels of each.")
        widths = (inputs, *hidden)
        self.layers = nn.ModuleList(ConvLstm(before, after, kernel) for before, after in pairwise(widths))

    def forward(
        self, sequence: Tensor, states: Sequence[LstmState] | None = None
    ) -> tuple[Tensor, tuple[LstmState, ...]]:
        """(T, B, inputs, H, W) to (T, B, hidden[-1], H, W), and the state of every layer after the last step."""
        after = []
        for index, layer in enumerate(self.layers):
            sequence, state = layer(sequence, None if states is None else states[index])
            after.append(state)
        return sequence, tuple(after)

    def step(self, maps: Tensor, states: Sequence[LstmState] | None = None) -> tuple[Tensor, tuple[LstmState, ...]]:
        """One step of ``forward``: (B, inputs, H, W) to (B, hidden[-1], H, W), and the states after it."""
        outputs, after = self(maps[None], states)
        return outputs[0], after


class OverTime(nn.Module):
    """A layer that knows no time, for sequences: time is folded into the batch, and unfolded again.

    Args:
        layer: takes (batch, ...) and gives (batch, ...); any layer. Batch normalisation sees all times as one batch.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, sequence: Tensor) -> Tensor:
        """(T, B, ...) to (T, B, ...)."""
        return over_time(self.layer, sequence)


def over_time(layer: nn.Module, sequence: Tensor) -> Tensor:
    """What ``OverTime`` does, for a layer that lies elsewhere: (T, B, ...) to (T, B, ...)."""
    times, batch = sequence.shape[:2]
    folded: Tensor = layer(sequence.flatten(0, 1))
    return folded.reshape(times, batch, *folded.shape[1:])
