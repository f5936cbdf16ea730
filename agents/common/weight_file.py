"""Files of weights and of training states: tensors by name in the format of safetensors, with a checksum."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ravens_suite.errors import DamagedDataError, MissingDataError

_CHECKSUM = "crc32"
_ALIGNMENT = 8
TRAIN_AGAIN = "delete its run and train again"
"""How a damaged file is mended."""


def pack(tensors: dict[str, torch.Tensor]) -> bytes:
    """The file of some tensors, with the CRC-32 of their bytes in its metadata: safetensors itself has no checksum.

    Args:
        tensors: by name, of any shape and dtype, on any device.
    """
    # safetensors writes each tensor whole and refuses two that share their memory.
    data: bytes = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})
    header, begin = _header(data)
    entries = {"__metadata__": {_CHECKSUM: f"{zlib.crc32(data[begin:]):08x}"}, **header}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + data[begin:]


def unpack(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file that holds what ``pack`` gave: by name, of any shape and dtype.

    Raises:
        MissingDataError: there is no such file.
        DamagedDataError: it is no file of tensors, or a byte of it is not what was written.
    """
    if not path.exists():
        raise MissingDataError(f"There is no {path}: train the agent first.")
    data = path.read_bytes()
    try:
        tensors: dict[str, torch.Tensor] = load(data)
    except SafetensorError as error:
        damaged(path, str(error))
    header, begin = _header(data)
    # Files of versions before 0.2 have no checksum.
    said = header.get("__metadata__", {}).get(_CHECKSUM)
    if said is not None and said != f"{zlib.crc32(data[begin:]):08x}":
        damaged(path, "its bytes do not match their checksum")
    return tensors


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """The header of a file of safetensors, and where its tensors begin."""
    begin = 8 + int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8:begin])
    return header, begin


def damaged(path: Path, reason: str) -> NoReturn:
    """Say so, and how to mend it.

    Raises:
        DamagedDataError: always.
    """
    raise DamagedDataError(f"{path} is damaged ({reason}): delete it and train again.")
