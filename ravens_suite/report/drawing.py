"""Pictures for people: heightmaps as seen by someone who faces the robot, heatmaps over them, actions drawn in.

A picture is (rows, columns, 3) uint8 RGB. Maps are turned so that the robot is above the picture's top edge: across is
world y, downwards is world x, as in the front camera.
"""

from __future__ import annotations

import base64
import math
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Pose
from ravens_suite.core.types import Action
from ravens_suite.core.workspace import AGENT_WORKSPACE, Workspace

Picture = NDArray[np.uint8]
"""(rows, columns, 3) uint8, red, green, blue."""
Color = tuple[int, int, int]

PICK_COLOR: Color = (255, 176, 32)
PLACE_COLOR: Color = (64, 208, 255)
SCALE = 3
"""Picture pixels a heightmap pixel."""

_UNSEEN = 46
_HEAT_GAMMA = 0.4
_EDGE: Color = (16, 16, 20)
_WHITE: Color = (240, 240, 240)
_STANDS_OUT = 0.004
"""Metres above the table from which a map pixel belongs to an object."""


def map_picture(color: NDArray[np.uint8], scale: int = SCALE) -> Picture:
    """The colour part of a heightmap, turned and enlarged; grey where no camera sees anything.

    Args:
        color: (rows, columns, 3) uint8, of a ``Heightmap``.
        scale: picture pixels a heightmap pixel.

    Returns:
        (columns * scale, rows * scale, 3) uint8.
    """
    shown = np.where(color.any(axis=2, keepdims=True), color, np.uint8(_UNSEEN))
    return _enlarge(shown.transpose(1, 0, 2), scale, cv2.INTER_NEAREST)


def height_picture(height: NDArray[np.float32], scale: int = SCALE) -> Picture:
    """The height part of a heightmap: brighter is higher, up to the highest point (5 cm at least).

    Args:
        height: (rows, columns) float32 metres above the table.
        scale: picture pixels a heightmap pixel.

    Returns:
        (columns * scale, rows * scale, 3) uint8.
    """
    top = max(float(height.max()), 0.05)
    levels = np.clip(255 * height / top, 0, 255).astype(np.uint8).T
    return _enlarge(_shade(levels, cv2.COLORMAP_VIRIDIS), scale, cv2.INTER_NEAREST)


