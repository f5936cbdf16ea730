"""The network that the learned models share: a small U-Net at half the resolution of a scene, and its heads.

Maps are float32, or bfloat16 where layers multiply in it (``autocast``); see ``scenes.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .scenes import CHANNELS, COLUMNS, ROWS

_BUMP = 2.0
"""Pixels: width of the spots that mark the ends of an action."""
_SWATH = 4.0
"""Pixels: width of the stripe between them."""
_NEAR = 20.0
"""Pixels about the line of an action over which positions beside it are told apart."""
MAPS = 11
"""Channels of ``action_maps``."""
_GROUPS = 4


def action_maps(actions: Tensor, size: int = 1) -> Tensor:
    """Where an action begins and ends, and the stripe between, over which a blade sweeps or a load is dragged.

    Args:
        actions: (B, 5).
        size: pixels along a side of one pixel of the maps.

    Returns:
        (B, 11, 160 / size, 80 / size): spots at the pick and at the place; the stripe, how far along it a pixel is
        (0 to 1), and the two components of its direction there; everywhere how far a pixel is before or behind the
        place, how far it is to the side of the line, and the direction of the action and its length.
    """
    rows = (torch.arange(ROWS // size, device=actions.device)[None, :, None] + 0.5) * size
    columns = (torch.arange(COLUMNS // size, device=actions.device)[None, None, :] + 0.5) * size
    start_x, start_y, end_x, end_y = (actions[:, index, None, None] for index in range(4))
    along_x, along_y = end_x - start_x, end_y - start_y
    length = (along_x**2 + along_y**2).sqrt().clamp_min(1.0)
    x, y = columns - start_x, rows - start_y
    share = (x * along_x + y * along_y) / length**2
    across = (x * along_y - y * along_x) / length
    inside = ((share > -_SWATH / length) & (share < 1 + _SWATH / length)).float()
    stripe = torch.exp(-((across / _SWATH) ** 2) / 2) * inside
    start = torch.exp(-(x**2 + y**2) / (2 * _BUMP**2))
    end = torch.exp(-((columns - end_x) ** 2 + (rows - end_y) ** 2) / (2 * _BUMP**2))
    directed = (stripe * share.clamp(0, 1), stripe * along_x / length, stripe * along_y / length)
    ahead, aside = torch.tanh((share - 1) * length / _NEAR), torch.tanh(across / _NEAR)
    course = ((along_x / length), (along_y / length), (length / ROWS))
    everywhere = (ahead, aside, *(each.expand_as(stripe) for each in course))
    return torch.stack([start, end, stripe, *directed, *everywhere], dim=1)


class Trunk(nn.Module):
    """Pictures of a scene and an action to features at half the resolution.

    Args:
        channels: of the pictures.
        width: of the features; two, three and four times as many at a quarter, an eighth and a sixteenth of the
            resolution.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 2, stride=2)
        self.action = nn.Conv2d(MAPS, width, 1)
        self.first = _block(width, width)
        self.second = _block(width, 2 * width)
        self.third = _block(2 * width, 3 * width)
        self.fourth = _block(3 * width, 4 * width)
        self.up_third = _block(4 * width + 3 * width, 3 * width)
        self.up_second = _block(3 * width + 2 * width, 2 * width)
        self.up_first = _block(2 * width + width, width)

    def forward(self, pictures: Tensor, actions: Tensor, added: Tensor | None = None) -> Tensor:
        """Pictures (B, C, 160, 80) and actions (B, 5) to (B, width, 80, 40), the shape of what is ``added``, too."""
        begun = self.stem(pictures) + self.action(action_maps(actions, size=2))
        first = self.first(begun if added is None else begun + added)
        second = self.second(functional.max_pool2d(first, 2))
        third = self.third(functional.max_pool2d(second, 2))
        features: Tensor = self.fourth(functional.max_pool2d(third, 2))
        for up, beside in ((self.up_third, third), (self.up_second, second), (self.up_first, first)):
            features = up(torch.cat([functional.interpolate(features, scale_factor=2.0), beside], dim=1))
        return features


