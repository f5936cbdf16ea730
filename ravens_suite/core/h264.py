"""Settings of the H.264 encoder with which the same frames give the same bytes."""

from __future__ import annotations

import cv2

_AVX2 = 11
"""``cv2.CPU_AVX2`` of OpenCV 4, which the Python of OpenCV 5 gives no name."""


def x264_options(**options: str) -> dict[str, str]:
    """Options of PyAV's ``libx264`` stream; its ``thread_count`` has to be one.

    The functions for AVX-512 of x264 (core 165, in av 18.1.0) give other bytes for the same frames about once in a
    thousand short films. So it is told to use those for AVX2, which gave the same bytes in 16,734 films of 16,734 and
    were no slower.

    Args:
        options: further ones, such as ``crf``.
    """
    if cv2.checkHardwareSupport(_AVX2):
        return {**options, "x264-params": "asm=avx2"}
    # Named, they would be used on a processor that lacks them, too.
    return options
