"""The heightmaps of an episode, kept beside it once they were fused: each further reading takes a fraction of the time.

``DATA/<task>/<split>/heightmaps/<seed>.safetensors`` belongs to the episode of that seed. It counts as long as the
episode has the bytes and this package the code that it was made of; else it is made anew. So it may be deleted at any
time, and where it cannot be written, nothing happens. It has a tenth of the size of the episode.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from ravens_suite.core import camera_values, cameras, geometry, heightmap, types, workspace
from ravens_suite.core.heightmap import Heightmap, fuse
from ravens_suite.core.source_digest import digest_of_files
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.data.container import Container, write_container
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import DamagedDataError, MissingDataError

FOLDER = "heightmaps"
"""Within the folder of the episodes."""
KEYS = ("color", "depth", "camera_intrinsics", "camera_poses")
"""Observation keys that a heightmap is made from."""
_LEVEL = 1
"""Of Zstandard."""
_LOG = logging.getLogger(__name__)


def episode_heightmaps(episode: EpisodeReader) -> list[Heightmap]:
    """The heightmaps of all T + 1 observations of an episode.

    Raises:
        MissingDataError: its images were not observed.
        DamagedDataError: a byte of them is not what was written.
    """
    path, count = episode.path.parent / FOLDER / episode.path.name, episode.summary.steps + 1
    made_of = {"episode": episode.checksum, "code": _code()}
    maps = _read(path, made_of, count)
    if maps is None:
        maps = [fuse(*(observation[key] for key in KEYS)) for observation in episode.each(KEYS)]
        _write(path, made_of, maps)
    return maps


@lru_cache(maxsize=1)
def _code() -> str:
    """Digest of the code that heightmaps depend on."""
    modules = (camera_values, cameras, geometry, heightmap, types, workspace)
    return digest_of_files([Path(str(module.__file__)) for module in modules], of_the_suite=True)


def _read(path: Path, made_of: dict[str, str], count: int) -> list[Heightmap] | None:
    """The maps that are kept; ``None`` where there are none, or others."""
    shape = (count, *AGENT_WORKSPACE.shape)
    try:
        container = Container(path)
        if container.value != made_of:
            return None
        color = _unpacked(container.blob("color"), (*shape, 3), np.uint8)
        bits = _unpacked(container.blob("height"), shape, np.uint32)
    except (MissingDataError, DamagedDataError, OSError, ValueError, zstandard.ZstdError):
        return None
    bits[1:] ^= bits[0]
    return [Heightmap(*each) for each in zip(color, bits.view(np.float32), strict=True)]


def _unpacked(blob: bytes, shape: tuple[int, ...], dtype: type[Any]) -> NDArray[Any]:
    """A fresh array.

    Raises:
        ValueError: the bytes are not those of one.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    # The decompressor takes as much memory as the frame's own header asks for: compare that first.
    if zstandard.frame_content_size(blob) != size:
        raise ValueError("these are not the heightmaps of the episode")
    data = zstandard.ZstdDecompressor().decompress(blob, max_output_size=size)
    return np.frombuffer(bytearray(data), dtype).reshape(shape)


def _write(path: Path, made_of: dict[str, str], maps: Sequence[Heightmap]) -> None:
    color, height = (np.stack([getattr(each, name) for each in maps]) for name in ("color", "height"))
    bits = height.view(np.uint32)
    # Heights of the bare table have many digits, the same in all maps.
    bits[1:] ^= bits[0]
    pack = zstandard.ZstdCompressor(level=_LEVEL).compress
    try:
        path.parent.mkdir(exist_ok=True)
        write_container(path, {"color": pack(color.data), "height": pack(bits.data)}, made_of)
    except OSError as error:
        _LOG.info("Heightmaps are not kept beside the episodes: %s.", error)
