"""Pictures of oracle episodes: start, middle and end of one scene of each split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import ravens_suite
from ravens_suite.report.gallery import oracle_frames

MOMENTS = ("start", "middle", "end")
SPLITS = ("train", "test")
_SIZE = (400, 300)
"""(columns, rows)."""
_CROP = (slice(58, 442), slice(50, 562))
"""Rows and columns of a frame (480, 640) that show the table."""
_QUALITY = 85
_SEED = 0
_FEW = 3
"""Frames of an episode that has no middle: the middle of its way-points is drawn instead."""
_DRAWN_BY = ("core", "sim", "tasks", "envs", "report")
"""Rooms of the package that pictures depend on."""


class Gallery:
    """Pictures in a folder; those that are newer than the code that draws them are kept.

    Args:
        folder: that they lie in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = Path(ravens_suite.__file__).parent
        sources = [path for room in _DRAWN_BY for path in (package / room).rglob("*.py")]
        self._changed = max(path.stat().st_mtime for path in [*sources, Path(__file__)])

    def draw(self, task: str, split: str) -> list[str]:
        """Names of the pictures of a task's scene, one a moment, in the folder.

        Args:
            task: registered name.
            split: of the scene.
        """
        names = [f"{task}-{split}-{moment}.jpg" for moment in MOMENTS]
        paths = [self.folder / name for name in names]
        if not all(path.exists() and path.stat().st_mtime > self._changed for path in paths):
            self.folder.mkdir(parents=True, exist_ok=True)
            for path, frame in zip(paths, _frames(task, split), strict=True):
                write_jpeg(path, cv2.resize(frame[_CROP], _SIZE, interpolation=cv2.INTER_AREA))
        return names


def write_jpeg(path: Path, picture: Any) -> None:
    """Write an RGB picture."""
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _frames(task: str, split: str) -> list[NDArray[np.uint8]]:
    frames, _ = oracle_frames(task, split, _SEED)
    start, end = frames[0], frames[-1]
    steps: list[Any] = frames
    if len(frames) < _FEW:
        steps, _ = oracle_frames(f"{task}-continuous", split, _SEED)
    return [start, steps[len(steps) // 2], end]
