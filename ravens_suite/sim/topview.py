"""What is visible straight from above: an orthographic z-buffer in NumPy, the same with every machine and renderer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.workspace import AGENT_WORKSPACE, Workspace
from ravens_suite.sim.bodies import triangles
from ravens_suite.sim.scene import Scene

_CHUNK = 1 << 20


def visible_points(scene: Scene, name: str, workspace: Workspace = AGENT_WORKSPACE) -> Array:
    """Points of a body that no other placed body hides from above, one for each heightmap pixel.

    The robot is left out: it can move away.

    Args:
        scene: the scene.
        name: the body to look for.
        workspace: its pixel grid is sampled; pixels outside of it do not count.

    Returns:
        ``(P, 3)`` float64 world points, row by row; P is 0 when nothing is visible.
    """
    own = _upward(scene, name, scene.pose(name))
    if len(own) == 0:
        return np.empty((0, 3))
    xs, ys = _window(own, workspace)
    points = np.stack(np.meshgrid(xs, ys, indexing="xy"), axis=-1).reshape(-1, 2)
    if len(points) == 0:
        return np.empty((0, 3))
    height = _heights(own, points)
    low, high = points.min(axis=0), points.max(axis=0)
    for other in scene.objects():
        if other == name:
            continue
        corners = _upward(scene, other, scene.pose(other))
        flat = corners[..., :2]
        near = np.all((flat.min(axis=1) <= high) & (flat.max(axis=1) >= low), axis=1)
        if near.any():
            height[_heights(corners[near], points) > height] = -np.inf
    seen = np.isfinite(height)
    return np.column_stack([points[seen], height[seen]])


def _upward(scene: Scene, name: str, pose: Pose) -> Array:
    """``(T, 3, 3)`` world corners of the body's triangles that face up."""
    visuals = scene.body(name).visuals
    if not visuals:
        return np.empty((0, 3, 3))
    corners = pose.apply(np.concatenate([triangles(visual.shape) for visual in visuals]))
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return corners[area > 1e-12]


def _window(corners: Array, workspace: Workspace) -> tuple[Array, Array]:
    """Coordinates of the grid's lines that lie within the bounds of some triangles."""
    rows, columns = workspace.shape
    low, high = corners[..., :2].min(axis=(0, 1)), corners[..., :2].max(axis=(0, 1))
    xs = workspace.low[0] + np.arange(columns) * workspace.pixel_size
    ys = workspace.low[1] + np.arange(rows) * workspace.pixel_size
    return xs[(xs >= low[0]) & (xs <= high[0])], ys[(ys >= low[1]) & (ys <= high[1])]


def _heights(corners: Array, points: NDArray[np.float64]) -> Array:
    """``(P,)`` greatest height of some upward triangles over each point; minus infinity where there is none."""
    result = np.full(len(points), -np.inf)
    per_chunk = max(_CHUNK // max(len(corners), 1), 1)
    a, b, c = corners[:, 0, None], corners[:, 1, None], corners[:, 2, None]  # (T, 1, 3) each
    for start in range(0, len(points), per_chunk):
        p = points[None, start : start + per_chunk]  # (1, P, 2)
        wa, wb, wc = _edge(b, c, p), _edge(c, a, p), _edge(a, b, p)  # (T, P)
        inside = (wa >= 0) & (wb >= 0) & (wc >= 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (wa * a[..., 2] + wb * b[..., 2] + wc * c[..., 2]) / (wa + wb + wc)
        result[start : start + per_chunk] = np.where(inside, z, -np.inf).max(axis=0)
    return result


def _edge(p: Array, q: Array, points: NDArray[np.float64]) -> Array:
    """Twice the signed area of the triangles (p, q, point)."""
    result: Array = (q[..., 0] - p[..., 0]) * (points[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (
        points[..., 0] - p[..., 0]
    )
    return result