class PictureHead(nn.Module):
    """The next scene, composed of guesses (``_compose``).

    Args:
        width: of the features.
        guesses: how many there are.
    """

    def __init__(self, width: int, guesses: int) -> None:
        super().__init__()
        self.out = nn.Conv2d(width, 4 * (CHANNELS + guesses + 1), 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # It has one.

    def forward(self, features: Tensor, *guesses: Tensor) -> Tensor:
        """(B, 4, 160, 80), the next scenes, of features (B, width, 80, 40) and guesses of the scenes' shape."""
        return _compose(functional.pixel_shuffle(self.out(features), 2).float(), *guesses)


class FineHead(nn.Module):
    """The same of features at the resolution of a scene: it looks at the guesses once more.

    Args:
        width: of the features.
        guesses: how many there are that show a scene; the bare table is one more.
    """

    def __init__(self, width: int, guesses: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width + guesses * CHANNELS, width, 3, padding=1)
        self.out = nn.Conv2d(width, CHANNELS + guesses + 2, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # It has one.

    def forward(self, features: Tensor, table: Tensor, *guesses: Tensor) -> Tensor:
        """(B, 4, 160, 80), the next scenes.

        Args:
            features: (B, width, 160, 80).
            table: (B or 1, 4, 1, 1).
            guesses: (B, 4, 160, 80) each.
        """
        shown = torch.cat([features, *(guess - table for guess in guesses)], dim=1)
        return _compose(self.out(functional.relu(self.look(shown))).float(), *guesses, table)


def _compose(values: Tensor, *guesses: Tensor) -> Tensor:
    """(B, 4, 160, 80): each pixel is a mixture of the guesses and of a painted one.

    Before training it is nearly all the first guess. What is painted is one of the guesses, not added to them: so
    pixels that nothing happens to stay as they are.

    Args:
        values: (B, 4 + guesses + 1, 160, 80): what is painted, and the scores of the guesses, of the painted one last.
        guesses: of the scenes' shape.
    """
    painted, scores = values[:, :CHANNELS], _bounded(values[:, CHANNELS:]).unbind(dim=1)
    shares = torch.softmax(torch.stack([scores[0] + _FIRST, *scores[1:]], dim=1), dim=1)
    made = torch.zeros_like(painted)
    for share, guess in zip(shares.unbind(dim=1), (*guesses, painted), strict=True):
        made = made + share[:, None] * guess
    return made


def _bounded(scores: Tensor) -> Tensor:
    """The same scores below 1, and never more than ``_MOST`` from zero.

    Where most actions change nothing, as in towers-of-hanoi, the score of the scene as it was grew to 54 within 120
    steps of training; then the others have no gradient any more, and nothing is ever predicted to move.
    """
    return scores / (1 + scores.abs() / _MOST)


_MOST = 6.0
"""Bound of a score."""
_FIRST = 5.3
"""What the first guess is ahead of the others before training: each of them has 0.5 % of a pixel."""


class GainHead(nn.Module):
    """How much nearer to a goal picture an action brings a scene, as a sum over the table.

    Args:
        width: of the features.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2 * CHANNELS, width, 2, stride=2)
        self.mix = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.out = nn.Conv2d(2 * width, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # It has one.

    def forward(self, features: Tensor, before: Tensor, goal: Tensor) -> Tensor:
        """(B,) gains, in the units of ``distance.py``."""
        shown = self.stem(torch.cat([goal, goal - before], dim=1))
        local = self.out(functional.relu(self.mix(torch.cat([features, shown], dim=1))))
        gain: Tensor = local.float().flatten(1).sum(dim=1) * _LOCAL
        return gain


_LOCAL = 0.01
"""What one unit of one position's gain counts: so that the sum over 3,200 of them starts of the size of a gain."""


def _block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.GroupNorm(_GROUPS, width),
        nn.ReLU(),
    )
