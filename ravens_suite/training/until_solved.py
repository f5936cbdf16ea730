"""Ending a run as soon as validation scenes are solved, so that easy tasks take a fraction of the steps.

At each twentieth of the steps, the agent is tried on a few validation scenes, until it has lost more there than it may.
If it has not, its learning rate comes down (``Agent.wind_down``), and then it must pass more scenes, which it has not
been tried on. If it fails there, training goes on as if nothing had been, but for one thing: the scene with which it
failed is among the next few.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

LEAST_SCORE = 99.0
"""Mean score, 0 to 100, from which scenes count as solved: little is left to gain."""
CHECKS = 20
"""How often a run is checked, evenly over its steps."""
_ACTIONS = 100
"""Actions of a check, about, whatever the task. What passes by chance fails in the scenes afterwards."""
_FEWEST = 5
"""Scenes of a check at least, however many actions they take."""
_COOLING = 0.15
"""Steps over which the learning rate comes down, as a share of those before. A run that learned for long moves far at
its high rate, and settles slowly."""


@dataclass
class SolvedState:
    """What is known so far; part of the training state in ``run.json``.

    Attributes:
        periods: steps (first, end) over which the learning rate came down, because the scenes before it were solved.
            All of them, those that it came back up from, too: a resumed run repeats its steps with the same rates.
        solved: whether the scenes after the last of them were solved, too: the run ends there.
        hardest: the scene with which the last check failed. It is tried first in the next one, which then fails sooner.
        seconds: that the checks took.
        scenes: validation scenes of a check; those that must be passed after it are the next ones.
    """

    periods: list[tuple[int, int]] = field(default_factory=list)
    solved: bool = False
    hardest: int = 0
    seconds: float = 0.0
    scenes: int = 0

    def done(self, step: int) -> bool:
        """Whether a run ends after some steps."""
        return self.solved and step >= self.periods[-1][1]


def scenes_of_check(most: int, actions: float) -> int:
    """Number of validation scenes that a check takes.

    Args:
        most: that may be used.
        actions: of a demonstration, in the mean.
    """
    return min(most, max(_FEWEST, round(_ACTIONS / max(actions, 1))))


def is_due(state: SolvedState, step: int, steps: int) -> bool:
    """Whether a check follows the steps done so far."""
    return step in {round(steps * part / CHECKS) for part in range(1, CHECKS)} or any(
        step == end for _, end in state.periods
    )


def check(state: SolvedState, step: int, steps: int, others: int, score: Callable[[int], float | None]) -> float | None:
    """Try the agent, and note what follows from it.

    Args:
        state: is changed.
        step: steps done.
        steps: of the whole run.
        others: number of validation scenes that must be passed after a check.
        score: mean score (0 to 100) of the agent in the validation scene of a seed; ``None`` where that cannot be
            placed, which says nothing about the agent.

    Returns:
        The mean score of the last scenes, if the run ends with these weights.
    """
    if step in (end for _, end in state.periods):
        # Those of the first check were passed by chance, perhaps, so that others tell more.
        mean = _passed(state, {*range(state.scenes, state.scenes + others)}, score)
        state.solved = mean is not None
        return mean
    running = any(first <= step < end for first, end in state.periods)
    if not running and _passed(state, {*range(state.scenes), state.hardest}, score) is not None:
        cooling = max(math.ceil(steps / CHECKS), math.ceil(_COOLING * step))
        state.periods.append((step, min(step + cooling, steps)))
    return None


def _passed(state: SolvedState, seeds: set[int], score: Callable[[int], float | None]) -> float | None:
    """The mean score of the scenes, or ``None`` as soon as it must be too low, or where none could be placed."""
    order = sorted(seeds, key=lambda seed: (seed != state.hardest, seed))
    lost: list[float] = []
    placed = len(seeds)
    for seed in order:
        scored = score(seed)
        if scored is None:
            placed -= 1
        else:
            lost.append(100 - scored)
        if math.fsum(lost) > (100 - LEAST_SCORE) * placed:
            if scored is not None:
                state.hardest = seed
            return None
    return 100 - math.fsum(lost) / placed if placed else None
