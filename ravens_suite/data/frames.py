"""Lossless coding of image sequences.

Rendered images change little from row to row, so each row is replaced by its difference from the row above (modulo 2^8
or 2^16), and the differences are compressed with Zstandard at level 1. A frame that equals the one before takes no
bytes. Other frames are coded without it: between two steps the arm and its shadow move across a third of the image,
and there the frame before predicts worse than the row above.

Depth in whole multiples of ``DEPTH_UNIT`` is stored as 16-bit multiples: up to 6.5534 metres, and one larger value,
that of pixels where a camera sees nothing. All other values are stored bit for bit, in planes of at most 16 bits.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import zstandard
from numpy.typing import NDArray

from ravens_suite.core.types import DEPTH_UNIT
from ravens_suite.data.fields import Damaged, Fields
from ravens_suite.errors import ConfigError

Plane = NDArray[Any]
"""Unsigned integers of one frame, (N, H, W, ...)."""

_LEVEL = 1
_UNIT = np.float32(DEPTH_UNIT)
_UNITS_A_METRE: Any = float(round(1 / DEPTH_UNIT))  # The annotation of cv2.multiply knows of no numbers.
_MOST_UNITS = 2**16 - 1
_CODED_DTYPES = ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
_CODED_DTYPES += ("float16", "float32", "float64")
_FARTHEST = float(np.finfo(np.float32).max)
_LEAST_AXES, _MOST_AXES = 4, 8
_LARGEST_FRAME = 2**30
"""Bytes of one decoded frame; three cameras of 4,096 x 4,096 pixels have 600 megabytes as int32."""
_MOST_BYTES_A_BYTE = 2**15
"""What Zstandard can unpack a byte to: a block has at most 128 KiB and takes at least 4 bytes (RFC 8878, 3.1.1.2)."""


@dataclass(frozen=True)
class Layout:
    """What a coded sequence decodes to.

    Attributes:
        dtype: NumPy name of the dtype.
        shape: (T, N, H, W, ...) of the whole sequence.
        units: whether there is one plane of multiples of ``DEPTH_UNIT``, rather than planes of the bits themselves.
        far: depth in metres of pixels with the largest multiple.
    """

    dtype: str
    shape: tuple[int, ...]
    units: bool
    far: float = 0.0

    @staticmethod
    def of(fields: Fields, damaged: Damaged) -> Layout:
        """A layout from a file, once it is one that an ``Encoder`` can have."""
        fields.only(("dtype", "shape", "units", "far"))
        layout = Layout(fields.text("dtype"), tuple(fields.wholes("shape")), fields.flag("units"), fields.number("far"))
        if layout.dtype not in _CODED_DTYPES or (layout.units and layout.dtype != "float32"):
            damaged(f"images of dtype {layout.dtype[:20]!r} cannot be coded so")
        if not _LEAST_AXES <= len(layout.shape) <= _MOST_AXES or not all(layout.shape):
            damaged("the shape of an image sequence is not that of images")
        if layout.frame_bytes > _LARGEST_FRAME:
            damaged(f"one frame of an image sequence is said to have {layout.frame_bytes} bytes")
        if not 0 <= layout.far <= _FARTHEST:
            damaged("the largest depth is not a depth in metres")
        return layout

    @property
    def frame_bytes(self) -> int:
        """Size of one decoded frame."""
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    @property
    def planes(self) -> int:
        """Number of planes a frame."""
        return 1 if self.units else max(np.dtype(self.dtype).itemsize // 2, 1)

    @property
    def plane_dtype(self) -> np.dtype[Any]:
        """uint8 for one-byte values, else uint16 (little-endian)."""
        return np.dtype("u1" if np.dtype(self.dtype).itemsize == 1 else "<u2")


class Encoder:
    """Codes a sequence frame by frame, as it comes.

    Attributes:
        coded: for each frame so far its coded planes.
    """

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False)
        self._layout: Layout | None = None
        self._previous: list[Plane] = []
        self.coded: list[list[bytes]] = []

    @staticmethod
    def of_coded(layout: Layout, coded: list[list[bytes]]) -> Encoder:
        """A sequence that another encoder has coded: for each frame its planes."""
        encoder = Encoder()
        encoder._layout, encoder.coded = layout, coded
        return encoder

    def __len__(self) -> int:
        return len(self.coded)

    @property
    def layout(self) -> Layout:
        """What the frames so far decode to; there must be one."""
        if self._layout is None:
            raise ValueError("A sequence without frames has no layout.")
        return replace(self._layout, shape=(len(self), *self._layout.shape[1:]))

    def add(self, frame: NDArray[Any]) -> None:
        """Code one more frame, (N, H, W, ...) of a dtype of 1, 2, 4 or 8 bytes; it may change afterwards.

        Raises:
            ConfigError: it has another shape or dtype than the first, no pixel, too many axes, or a dtype that is not
                coded.
        """
        if self._layout is None:
            coded = frame.dtype.name in _CODED_DTYPES and frame.ndim < _MOST_AXES
            if not frame.size or not coded or frame.nbytes > _LARGEST_FRAME:
                raise ConfigError(
                    f"An image of {frame.dtype} {frame.shape} cannot be stored: images have pixels of whole or "
                    f"floating-point numbers, at most {_MOST_AXES - 1} axes and at most {_LARGEST_FRAME} bytes."
                )
            units = frame.dtype == np.float32
            self._layout = Layout(frame.dtype.name, (0, *frame.shape), units, float(frame.max()) if units else 0.0)
        first = (self._layout.shape[1:], self._layout.dtype)
        if (frame.shape, frame.dtype.name) != first:
            raise ConfigError(f"An image is {frame.dtype} {frame.shape}, the first was {first[1]} {first[0]}.")
        frame = np.ascontiguousarray(frame)
        planes = _unit_plane(frame, np.float32(self._layout.far)) if self._layout.units else _bit_planes(frame)
        if planes is None:
            so_far = decode(self.layout, self.read)
            self._layout, self._previous, self.coded = replace(self._layout, units=False, far=0.0), [], []
            for each in (*so_far, frame):
                self.add(each)
            return
        earlier: list[Plane | None] = [*self._previous] or [None] * len(planes)
        pairs = zip(planes, earlier, strict=True)
        self.coded.append(
            [b"" if old is not None and np.array_equal(plane, old) else self._compressed(plane) for plane, old in pairs]
        )
        # A copy of what lies in the caller's memory: cameras and simulators fill the same image again and again.
        self._previous = [plane if plane.base is None else plane.copy() for plane in planes]

    def read(self, frame: int, plane: int) -> bytes:
        """The coded bytes of a plane; empty when it equals that of the frame before."""
        return self.coded[frame][plane]

    def _compressed(self, plane: Plane) -> bytes:
        blob: bytes = self._compressor.compress(_row_differences(plane).data)
        return blob


def decode(layout: Layout, read: Callable[[int, int], bytes], stop: int | None = None) -> NDArray[Any]:
    """The first frames of a coded sequence.

    Args:
        layout: of the ``Encoder`` that coded it.
        read: the coded bytes of (frame, plane).
        stop: how many frames; all by default.

    Returns:
        (stop, N, H, W, ...) fresh array of the layout's dtype.

    Raises:
        ValueError: coded bytes are not those of the layout.
    """
    sequence = np.empty((layout.shape[0] if stop is None else stop, *layout.shape[1:]), layout.dtype)
    for image, planes in zip(sequence, _planes_of(layout, read, len(sequence)), strict=True):
        _join(planes, layout, image)
    return sequence


def decode_each(layout: Layout, read: Callable[[int, int], bytes]) -> Iterator[NDArray[Any]]:
    """The frames of a coded sequence one after the other, each (N, H, W, ...), fresh, of the layout's dtype.

    Raises:
        ValueError: coded bytes are not those of the layout.
    """
    for planes in _planes_of(layout, read, layout.shape[0]):
        image = np.empty(layout.shape[1:], layout.dtype)
        _join(planes, layout, image)
        yield image


def check_frames(layout: Layout, read: Callable[[int, int], bytes]) -> None:
    """Decode every frame of a coded sequence, one at a time, and keep none.

    Raises:
        ValueError: coded bytes are not those of the layout.
    """
    for _ in _planes_of(layout, read, layout.shape[0]):
        pass


def decode_frame(layout: Layout, read: Callable[[int, int], bytes], frame: int) -> NDArray[Any]:
    """One frame of a coded sequence.

    Returns:
        (N, H, W, ...) fresh array of the layout's dtype.

    Raises:
        ValueError: coded bytes are not those of the layout.
    """
    planes = [_plane(coded_plane(read, frame, index), layout) for index in range(layout.planes)]
    if np.dtype(layout.dtype).itemsize == 1:
        (plane,) = planes
        return plane.view(layout.dtype)
    image = np.empty(layout.shape[1:], layout.dtype)
    _join(planes, layout, image)
    return image


def coded_plane(read: Callable[[int, int], bytes], frame: int, plane: int) -> bytes:
    """The coded bytes of a plane of a frame, also where it equals that of a frame before."""
    return next((blob for earlier in range(frame, -1, -1) if (blob := read(earlier, plane))), b"")


def _planes_of(layout: Layout, read: Callable[[int, int], bytes], stop: int) -> Iterator[list[Plane]]:
    """The planes of frame after frame."""
    planes: list[Plane] = []
    for frame in range(stop):
        blobs = [read(frame, index) for index in range(layout.planes)]
        planes = [_plane(blob, layout) if blob or not frame else planes[index] for index, blob in enumerate(blobs)]
        yield planes


def _unit_plane(frame: NDArray[np.float32], far: np.float32) -> list[Plane] | None:
    """The multiples of ``DEPTH_UNIT``, the largest for ``far``; ``None`` when values are neither, bit for bit.

    One camera at a time, in one scratch image that stays in cache: three times as fast as the whole frame at once.
    """
    plane = np.empty(frame.shape, "<u2")
    scratch = np.empty(frame.shape[1:], np.float32)
    for units, image in zip(plane, frame, strict=True):
        # Rounds and clips in one pass. Values that are not whole units come back changed: the test below finds them.
        flat = units.reshape(len(units), -1)
        cv2.multiply(image.reshape(flat.shape), _UNITS_A_METRE, dst=flat, dtype=cv2.CV_16U)
        values = np.multiply(units, _UNIT, out=scratch)
        if units.max() == _MOST_UNITS:
            np.putmask(values, units == _MOST_UNITS, far)
        if not np.array_equal(values.view(np.int32), image.view(np.int32)):
            return None
    return [plane]


def _bit_planes(frame: NDArray[Any]) -> list[Plane]:
    """The bits of a frame as unsigned planes of at most 16 bits, the lowest first."""
    if frame.dtype.itemsize == 1:
        return [frame.view("u1")]
    halves = frame.astype(frame.dtype.newbyteorder("<"), copy=False).view("<u2")
    count = frame.dtype.itemsize // 2
    return [np.ascontiguousarray(halves[..., index::count]) for index in range(count)]


def _join(planes: list[Plane], layout: Layout, out: NDArray[Any]) -> None:
    """The inverse of ``_unit_plane`` and ``_bit_planes``, into a contiguous array of the layout's dtype."""
    if layout.units:
        (units,) = planes
        if layout.far * _UNITS_A_METRE <= _MOST_UNITS - 1:
            np.multiply(units, _UNIT, out=out)
            return
        # Zero, and then a sum that changes nothing else: a quarter of the time of an assignment by a mask.
        far = units == _MOST_UNITS
        np.multiply(units * ~far, _UNIT, out=out)
        out += far * np.float32(layout.far)
        return
    width = len(planes)
    if width == 1:
        np.copyto(out.view(layout.plane_dtype.newbyteorder("=")), planes[0])
        return
    parts = out.view(layout.plane_dtype.newbyteorder("="))
    for index, plane in enumerate(planes):
        place = index if sys.byteorder == "little" else width - 1 - index
        parts[..., place::width] = plane


