"""Sentences as words, and a small network that reads what belongs to what is picked and what to the place.

One vector a sentence cannot tell "red into green" from "green into red", whoever makes it. So words stay apart, and
attention says what each colour word is about. All colour words look the same to it: what a colour is, is seen in the
image (``color_words.py``), and so a sentence with a colour that training never showed is understood, too. So it is with
shape words, for a network that is shown what they look like (``shape_words.py``).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .color_words import BASIC, color_word, name_colors
from .shape_words import SPELT, fits_of, painted, shape_words, things
from .sides import at_side, each_side_spelt_out, side_before
from .word_encoders import NEUTRAL_COLOR, NEUTRAL_SHAPE, OWN, word_vectors

ROLES = 2
"""What a colour word or a shape word may be about: what is picked, and the place."""
FORMS = 1021
"""Numbers that ``form_of`` gives; two forms of a run seldom share one."""
PHRASES = 4093
"""Numbers that ``phrases`` gives."""
MENTIONS = 4
"""Colour words of a sentence, the first ones, that are shown in their order where that is asked for."""
_BUCKETS = 509
"""Rows of the table of word vectors; words share them by their checksum. Row zero is for no word, one for a colour, and
one after them for a shape."""
_NO_WORD, _COLOR, _SHAPE = 0, 1, _BUCKETS
_SHAPES = 4
"""Different mentions of a sentence, the first ones, that are looked for."""
_WIDTH = 32
_WORD = re.compile(r"[a-z0-9]+")
_DIRECTION = re.compile(
    r"\b(left|right|front|bottom|top(?! of\b)|back(?! (in|into|to|where|home)\b)"
    rf"|middle(?! (of|{'|'.join(BASIC)})\b))\b"
)
"""A word for where something lies. No direction are "on top of", "back into the box", "the middle of the stand" and
"the middle brown plate", which is one of three shades."""
_SAME_COLOR = re.compile(r"\b(colou?rs?|same colou?red|matches|matching|match$)\b")
"""Words that say that colours belong together. None is "match" where it says what to do with something: "match every
object with its silhouette"."""
_COLOR_ITSELF = ("color", "colors", "colour", "colours")
_WHICHEVER = ("all", "another", "any", "different", "other", "several", "various")
"""Before the word for colour, they say that none is meant, or one that is not that of what is picked."""
_OPPOSITE = {"left": "right", "right": "left"}
_SIDE = re.compile(r"\b(left|right)\b")


class Mention(NamedTuple):
    """Something that a sentence names by its shape.

    Attributes:
        shape: a name in ``shape_words.drawings``.
        side: of all that have it, one of ``sides.SIDES``; empty where none is said.
    """

    shape: str
    side: str = ""


class SentenceBatch(NamedTuple):
    """Sentences, and what their colour words look like in the images that they go with.

    Attributes:
        words: (batch, words) int64 rows of the table of word vectors.
        colors: (batch, words) int64 index in ``BASIC``, -1 for other words.
        names: (batch, 12, rows, columns) float32 of ``name_colors``.
        where: (batch, 2, rows, columns) float32 of ``direction_maps``, zeros for a sentence that names no direction;
            ``None`` where none of them does.
        vectors: (batch, words, width) float32 of a text encoder; ``None`` where the agent learns its own.
        shapes: (batch, words) int64 index in ``fits``, -1 for words that name no shape; ``None`` where none are looked
            for.
        fits: (batch, 4, rows, columns) float32 of ``seen_mentions``; zeros from the last mention on.
        matching: (batch,) bool, whether a sentence says that colours belong together (``asks_for_same_color``).
    """

    words: Tensor
    colors: Tensor
    names: Tensor
    where: Tensor | None = None
    vectors: Tensor | None = None
    shapes: Tensor | None = None
    fits: Tensor | None = None
    matching: Tensor | None = None


def make_sentences(
    sentences: Sequence[str],
    images: Sequence[NDArray[np.uint8]],
    turns: Sequence[float] | None = None,
    *,
    few_shapes: bool = False,
    encoder: str = OWN,
    heights: Sequence[NDArray[np.float32]] | None = None,
) -> SentenceBatch:
    """Sentences as tensors.

    Args:
        sentences: one for each image; empty ones, too.
        images: (rows, columns, 3) uint8 colours.
        turns: radians by which each image shows the table turned, from the column axis towards the row axis; none
            unless given.
        few_shapes: whether to pad to a power of two, since a GPU prepares anew for every shape.
        encoder: text encoder that gives vectors of words (``word_encoders.py``). It is told ``NEUTRAL_COLOR`` in place
            of each colour word, and ``NEUTRAL_SHAPE`` of each shape word where shapes are looked up.
        heights: (rows, columns) float32 metres of the images, for a network that is shown shapes.
    """
    if heights is None:
        return _read(sentences, [{}] * len(images), images, turns, few_shapes=few_shapes, encoder=encoder)
    resolved = [resolve(sentence) for sentence in sentences]
    mentions = [said for _, said in resolved]
    batch = _read([plain for plain, _ in resolved], mentions, images, turns, few_shapes=few_shapes, encoder=encoder)
    return _with_shapes(batch, mentions, heights, turns or [0.0] * len(images))


