"""How the table looked before a step of a recorded episode, whatever was observed then."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import RavensError
from ravens_suite.rollout.replay import environment_of, state_at

_IMAGE_SIZE = (240, 320)
"""Rows and columns of the images from which a scene without recorded ones is drawn."""
_KEYS = ("color", "depth", "camera_intrinsics", "camera_poses")


def table_before(episode: EpisodeReader, step: int) -> NDArray[np.uint8] | None:
    """The colours of the heightmap before an action, (rows, columns, 3) uint8.

    Where no images were recorded, the scene is set up again and drawn.

    Args:
        episode: recorded one.
        step: number of the action, from 0.

    Returns:
        ``None`` where there are neither images nor an environment to set the scene up in.
    """
    if set(_KEYS) <= set(episode.keys):
        return fuse_observation(episode.observation(step, _KEYS)).color
    try:
        environment = environment_of(episode.summary, observe=["images"], image_size=_IMAGE_SIZE)
    except RavensError:
        return None
    try:
        observation, _ = environment.unwrapped.restore_state(state_at(episode.episode(), step))  # type: ignore[attr-defined]
    except RavensError:
        return None
    finally:
        environment.close()
    return fuse_observation(observation).color


def write_picture(path: Path, color: NDArray[np.uint8]) -> None:
    """Write an image, (rows, columns, 3) uint8 RGB, as a PNG file."""
    _, png = cv2.imencode(".png", cv2.cvtColor(color, cv2.COLOR_RGB2BGR))
    write_bytes(path, [png.tobytes()])
