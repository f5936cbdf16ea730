"""Named arrays and a JSON value in one file, framed as safetensors.

Any safetensors reader opens such a file: eight bytes with the length of a JSON header, the header, the arrays. Two
things are added within that format. The header's ``__metadata__`` holds the JSON value and a CRC-32 of each array.
The last array, ``checksum``, is the SHA-256 of the header. So every byte is checked, and one array can be read and
checked without the others.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.atomic import write_bytes
from ravens_suite.errors import DamagedDataError, MissingDataError

_CHECKSUM = "checksum"
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_LENGTH_BYTES = 8
_ALIGNMENT = 8

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
        arrays: by name; ``bytes`` stand for a one-dimensional uint8 array. The widest dtypes should come first: arrays
            are written in the order given, and some readers need aligned arrays.
        value: JSON.

    Raises:
        ValueError: ``value`` is not JSON, or an array has a dtype that safetensors does not know.
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
    header = _json(entries).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    head = len(header).to_bytes(_LENGTH_BYTES, "little") + header
    write_bytes(path, [head, *blobs, hashlib.sha256(head).digest()])


class Container:
    """A file of ``write_container``; opened once for its header, and again for each array asked for.

    Args:
        path: of the file.

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
                header = file.read(count) if count <= size else b""
                file.seek(max(size - _CHECKSUM_BYTES, 0))
                checksum = file.read()
        except FileNotFoundError as error:
            raise MissingDataError(f"There is no file {path}.") from error
        if hashlib.sha256(length + header).digest() != checksum:
            self._damaged("its header does not match its checksum")
        entries = json.loads(header)
        metadata = entries.pop("__metadata__")
        self._start = len(length) + len(header)
        self._entries: dict[str, Any] = entries
        self._checksums: dict[str, int] = json.loads(metadata["crc32"])
        self.value: Any = json.loads(metadata["value"])
        if size != self._start + entries[_CHECKSUM]["data_offsets"][1]:
            self._damaged("bytes are missing or were added")

    @property
    def names(self) -> list[str]:
        """Names of the arrays, in the order they were written."""
        return [name for name in self._entries if name != _CHECKSUM]

    def array(self, name: str) -> NDArray[Any]:
        """One array, fresh and writable.

        Raises:
            DamagedDataError: its bytes do not match their checksum.
        """
        entry = self._entries[name]
        flat = np.frombuffer(self.blob(name), _DTYPE_OF_NAME[entry["dtype"]])
        return flat.reshape(entry["shape"]).astype(flat.dtype.newbyteorder("="))

    def blob(self, name: str) -> bytes:
        """The bytes of one array.

        Raises:
            DamagedDataError: they do not match their checksum.
        """
        begin, end = self._entries[name]["data_offsets"]
        with self.path.open("rb") as file:
            file.seek(self._start + begin)
            data = file.read(end - begin)
        if zlib.crc32(data) != self._checksums[name]:
            self._damaged(f"the bytes of {name!r} do not match their checksum")
        return data

    def _damaged(self, reason: str) -> NoReturn:
        raise DamagedDataError(f"{self.path} is damaged ({reason}): delete it and make it again with the same command.")


def _blob(name: str, array: NDArray[Any] | bytes) -> tuple[bytes, str, list[int]]:
    if isinstance(array, bytes):
        return array, "U8", [len(array)]
    if array.dtype.name not in _NAME_OF_DTYPE:
        raise ValueError(f"{name!r} has dtype {array.dtype}; known are {', '.join(_NAME_OF_DTYPE)}.")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return little.tobytes(), _NAME_OF_DTYPE[array.dtype.name], list(array.shape)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=False, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
