"""How the Transporter alters demonstrated steps, and what it is told of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.heightmap import Heightmap

from ..common.color_words import BASIC, name_colors
from ..common.sentences import (
    SentenceBatch,
    make_sentences,
    names_a_bare_shape,
    names_a_color,
    names_a_direction,
    resolve,
)
from ..common.unknown_words import with_unknown_words
from ..common.word_encoders import OWN
from ..pick_place.augmentation import Augmentation, Example
from ..pick_place.recoloring import random_color, with_other_hues
from ..pick_place.rewording import painted, reworded
from ..pick_place.steps import Step
from .config import TransporterConfig
from .losses import Batch, Draws, make_batch

_SEVERAL = 10
"""Number of demonstrations from which there are no distractors, no last scenes with something amiss, no bystanders
elsewhere and no other colour words."""
_SHADE = re.compile(r"\b(light|dark)", re.IGNORECASE)
"""A word for a shade, such as "the lightest brown plate": which one it is, brightness says."""
_MANY = 100
"""Number of demonstrations from which the full share of bent objects is used and the least of recut ones."""


class StepInputs(NamedTuple):
    """What a gradient step is a function of, beside the state of training.

    Attributes:
        batch: examples.
        draws: random numbers.
        pick_weight: () float32, weight of the pick loss.
    """

    batch: Batch
    draws: Draws
    pick_weight: Tensor


def augmentation_for(config: TransporterConfig, demos: int, *, listens: bool) -> Augmentation:
    """Augmentation for a number of demonstrations: the fewer there are, the more examples are altered."""
    # One demonstration shows the fewest shapes and colours. Bent shapes are less like the task's own.
    more = (config.altered_alone - config.altered) / demos
    # 1 for one demonstration, 0.5 for ten and 0 for a hundred. The more there are, the more outlines are seen.
    few = max(0.0, 1 - math.log(demos) / math.log(_MANY))
    alone = max(0.0, 1 - math.log(demos) / math.log(_SEVERAL))
    # What is named by its colour must keep it, and what is not must not get it.
    shade = 1.0 if listens else config.shade * (config.shade_alone / config.shade) ** (1 / demos)
    shares = Augmentation(
        scale=config.scale,
        height=config.height_scale,
        flips=config.flips,
        scatter=config.scatter,
        stretch=config.stretch,
        shade=shade,
        altered=config.altered + more,
        altered_scenes=config.altered_scenes,
        recolored=0.0 if listens else config.recolored,
        bent=config.bent * min(1.0, demos / _MANY),
        misplaced=config.amiss,
        remaining=config.leftover,
        recut=config.recut + (config.recut_alone - config.recut) * few,
        adrift=config.adrift,
        unfinished=config.unfinished * alone,
        nudged=config.nudged * alone,
        distractors=0.0 if listens else config.distractors * alone,
        bystanders=config.bystanders * alone if listens else 0.0,
        word_colors=config.word_colors * alone if listens else 0.0,
        counts=config.counts,
    )
    # Where the number of things of a kind decides, it must stay what it was.
    return replace(shares, recolored=0.0, remaining=0.0, unfinished=0.0, distractors=0.0) if config.counts else shares


def fitting(config: TransporterConfig, augmentation: Augmentation, step: Step) -> Augmentation:
    """Augmentation under which what a step's sentence says stays true: what is named by its shape must keep it.

    A piece that is altered with its slot is still the one of its colour, and the slot the only one like it. But where a
    side is said, the slot must stay like the others of its shape; in a stretched scene, another one may be at the top.
    """
    said = step.instruction or ""
    if said:
        # It may name an object by its outline, its size or its name.
        augmentation = replace(augmentation, recut=0.0)
    if names_a_direction(said):
        augmentation = replace(augmentation, bystanders=0.0)
    if config.shape_words and names_a_bare_shape(said):
        augmentation = replace(augmentation, altered_scenes=0.0)
    if config.shape_words and any(mention.side for mention in resolve(said)[1].values()):
        augmentation = replace(augmentation, altered=0.0, altered_scenes=0.0, bent=0.0)
    return augmentation


def read_sentences(
    config: TransporterConfig, examples: Sequence[Example], *, few_shapes: bool = False
) -> SentenceBatch:
    """What is said of examples, in the colours that they have."""
    return make_sentences(
        [example.instruction or "" for example in examples],
        [example.color for example in examples],
        [example.turn for example in examples],
        few_shapes=few_shapes,
        encoder=config.words,
        heights=[example.height for example in examples] if config.shape_words else None,
    )


def with_words_unknown(
    config: TransporterConfig, examples: Sequence[Example], rng: np.random.Generator
) -> Sequence[Example]:
    """Examples with some words of their sentences unknown. A text encoder knows all words."""
    if config.words != OWN:
        return examples
    said = (
        example.instruction and with_unknown_words(example.instruction, config.unknown_words, rng)
        for example in examples
    )
    return [replace(example, instruction=words) for example, words in zip(examples, said, strict=True)]


def told_batch(
    config: TransporterConfig,
    examples: Sequence[Example],
    rng: np.random.Generator,
    word_colors: float,
    *,
    few_shapes: bool,
) -> Batch:
    """Examples with sentences as tensors on the CPU, altered so that the sentences have to be listened to.

    Args:
        config: settings.
        examples: as ``augment`` makes them.
        rng: draws what is altered.
        word_colors: ``Augmentation.word_colors``.
        few_shapes: whether sentences are padded to few lengths, for a GPU.
    """
    examples = in_other_words(examples, rng, word_colors)
    sentence = read_sentences(config, with_words_unknown(config, examples, rng), few_shapes=few_shapes)
    return make_batch(in_other_hues(examples, rng, word_colors), few_shapes=few_shapes)._replace(sentence=sentence)


def in_other_words(examples: Sequence[Example], rng: np.random.Generator, share: float) -> Sequence[Example]:
    """Examples of which a share has other colour words in the sentence, and things in such colours in the scene.

    Only where colours may change: see ``_colors_may_change``.
    """
    # Drawn only where it counts, so that all other examples are those without it.
    return [
        reworded(example, rng) if share and _colors_may_change(example) and rng.random() < share else example
        for example in examples
    ]


def in_other_hues(examples: Sequence[Example], rng: np.random.Generator, share: float = 0.0) -> list[Example]:
    """Examples in whose images, where colours are named, the words alone say what a colour is for.

    Args:
        examples: with the sentences that were read of them as they are.
        rng: draws hues.
        share: of examples in which what has one colour word gets a random colour of its own, bright or dark, where
            colours may change. In all others, hues are turned together; they still differ in brightness.
    """
    return [
        replace(example, color=_own_colors(example, rng))
        if share and _colors_may_change(example) and rng.random() < share
        else replace(example, color=with_other_hues(example.color, rng))
        if names_a_color(example.instruction or "")
        else example
        for example in examples
    ]


def _colors_may_change(example: Example) -> bool:
    """Whether colours are named, but no shades of them, and no other picture shows them as they were."""
    said = example.instruction or ""
    alone = example.goal is None and example.first is None
    return alone and names_a_color(said) and not _SHADE.search(said)


def _own_colors(example: Example, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The colours of an example in which each colour word has a random one."""
    colors = np.stack([random_color(rng) for _ in BASIC]).astype(np.float32)
    return painted(Heightmap(example.color, example.height), name_colors(example.color), colors)
