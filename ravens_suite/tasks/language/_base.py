"""What the language tasks share: the words of an episode, and which colours its scenes have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ravens_suite.core.seeding import Split
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.candidates import Candidates
from ravens_suite.tasks.language._colors import Colors, colors_of
from ravens_suite.tasks.sentences import FINISHED, Sentences


class LanguageTask(Task):
    """A task that says in words which of several things is to be done.

    ``build`` sets ``said``, the words for the slots of its sentences: one mapping for each goal step; and, where a
    sentence chooses one of several things, ``could_mean``: what there is to choose from at each goal step.

    Attributes:
        said: of the present episode; empty before there is one.
        could_mean: of the present episode; empty where the sentences do not choose.
        limit: actions of the present episode at most.
    """

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self.said: Sequence[Mapping[str, str]] = ()
        self.could_mean: Sequence[Candidates] = ()
        self.limit = self.max_steps

    def slots(self, step: int) -> Mapping[str, str]:
        """The words of a goal step."""
        return self.said[step] if step < len(self.said) else {}

    def current_instruction(self, step: int) -> str:
        """The sentence of a goal step; after the last one that the task is finished."""
        return FINISHED if 0 < len(self.said) <= step else super().current_instruction(step)

    def current_sentences(self, step: int) -> Sentences:
        """Other forms of it; none after the last goal step."""
        return Sentences() if 0 < len(self.said) <= step else super().current_sentences(step)

    def candidates(self, step: int) -> Candidates:
        """Those of a goal step; none after the last one."""
        return self.could_mean[step] if step < len(self.could_mean) else Candidates()

    def step_limit(self) -> int:
        """What ``build`` has set."""
        return self.limit


class ColorTask(LanguageTask):
    """A language task about colours, some of which may be held out for testing.

    Args:
        split: with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does not have.
        colors: ``seen``, ``unseen`` or ``full``; see ``Colors``.

    Raises:
        ConfigError: ``colors`` is none of these.
    """

    def __init__(self, split: Split = "train", colors: Colors = "seen") -> None:
        super().__init__(split)
        self.colors = colors_of(colors, split)
