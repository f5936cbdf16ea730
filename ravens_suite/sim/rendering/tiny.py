"""Bullet's own software renderer, TinyRenderer, behind the same interface: slow, but it runs wherever Bullet does.

It draws a Bullet world of its own that holds what is seen of the scene and nothing that collides. So the physics of a
scene does not depend on the renderer.

Bullet draws one sample a pixel, so depth, segmentation and colours agree with the moderngl renderer away from edges.
Its shadows are left out: its shadow test has a tolerance of 5 % of the depth range, more than the height of objects on
a table.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.types import quantize_depth
from ravens_suite.errors import RendererError
from ravens_suite.sim.bodies import Visual
from ravens_suite.sim.bullet_shapes import bullet, disconnect, visual_shape
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
    """The renderer that always works."""

    name = "tiny"

    def __init__(self) -> None:
        self._world: _World | None = _World()

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
        if self._world is None:
            raise RendererError("This renderer is closed; make a new one with make_renderer().")
        rows, columns = shared_image_size(cameras)
        color = np.empty((len(cameras), rows, columns, 3), dtype=np.uint8)
        depth = np.empty((len(cameras), rows, columns), dtype=np.float32)
        labels = np.empty((len(cameras), rows, columns), dtype=np.int32) if segmentation else None
        table = self._world.follow(scene)
        ground = scene.labels().get(GROUND_NAME)
        for index, camera in enumerate(cameras):
            color[index], metres, bodies = _draw(self._world.client, camera, lighting)
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
        """Free its Bullet world. Closing twice is fine. A renderer that is dropped without it frees it, too."""
        if self._world is not None:
            self._world.close()
            self._world = None


@dataclass
class _Copy:
    """A body as it is in the renderer's world: Bullet's id, what is seen of it, and where."""

    handle: int
    visuals: tuple[Visual, ...]
    pose: Pose


class _World:
    """A Bullet world with copies of what is seen of a scene."""

    def __init__(self) -> None:
        self.client: int = bullet.connect(bullet.DIRECT)
        self.close = weakref.finalize(self, disconnect, self.client)
        self.close.atexit = False  # The process gives everything back by itself.
        self._copies: dict[int, _Copy] = {}

    def follow(self, scene: Scene) -> NDArray[np.int32]:
        """Make this world look like a scene.

        Returns:
            Segmentation labels by Bullet's body id, and -1 at the end, for id -1: nothing.
        """
        bodies: dict[int, tuple[tuple[Visual, ...], Pose]] = {}
        for label, group in groupby(scene.drawables(), key=lambda drawable: drawable.label):
            drawables = list(group)
            bodies[label] = tuple(drawable.visual for drawable in drawables), drawables[0].pose
        for label in self._copies.keys() - bodies.keys():
            bullet.removeBody(self._copies.pop(label).handle, physicsClientId=self.client)
        for label, (visuals, pose) in bodies.items():
            self._show(label, visuals, pose)
        table = np.full(max((copy.handle for copy in self._copies.values()), default=-1) + 2, -1, dtype=np.int32)
        for label, copy in self._copies.items():
            table[copy.handle] = label
        return table

    def _show(self, label: int, visuals: tuple[Visual, ...], pose: Pose) -> None:
        copy = self._copies.get(label)
        if copy is not None and not _alike(copy.visuals, visuals):
            bullet.removeBody(copy.handle, physicsClientId=self.client)
            copy = None
        if copy is None:
            copy = self._copies[label] = _Copy(self._make(visuals, pose), visuals, pose)
        if copy.visuals != visuals:
            for index, visual in enumerate(visuals):
                bullet.changeVisualShape(
                    copy.handle, -1, shapeIndex=index, rgbaColor=[*visual.color, 1.0], physicsClientId=self.client
                )
            copy.visuals = visuals
        if copy.pose != pose:
            bullet.resetBasePositionAndOrientation(
                copy.handle, pose.position, pose.quaternion, physicsClientId=self.client
            )
            copy.pose = pose

    def _make(self, visuals: tuple[Visual, ...], pose: Pose) -> int:
        with visual_shape(visuals, self.client) as visual:
            handle: int = bullet.createMultiBody(
                0.0, -1, visual, pose.position, pose.quaternion, useMaximalCoordinates=True, physicsClientId=self.client
            )
        return handle


def _alike(first: tuple[Visual, ...], second: tuple[Visual, ...]) -> bool:
    """Whether two bodies differ in colours at most."""
    return first is second or [visual.shape for visual in first] == [visual.shape for visual in second]


def _draw(
    client: int, camera: Camera, lighting: Lighting
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
        physicsClientId=client,
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
