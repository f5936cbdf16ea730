"""What chooses actions: the scripted oracle, a random policy, a trained agent, a plain function, another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ravens_suite.core.observations import Observation

Action = Mapping[str, Any]
"""What ``step`` takes. With ``control="primitive"`` usually ``pick`` and ``place``, each (7,) float64: position in
metres and quaternion (x, y, z, w), world frame. With ``control="waypoint"`` ``pose`` (7,) and ``gripper``, 0 or 1."""


class Policy(Protocol):
    """Two methods are all that the rollout, the evaluation and the report need."""

    def reset(self, seed: int) -> None:
        """An episode begins.

        Args:
            seed: >= 0, other in each episode; a policy that draws at random takes its draws from it alone.
        """

    def act(self, observation: Observation) -> Action:
        """The next action.

        Args:
            observation: what the environment was asked to observe; see ``core/observations.py``.

        Raises:
            OracleGaveUpError: there is nothing left that it can do; the episode ends here.
        """
