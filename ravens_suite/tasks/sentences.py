"""Instructions in several forms: templates with slots, of which some are held out for testing.

A template is a sentence with slots in braces, ``"put the {blocks} into a {bowl}"``. What fills the slots is the task's
to say, once for each goal step. An article is made to fit: "a orange bowl" becomes "an orange bowl".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ravens_suite.errors import TaskDefinitionError

Wording = Literal["plain", "training", "held-out"]
"""plain: the one form of a task; training: the plain form and its paraphrases, drawn anew for every goal step;
held-out: paraphrases that training never shows."""

FINISHED = "the task is finished"
"""What an instruction says once the last goal step is complete, where it changes from step to step."""

_ARTICLE = re.compile(r"\b(a)(?= [aeiou])")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Sentences:
    """Paraphrases of a task's instruction.

    Attributes:
        training: templates that may be learned from, beside the plain form.
        held_out: templates for testing only.
    """

    training: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()

    def filled(self, slots: Mapping[str, str]) -> Sentences:
        """The same with words in their slots; raises TaskDefinitionError for a slot without words."""
        return Sentences(
            tuple(fill(template, slots) for template in self.training),
            tuple(fill(template, slots) for template in self.held_out),
        )


def fill(template: str, slots: Mapping[str, str]) -> str:
    """A template with words in its slots; as it is where there are no slots at all.

    Raises:
        TaskDefinitionError: a slot has no words.
    """
    if not slots:
        return template
    for name in _SLOT.findall(template):
        if name not in slots:
            raise TaskDefinitionError(
                f"the sentence {template!r} has a slot {name!r}, but words are given for {', '.join(slots)}: let "
                "slots() name every slot."
            )
    return _ARTICLE.sub("an", _SLOT.sub(lambda found: slots[found[1]], template))


def several(words: list[str]) -> str:
    """``"red"``, ``"red and blue"``, ``"red, blue and green"``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
