"""The published baseline on true states in two steps, "GT-State MLP 2-Step" (arXiv 2010.14406, section 5).

As ``gt-state-mlp``, whose docstring says what was decided here, but one network says where to pick, and a second one,
which is told the pick, where to place. It learns from the demonstrated pick and acts on the first network's.

Tensors are float32.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .gt_state_mlp import FULL_TURN, PICK, PLACE, GtStateMlp, Motions, StateHead


class GtStateMlp2Step(GtStateMlp):
    """The agent. See the module's docstring."""

    name = "gt-state-mlp-2-step"

    def make_net(self) -> nn.Module:
        """Two networks: (batch, K * 8) to a mixture over picks (2,), and with a pick to one over places (3,)."""
        pick = StateHead(self.inputs, PICK, self.config)
        place = StateHead(self.inputs + PICK, PLACE, self.config, FULL_TURN)
        return nn.ModuleDict({"pick": pick, "place": place})

    def head(self, name: str) -> StateHead:
        """The network that gives the pick, or the place."""
        head = self.net.get_submodule(name)
        assert isinstance(head, StateHead)
        return head

    def loss(self, state: Tensor, acts: Tensor, keep: Tensor, least: float) -> Tensor:
        """() sum of both networks' mean negative log-likelihoods; the second is told the demonstrated pick."""
        pick, place = acts[:, :PICK], acts[:, PICK:]
        told = torch.cat([pick, state], dim=1)
        first = self.head("pick").loss(state, pick, keep[0], least)
        return first + self.head("place").loss(told, place, keep[1], least)

    def decide(self, state: Tensor) -> Tensor:
        """(batch, K * 8) states to (batch, 5): the pick, and the place for it."""
        pick = self.head("pick").best(state)
        return torch.cat([pick, self.head("place").best(torch.cat([pick, state], dim=1))], dim=1)

    def agree(self, scenes: Tensor, motions: Motions) -> Tensor:
        """(5,) pick and place in one scene, by (batch, K * 8) states of it after motions: first the pick."""
        pick = self.head("pick").agreed(scenes, motions, 1)
        told = motions.points(pick.expand(len(scenes), 1, -1))[:, 0]
        return torch.cat([pick, self.head("place").agreed(torch.cat([told, scenes], dim=1), motions, 1)])
