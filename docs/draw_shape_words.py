"""Draw the picture of shape words on the page on language anew.

    python docs/draw_shape_words.py

Validation scenes of packing-shapes, whose shapes no training scene shows, and how well each thing fits the sentence.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from ravens_suite.agents.common.color_words import name_colors  # noqa: E402 (found beside this file)
from ravens_suite.agents.common.shape_words import likeness, shape_words  # noqa: E402
from ravens_suite.core.heightmap import fuse_observation  # noqa: E402
from ravens_suite.rollout.environments import make_environment  # noqa: E402

_SEEDS = (0, 2, 4)
_FITS = np.array([255, 190, 40])
_LINE = 24
_GAP = 8


def panel(observation: dict[str, Any]) -> Any:
    """A sentence, the scene, and the scene dimmed but for what fits."""
    said = str(observation["instruction"])
    seen = fuse_observation({key: value for key, value in observation.items() if key != "instruction"})
    shape = next(word for word in shape_words(said) if word)
    fits = likeness(name_colors(seen.color), seen.height, [shape])[0][..., None]
    shown = (seen.color * 0.35 * (1 - fits) + _FITS * fits).astype(np.uint8)
    # As seen from above, with the robot at the top; rows of heightmaps go along y.
    scene, fitting = (image.transpose(1, 0, 2) for image in (seen.color, shown))
    words = np.full((_LINE, scene.shape[1], 3), 255, np.uint8)
    cv2.putText(words, said, (2, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 50), 1, cv2.LINE_AA)
    return np.concatenate([words, scene, np.full((_GAP, scene.shape[1], 3), 255, np.uint8), fitting])


def main() -> None:
    """Draw and write."""
    env = make_environment("packing-shapes", "val", {"observe": ["images", "instruction"]})
    try:
        panels = [panel(env.reset(seed=seed)[0]) for seed in _SEEDS]
    finally:
        env.close()
    gap = np.full((panels[0].shape[0], _GAP, 3), 255, np.uint8)
    page = np.concatenate([part for each in panels for part in (each, gap)][:-1], axis=1)
    cv2.imwrite(str(DOCS / "shape_words.png"), cv2.cvtColor(page, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