def _read(
    sentences: Sequence[str],
    shapes: Sequence[Mapping[int, Mention]],
    images: Sequence[NDArray[np.uint8]],
    turns: Sequence[float] | None,
    *,
    few_shapes: bool,
    encoder: str,
) -> SentenceBatch:
    """Sentences as tensors, without what their shape words look like."""
    words = [_WORD.findall(sentence.lower()) for sentence in sentences]
    length = max(1, *(len(each) for each in words))
    if few_shapes:
        length = 1 << (length - 1).bit_length()
    rows = np.full((len(words), length), _NO_WORD)
    colors = np.full((len(words), length), -1)
    for index, each in enumerate(words):
        for position, word in enumerate(each):
            found = color_word(word)
            colors[index, position] = -1 if found is None else found
            rows[index, position] = _bucket(word) if found is None else _COLOR
    names = np.stack([name_colors(image) for image in images])
    batch = SentenceBatch(
        words=torch.from_numpy(rows),
        colors=torch.from_numpy(colors),
        names=torch.from_numpy(names),
        matching=torch.tensor([asks_for_same_color(sentence) for sentence in sentences]),
    )
    if encoder != OWN:
        told = [
            [_neutral(word, position in shown) for position, word in enumerate(each)]
            for each, shown in zip(words, shapes, strict=True)
        ]
        batch = batch._replace(vectors=torch.from_numpy(word_vectors(encoder, told, length)))
    named = [names_a_direction(sentence) for sentence in sentences]
    if not any(named):
        return batch
    maps = [
        direction_maps(image.shape[:2], turn) * np.float32(one)
        for image, turn, one in zip(images, turns or [0.0] * len(images), named, strict=True)
    ]
    return batch._replace(where=torch.from_numpy(np.stack(maps)))


def _with_shapes(
    batch: SentenceBatch,
    mentions: Sequence[Mapping[int, Mention]],
    heights: Sequence[NDArray[np.float32]],
    turns: Sequence[float],
) -> SentenceBatch:
    """Also with what the shape words of sentences look like; they all look the same to attention."""
    rows, shapes = batch.words.numpy().copy(), np.full(tuple(batch.words.shape), -1)
    fits = np.zeros((len(mentions), _SHAPES, *heights[0].shape), np.float32)
    for index, each in enumerate(mentions):
        said = list(dict.fromkeys(each.values()))
        for position, mention in each.items():
            rows[index, position], shapes[index, position] = _SHAPE, said.index(mention)
        if said:
            fits[index, : len(said)] = seen_mentions(said, batch.names[index].numpy(), heights[index], turns[index])
    return batch._replace(words=torch.from_numpy(rows), shapes=torch.from_numpy(shapes), fits=torch.from_numpy(fits))


def resolve(sentence: str) -> tuple[str, dict[int, Mention]]:
    """What a sentence mentions by its shape, and the sentence without the sides that are told apart by that.

    What is mentioned after the first four is not looked for, so there all words stay.

    Returns:
        Its words in small letters, each side with a shape word of its own, but without the sides that are said of
        shapes; and the mentions, by the positions of their shape words among these.
    """
    words = each_side_spelt_out(sentence)
    mentions: dict[int, Mention] = {}
    sides: set[int] = set()
    for position, shape in enumerate(shape_words(" ".join(words))):
        if shape is not None:
            side = side_before(words, position)
            mention = Mention(shape, "" if side is None else words[side])
            if mention in mentions.values() or len(set(mentions.values())) < _SHAPES:
                mentions[position] = mention
                sides |= set() if side is None else {side}
    kept = [position for position in range(len(words)) if position not in sides]
    plain = " ".join(words[position] for position in kept)
    return plain, {kept.index(position): mention for position, mention in mentions.items()}


def seen_mentions(
    said: Sequence[Mention], names: NDArray[np.float32], height: NDArray[np.float32], turn: float
) -> NDArray[np.float32]:
    """How well each pixel's thing fits what a sentence mentions.

    Args:
        said: what it mentions.
        names: (12, rows, columns) float32 of ``name_colors``.
        height: (rows, columns) float32, metres above the table.
        turn: radians by which the image shows the table turned, as in ``make_sentences``.

    Returns:
        (mentions, rows, columns) float32 from 0 to 1.
    """
    found = things(names, height)
    fits = fits_of(found, [mention.shape for mention in said])
    where = direction_maps(height.shape, turn)
    for row, mention in zip(fits, said, strict=True):
        if mention.side:
            row[:] = at_side(found, row, mention.side, height, where)
    return painted(found, fits, height.shape)


