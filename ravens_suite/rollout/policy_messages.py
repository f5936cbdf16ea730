"""Messages between a policy server and its clients: msgpack, with NumPy arrays in the form of openpi's client.

An array is a map of ``__ndarray__``, ``data``, ``dtype`` and ``shape``, a NumPy number one of ``__npgeneric__``,
``data`` and ``dtype``; these keys are bytes (openpi-client 0.1.2, ``msgpack_numpy.py``). Nothing is pickled. Arrays
hold booleans, whole numbers or floats only: what else a dtype can name is refused in both directions, and so are the
extension types of msgpack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.errors import InvalidMessageError

LARGEST_MESSAGE = 64 * 2**20
"""Bytes of a message at most, unless told otherwise: ten times what three cameras of 480 x 640 send."""

_KINDS = "biuf"
_PLAIN = re.compile(f"[<>|=][{_KINDS}][1-9][0-9]?")
_MOST_DIMENSIONS = 32
_ARRAY, _NUMBER, _DATA, _DTYPE, _SHAPE = b"__ndarray__", b"__npgeneric__", b"data", b"dtype", b"shape"


def encode(value: Mapping[str, Any]) -> bytes:
    """A map of texts, numbers, arrays, lists and maps as the bytes of a message; an array () of a text is a text.

    Raises:
        InvalidMessageError: something in it is of another type.
    """
    import msgpack

    try:
        return bytes(msgpack.packb(value, default=_pack))
    except InvalidMessageError:
        raise
    except (OverflowError, RecursionError, TypeError, ValueError) as error:
        raise InvalidMessageError(f"This cannot be sent ({error}): send arrays, numbers, texts, lists and maps.") from (
            error
        )


def decode(message: bytes) -> dict[Any, Any]:
    """The map in a message; its arrays are fresh and can be written to.

    Raises:
        InvalidMessageError: the bytes are no map in msgpack, or hold an array that is none.
    """
    import msgpack

    try:
        value = msgpack.unpackb(message, object_hook=_unpack, ext_hook=_refuse_extension)
    except InvalidMessageError:
        raise
    # The library raises any of these for bytes that are not msgpack (msgpack 1.2.4).
    except (msgpack.UnpackException, BufferError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise InvalidMessageError(
            f"A message of {len(message)} bytes is not msgpack ({type(error).__name__}): send what msgpack.packb makes "
            "of a map."
        ) from error
    if not isinstance(value, dict):
        raise InvalidMessageError(f"A message must be a map of names to values, not {type(value).__name__}.")
    return value


def _pack(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind == "U" and not value.ndim:  # One text, as numpy.load gives it.
            return str(value)
        if value.dtype.kind not in _KINDS:
            raise InvalidMessageError(f"Arrays of dtype {value.dtype} are not sent: booleans, integers, floats are.")
        if isinstance(value, np.generic):
            return {_NUMBER: True, _DATA: value.item(), _DTYPE: value.dtype.str}
        return {_ARRAY: True, _DATA: value.tobytes(), _DTYPE: value.dtype.str, _SHAPE: value.shape}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def _unpack(value: dict[Any, Any]) -> Any:
    if _ARRAY in value:
        return _array(value)
    if _NUMBER in value:
        number = value.get(_DATA)
        if not isinstance(number, bool | int | float):
            raise InvalidMessageError(f"A NumPy number in a message is {type(number).__name__}: send a number.")
        try:
            return _dtype(value).type(number)
        except OverflowError as error:
            raise InvalidMessageError(f"A NumPy number in a message does not fit its dtype ({error}).") from error
    return value


def _array(value: dict[Any, Any]) -> NDArray[Any]:
    dtype, data, shape = _dtype(value), value.get(_DATA), value.get(_SHAPE)
    lengths = isinstance(shape, list) and all(type(length) is int and length >= 0 for length in shape)
    if not lengths or not isinstance(data, bytes) or not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise InvalidMessageError("An array in a message needs data (bytes) and shape (whole numbers from 0 on).")
    size = math.prod(shape) * dtype.itemsize
    if size != len(data):
        raise InvalidMessageError(
            f"An array in a message of shape {tuple(shape)} and dtype {dtype} has {size} bytes; {len(data)} came."
        )
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()


def _dtype(value: dict[Any, Any]) -> np.dtype[Any]:
    name = value.get(_DTYPE)
    try:
        # Only plain names are looked up: NumPy reads whole expressions, with fields and shapes, out of a text.
        dtype = np.dtype(name) if isinstance(name, str) and _PLAIN.fullmatch(name) else None
    except TypeError:
        dtype = None
    if dtype is None:
        raise InvalidMessageError(
            f"An array in a message has dtype {str(name)[:40]!r}: send booleans, integers or floats, such as '<f4'."
        )
    return dtype


def _refuse_extension(code: int, data: bytes) -> Any:
    raise InvalidMessageError(f"A message holds an extension type of msgpack ({code}): send plain values and arrays.")
