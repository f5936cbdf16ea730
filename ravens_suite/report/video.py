"""Frames to an MP4 file (H.264) that every browser plays."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from ravens_suite.core.h264 import x264_options
from ravens_suite.errors import ConfigError
from ravens_suite.report.drawing import Picture

FRAMES_A_SECOND = 30


@dataclass(frozen=True)
class Video:
    """A film and what must be said about it.

    Attributes:
        data: of the MP4 file.
        seconds: playing time.
        speed: simulated seconds a second of playing.
    """

    data: bytes
    seconds: float
    speed: int

    @property
    def uri(self) -> str:
        """As a ``data:`` address, to be put into a page."""
        return "data:video/mp4;base64," + base64.b64encode(self.data).decode()


def encode_video(
    frames: Sequence[Picture],
    *,
    size: tuple[int, int] | None = (360, 480),
    longest: float | None = 12.0,
    quality: int = 27,
    rate: int = FRAMES_A_SECOND,
) -> Video:
    """Encode frames.

    Args:
        frames: (rows, columns, 3) uint8 RGB each, all of one shape.
        size: (rows, columns) of the film; both even. ``None`` for that of the frames, cut to even numbers.
        longest: seconds of playing; a longer film is sped up by a whole factor until it fits. ``None`` for any length.
        quality: constant rate factor of x264; lower is better and larger.
        rate: frames a second: ``metadata["render_fps"]`` of the environment that drew them.

    Raises:
        ConfigError: there is no frame.
    """
    if not frames:
        raise ConfigError("There is no frame to make a film of.")
    if size is None:
        rows, columns = frames[0].shape[:2]
        size = max(rows // 2 * 2, 2), max(columns // 2 * 2, 2)
    speed = 1 if longest is None else max(1, -(-len(frames) // round(longest * rate)))
    chosen = list(frames[::speed])
    # The end must be seen, whatever the speed, and stand for a moment.
    chosen += [frames[-1]] * (rate // 2)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, rate)
        # One thread, so that the same frames give the same bytes on every machine.
        stream.thread_count = 1
        stream.options = x264_options(crf=str(quality), preset="medium")
        for picture in chosen:
            small = np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        container.mux(stream.encode(None))
    return Video(file.getvalue(), len(chosen) / rate, speed)