def form_of(sentence: str) -> int:
    """A number below ``FORMS`` for what a sentence says, whatever colours it names."""
    words = ("" if color_word(word) is not None else word for word in _WORD.findall(sentence.lower()))
    return zlib.crc32(" ".join(words).encode()) % FORMS


def phrases(sentence: str) -> list[int]:
    """Numbers below ``PHRASES`` for the words of a sentence and for each two in a row, in rising order.

    All colours count as one word, and all shapes as another.
    """
    words = _WORD.findall(sentence.lower())
    kinds = [
        NEUTRAL_SHAPE.upper() if shape else word if color_word(word) is None else NEUTRAL_COLOR.upper()
        for word, shape in zip(words, shape_words(sentence), strict=True)
        if word not in SPELT
    ]
    found = {*kinds, *(" ".join(pair) for pair in pairwise(kinds))}
    return sorted({zlib.crc32(phrase.encode()) % PHRASES for phrase in found})


def names_a_color(sentence: str) -> bool:
    """Whether a sentence has a colour word."""
    return any(color_word(word) is not None for word in _WORD.findall(sentence.lower()))


def asks_for_same_color(sentence: str) -> bool:
    """Whether a sentence says that colours belong together: by "its color", "same-colored", "matching", and the like.

    The word for colour alone does not, where it goes with a colour's name ("blocks of red color") or with "any".
    """
    return bool(same_color_words(_WORD.findall(sentence.lower())))


def same_color_words(words: Sequence[str]) -> list[int]:
    """Positions of the words by which a sentence ``asks_for_same_color``.

    Args:
        words: of the sentence, in small letters.
    """
    said, others = " ".join(words), other_color_words(words)
    spans = (
        (said.count(" ", 0, found.start()), said.count(" ", 0, found.end())) for found in _SAME_COLOR.finditer(said)
    )
    return [position for first, last in spans for position in range(first, last + 1) if position not in others]


def other_color_words(words: Sequence[str]) -> list[int]:
    """Positions of the words for colour that do not ask for the same one, and of those that make them such words.

    Args:
        words: of the sentence, in small letters.
    """
    found = []
    for position, word in enumerate(words):
        if word not in _COLOR_ITSELF:
            continue
        before, after = words[:position], words[position + 1 : position + 2]
        if before and (before[-1] in _WHICHEVER or color_word(before[-1]) is not None):  # "red color"
            found += [position - 1, position]
        elif after and color_word(after[0]) is not None:  # "of color red", "in the color red"
            start = position - 1 - (before[-1:] == ["the"])
            if start >= 0 and words[start] in ("in", "of", "with"):
                found += range(start, position + 2)
    return found


def names_a_bare_shape(sentence: str) -> bool:
    """Whether a sentence has a shape word without a colour, so that only its shape tells a thing from others."""
    words = _WORD.findall(sentence.lower())
    pairs = [(word, shape) for word, shape in zip(words, shape_words(sentence), strict=True) if word not in SPELT]
    before = ["", *(word for word, _ in pairs)]
    return any(shape and color_word(word) is None for word, (_, shape) in zip(before, pairs, strict=False))


def names_a_direction(sentence: str) -> bool:
    """Whether a sentence has a word for a direction."""
    return _DIRECTION.search(sentence.lower()) is not None


def mirrored(sentence: str) -> str:
    """What a sentence must say of a scene that is mirrored: left is right there."""
    return _SIDE.sub(lambda found: _OPPOSITE[found[1]], sentence)


def direction_maps(shape: tuple[int, ...], turn: float) -> NDArray[np.float32]:
    """How far along the table's own axes each pixel lies, by which a network tells its directions.

    Args:
        shape: rows and columns of the image.
        turn: radians by which it shows the table turned, from the column axis towards the row axis.

    Returns:
        (2, rows, columns) float32: along the table's x and its y, zero in the middle, in halves of the longer side.
    """
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns] - np.array([(rows - 1) / 2, (columns - 1) / 2])[:, None, None]
    cos, sin = math.cos(turn), math.sin(turn)
    maps: NDArray[np.float32] = np.stack([cos * x + sin * y, cos * y - sin * x]).astype(np.float32)
    return maps / np.float32(max(shape) / 2)


def _neutral(word: str, is_shape: bool) -> str:
    """What a text encoder is told of a word."""
    return NEUTRAL_SHAPE if is_shape else word if color_word(word) is None else NEUTRAL_COLOR


