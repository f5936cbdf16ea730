"""What agents on heightmaps show of a decision: probabilities over the map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.heightmap import Heightmap


def explain_logits(heightmap: Heightmap, pick_logits: Tensor, place_logits: Tensor) -> dict[str, Any]:
    """What ``Agent.explain`` returns, for the logits of a pick map and of a place map.

    Args:
        heightmap: (rows, columns).
        pick_logits: (rows / n, columns / n).
        place_logits: (angles, rows / m, columns / m).

    Returns:
        ``color`` and ``height`` of the heightmap, and ``pick`` and ``place``, (rows, columns) float32: the softmax of
        the logits, over all angles and cells, summed over angles; each pixel has the probability of its cell.
    """
    place = place_logits.flatten().softmax(0).view_as(place_logits).sum(dim=0)
    pick = pick_logits.flatten().softmax(0).view_as(pick_logits)
    rows = len(heightmap.height)
    return {
        "color": heightmap.color,
        "height": heightmap.height,
        "pick": _enlarged(pick, rows // len(pick)),
        "place": _enlarged(place, rows // len(place)),
    }


def _enlarged(image: Tensor, factor: int) -> NDArray[np.float32]:
    """An image with each cell repeated along both axes."""
    pixels: NDArray[np.float32] = image.float().cpu().numpy()
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
