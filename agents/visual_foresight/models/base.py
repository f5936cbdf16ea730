"""What a world model is: it predicts scenes after actions. One file a model; see docs/world_models.md.

Tensors are float32, see ``scenes.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import VisualForesightConfig
from ..distance import changed, distance, pixel_errors

_CHANGED = 60.0
"""Weight of a pixel that changes, beside 1 for all others."""
_WRONGLY = 40.0
"""Weight of a pixel that does not change but is predicted to."""
_SUM = 30_000.0
"""Sum of the weights over a map of which some 300 pixels change. It is the same for all scenes: an error counts as much
in a scene where little changes, and batches can be divided among processes."""
_PICTURE = 5.0
"""Weight of the error of pictures beside that of gains: so both begin of one size."""
_PATCH = 10
"""Pixels along a side of the squares of which a share is predicted."""
Memory = tuple[Tensor, ...]
"""What a model remembers of the earlier scenes and actions: tensors whose first axis is the batch."""


class Prediction(NamedTuple):
    """What follows an action.

    Attributes:
        scene: (B, 4, 160, 80) as it will be; as it was, if the model predicts no pictures.
        gain: (B,) how much nearer to the goal picture that is, predicted without a picture; zeros without a goal.
        memory: for the next prediction.
    """

    scene: Tensor
    gain: Tensor
    memory: Memory


class Window(NamedTuple):
    """Consecutive steps of recorded episodes.

    Attributes:
        scenes: (B, K + 1, 4, 160, 80).
        actions: (B, K, 5), see ``scenes.py``.
        goals: (B, 4, 160, 80): the goal picture, or a later scene of the episode.
    """

    scenes: Tensor
    actions: Tensor
    goals: Tensor


class WorldModel(nn.Module, ABC):
    """Predicts what actions lead to.

    Attributes:
        shows: whether it predicts pictures; else plans look one action ahead and go by the predicted gain.

    Args:
        config: settings of the agent.
    """

    shows: ClassVar[bool] = True

    def __init__(self, config: VisualForesightConfig) -> None:
        super().__init__()
        self.config = config

    def begin(self, scenes: Tensor) -> Memory:
        """The memory before the first action; empty for models that need none.

        Args:
            scenes: (B, 4, 160, 80).

        Returns:
            Tensors of any shape with B as their first axis.
        """
        return ()

    @abstractmethod
    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        """What follows one action of each scene.

        Args:
            scenes: (B, 4, 160, 80), perhaps one scene expanded to many actions.
            actions: (B, 5).
            memory: of ``begin`` or of the prediction before.
            goals: (B, 4, 160, 80), if a gain is asked for.
        """

    def losses(self, window: Window, generator: torch.Generator) -> dict[str, Tensor]:
        """What training makes small, () each by name: the error of the pictures and that of the gains.

        Each scene but the first is predicted from the prediction before, as in planning.

        Args:
            window: what happened.
            generator: draws what a model needs to draw.
        """
        scene = window.scenes[:, 0]
        memory = self.begin(scene)
        picture, gains = [], []
        for step in range(window.actions.shape[1]):
            before, after = window.scenes[:, step], window.scenes[:, step + 1]
            made = self.predict(scene, window.actions[:, step], memory, window.goals)
            if self.shows and self.config.share:
                picture.append(_PICTURE * picture_error(made.scene, before, after, self.config.share))
            gain = distance(before, window.goals) - distance(after, window.goals)
            gains.append(functional.smooth_l1_loss(made.gain, gain, beta=0.1))
            scene, memory = made.scene, made.memory
        losses = {"gain": torch.stack(gains).mean()}
        return {"picture": torch.stack(picture).mean(), **losses} if picture else losses


def picture_error(predicted: Tensor, before: Tensor, after: Tensor, share: float = 1.0) -> Tensor:
    """() mean error of predictions (``pixel_errors``), in which pixels that change count more.

    Args:
        predicted: (B, 4, 160, 80).
        before: the same of the true scenes before the action.
        after: the true scenes after it.
        share: of the squares of 10 x 10 pixels that count, evenly spread and always the same.
    """
    really, wrongly = changed(before, after), changed(before, predicted.detach())
    weight = (1 + _CHANGED * really + _WRONGLY * (wrongly & ~really)) * share_mask(share, after)
    errors = pixel_errors(predicted, after)
    return (errors * weight).sum() / (len(after) * share * _SUM)


def share_mask(share: float, like: Tensor) -> Tensor:
    """(160, 80) float32: 1 in the squares that are predicted.

    Args:
        share: 0 to 1.
        like: gives rows, columns and the device.
    """
    rows, columns = like.shape[-2:]
    numbers = torch.arange(rows // _PATCH * (columns // _PATCH))
    # Square n counts where n * share passes a whole number; the stride, prime to their number, spreads them.
    order = numbers * 37 % len(numbers)
    chosen = (order < round(share * len(numbers))).float().reshape(rows // _PATCH, columns // _PATCH)
    mask = chosen.repeat_interleave(_PATCH, 0).repeat_interleave(_PATCH, 1)
    return mask.to(like.device)