def _bucket(word: str) -> int:
    return _COLOR + 1 + zlib.crc32(word.encode()) % (_BUCKETS - _COLOR - 1)


class SentenceNet(nn.Module):
    """Reads sentences.

    Args:
        outputs: length of the vector of a sentence.
        ordered: whether the first colour words are shown one by one, too, in the order in which they are said. What a
            sentence of several steps wants next depends on the scene, which attention to the words does not see.
        given: length of the vectors that a text encoder gives for words; 0 where they are learned here. Colour words
            have none: they all look the same to attention, whatever an encoder knows of colours.
        shaped: whether it is shown what shape words look like; these have no vectors of an encoder, either.
    """

    def __init__(self, outputs: int, *, ordered: bool = False, given: int = 0, shaped: bool = False) -> None:
        super().__init__()
        self.ordered = ordered
        # Not a matrix for Muon (``optimiser.py``): a word's row changes only where the word occurs.
        self.table = nn.Parameter(torch.randn(1, _BUCKETS + shaped, _WIDTH))
        self.first = nn.Conv1d(_WIDTH, 2 * _WIDTH, 5, padding=2)
        self.second = nn.Conv1d(2 * _WIDTH, 2 * _WIDTH, 5, padding=2)
        self.roles = nn.Conv1d(2 * _WIDTH, ROLES, 1)
        self.vector = nn.Linear(4 * _WIDTH, outputs)
        self.given = nn.Linear(given, _WIDTH) if given else None
        self.shape_roles = nn.Conv1d(2 * _WIDTH, ROLES, 1) if shaped else None

    def forward(self, batch: SentenceBatch) -> tuple[Tensor, Tensor]:
        """What is said.

        Returns:
            (batch, 2, rows, columns) float32 maps of how well each pixel has the colour of what is picked, and of the
            place, -1 to 1, all -1 where no colour is said, then, if ``ordered``, four maps of the first colour words,
            all -1 where there are fewer, then, if ``shaped``, two maps as the first ones of shapes; and
            (batch, outputs) float32 vectors of the sentences.
        """
        present = (batch.words != _NO_WORD).float()[:, None]
        vectors = self.table[0][batch.words]
        if self.given is not None:
            assert batch.vectors is not None
            given = functional.layer_norm(self.given(batch.vectors), (_WIDTH,))
            shown = (batch.words == _COLOR) | (batch.words == _SHAPE)
            vectors = torch.where(shown[..., None], vectors, given.to(vectors.dtype))
        vectors = vectors.transpose(1, 2) * present
        hidden = functional.relu(self.first(vectors)) * present
        hidden = functional.relu(self.second(hidden)) * present
        shares = _shares(self.roles(hidden), batch.colors)
        if self.ordered:
            colored = batch.colors >= 0
            number = torch.arange(1, MENTIONS + 1, device=batch.colors.device)[None, :, None]
            shares = torch.cat([shares, ((colored.cumsum(1) * colored)[:, None] == number).float()], dim=1)
        maps = _mixed(shares, batch.colors, batch.names)
        if self.shape_roles is not None:
            assert batch.shapes is not None and batch.fits is not None
            fits = _mixed(_shares(self.shape_roles(hidden), batch.shapes), batch.shapes, batch.fits)
            maps = torch.cat([maps, fits], dim=1)
        count = present.sum(dim=2).clamp(min=1)
        pooled = torch.cat([hidden.sum(dim=2) / count, hidden.amax(dim=2)], dim=1)
        return 2 * maps - 1, self.vector(pooled).float()


def _shares(logits: Tensor, shown: Tensor) -> Tensor:
    """(batch, roles, words) float32 of attention: what each role is about.

    Args:
        logits: (batch, roles, words).
        shown: (batch, words) int64, what each word looks like, -1 for those that are not seen.
    """
    logits = logits.float().masked_fill((shown < 0)[:, None], -torch.inf)
    # A further place for "neither": where nothing of the kind is said, it gets all.
    return functional.pad(logits, (0, 1)).softmax(dim=2)[..., :-1]


def _mixed(shares: Tensor, shown: Tensor, looks: Tensor) -> Tensor:
    """(batch, roles, rows, columns) float32: what words look like, by their shares.

    Args:
        shares: (batch, roles, words) float32.
        shown: (batch, words) int64, index in ``looks``.
        looks: (batch, kinds, rows, columns) float32.
    """
    # Comparing reads nothing back from a GPU, as looking for the largest index would.
    said = (shown.clamp(min=0)[..., None] == torch.arange(looks.shape[1], device=shown.device)).float()
    return torch.einsum("brt,btw,bwyx->bryx", shares, said, looks)
