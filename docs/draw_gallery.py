"""Draw the picture of the README anew: start and end of an oracle episode of every task.

    python docs/draw_gallery.py

The pictures are those of the tasks' pages, of the training scene of seed 0. They are drawn where they are missing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from site_pages.pictures import Gallery, write_jpeg  # noqa: E402 (found beside this file)
from site_pages.tasks import families  # noqa: E402

_OUT = DOCS / "gallery.jpg"
_SIZE = (240, 180)
"""(columns, rows) of one picture."""
_PAIRS_A_ROW = 3
_CAPTION, _GAP = 26, 10
_WHITE, _INK = 255, (40, 40, 40)


def main() -> None:
    """Draw it."""
    gallery = Gallery(DOCS / "tasks" / "pictures")
    cells = [_cell(gallery, family.name) for family in families()]
    blank = np.full_like(cells[0], _WHITE)
    cells += [blank] * (-len(cells) % _PAIRS_A_ROW)
    rows = [np.hstack(cells[i : i + _PAIRS_A_ROW]) for i in range(0, len(cells), _PAIRS_A_ROW)]
    write_jpeg(_OUT, np.vstack(rows)[:, :-_GAP])
    sys.stdout.write(f"{_OUT}\n")


def _cell(gallery: Gallery, task: str) -> Any:
    """Caption, and start and end beside each other."""
    pictures: list[Any] = [cv2.imread(str(gallery.folder / name)) for name in gallery.draw(task, "train")]
    start, _, end = (picture[..., ::-1] for picture in pictures)
    pair = np.hstack([cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA) for picture in (start, end)])
    caption = np.full((_CAPTION, pair.shape[1], 3), _WHITE, np.uint8)
    cv2.putText(caption, task, (2, _CAPTION - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.55, _INK, 1, cv2.LINE_AA)
    cell = np.vstack([caption, pair])
    return np.pad(cell, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_WHITE)


if __name__ == "__main__":
    main()
