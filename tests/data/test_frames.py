"""What goes into the frame codec comes out of it, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ravens_suite.core.types import DEPTH_UNIT, quantize_depth
from ravens_suite.data.frames import Encoder, Layout, decode, decode_frame
from ravens_suite.errors import ConfigError

_DTYPES = st.sampled_from(["uint8", "int8", "bool", "uint16", "int16", "int32", "float32", "float64", "int64"])
_SHAPES = hnp.array_shapes(min_dims=4, max_dims=5, max_side=5)


def encode(sequence: np.ndarray) -> tuple[Layout, list[list[bytes]]]:
    encoder = Encoder()
    for frame in sequence:
        encoder.add(frame)
    return encoder.layout, encoder.coded


def _round_trip(sequence: np.ndarray) -> np.ndarray:
    layout, coded = encode(sequence)
    return decode(layout, lambda frame, plane: coded[frame][plane])


def _assert_same_bits(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert actual.tobytes() == expected.tobytes()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_array_comes_back_bit_for_bit(data: st.DataObject) -> None:
    sequence = data.draw(hnp.arrays(data.draw(_DTYPES), data.draw(_SHAPES)))
    _assert_same_bits(_round_trip(sequence), sequence)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays("float64", (3, 2, 4, 5), elements=st.floats(0, 6.5)), st.floats(6.5, 60))
def test_depth_is_coded_as_units_and_one_value_beyond(depth: np.ndarray, far: float) -> None:
    depth[:, :, 0, 0] = far
    sequence = quantize_depth(depth)
    layout, _ = encode(sequence)
    assert layout.units
    _assert_same_bits(_round_trip(sequence), sequence)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays("float64", (2, 2, 3, 3), elements=st.sampled_from([0, 1.5, 6.5533, 6.5534, 6.5535, 6.5536, 7, 10])))
def test_any_depth_comes_back(depth: np.ndarray) -> None:
    sequence = quantize_depth(depth)
    _assert_same_bits(_round_trip(sequence), sequence)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.0, -1.0, 0.00015, 1e30])
def test_depth_that_is_not_in_units_is_coded_by_its_bits(odd: float) -> None:
    sequence = quantize_depth(np.full((2, 1, 3, 3), 0.5))
    sequence[1, 0, 2, 1] = odd
    layout, _ = encode(sequence)
    assert not layout.units
    _assert_same_bits(_round_trip(sequence), sequence)


def test_big_endian_values_are_kept() -> None:
    sequence = np.arange(2 * 27).reshape(2, 3, 3, 3).astype(">i4")
    assert np.array_equal(_round_trip(sequence), sequence)


def test_an_unchanged_frame_costs_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 255, (1, 3, 20, 30, 3), dtype=np.uint8)
    _, coded = encode(np.repeat(image, 4, axis=0))
    assert coded[1:] == [[b""]] * 3


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_one_frame_is_as_in_the_sequence(dtype: str) -> None:
    sequence = np.random.default_rng(0).integers(0, 99, (4, 2, 5, 3)).astype(dtype)
    sequence[2] = sequence[1]
    layout, coded = encode(sequence)
    for index in range(4):
        image = decode_frame(layout, lambda frame, plane: coded[frame][plane], index)
        assert image.flags.writeable
        _assert_same_bits(image, sequence[index])


def test_stopping_early_decodes_only_what_is_asked_for() -> None:
    sequence = np.random.default_rng(0).integers(0, 9, (5, 1, 4, 4), dtype=np.uint8)
    layout, coded = encode(sequence)
    asked = []

    def read(frame: int, plane: int) -> bytes:
        asked.append(frame)
        return coded[frame][plane]

    assert np.array_equal(decode(layout, read, 2), sequence[:2])
    assert asked == [0, 1]
    assert DEPTH_UNIT == 1e-4


@pytest.mark.parametrize(
    "other",
    [np.zeros((1, 5, 4), np.uint8), np.zeros((1, 4, 5), np.int8), np.zeros((1, 8, 5), np.uint8), np.zeros((1, 4, 5))],
)
def test_a_frame_unlike_the_first_is_refused(other: np.ndarray) -> None:
    encoder = Encoder()
    encoder.add(np.zeros((1, 4, 5), np.uint8))
    with pytest.raises(ConfigError, match="the first was uint8"):
        encoder.add(other)
    assert len(encoder) == 1
