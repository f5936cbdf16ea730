"""Messages: what is sent arrives bit for bit, and whatever else arrives is refused by name."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ravens_suite.errors import InvalidMessageError
from ravens_suite.rollout.policy_messages import decode, encode

msgpack = pytest.importorskip("msgpack")

_DTYPES = ["|b1", "|u1", "<i4", "<i8", ">i2", "<f2", "<f4", "<f8", ">f8"]
_ARRAYS = st.sampled_from(_DTYPES).flatmap(lambda dtype: arrays(np.dtype(dtype), array_shapes(min_dims=0, min_side=0)))


def _array(**changed: Any) -> bytes:
    value = {b"__ndarray__": True, b"data": bytes(12), b"dtype": "<f4", b"shape": [3]}
    value.update({key.encode(): item for key, item in changed.items()})
    return bytes(msgpack.packb({"x": value}))


@settings(deadline=None, max_examples=60)
@given(_ARRAYS)
def test_arrays_arrive_bit_for_bit_and_can_be_written_to(array: Any) -> None:
    arrived = decode(encode({"array": array, "view": array.T}))
    for sent, got in ((array, arrived["array"]), (array.T, arrived["view"])):
        assert (got.dtype.str, got.shape, got.tobytes()) == (sent.dtype.str, sent.shape, sent.tobytes())
        assert got.flags.writeable


def test_texts_numbers_and_nested_maps_arrive() -> None:
    value = {"prompt": "röd", "step": np.float32(0.1), "flag": np.bool_(True), "nested": {"list": [1, 2.5, None]}}
    arrived = decode(encode(value))
    assert arrived == value
    assert type(arrived["step"]) is np.float32
    assert decode(encode({"instruction": np.array("röd")})) == {"instruction": "röd"}  # As numpy.load gives it.


@pytest.mark.parametrize("value", [np.array([object()]), np.array(["a"]), np.array([1j]), object(), 2**70, {1, 2}])
def test_what_would_need_pickle_is_not_sent(value: Any) -> None:
    with pytest.raises(InvalidMessageError, match="sent"):
        encode({"x": value})


@pytest.mark.parametrize(
    "message",
    [
        _array(dtype="|O"),
        _array(dtype="<U3"),
        _array(dtype="<f4,<f4"),
        _array(dtype="(3,)f4"),
        _array(dtype="<f3"),
        _array(dtype="<f0"),
        _array(dtype=7),
        _array(shape=[4]),
        _array(shape=[-3]),
        _array(shape=[3.0]),
        _array(shape=[True]),
        _array(shape=3),
        _array(shape=[2**62, 2**62]),
        _array(shape=[1] * 40 + [3]),
        _array(data="text"),
        _array(data=[0.0]),
        msgpack.packb({"x": {b"__npgeneric__": True, b"data": "7", b"dtype": "<f4"}}),
        msgpack.packb({"x": {b"__npgeneric__": True, b"data": 300, b"dtype": "|u1"}}),
        msgpack.packb({"x": {b"__npgeneric__": True}}),
        msgpack.packb({"x": msgpack.ExtType(5, b"...")}),
        msgpack.packb([1, 2]),
        b"\xc1",
        b"",
        b"\x81",
    ],
)
def test_what_is_no_message_is_refused_by_name(message: bytes) -> None:
    with pytest.raises(InvalidMessageError, match="message"):
        decode(message)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=40) | st.tuples(st.integers(0, 200), st.integers(0, 255)))
def test_no_bytes_raise_anything_else(change: Any) -> None:
    message = change
    if isinstance(change, tuple):
        good = bytearray(encode({"color": np.zeros((2, 3), np.uint8), "step": np.int64(3), "prompt": "pick"}))
        good[change[0] % len(good)] = change[1]
        message = bytes(good)
    with suppress(InvalidMessageError):
        assert isinstance(decode(message), dict)
