"""Frame buffers of the OpenGL renderer: colour, depth and labels of one view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.types import DEPTH_UNIT
from ravens_suite.sim.rendering.base import BACKGROUND
from ravens_suite.sim.rendering.opengl_shaders import DEPTH_STEPS_PER_METRE

_SCRATCH_LIMIT = 4
"""Image sizes whose reading buffers are kept."""


@dataclass
class Target:
    """A frame buffer of one image size; that of labels is made when they are first drawn."""

    context: moderngl.Context
    color: moderngl.Texture
    depth: moderngl.Texture
    z_buffer: moderngl.Renderbuffer
    plain: moderngl.Framebuffer
    label: moderngl.Texture | None = None
    labelled: moderngl.Framebuffer | None = None

    def frame(self, segmentation: bool) -> moderngl.Framebuffer:
        """What is drawn into, with or without labels."""
        if not segmentation:
            return self.plain
        if self.labelled is None:
            self.label = self.context.texture(self.color.size, 1, dtype="f4")
            self.labelled = self.context.framebuffer([self.color, self.depth, self.label], self.z_buffer)
        return self.labelled

    def clear(self, far: float, segmentation: bool) -> None:
        """Make it current and empty: background colour, depth ``far`` metres, label 0."""
        frame = self.frame(segmentation)
        values = [(*BACKGROUND, 1.0), (round(far * DEPTH_STEPS_PER_METRE),) * 4, (0.0,) * 4]
        count = len(frame.color_attachments)
        frame.use()
        # One clear sets all targets to one value, so all but one are masked.
        for index in range(count):
            _mask(frame, [other == index for other in range(count)])
            frame.clear(*values[index])
        _mask(frame, [True] * count)

    def read(self, color: NDArray[np.uint8], depth: NDArray[np.float32], labels: NDArray[np.int32] | None) -> None:
        """Copy the view into arrays of the caller.

        Args:
            color: (rows, columns, 3) uint8.
            depth: (rows, columns) float32 metres along the optical axis.
            labels: (rows, columns) int32 numbers of bodies; ``None`` if they are not wanted.
        """
        rgba, steps = _scratch(*depth.shape)
        self.plain.read_into(rgba, components=4)
        cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB, dst=color)
        self.plain.read_into(steps, components=1, attachment=1, dtype="f4")
        np.multiply(steps, np.float32(DEPTH_UNIT), out=depth)
        if labels is not None:
            self.frame(segmentation=True).read_into(steps, components=1, attachment=2, dtype="f4")
            np.copyto(labels, steps, casting="unsafe")

    def release(self) -> None:
        """Free the textures."""
        for resource in (self.plain, self.labelled, self.color, self.depth, self.label, self.z_buffer):
            if resource is not None:
                resource.release()


def make_target(context: moderngl.Context, size: tuple[int, int]) -> Target:
    """A frame buffer for images of ``size`` (rows, columns), in the current context."""
    rows, columns = size
    shape = (columns, rows)
    color = context.texture(shape, 4)
    depth = context.texture(shape, 1, dtype="f4")
    z_buffer = context.depth_renderbuffer(shape)
    return Target(context, color, depth, z_buffer, plain=context.framebuffer([color, depth], z_buffer))


def _mask(frame: moderngl.Framebuffer, written: list[bool]) -> None:
    """Choose which of a frame buffer's colour targets are written to."""
    masks: Any = [(value,) * 4 for value in written]  # moderngl's annotation knows of one target only.
    frame.color_mask = masks


@lru_cache(maxsize=_SCRATCH_LIMIT)
def _scratch(rows: int, columns: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    return np.empty((rows, columns, 4), dtype=np.uint8), np.empty((rows, columns), dtype=np.float32)
