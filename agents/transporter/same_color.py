"""Places in the colour of what is picked, for sentences that ask for it ("into the square of its color").

A colour word is shown as a map of where its colour is seen. So is the word "color" itself: of what people would call by
the same word as what is picked. Whether two colours are one has to be learned otherwise from a few pairs of each:
stack-by-size-and-color came to 18.5 from ten demonstrations, with blocks on big ones of any colour
(docs/language_tasks.md).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.sampling import sample
from ..common.sentences import SentenceBatch
from .config import COARSE

_GAIN = 8.0
"""Logits between the same colour and another one, for a trust of one."""
_AROUND = (0, 2, 4, 6)
"""Coarse cells (12.5 mm) around a place within which the colour counts. In a square that is drawn as a frame, nothing
of its colour lies where an object is put."""
_FIRST = (0.5, 0.1, 0.1, 0.1)
"""Trust before training, for each of them."""


class SameColor(nn.Module):
    """What is added to the logits of places.

    Attributes:
        trust: (4,) float32, how much the same colour counts where the place is, and within 2.5, 5 and 7.5 cm of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust = nn.Parameter(torch.tensor(_FIRST))

    def forward(self, names: Tensor, pick: Tensor) -> Tensor:
        """(picks, rows / 4, columns / 4) float32, zeros where the sentence asks for no such thing.

        Args:
            names: (picks, 12, rows / 4, columns / 4) float32 of ``asked_names``.
            pick: (picks, 2) float32 heightmap pixels (column, row).
        """
        # Bhattacharyya's coefficient: one for two pixels that people are as unsure about, too.
        of_pick = sample(names, pick[:, None] / COARSE)
        alike = (names.sqrt() * of_pick.sqrt()[..., None]).sum(dim=1, keepdim=True)
        near = [functional.max_pool2d(alike, 2 * reach + 1, stride=1, padding=reach) for reach in _AROUND]
        return _GAIN * (torch.cat(near, dim=1) * self.trust[:, None, None]).sum(dim=1)


def asked_names(sentence: SentenceBatch) -> Tensor:
    """(batch, 12, rows / 4, columns / 4) float32: ``names`` where a sentence asks for the same colour, else zeros."""
    assert sentence.matching is not None
    return functional.avg_pool2d(sentence.names, COARSE) * sentence.matching[:, None, None, None]
