"""Named arrays and a JSON value in one file, framed as safetensors.

Any safetensors reader opens such a file: eight bytes with the length of a JSON header, the header, the arrays. Two
things are added within that format. The header's ``__metadata__`` holds the JSON value and a CRC-32 of each array.
The last array, ``checksum``, is the SHA-256 of the header. So every byte is checked, and one array can be read and
checked without the others.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.atomic import write_bytes
from ravens_suite.data.fields import Damaged, Fields, parse_json
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError

_CHECKSUM = "checksum"
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_LENGTH_BYTES = 8
_ALIGNMENT = 8
_MOST_AXES = 32
_LONGEST_HEADER = 2**26
"""Bytes; an episode of a hundred thousand steps has half of that."""

_NAME_OF_DTYPE = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_DTYPE_OF_NAME = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in _NAME_OF_DTYPE.items()}


def write_container(path: Path, arrays: Mapping[str, NDArray[Any] | bytes], value: Any) -> None:
    """Write arrays and a JSON value atomically; the same input gives the same bytes.

    Args:
        path: of the file.
        arrays: by name, of any shape; ``bytes`` stand for a (bytes,) uint8 array. The widest dtypes should come first:
            arrays are written in the order given, and some readers need aligned arrays.
        value: JSON.

    Raises:
        ConfigError: ``value`` is not JSON, an array has a dtype that safetensors does not know, or there is so much of
            it that the header would not be read again.
    """
    entries: dict[str, Any] = {}
    blobs: list[bytes] = []
    checksums: dict[str, int] = {}
    offset = 0
    for name, array in arrays.items():
        blob, dtype, shape = _blob(name, array)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(blob)]}
        checksums[name] = zlib.crc32(blob)
        blobs.append(blob)
        offset += len(blob)
    end = [offset, offset + _CHECKSUM_BYTES]
    entries[_CHECKSUM] = {"dtype": "U8", "shape": [_CHECKSUM_BYTES], "data_offsets": end}
    entries["__metadata__"] = {"value": _json(value), "crc32": _json(checksums)}
    try:
        header = _json(entries).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{path} would hold a text that is no Unicode ({error.reason}): write it anew.") from error
    header += b" " * (-len(header) % _ALIGNMENT)
    if len(header) > _LONGEST_HEADER:
        raise ConfigError(f"{path} would have a header of {len(header)} bytes: write shorter episodes.")
    head = len(header).to_bytes(_LENGTH_BYTES, "little") + header
    write_bytes(path, [head, *blobs, hashlib.sha256(head).digest()])


@dataclass(frozen=True)
class Entry:
    """What a header says of one array.

    Attributes:
        dtype: of its elements, little-endian.
        shape: its bytes are exactly those of this shape.
        begin: offset of the first byte from the end of the header.
        end: offset after the last byte.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int

    @staticmethod
    def of(fields: Fields, begin: int, damaged: Damaged) -> Entry:
        """The entry of an array that begins where the one before it ended."""
        dtype = _DTYPE_OF_NAME.get(fields.text("dtype"))
        shape, offsets = tuple(fields.wholes("shape")), fields.wholes("data_offsets")
        if dtype is None:
            damaged(f"an array has the unknown dtype {fields.text('dtype')!r}")
        # Empty arrays may have any shape by their bytes; NumPy still wants the other axes to be of a size it can count.
        countable = len(shape) <= _MOST_AXES and math.prod(max(length, 1) for length in shape) < 2**48
        if offsets != [begin, begin + math.prod(shape) * dtype.itemsize] or not countable:
            damaged(f"an array of shape {_short(shape)} does not lie where the header says")
        return Entry(dtype, shape, offsets[0], offsets[1])


def _is_foreign(header: bytes) -> bool:
    """Whether it is the whole header of a safetensors file that another writer made, such as one of weights."""
    try:
        entries = parse_json(header)
    except ValueError:
        return False
    return isinstance(entries, dict) and _CHECKSUM not in entries