def _row_differences(plane: Plane) -> Plane:
    """Each row less the row above, modulo the dtype."""
    residual = plane.copy()
    residual[:, 1:] -= plane[:, :-1]
    return residual


def _plane(blob: bytes, layout: Layout) -> Plane:
    """The inverse of compressing ``_row_differences``.

    Raises:
        ValueError: the bytes do not unpack to exactly a plane of the layout. No memory is taken for what is too large.
    """
    size = math.prod(layout.shape[1:]) * layout.plane_dtype.itemsize
    try:
        # The decompressor takes as much memory as the frame's own header asks for: compare that first.
        said = zstandard.frame_content_size(blob)
        if said != size or size > _MOST_BYTES_A_BYTE * len(blob):
            raise ValueError(f"{len(blob)} coded bytes are said to be {said} bytes, but an image plane has {size}")
        data = zstandard.ZstdDecompressor().decompress(blob, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"an image does not unpack: {error}") from error
    plane = np.frombuffer(data, layout.plane_dtype).reshape(layout.shape[1:]).copy()
    for image in plane.reshape(*layout.shape[1:3], -1):
        # A cumulative sum over this axis takes NumPy ten times as long as adding row by row. One image after the other,
        # each of whose rows lies in one piece, takes two thirds of the time of all at once.
        rows = list(image)
        for _ in map(np.add, rows[1:], rows, rows[1:]):
            pass
    return plane
