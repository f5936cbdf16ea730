"""Rasterises scenes with OpenGL through EGL: on a GPU, or with Mesa's software rasteriser where there is none.

All renderers of a process share one GL context. The empty table is drawn once for each camera and kept. A view is a
copy of it, with bodies and their shadows drawn on top by one indirect draw call each, however many they are. The
geometry of all meshes lies in one buffer; every visual shape is an instance of a mesh.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array
from ravens_suite.errors import ConfigError, RendererError
from ravens_suite.sim.rendering.base import PUBLISHED_LIGHTING, Images, Lighting, shared_image_size
from ravens_suite.sim.rendering.opengl_context import check_current, kept_current, make_context
from ravens_suite.sim.rendering.opengl_frames import Target, make_target
from ravens_suite.sim.rendering.opengl_geometry import Geometry, Instances, Surface
from ravens_suite.sim.rendering.opengl_shaders import PROGRAMS, shaders
from ravens_suite.sim.scene import Scene

_TARGET_LIMIT = 4
"""Image sizes whose frame buffers are kept."""

_BACKGROUND_LIMIT = 8
"""Views of the empty table that are kept, 5 MB each: three published cameras and a video's, with labels or not."""

_VERTEX_LAYOUT = "3f4 3f4"
_VERTEX_NAMES = ("in_position", "in_normal")
_INSTANCE_LAYOUT = "3f4 4f4 3f4 3f4 1f4 /i"
_INSTANCE_NAMES = ("instance_position", "instance_quaternion", "instance_scale", "instance_color", "instance_label")

_SHADOW_OFFSET = -8.0
"""Depth-buffer units by which shadows lie in front of the table: 0.3 mm at 2.3 m. Depth images are not shifted."""

_NOWHERE = (1.0, 1.0, -1.0, -1.0)
"""Empty bounds (low x, low y, high x, high y)."""

_LOWEST_LIGHT = 0.05
"""Sine of the light's elevation below which shadows, then endless, are left out."""

_LIMITS = ("GL_MAX_TEXTURE_SIZE", "GL_MAX_RENDERBUFFER_SIZE")
"""What bounds the sides of an image."""


