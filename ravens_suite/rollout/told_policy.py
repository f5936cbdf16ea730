"""A policy that is told something else than what the environment says; the task, its goals and its score stay.

What it is told and what its first action is about: see ``data/language_probes.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import INSTRUCTION_BYTES, Observation, encode_text
from ravens_suite.core.policy import Action, Policy
from ravens_suite.data.language_probes import ANOTHER, EMPTY, NONSENSE, PARAPHRASE, FirstChoice
from ravens_suite.envs.sentences import Candidate, SentencesNow, chance

ON_A_BODY = 0.01
"""Metres from what is visible of a body within which a pick is one of that body."""

_NONSENSE = ("blick", "dax", "fep", "gorp", "mib", "nilt", "plonk", "tulver", "wug", "zib")
"""Words that mean nothing, as experiments with children use them."""


class ProbeJob(NamedTuple):
    """One episode.

    Attributes:
        seed: of the scene.
        sentence: which of ``SENTENCES`` the policy is told.
    """

    seed: int
    sentence: str


class ToldPolicy:
    """A policy that is told something else than what the environment says.

    Args:
        policy: which.
        environment: whose sentences are replaced.
        job: says by what.

    Attributes:
        said: the first sentence of the episode.
        first: what its first action was about.
        can_say: whether there is a sentence of this kind: not another object's where the scene has one alone, or the
            sentence does not name it, nor a held-out paraphrase of a task that declares none.
    """

    def __init__(self, policy: Policy, environment: gymnasium.Env[Any, Any], job: ProbeJob) -> None:
        self._policy, self._environment, self._job = policy, environment, job
        self.label = getattr(policy, "label", type(policy).__name__)
        self.said = ""
        self.first: dict[str, FirstChoice] = {}
        self.can_say = False
        self._begun = False

    def reset(self, seed: int) -> None:
        """See ``Policy``."""
        self._begun = False
        now, kind = self._now, self._job.sentence
        self.can_say = kind != PARAPHRASE or now.has_paraphrases
        if kind == ANOTHER:
            self.can_say = now.can_name_another(self._job.seed)
        self._policy.reset(seed)

    def act(self, observation: Observation) -> Action:
        """What the policy does when it is told this. See ``Policy``."""
        said = self._sentence(observation)
        if "instruction" in observation:
            told = {"instruction": said, "instruction_bytes": encode_text(said, INSTRUCTION_BYTES)}
            observation = {**observation, **{key: value for key, value in told.items() if key in observation}}
        if not self._begun:
            self.said = said  # Also where the policy then has nothing to do.
        action = self._policy.act(observation)
        if not self._begun:
            self._begun, self.first = True, self._about(action)
        return action

    @property
    def _now(self) -> SentencesNow:
        now: SentencesNow = self._environment.get_wrapper_attr("sentences")
        return now

    def _sentence(self, observation: Observation) -> str:
        kind, seed = self._job.sentence, self._job.seed
        if kind == EMPTY:
            return ""
        if kind == PARAPHRASE:
            return self._now.paraphrase()
        if kind == ANOTHER:
            return self._now.about_another(seed)
        own = str(observation["instruction"]) if "instruction" in observation else self._now.plain()
        if kind == NONSENSE:
            return " ".join(_NONSENSE[(seed + i) % len(_NONSENSE)] for i in range(len(own.split())))
        return own

    def _about(self, action: Action) -> dict[str, FirstChoice]:
        """Which of the candidates an action picks, and at which of them it places."""
        candidates, found = self._now.candidates, {}
        for part, choices in (("pick", candidates.picks), ("place", candidates.places)):
            likely, position = chance(choices), _position(action, part)
            if likely is None or position is None:
                continue
            chosen = self._picked(choices, position) if part == "pick" else _nearest(choices, position)
            told = self._told(choices)
            found[part] = FirstChoice(likely, chosen == 0, None if told is None else chosen == told)
        return found

    def _picked(self, choices: Sequence[Candidate], position: Sequence[float]) -> int | None:
        name, away = self._now.body_near(position)
        if away > ON_A_BODY:
            return None
        return next((i for i, choice in enumerate(choices) if name in choice.bodies), None)

    def _told(self, choices: Sequence[Candidate]) -> int | None:
        """Which candidate the policy was told; ``None`` where it was told of none."""
        if self._job.sentence in (NONSENSE, EMPTY):
            return None
        words = self._now.words(self._job.seed if self._job.sentence == ANOTHER else None).items()
        return next((i for i, choice in enumerate(choices) if choice.words.items() <= words), None)


def _position(action: Any, part: str) -> list[float] | None:
    """Metres; ``None`` where the action has none, of which the environment then says what is wrong with it."""
    try:
        numbers = np.asarray(action[part], dtype=np.float64) if isinstance(action, Mapping) else np.empty(0)
    except (KeyError, *UNREADABLE):
        return None
    return [*map(float, numbers[:3])] if numbers.shape == (7,) and np.isfinite(numbers).all() else None


def _nearest(choices: Sequence[Candidate], position: Sequence[float]) -> int:
    """Which candidate has the place that is nearest in the plane."""
    (x, y), best = position[:2], []
    for i, choice in enumerate(choices):
        best += [((place.position[0] - x) ** 2 + (place.position[1] - y) ** 2, i) for place in choice.places]
    return min(best)[1]