def heat_picture(color: NDArray[np.uint8], heat: NDArray[Any], tint: Color, scale: int = SCALE) -> Picture:
    """A heatmap laid over the scene in one tint, the scene itself in dim grey.

    Args:
        color: (rows, columns, 3) uint8, of a ``Heightmap``.
        heat: (rows, columns), not negative. A power of it is shown, so that small values can be seen.
        tint: of the highest value.
        scale: picture pixels a heightmap pixel.

    Returns:
        (columns * scale, rows * scale, 3) uint8.
    """
    grey = map_picture(color, scale).mean(axis=2, keepdims=True).repeat(3, axis=2) * 0.75
    top = float(np.max(heat))
    share = (np.asarray(heat, dtype=np.float32) / top if top > 0 else np.zeros(heat.shape, np.float32)) ** _HEAT_GAMMA
    alpha = cv2.resize(np.ascontiguousarray(share.T), grey.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    bright = np.array(tint, dtype=np.float32) + (255 - np.array(tint, dtype=np.float32)) * np.clip(alpha - 0.75, 0, 1)
    mixed: Picture = np.clip(grey * (1 - alpha) + bright * alpha, 0, 255).astype(np.uint8)
    return mixed


def draw_action(
    picture: Picture,
    action: Action,
    parts: Literal["first", "last", "all"] = "all",
    scale: int = SCALE,
    workspace: Workspace = AGENT_WORKSPACE,
) -> Picture:
    """A copy of a turned map with an action drawn in.

    Whatever the primitive, its poses are drawn in their order, with lines between them. A ring marks the first, usually
    the pick. A cross marks the last, usually the place; its long arm, with a dot at the end, is world x turned as the
    object is turned on its way from the first pose to the last. An action of one pose has the ring and a line along
    the pose's x axis.

    Args:
        picture: (rows, columns, 3) uint8, of ``map_picture``.
        action: what to draw; poses in the world frame.
        parts: the first pose, the last one, or all of them.
        scale: picture pixels a heightmap pixel.
        workspace: what the map covers.

    Returns:
        (rows, columns, 3) uint8, as the picture.
    """
    result = np.ascontiguousarray(picture).copy()
    poses = list(action.values())
    points = [_position(pose, scale, workspace) for pose in poses]
    if parts == "all":
        for start, end in pairwise(points):
            _line(result, start, end, _WHITE, 1)
    if len(points) == 1:
        _line(result, points[0], _ahead(points[0], poses[0].yaw, 10 * scale), _WHITE, 2)
    if parts in ("first", "all") and points:
        _ring(result, points[0], 5 * scale, PICK_COLOR if parts == "all" else _WHITE)
    if parts in ("last", "all") and len(points) > 1:
        color = PLACE_COLOR if parts == "all" else _WHITE
        _cross(result, points[-1], poses[-1].yaw - poses[0].yaw, 5 * scale, color)
    return result


def draw_moved_outline(
    picture: Picture,
    height: NDArray[np.float32],
    action: Action,
    scale: int = SCALE,
    workspace: Workspace = AGENT_WORKSPACE,
) -> Picture:
    """A copy of a turned map with the outline of what is picked, drawn where the action would put it.

    What is picked is taken to be what stands out of the table in one piece about the pick; nothing is drawn where
    nothing does, or where the action has no pick and place.

    Args:
        picture: (rows, columns, 3) uint8, of ``map_picture``.
        height: (rows, columns) float32 metres, of the same ``Heightmap``.
        action: what to draw.
        scale: picture pixels a heightmap pixel.
        workspace: what the map covers.

    Returns:
        (rows, columns, 3) uint8, as the picture.
    """
    result = np.ascontiguousarray(picture).copy()
    if not {"pick", "place"} <= action.keys():
        return result
    # On a user's own table, z = 0 may lie some millimetres below its surface.
    table = float(np.median(height))
    _, pieces = cv2.connectedComponents((height > table + _STANDS_OUT).astype(np.uint8))
    row, column = workspace.to_pixel(*action.pick.position[:2])
    # A pick on an edge may fall beside its object by a pixel or two.
    piece = int(pieces[row, column] or pieces[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].max())
    if piece == 0:
        return result
    move = action.place.level() @ action.pick.level().inverse()
    outlines, _ = cv2.findContours((pieces == piece).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        columns, rows = outline[:, 0, 0], outline[:, 0, 1]
        x, y = workspace.low[0] + columns * workspace.pixel_size, workspace.low[1] + rows * workspace.pixel_size
        moved = move.apply(np.stack([x, y, np.full(len(x), action.pick.position[2])], axis=1))
        points = [_position(Pose((px, py, pz)), scale, workspace) for px, py, pz in moved.tolist()]
        polygon = np.array(points, dtype=np.int32)
        cv2.polylines(result, [polygon], True, _EDGE, 4, cv2.LINE_AA)
        cv2.polylines(result, [polygon], True, PLACE_COLOR, 2, cv2.LINE_AA)
    return result


def action_picture(color: NDArray[np.uint8], height: NDArray[np.float32], action: Action) -> Picture:
    """A heightmap's colours with an action and the outline of what it would move.

    Args:
        color: (rows, columns, 3) uint8, of a ``Heightmap``.
        height: (rows, columns) float32 metres, of the same one.
        action: what to draw.

    Returns:
        (columns * SCALE, rows * SCALE, 3) uint8.
    """
    return draw_action(draw_moved_outline(map_picture(color), height, action), action)


def data_uri(picture: Picture, quality: int = 82) -> str:
    """A picture (rows, columns, 3) uint8 as a ``data:`` address (WebP), to be put into a page."""
    _, coded = cv2.imencode(".webp", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, quality])
    return "data:image/webp;base64," + base64.b64encode(coded.tobytes()).decode()


def label(picture: Picture, text: str) -> Picture:
    """A copy of a picture (rows, columns, 3) uint8 with a line of text at the top left.

    The dark edge is grown from the letters' own pixels: with OpenCV 5 a thicker line of text is a wider one, too.
    """
    letters = np.zeros(picture.shape[:2], np.uint8)
    cv2.putText(letters, text, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
    edge = cv2.dilate(letters, np.ones((3, 3), np.uint8))
    result = picture.astype(np.float32)
    for cover, color in ((edge, _EDGE), (cv2.add(letters, letters), _WHITE)):
        share = cover[..., None].astype(np.float32) / 255
        result += share * (np.array(color, np.float32) - result)
    return np.rint(result).astype(np.uint8)


def png(picture: Picture) -> bytes:
    """A picture (rows, columns, 3) uint8 as the bytes of a PNG file."""
    _, coded = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    return coded.tobytes()


def resize(picture: Picture, width: int) -> Picture:
    """A picture (rows, columns, 3) uint8 at another width in pixels, smaller or larger, in the same proportions."""
    height = max(round(picture.shape[0] * width / picture.shape[1]), 1)
    how = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=how), dtype=np.uint8)