class ModernglRenderer:
    """The fast renderer.

    Colours are flat-shaded, and bodies cast shadows on the table. Nothing is anti-aliased, so depth and segmentation
    are exact at every pixel's centre. A GL context of the caller's is current again after every call.

    Raises:
        RendererError: EGL or OpenGL 4.3 is missing.
        ForkedRendererError: this process was forked from one whose rasteriser had threads.
    """

    name = "moderngl"

    def __init__(self) -> None:
        self._device: _Device | None = None
        self._use()

    def check_image_size(self, size: tuple[int, int]) -> None:
        """Refuse a (rows, columns) that cannot be drawn on this machine; raises ConfigError with the limit."""
        if self._device is not None:
            self._device.check_image_size(size)

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
            ConfigError: the cameras' image sizes differ, or are more than OpenGL can draw here.
            RendererError: the renderer is closed.
            ForkedRendererError: this process was forked from one whose rasteriser had threads.
        """
        if self._device is None:
            raise RendererError("This renderer is closed; make a new one with make_renderer().")
        if self._device.process != os.getpid():
            # A fork: contexts do not survive one, so the child makes its own and never touches its parent's.
            self._give_back.detach()
            self._use()
        size = shared_image_size(cameras)
        self._device.check_image_size(size)
        with self._device.current():
            return self._device.render(scene, cameras, size, segmentation, lighting)

    def close(self) -> None:
        """Give the context back; the last renderer of the process frees it. Closing twice is fine.

        A renderer that is dropped without it gives the context back, too.
        """
        self._device = None
        self._give_back()

    def _use(self) -> None:
        self._device = _acquire()
        self._give_back = weakref.finalize(self, _give_back, self._device)
        self._give_back.atexit = False  # The process frees everything by itself.


@dataclass
class _Pass:
    """One shader program over the packed geometry."""

    program: moderngl.Program
    array: moderngl.VertexArray

    def set(self, **uniforms: Any) -> None:
        """Set uniforms; those that the shader compiler removed are skipped."""
        for name, value in uniforms.items():
            uniform = self.program.get(name, None)
            if isinstance(uniform, moderngl.Uniform):
                uniform.write(np.asarray(value, dtype=np.float32).tobytes())


@dataclass
class _Device:
    """The GL context of this process and what lives in it."""

    context: moderngl.Context
    process: int = field(default_factory=os.getpid)
    users: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._targets: dict[tuple[int, int], Target] = {}
        self._backgrounds: dict[Hashable, Target] = {}
        self._geometry = Geometry()
        self._vertices = self.context.buffer(reserve=1, dynamic=True)
        self._instances = self.context.buffer(reserve=1, dynamic=True)
        self._commands = self.context.buffer(reserve=1, dynamic=True)
        self._longest_side = min(self.context.info[limit] for limit in _LIMITS)
        self._programs = {name: self.context.program(*shaders(name)) for name in PROGRAMS}
        self._passes: dict[str, _Pass] = {}
        self.context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        # Images are drawn upside down, so that memory starts with the top row: that mirrors the winding.
        self.context.front_face = "cw"

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the context current in this thread; other threads wait."""
        with self._lock, kept_current(), self.context:
            check_current()
            yield

    def check_image_size(self, size: tuple[int, int]) -> None:
        """Refuse what OpenGL cannot draw here; raises ConfigError."""
        if max(size) > self._longest_side:
            raise ConfigError(
                f"Images of {size[0]} x {size[1]} cannot be drawn: OpenGL on this machine draws at most "
                f"{self._longest_side} rows and {self._longest_side} columns. Choose a smaller image_size."
            )

    def release(self) -> None:
        """Free the context and everything in it."""
        with self._lock, kept_current():
            self.context.release()

    def render(
        self, scene: Scene, cameras: Sequence[Camera], size: tuple[int, int], segmentation: bool, lighting: Lighting
    ) -> Images:
        """Draw one scene for all cameras; the context must be current."""
        instances = self._upload(scene)
        shadows = self._light(instances, lighting)
        target = self._target(size)
        count = len(cameras)
        color = np.empty((count, *size, 3), dtype=np.uint8)
        depth = np.empty((count, *size), dtype=np.float32)
        labels = np.empty((count, *size), dtype=np.int32) if segmentation else None
        for index, camera in enumerate(cameras):
            for each in self._passes.values():
                each.set(view_projection=_view_projection(camera).T)
            background = self._background(instances, camera, lighting, segmentation)
            self.context.copy_framebuffer(target.frame(segmentation), background.frame(segmentation))
            target.frame(segmentation).use()
            self._draw(instances, camera, shadows)
            target.read(color[index], depth[index], None if labels is None else labels[index])
        return Images(color, depth, labels)

    def _light(self, instances: Instances, lighting: Lighting) -> bool:
        """Set what all views share; returns whether shadows are to be drawn."""
        light = np.asarray(lighting.direction, dtype=np.float64)
        light = light / np.linalg.norm(light)
        for each in self._passes.values():
            each.set(light=light, ambient=lighting.ambient, diffuse=lighting.diffuse)
        ground = instances.ground
        if ground is None or not lighting.shadows or light[2] < _LOWEST_LIGHT:
            return False
        sheet = instances.sheet or replace(ground, bounds=_NOWHERE)
        self._passes["shadow"].set(
            table_height=sheet.height,
            sheet_bounds=sheet.bounds,
            sheet_color_and_label=_shaded(sheet, lighting),
            ground_bounds=ground.bounds,
            ground_color_and_label=_shaded(ground, lighting),
        )
        return True

    def _background(self, instances: Instances, camera: Camera, lighting: Lighting, segmentation: bool) -> Target:
        """What a camera sees of the table without bodies: kept from an earlier view, or else drawn now."""
        key = (camera, lighting, segmentation, instances.background)
        target = self._backgrounds.pop(key, None)
        if target is None:
            target = self._spare_background(camera.image_size)
            target.clear(camera.far, segmentation)
            bodies, sheets, grounds = instances.bodies, instances.sheets, instances.grounds
            self._pass("body", bodies, sheets)
            self._pass("ground", bodies + sheets, grounds)
        self._backgrounds[key] = target  # Back at the end: the first is the one that was not used for longest.
        return target

    def _spare_background(self, size: tuple[int, int]) -> Target:
        """A frame buffer for one more background; at the limit, that of the least recently used one."""
        if len(self._backgrounds) >= _BACKGROUND_LIMIT:
            oldest = self._backgrounds.pop(next(iter(self._backgrounds)))
            if oldest.color.size == size[::-1]:
                return oldest
            oldest.release()
        return make_target(self.context, size)

    def _draw(self, instances: Instances, camera: Camera, shadows: bool) -> None:
        """Draw bodies and their shadows onto the background."""
        self._pass("body", 0, instances.bodies)
        if shadows and instances.ground is not None:
            table = instances.sheet or instances.ground
            x, y, z = camera.pose.position
            self._passes["shadow"].set(eye=(x, y), ground_ratio=(z - instances.ground.height) / (z - table.height))
            self.context.polygon_offset = 0.0, _SHADOW_OFFSET
            self._pass("shadow", 0, instances.bodies)
            self.context.polygon_offset = 0.0, 0.0

    def _pass(self, name: str, first: int, count: int) -> None:
        if count:
            self._passes[name].array.render_indirect(self._commands, moderngl.TRIANGLES, count, first=first)

    def _upload(self, scene: Scene) -> Instances:
        version = self._geometry.version
        instances = self._geometry.instances(scene.drawables())
        grown = _store(self._instances, instances.rows)
        _store(self._commands, instances.commands)
        if self._geometry.version != version or not self._passes:
            grown |= _store(self._vertices, self._geometry.vertices())
        if grown or not self._passes:
            self._bind()
        return instances

    def _bind(self) -> None:
        """Tie programs to the buffers, anew whenever a buffer moved."""
        for each in self._passes.values():
            each.array.release()
        self._passes = {}
        content = [
            (self._vertices, _VERTEX_LAYOUT, *_VERTEX_NAMES),
            (self._instances, _INSTANCE_LAYOUT, *_INSTANCE_NAMES),
        ]
        for name, program in self._programs.items():
            self._passes[name] = _Pass(program, self.context.vertex_array(program, content, skip_errors=True))

    def _target(self, size: tuple[int, int]) -> Target:
        if size not in self._targets:
            while len(self._targets) >= _TARGET_LIMIT:
                self._targets.pop(next(iter(self._targets))).release()
            self._targets[size] = make_target(self.context, size)
        return self._targets[size]


