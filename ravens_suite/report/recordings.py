"""What a robot recorded, seen from above with its picks and places, for a person to look at before training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.core.observations import Observation
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.report.drawing import SCALE, Color, Picture, action_picture, height_picture, label, png

_WORKSPACE: Color = (255, 64, 160)
_COLUMNS = 2


def picks_picture(samples: Iterable[tuple[str, Observation, Mapping[str, Array]]], setup: RobotSetup) -> Picture:
    """Fused heightmaps with picks (rings) and places (crosses), their heights beside them, two rows a picture line.

    A pick belongs on an object, and the place where it went; the table should be flat and inside the pink workspace.

    Args:
        samples: of each a title, an observation with images, and an action of the suite, (7,) float64 poses by name.
        setup: whose workspace is drawn.

    Returns:
        (rows, columns, 3) uint8.
    """
    tiles = []
    for title, observation, action in samples:
        heightmap = fuse_observation(observation)
        seen = action_picture(heightmap.color, heightmap.height, Action.from_dict(action))
        pictures = [_with_workspace(picture, setup) for picture in (seen, height_picture(heightmap.height))]
        tiles.append(np.concatenate([label(pictures[0], title), label(pictures[1], "height")], axis=0))
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.concatenate(tiles[start : start + _COLUMNS], axis=1) for start in range(0, len(tiles), _COLUMNS)]
    return np.concatenate(rows, axis=0)


def picks_png(samples: Iterable[tuple[str, Observation, Mapping[str, Array]]], setup: RobotSetup) -> bytes:
    """The bytes of a PNG file of the picture. See ``picks_picture``."""
    return png(picks_picture(samples, setup))


def _with_workspace(picture: Picture, setup: RobotSetup) -> Picture:
    """A copy with the outline of the robot's workspace."""
    corners = setup.suite_from_robot.apply(np.array([setup.low, setup.high]))[:, :2]
    # Turned maps have world y across and x down.
    across = (corners[:, 1] - AGENT_WORKSPACE.low[1]) / AGENT_WORKSPACE.pixel_size * SCALE
    down = (corners[:, 0] - AGENT_WORKSPACE.low[0]) / AGENT_WORKSPACE.pixel_size * SCALE
    result = np.ascontiguousarray(picture).copy()
    first, last = ((round(float(across[index])), round(float(down[index]))) for index in (0, 1))
    cv2.rectangle(result, first, last, _WORKSPACE, 2)
    return result