def depth_picture(depth: NDArray[np.float32]) -> Picture:
    """A depth image: nearer is brighter, from the nearest to the 98th percentile of what is seen; holes are black.

    Args:
        depth: (rows, columns) float32 metres along the optical axis, 0 in holes.

    Returns:
        (rows, columns, 3) uint8.
    """
    measured = depth > 0
    near, far = (float(bound) for bound in np.percentile(depth[measured], [0.5, 98])) if measured.any() else (0.0, 0.0)
    levels = np.where(measured, np.clip(255 * (far - depth) / max(far - near, 1e-6), 0, 255), 0).astype(np.uint8)
    return _shade(levels, cv2.COLORMAP_BONE)


def _enlarge(image: NDArray[np.uint8], scale: int, how: int) -> Picture:
    rows, columns = image.shape[:2]
    size = (columns * scale, rows * scale)
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=how), dtype=np.uint8)


def _shade(levels: NDArray[np.uint8], colors: int) -> Picture:
    return np.asarray(cv2.applyColorMap(np.ascontiguousarray(levels), colors)[..., ::-1], dtype=np.uint8)


def _position(pose: Pose, scale: int, workspace: Workspace) -> tuple[int, int]:
    """(across, down) in a turned map."""
    across = (pose.position[1] - workspace.low[1]) / workspace.pixel_size * scale
    down = (pose.position[0] - workspace.low[0]) / workspace.pixel_size * scale
    return round(across), round(down)


def _ahead(start: tuple[int, int], yaw: float, length: float) -> tuple[int, int]:
    """The point some pixels from another one in a world direction: world x is downwards and world y across."""
    return round(start[0] + length * math.sin(yaw)), round(start[1] + length * math.cos(yaw))


def _line(picture: Picture, start: tuple[int, int], end: tuple[int, int], color: Color, width: int) -> None:
    cv2.line(picture, start, end, _EDGE, width + 2, cv2.LINE_AA)
    cv2.line(picture, start, end, color, width, cv2.LINE_AA)


def _ring(picture: Picture, centre: tuple[int, int], radius: int, color: Color) -> None:
    cv2.circle(picture, centre, radius, _EDGE, 6, cv2.LINE_AA)
    cv2.circle(picture, centre, radius, color, 3, cv2.LINE_AA)
    cv2.circle(picture, centre, 3, color, -1, cv2.LINE_AA)


def _cross(picture: Picture, centre: tuple[int, int], yaw: float, reach: int, color: Color) -> None:
    for turn, length in ((math.pi, reach), (math.pi / 2, reach), (-math.pi / 2, reach), (0.0, 2 * reach)):
        end = _ahead(centre, yaw + turn, length)
        _line(picture, centre, end, color, 2)
    cv2.circle(picture, end, 6, _EDGE, -1, cv2.LINE_AA)
    cv2.circle(picture, end, 5, color, -1, cv2.LINE_AA)
