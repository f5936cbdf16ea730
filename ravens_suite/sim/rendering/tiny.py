"""Bullet's own software renderer, TinyRenderer, behind the same interface: slow, but it runs wherever Bullet does.

Bullet draws one sample a pixel, so depth, segmentation and colours agree with the moderngl renderer away from edges.
Its shadows are left out: its shadow test has a tolerance of 5 % of the depth range, more than the height of objects on
a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array
from ravens_suite.core.types import quantize_depth
from ravens_suite.errors import RendererError
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.rendering.base import (
    BACKGROUND,
    LIGHT_SQUARE,
    PUBLISHED_LIGHTING,
    SQUARES_PER_METRE,
    Images,
    Lighting,
    shared_image_size,
)
from ravens_suite.sim.scene import GROUND_NAME, Scene


class TinyRenderer:
    """The renderer that always works; scenes need ``bullet_visuals=True``."""

    name = "tiny"

    def __init__(self) -> None:
        self._closed = False

    def render(
        self,
        scene: Scene,
        cameras: Sequence[Camera],
        *,
        segmentation: bool = False,
        lighting: Lighting = PUBLISHED_LIGHTING,
    ) -> Images:
        """What ``cameras``, all of one image size, see of ``scene``.

        Raises:
            ConfigError: the cameras' image sizes differ.
            RendererError: the renderer is closed.
        """
        if self._closed:
            raise RendererError("This renderer is closed; make a new one with make_renderer().")
        rows, columns = shared_image_size(cameras)
        color = np.empty((len(cameras), rows, columns, 3), dtype=np.uint8)
        depth = np.empty((len(cameras), rows, columns), dtype=np.float32)
        labels = np.empty((len(cameras), rows, columns), dtype=np.int32) if segmentation else None
        table = _label_table(scene)
        ground = scene.labels().get(GROUND_NAME)
        for index, camera in enumerate(cameras):
            color[index], metres, bodies = _draw(scene, camera, lighting)
            missed = (bodies < 0) | (metres > camera.far)
            color[index][missed] = np.rint(255 * np.asarray(BACKGROUND))
            metres[missed] = camera.far
            depth[index] = quantize_depth(metres)
            seen = np.where(missed, -1, table[bodies])
            _draw_checker(color[index], metres, seen == ground, camera)
            if labels is not None:
                labels[index] = np.maximum(seen, 0)
        return Images(color, depth, labels)

    def check_image_size(self, size: tuple[int, int]) -> None:
        """Nothing to refuse: cameras have fewer pixels than Bullet can count (``core/cameras.py``)."""

    def close(self) -> None:
        """There is nothing to free. Closing twice is fine."""
        self._closed = True


def _draw(
    scene: Scene, camera: Camera, lighting: Lighting
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.int32]]:
    """Colour (H, W, 3), depth in metres (H, W), and Bullet body ids (H, W), -1 where nothing is."""
    rows, columns = camera.image_size
    view, projection = _matrices(camera)
    _, _, rgba, z_buffer, bodies = bullet.getCameraImage(
        columns,
        rows,
        viewMatrix=view,
        projectionMatrix=projection,
        lightDirection=lighting.direction,
        lightColor=(1.0, 1.0, 1.0),
        lightAmbientCoeff=lighting.ambient,
        lightDiffuseCoeff=lighting.diffuse,
        lightSpecularCoeff=0.0,
        shadow=0,
        renderer=bullet.ER_TINY_RENDERER,
        physicsClientId=scene.client,
    )
    # Bullets built without NumPy return flat tuples.
    color = np.asarray(rgba, dtype=np.uint8).reshape(rows, columns, 4)[..., :3]
    z = np.asarray(z_buffer, dtype=np.float64).reshape(rows, columns)
    metres = camera.far * camera.near / (camera.far - (camera.far - camera.near) * z)
    return color, metres, np.asarray(bodies, dtype=np.int32).reshape(rows, columns)


@lru_cache(maxsize=64)
def _matrices(camera: Camera) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """View and projection matrices as Bullet wants them: column by column, with z towards the viewer."""
    rows, columns = camera.image_size
    near, far = camera.near, camera.far
    view = np.diag([1.0, -1.0, -1.0, 1.0]) @ camera.pose.inverse().matrix()
    # TinyRenderer samples the corners of pixels, not their centres: the third column moves the image by half of one.
    projection = np.array(
        [
            [2 * camera.fx / columns, 0, 1 / columns - (2 * camera.cx / columns - 1), 0],
            [0, 2 * camera.fy / rows, 1 / rows + (2 * camera.cy / rows - 1), 0],
            [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, -1, 0],
        ]
    )
    return tuple(view.T.ravel().tolist()), tuple(projection.T.ravel().tolist())


def _label_table(scene: Scene) -> NDArray[np.int32]:
    """Segmentation label by Bullet body id; bodies that are not the scene's count as nothing, -1, as does id -1."""
    labels = scene.bullet_labels()
    table = np.full(max(labels, default=-1) + 2, -1, dtype=np.int32)
    for body, label in labels.items():
        table[body] = label
    return table


def _draw_checker(color: NDArray[np.uint8], metres: Array, ground: NDArray[np.bool_], camera: Camera) -> None:
    """Lighten every other square of the ground plane, which Bullet draws in one colour."""
    rows, columns = np.nonzero(ground)
    depth = metres[rows, columns]
    right = (columns + 0.5 - camera.cx) / camera.fx * depth
    down = (rows + 0.5 - camera.cy) / camera.fy * depth
    points = camera.pose.apply(np.stack([right, down, depth], axis=1))
    squares: NDArray[Any] = np.floor(points[:, :2] * SQUARES_PER_METRE).astype(np.int64)
    light = (squares.sum(axis=1) & 1) == 0
    pixels = rows[light], columns[light]
    color[pixels] = np.minimum(np.rint(color[pixels] * np.asarray(LIGHT_SQUARE)), 255)
