"""Actions that need no demonstration: what is collected with them shows how objects move, not what is to be done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array, yaw_quaternion
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import Observation, missing_keys_message
from ravens_suite.core.policy import Action, Policy
from ravens_suite.core.workspace import AGENT_WORKSPACE
from ravens_suite.errors import ConfigError

EXPLORE = "explore"
"""Name of the policy."""
_ABOVE = 0.004
"""Metres above the table from which a pixel shows an object."""
_KEYS = ("color", "depth", "camera_intrinsics", "camera_poses")
_ACTION = {"pick", "place"}


class ExplorePolicy:
    """Picks on what stands above the table, and places anywhere.

    A pick is a pixel of the heightmap that is higher than the table, drawn uniformly; a place is a position of the
    workspace, turned by any yaw. Without an object it picks anywhere. Of uniform picks (the policy ``random``) most
    touch the bare table. Pushes begin and end at such positions.

    Args:
        action_space: of the environment: poses ``pick`` and ``place``.

    Raises:
        ConfigError: actions have other names.
    """

    def __init__(self, action_space: gymnasium.Space[object]) -> None:
        if not self.gives(action_space):
            raise ConfigError(f"The policy {EXPLORE} gives actions of pick and place: use random for this environment.")
        self.reset(0)

    @staticmethod
    def gives(action_space: gymnasium.Space[Any]) -> bool:
        """Whether actions of a space are picks and places."""
        return isinstance(action_space, gymnasium.spaces.Dict) and set(action_space.spaces) == _ACTION

    @staticmethod
    def suits(environment: gymnasium.Env[Any, Any]) -> bool:
        """Whether it can act in an environment: whether that takes picks and places, and shows images."""
        seen = environment.observation_space
        shown = isinstance(seen, gymnasium.spaces.Dict) and set(_KEYS) <= set(seen.spaces)
        return ExplorePolicy.gives(environment.action_space) and shown

    def reset(self, seed: int) -> None:
        """Draw anew from a seed."""
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> Action:
        """A random action on an object. See ``Policy``.

        Args:
            observation: with images.

        Raises:
            ConfigError: there are no images.
        """
        if missing := [key for key in _KEYS if key not in observation]:
            raise ConfigError(f"The policy {EXPLORE} looks at images. {missing_keys_message(missing, observation)}")
        scene = fuse_observation(observation)
        rows, columns = scene.height.shape
        objects = np.argwhere(scene.height > np.median(scene.height) + _ABOVE)
        if not len(objects):
            objects = np.argwhere(np.ones((rows, columns), dtype=bool))
        pick = objects[int(self._rng.integers(len(objects)))] + 0.5
        place = self._rng.uniform((0.0, 0.0), (rows, columns))
        return {"pick": self._pose(scene, pick), "place": self._pose(scene, place)}

    def _pose(self, scene: Heightmap, at: Array) -> NDArray[np.float64]:
        """(7,) the pose at a position (row, column), at the height of the map there, with a random yaw."""
        x, y = AGENT_WORKSPACE.to_metres(float(at[0]), float(at[1]))
        z = AGENT_WORKSPACE.low[2] + float(scene.height[int(at[0]), int(at[1])])
        yaw = float(self._rng.uniform(-math.pi, math.pi))
        return np.array([x, y, z, *yaw_quaternion(yaw)])


class WithExploration:
    """A policy of which a share of the actions are taken from another one.

    Args:
        policy: acts.
        explorer: acts now and then.
        share: of the explorer's actions, 0 to 1.

    Attributes:
        policy: as given.
    """

    def __init__(self, policy: Policy, explorer: Policy, share: float) -> None:
        self.policy, self._explorer, self._share = policy, explorer, share
        self.label = getattr(policy, "label", type(policy).__name__)
        self._draw: Callable[[], float] = np.random.default_rng(0).random

    def reset(self, seed: int) -> None:
        """See ``core/policy.py``."""
        self.policy.reset(seed)
        self._explorer.reset(seed + 1)
        self._draw = np.random.default_rng([seed, 2]).random

    def act(self, observation: Observation) -> Action:
        """An action of one of the two; both see every observation that the first decides upon. See ``Policy``."""
        explores = self._draw() < self._share
        return (self._explorer if explores else self.policy).act(observation)
