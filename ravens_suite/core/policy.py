"""What chooses actions: the scripted oracle, a random policy, a trained agent, a plain function, another process."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from ravens_suite.core.numbers import UNREADABLE
from ravens_suite.core.observations import Observation
from ravens_suite.errors import ConfigError

Action = Mapping[str, Any]
"""What ``step`` takes. With ``control="primitive"`` usually ``pick`` and ``place``, each (7,) float64: position in
metres and quaternion (x, y, z, w), world frame. With ``control="waypoint"`` ``pose`` (7,) and ``gripper``, 0 or 1."""


class Policy(Protocol):
    """Two methods are all that the rollout, the evaluation and the report need.

    A policy may have a third one, ``confidence()``; see ``confidence_of``.
    """

    def reset(self, seed: int) -> None:
        """An episode begins.

        Args:
            seed: >= 0, other in each episode; a policy that draws at random takes its draws from it alone.
        """

    def act(self, observation: Observation) -> Action:
        """The next action.

        Args:
            observation: what the environment was asked to observe; see ``core/observations.py``.

        Returns:
            See ``Action``.

        Raises:
            OracleGaveUpError: there is nothing left that it can do; the episode ends here.
        """


def confidence_of(policy: Policy) -> float | None:
    """The policy's own probability, in [0, 1], that the action it gave last is a right one.

    It is what the method ``confidence()`` of a policy returns. Nobody has to believe it: how far it is true is measured
    (``insight/calibration.py``).

    Returns:
        ``None`` for a policy that does not say, and where it cannot (``None`` or NaN).

    Raises:
        ConfigError: what it returns is no probability, such as one in per cent.
    """
    ask = getattr(policy, "confidence", None)
    if not callable(ask) or (said := ask()) is None:
        return None
    try:
        value = float(said)
    except UNREADABLE:
        value = math.inf
    if math.isnan(value):
        return None
    if not -_ROUNDING <= value <= 1 + _ROUNDING:
        name = getattr(policy, "label", type(policy).__name__)
        raise ConfigError(
            f"confidence() of the policy {name} returned {said!r:.60}: let it return the probability that its last "
            "action is right, a number from 0 to 1, or None where it cannot say."
        )
    return min(max(value, 0.0), 1.0)


_ROUNDING = 1e-3
"""By how much a probability of low precision may lie outside of [0, 1]."""