class Container:
    """A file of ``write_container``; opened once for its header, and again for each array asked for.

    Args:
        path: of the file.

    Attributes:
        checksum: SHA-256 of the header, which holds a checksum of every array: equal for equal files only.
        value: the JSON value.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: its length or its header is not what was written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                length = file.read(_LENGTH_BYTES)
                count = int.from_bytes(length, "little")
                header = file.read(count) if count <= min(size, _LONGEST_HEADER) else b""
                file.seek(max(size - _CHECKSUM_BYTES, 0))
                checksum = file.read(_CHECKSUM_BYTES)
        except FileNotFoundError as error:
            raise MissingDataError(f"There is no file {path}.") from error
        except IsADirectoryError as error:
            raise MissingDataError(f"{path} is a folder, not a file: name a file in it.") from error
        if hashlib.sha256(length + header).digest() != checksum:
            if _is_foreign(header):
                raise DamagedDataError(f"{path} holds arrays, but no episode: name the file of an episode.")
            self.damaged("its header does not match its checksum")
        self.checksum: str = checksum.hex()
        self._start = len(length) + len(header)
        self._checksums: dict[str, int] = {}
        self._entries: dict[str, Entry] = {}
        self.value: Any = None
        self._parse(header)
        if size != self._start + self._entries[_CHECKSUM].end:
            self.damaged("bytes are missing or were added")

    def _parse(self, header: bytes) -> None:
        """Take in the header, once all that it says of the arrays agrees: offsets, shapes, dtypes and checksums."""
        try:
            entries = parse_json(header)
            metadata = Fields(Fields(entries, self.damaged).mapping("__metadata__"), self.damaged, "__metadata__")
            self.value = parse_json(metadata.text("value"))
            self._checksums = parse_json(metadata.text("crc32"))
        except DamagedDataError:
            raise
        except ValueError as error:
            self.damaged(f"its header is not JSON: {error}")
        del entries["__metadata__"]
        begin = 0
        for name, entry in entries.items():
            self._entries[name] = Entry.of(Fields(entry, self.damaged, f"the array {name!r}"), begin, self.damaged)
            begin = self._entries[name].end
        checksums = Fields(self._checksums, self.damaged, "crc32")
        checksums.only(self.names)
        for name in self.names:
            checksums.whole(name)
        last = list(self._entries)[-1:]
        if last != [_CHECKSUM] or self._entries[_CHECKSUM].shape != (_CHECKSUM_BYTES,):
            self.damaged("its last array is not a checksum")

    @property
    def names(self) -> list[str]:
        """Names of the arrays, in the order they were written."""
        return [name for name in self._entries if name != _CHECKSUM]

    def array(self, name: str) -> NDArray[Any]:
        """One array, fresh and writable, of the shape and dtype that were written, in native byte order.

        Raises:
            DamagedDataError: its bytes do not match their checksum.
        """
        entry = self.entry(name)
        flat = np.frombuffer(self.blob(name), entry.dtype)
        return flat.reshape(entry.shape).astype(flat.dtype.newbyteorder("="))

    def blob(self, name: str) -> bytes:
        """The bytes of one array.

        Raises:
            DamagedDataError: they do not match their checksum, or there is no such array.
        """
        entry = self.entry(name)
        with self.path.open("rb") as file:
            file.seek(self._start + entry.begin)
            data = file.read(entry.end - entry.begin)
        if zlib.crc32(data) != self._checksums[name]:
            self.damaged(f"the bytes of {name!r} do not match their checksum")
        return data

    def entry(self, name: str) -> Entry:
        """What the header says of one array.

        Raises:
            DamagedDataError: there is no such array.
        """
        if name not in self._checksums:
            self.damaged(f"it has no array {name!r}")
        return self._entries[name]

    def damaged(self, reason: str) -> NoReturn:
        """Raise DamagedDataError for this file."""
        raise DamagedDataError(f"{self.path} is damaged ({reason}): delete it and make it again with the same command.")


def _blob(name: str, array: NDArray[Any] | bytes) -> tuple[bytes, str, list[int]]:
    if isinstance(array, bytes):
        return array, "U8", [len(array)]
    if array.dtype.name not in _NAME_OF_DTYPE:
        raise ConfigError(
            f"{name!r} has dtype {array.dtype}, which is not stored: convert it to one of {', '.join(_NAME_OF_DTYPE)}."
        )
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return little.tobytes(), _NAME_OF_DTYPE[array.dtype.name], list(array.shape)


def _short(shape: tuple[int, ...]) -> str:
    text = str(list(shape))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _json(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=False, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"What is noted of an episode must be JSON: {error}. Convert values of NumPy (.item(), .tolist()), and "
            "leave out what is not finite."
        ) from error
