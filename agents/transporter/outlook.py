"""Outlook: where a scene will be filled once a sentence is carried out, seen from afar before anything is moved.

Most steps of a demonstration need no words, because what is done already shows what is meant. Those that do are few,
and each shows one place only. What lies where in the end tells far more of a sentence: the whole side along which a
rope is laid, not one bead's place. So a small network learns from scenes of sentences and their last ones, at a quarter
of the resolution, where an example costs little, and what it expects is added to the logits of placing.

On align-rope-by-instruction the agent without it could not tell the three drawn sides apart after 2,000 examples of
first steps (docs/language_tasks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ravens_suite.core.heightmap import Heightmap

from ..common.equivariant import FieldConv, LiftingConv, modulate
from ..common.sentences import ROLES, SentenceBatch, SentenceNet
from ..pick_place.augmentation import Example
from ..pick_place.table import changed_pixels, height_tolerance
from .config import COARSE
from .encoder import CHANNELS, Decoder, Residual
from .targets import kl_divergence, where_known

_REDUCED = 4
"""Heightmap pixels along one of the network's input (12.5 mm)."""
_CELL = 2 * _REDUCED
"""Heightmap pixels along a cell of its output (25 mm)."""
_WIDTHS = (16, 24, 32)
"""Fields at half the resolution of its input, a quarter and an eighth, of 10 cm a cell."""
_SAID, _HIDDEN = 32, 64
"""Length of the vector of a sentence, and hidden units of the network that modulates by it."""
_GAIN = 4.0
"""Scale of the logits, which are a mean over orientations and small at first."""


class OutlookBatch(NamedTuple):
    """Scenes in which a sentence is carried out, and how they end.

    Attributes:
        image: (batch, 5, rows, columns) float32 of ``encode_image``.
        sentence: what is said.
        filled: (batch, rows / 8, columns / 8) float32 of ``filled_cells``.
    """

    image: Tensor
    sentence: SentenceBatch
    filled: Tensor


class Outlook(nn.Module):
    """The network.

    Args:
        given: length of the vectors that a text encoder gives for words; 0 where they are learned here.
        shaped: whether it is shown what shape words look like.

    Attributes:
        trust: () float32, factor of its logits where they are added to those of places, for all sentences alike.
        trusts: gives what is added to that factor for a sentence; it begins with nothing.
    """

    def __init__(self, given: int = 0, *, shaped: bool = False) -> None:
        super().__init__()
        first, second, third = _WIDTHS
        self.sentence = SentenceNet(_SAID, given=given, shaped=shaped)
        self.stem = LiftingConv(CHANNELS + ROLES * (1 + shaped), first, kernel=4, stride=2, padding=1)
        self.fine = FieldConv(first, first)
        self.down = nn.ModuleList([FieldConv(first, second, 2, stride=2), FieldConv(second, third, 2, stride=2)])
        self.blocks = nn.ModuleList([Residual(second), Residual(third)])
        self.decoder = Decoder(_WIDTHS)
        self.hidden = FieldConv(first, first)
        self.modulation = nn.Sequential(nn.Linear(_SAID, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2 * first))
        self.logits = FieldConv(first, 1, kernel=1)
        self.trust = nn.Parameter(torch.ones(()))
        # What is meant is known from afar for some sentences, and for others only the scene shows it.
        self.trusts = nn.Linear(_SAID, 1, bias=False)
        nn.init.zeros_(self.trusts.weight)

    def forward(self, image: Tensor, sentence: SentenceBatch) -> Tensor:
        """(batch, rows / 8, columns / 8) float32 logits of where it will be filled.

        Args:
            image: (batch, 5 or more, rows, columns) float32; the first five channels are those of ``encode_image``.
            sentence: what is said.
        """
        return self._expected(image, sentence)[0]

    def _expected(self, image: Tensor, sentence: SentenceBatch) -> tuple[Tensor, Tensor]:
        """The logits, and the (batch, 32) float32 vectors of the sentences."""
        maps, said = self.sentence(sentence)
        seen = functional.avg_pool2d(torch.cat([image[:, :CHANNELS], maps.float()], dim=1), _REDUCED)
        seen = seen.contiguous(memory_format=torch.channels_last)
        levels = [functional.relu(self.fine(functional.relu(self.stem(seen))))]
        for down, block in zip(self.down, self.blocks, strict=True):
            levels.append(block(functional.relu(down(levels[-1]))))
        fields, _ = self.decoder(levels)
        hidden = functional.relu(modulate(self.hidden(fields), *self.modulation(said).chunk(2, dim=1)))
        logits: Tensor = self.logits(hidden)
        return _GAIN * logits.float().mean(dim=1), said

    def prior(self, image: Tensor, sentence: SentenceBatch) -> Tensor:
        """(batch, rows / 4, columns / 4) float32, what is added to the coarse logits of places.

        The loss of placing changes how far it is trusted, but not what it expects.
        """
        with torch.no_grad():
            logits, said = self._expected(image, sentence)
            larger = functional.interpolate(logits[:, None], scale_factor=_CELL // COARSE, mode="bilinear")[:, 0]
        trust: Tensor = self.trust + self.trusts(said).float()[..., None]
        return larger * trust

    def loss(self, batch: OutlookBatch) -> Tensor:
        """() float32: mean relative entropy of where scenes are filled and of what it expects."""
        logits = self(batch.image, batch.sentence)
        # Where nothing is filled, nothing is to be learned.
        return kl_divergence(logits, where_known(batch.filled, logits))


def filled_cells(examples: Sequence[Example]) -> Tensor:
    """Where scenes are filled in the end.

    Args:
        examples: whose goals are those ends, where these are known; no object is scattered together with its goal.

    Returns:
        (examples, rows / 8, columns / 8) float32: the share of each cell in which something lies that did not before.
    """
    filled = torch.from_numpy(np.stack([_filled(example) for example in examples]))
    return functional.avg_pool2d(filled[:, None], _CELL)[:, 0]


def _filled(example: Example) -> NDArray[np.float32]:
    """(rows, columns) float32: one where something lies in the end that does not lie there yet, else zero."""
    scene, goal = Heightmap(example.color, example.height), example.goal
    if goal is None:
        return np.zeros_like(example.height)
    gone = goal.height < scene.height - height_tolerance(goal.height, scene.height)
    return (changed_pixels(goal, scene) & ~gone).astype(np.float32)
