"""Instructions in several forms: templates with slots, of which some are held out for testing.

A template is a sentence with slots in braces, ``"put the {blocks} into a {bowl}"``. What fills the slots is the task's
to say, once for each goal step. An article is made to fit: "a orange bowl" becomes "an orange bowl".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ravens_suite.errors import TaskDefinitionError

Wording = Literal["plain", "training", "held-out"]
"""plain: the one form of a task; training: the plain form and its paraphrases, drawn anew for every goal step;
held-out: paraphrases that training never shows."""

FINISHED = "the task is finished"
"""What an instruction says once the last goal step is complete, where it changes from step to step."""

_ARTICLE = re.compile(r"\ba(?= [aeiou])")
_BEFORE_A_SLOT = re.compile(r"\ba $")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Sentences:
    """Paraphrases of a task's instruction.

    Attributes:
        training: templates that may be learned from, beside the plain form.
        held_out: templates for testing only.

    Raises:
        TaskDefinitionError: one of them is no list of texts.
    """

    training: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("training", "held_out"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))

    def filled(self, slots: Mapping[str, str]) -> Sentences:
        """The same with words in their slots; raises TaskDefinitionError for a slot without words."""
        return Sentences(
            tuple(fill(template, slots) for template in self.training),
            tuple(fill(template, slots) for template in self.held_out),
        )


def _texts(name: str, forms: Any) -> tuple[str, ...]:
    # A text is a sequence, too, of letters: each of them would be told as a sentence.
    if isinstance(forms, str):
        raise TaskDefinitionError(f"{name} of Sentences is one text, {forms!r}: put a comma after it, ({forms!r},).")
    if not isinstance(forms, list | tuple) or not all(isinstance(form, str) for form in forms):
        raise TaskDefinitionError(f"{name} of Sentences is {forms!r:.80}: give a list of texts.")
    return tuple(forms)


def fill(template: str, slots: Mapping[str, str]) -> str:
    """A template with words in its slots; as it is where there are no slots at all.

    The last word of a slot is no article: "pack the letter a in the box" stays.

    Raises:
        TaskDefinitionError: a slot has no words, or something else than words.
    """
    if not slots:
        return template
    pieces, end = [], 0
    for found in _SLOT.finditer(template):
        words = _words(template, found[1], slots)
        before = _ARTICLE.sub("an", template[end : found.start()])
        if words[:1] in tuple("aeiou"):
            before = _BEFORE_A_SLOT.sub("an ", before)
        pieces += [before, _ARTICLE.sub("an", words)]
        end = found.end()
    return "".join([*pieces, _ARTICLE.sub("an", template[end:])])


def exchanged(sentence: str, named: Mapping[str, str], words: Mapping[str, str]) -> str:
    """A sentence without slots that names something else; as it is where it does not name it in these words.

    Args:
        sentence: which.
        named: what it says, by slot.
        words: what is to be said in place of that, by slot; what is not in ``named`` is left out.
    """
    pairs = {named[slot]: text for slot, text in words.items() if named.get(slot) and named[slot] != text}
    if not pairs:
        return sentence
    longest_first = "|".join(re.escape(text) for text in sorted(pairs, key=len, reverse=True))

    def other(found: re.Match[str]) -> str:
        text = pairs[found[2]]
        article = "" if not found[1] else "an " if text[:1] in tuple("aeiou") else "a "
        return article + text

    return re.sub(rf"(?:\b(an? ))?(?<!\w)({longest_first})(?!\w)", other, sentence)


def _words(template: str, name: str, slots: Mapping[str, str]) -> str:
    if name not in slots:
        raise TaskDefinitionError(
            f"the sentence {template!r} has a slot {name!r}, but words are given for {', '.join(slots)}: let "
            "slots() name every slot."
        )
    words: Any = slots[name]
    if not isinstance(words, str):
        raise TaskDefinitionError(f"slots gives {words!r:.80} for the slot {name!r} of {template!r}: give a text.")
    return words


def unfilled(sentence: str) -> str:
    """Name of a slot that a sentence still has; empty for none."""
    found = _SLOT.search(sentence)
    return found[1] if found else ""


def without_slots(template: str) -> str:
    """The words of a template itself."""
    return _SLOT.sub("", template)


def several(words: list[str]) -> str:
    """``"red"``, ``"red and blue"``, ``"red, blue and green"``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