_devices: dict[int, _Device] = {}
"""By process: after a fork the parent's stays here, unused, because nothing of it may be freed in the child."""

_devices_lock = threading.Lock()

_given_back: deque[_Device] = deque()
"""Devices of which one use has ended, for whoever holds or next gets the lock."""


def _acquire() -> _Device:
    """The device of this process, made when there is none yet."""
    process = os.getpid()
    with _devices_lock:
        if process not in _devices:
            context = make_context()
            with kept_current(), context:
                check_current()
                _devices[process] = _Device(context)
        device = _devices[process]
        device.users += 1
    _free_unused()
    return device


def _give_back(device: _Device) -> None:
    """End one use of a device; the last one frees it.

    Python may run this for a dropped renderer at any moment and in any thread, even in one that holds the lock. So it
    never waits for the lock: if that is taken, its holder does the work after it.
    """
    _given_back.append(device)
    _free_unused()


def _free_unused() -> None:
    while _given_back and _devices_lock.acquire(blocking=False):
        try:
            device = _given_back.popleft() if _given_back else None
            if device is None or device.process != os.getpid():
                continue
            device.users -= 1
            if device.users == 0:
                # Another one may have taken its place meanwhile, or none: who holds a device does not rely on the list.
                if _devices.get(device.process) is device:
                    del _devices[device.process]
                device.release()
        finally:
            _devices_lock.release()


def _store(buffer: moderngl.Buffer, data: NDArray[Any]) -> bool:
    """Write an array into a buffer; returns whether the buffer had to grow."""
    grown = data.nbytes > buffer.size
    if grown:
        buffer.orphan(data.nbytes * 3 // 2)
    buffer.write(data)
    return grown


@lru_cache(maxsize=64)
def _view_projection(camera: Camera) -> Array:
    """World to clip coordinates, with y down: clip w is the depth along the optical axis."""
    rows, columns = camera.image_size
    near, far = camera.near, camera.far
    projection = np.array(
        [
            [2 * camera.fx / columns, 0, 2 * camera.cx / columns - 1, 0],
            [0, 2 * camera.fy / rows, 2 * camera.cy / rows - 1, 0],
            [0, 0, (far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, 1, 0],
        ]
    )
    result: Array = projection @ camera.pose.inverse().matrix()
    return result


def _shaded(surface: Surface, lighting: Lighting) -> tuple[float, ...]:
    """Colour of a surface in the shadow, and its label."""
    return (*(lighting.ambient * value for value in surface.color), surface.label)
