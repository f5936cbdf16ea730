"""The steps of demonstrations in little memory: packed without loss, and unpacked each time one is asked for.

The heightmaps of two steps differ where the robot's work shows, and the heights of the bare table, which have many
digits, are the same in all. So heights are kept as their difference from one map's, and Zstandard packs 360 kB into 20.
Packing and unpacking a step takes less than a millisecond.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, overload

import numpy as np
import zstandard
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .free_objects import FreeObject
from .steps import Step
from .tilts import Tilt

KEPT_BYTES = 2**28
"""Packed bytes that are kept in memory; all that come after them lie in a temporary file."""
_BLOCK = 2**22
"""Bytes of memory that are taken at once."""
_LEVEL = 1
"""Of Zstandard: higher ones save a tenth and take three times as long."""


class Store:
    """Keeps packed bytes, in memory first and then in a file that ends with the process.

    They lie in blocks of their own. Among the images that are made and freed meanwhile, each would keep the C library
    from using the memory around it again: 10 MB an episode of 18 steps, as if nothing had been packed.

    Where the file lies says ``TMPDIR``. It has a sixth of the bytes of the episodes.

    Args:
        kept: bytes that are kept in memory.

    Attributes:
        size: bytes that are kept.
        reference: bits of the heights that all others are kept relative to; ``None`` before the first.
    """

    def __init__(self, kept: int | None = None) -> None:
        self._left = KEPT_BYTES if kept is None else kept
        self._blocks: list[mmap.mmap] = []
        self._end = 0
        self._file: IO[bytes] | None = None
        self._written = 0
        self.size = 0
        self.reference: NDArray[np.uint32] | None = None

    def add(self, blob: bytes) -> tuple[int, int, int]:
        """Keep some bytes; what ``read`` finds them by: block, begin and end, where block -1 is the file."""
        self.size += len(blob)
        if len(blob) <= self._left:
            self._left -= len(blob)
            if not self._blocks or self._end + len(blob) > len(self._blocks[-1]):
                self._blocks.append(mmap.mmap(-1, max(len(blob), _BLOCK)))
                self._end = 0
            begin, self._end = self._end, self._end + len(blob)
            self._blocks[-1][begin : self._end] = blob
            return len(self._blocks) - 1, begin, self._end
        self._left = 0
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="ravens-suite-")  # noqa: SIM115 - It lives as long as the store.
        self._file.write(blob)
        self._written += len(blob)
        return -1, self._written - len(blob), self._written

    def read(self, place: tuple[int, int, int]) -> bytes:
        """The bytes that ``add`` was given."""
        block, begin, end = place
        if block >= 0:
            return self._blocks[block][begin:end]
        assert self._file is not None
        self._file.flush()
        return os.pread(self._file.fileno(), end - begin, begin)

    def heights(self, height: NDArray[np.float32]) -> NDArray[np.uint32]:
        """(rows, columns) uint32 bits of heights that differ from those of the first map, or the inverse of that."""
        bits = height.view(np.uint32)
        if self.reference is None:
            self.reference = bits.copy()
        return bits ^ self.reference if bits.shape == self.reference.shape else bits


@dataclass(frozen=True, eq=False)
class PackedArrays:
    """Some arrays in one piece.

    Attributes:
        store: where the bytes are.
        place: of them.
        kinds: dtype and shape of each array.
    """

    store: Store
    place: tuple[int, int, int]
    kinds: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]

    @staticmethod
    def of(arrays: Sequence[NDArray[Any]], store: Store) -> PackedArrays:
        """Pack arrays of any shape and dtype."""
        blob: bytes = zstandard.ZstdCompressor(level=_LEVEL).compress(b"".join(array.tobytes() for array in arrays))
        return PackedArrays(store, store.add(blob), tuple((array.dtype, array.shape) for array in arrays))

    def unpack(self) -> list[NDArray[Any]]:
        """Fresh arrays, of the shapes and dtypes that were packed."""
        data = bytearray(zstandard.ZstdDecompressor().decompress(self.store.read(self.place)))
        arrays, start = [], 0
        for dtype, shape in self.kinds:
            array = np.ndarray(shape, dtype, data, start)
            arrays.append(array)
            start += array.nbytes
        return arrays


@dataclass(frozen=True, eq=False)
class PackedFreeObject:
    """See ``FreeObject``."""

    window: tuple[slice, slice]
    images: PackedArrays
    slot: Array | None

    @staticmethod
    def of(found: FreeObject, store: Store) -> PackedFreeObject:
        """Pack an object."""
        flags = [found.mask, found.shadow, found.table_known]
        # The widest first, so that every array is aligned.
        images: list[NDArray[Any]] = [found.height, found.table_height, found.color, found.table_color, *flags]
        return PackedFreeObject(found.window, PackedArrays.of(images, store), found.slot)

    def unpack(self) -> FreeObject:
        """The object."""
        height, table_height, color, table_color, mask, shadow, table_known = self.images.unpack()
        return FreeObject(self.window, mask, shadow, color, height, table_known, table_color, table_height, self.slot)


@dataclass(frozen=True, eq=False)
class PackedStep:
    """See ``Step``; ``arrays`` are pick, place and centre, heights, pick affinity and colours."""

    arrays: PackedArrays
    yaw: float
    free_objects: tuple[PackedFreeObject, ...]
    symmetry_order: int
    final_scene: PackedArrays | None
    goal: PackedArrays | None
    tilt: Tilt | None
    instruction: str | None
    first: PackedArrays | None
    loose: PackedFreeObject | None
    end: PackedArrays | None
    settled: PackedFreeObject | None
    moves: int

    def unpack(self) -> Step:
        """The step, with fresh images."""
        pick, place, centre, bits, pick_affinity, color = self.arrays.unpack()
        return Step(
            color,
            self._heights(bits),
            pick,
            place,
            self.yaw,
            pick_affinity,
            tuple(each.unpack() for each in self.free_objects),
            self.symmetry_order,
            centre,
            self._scene(self.final_scene),
            self._scene(self.goal),
            self.tilt,
            self.instruction,
            self._scene(self.first),
            None if self.loose is None else self.loose.unpack(),
            self._scene(self.end),
            None if self.settled is None else self.settled.unpack(),
            self.moves,
        )

    def _scene(self, scene: PackedArrays | None) -> Heightmap | None:
        if scene is None:
            return None
        bits, color = scene.unpack()
        return Heightmap(color, self._heights(bits))

    def _heights(self, bits: NDArray[np.uint32]) -> NDArray[np.float32]:
        return self.arrays.store.heights(bits.view(np.float32)).view(np.float32)


def _kept(found: FreeObject | None) -> tuple[FreeObject, ...]:
    return () if found is None else (found,)


class PackedEpisode(Sequence[Step]):
    """The steps of one episode.

    Args:
        steps: packed.
    """

    def __init__(self, steps: Sequence[PackedStep]) -> None:
        self._steps = tuple(steps)

    @staticmethod
    def of(steps: Sequence[Step], store: Store) -> PackedEpisode:
        """Pack steps. What several of them share, such as an object that a later one moves, is packed once."""
        found = {id(each): each for step in steps for each in (*step.free_objects, *_kept(step.settled))}
        objects = {key: PackedFreeObject.of(each, store) for key, each in found.items()}
        scenes: dict[int, PackedArrays] = {}
        packed = []
        for step in steps:
            others = (step.final_scene, step.goal, step.first, step.end)
            for scene in others:
                if scene is not None and id(scene) not in scenes:
                    scenes[id(scene)] = PackedArrays.of([store.heights(scene.height), scene.color], store)
            final, goal, first, end = (None if scene is None else scenes[id(scene)] for scene in others)
            images: list[NDArray[Any]] = [store.heights(step.height), step.pick_affinity, step.color]
            packed.append(
                PackedStep(
                    PackedArrays.of([step.pick, step.place, step.centre, *images], store),
                    step.yaw,
                    tuple(objects[id(each)] for each in step.free_objects),
                    step.symmetry_order,
                    final,
                    goal,
                    step.tilt,
                    step.instruction,
                    first,
                    None if step.loose is None else PackedFreeObject.of(step.loose, store),
                    end,
                    None if step.settled is None else objects[id(step.settled)],
                    step.moves,
                )
            )
        return PackedEpisode(packed)

    def __len__(self) -> int:
        """Number of steps."""
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> PackedEpisode: ...

    def __getitem__(self, index: int | slice) -> Step | PackedEpisode:
        """A step, unpacked anew, or some of the steps."""
        return PackedEpisode(self._steps[index]) if isinstance(index, slice) else self._steps[index].unpack()
