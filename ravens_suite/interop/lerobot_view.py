"""Environments as LeRobot's evaluation reads them (LeRobot 0.6.1, ``envs/utils.py`` and ``scripts/lerobot_eval.py``).

An observation has ``pixels``, one image (rows, columns, 3) uint8 a camera, and ``agent_pos``; an action is one vector;
``info`` says ``is_success``. Images, state and action are those of a data set that was exported with the same options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ravens_suite.core.observations import GOAL
from ravens_suite.core.seeding import Split
from ravens_suite.envs.views import checked_size
from ravens_suite.errors import ConfigError, ResetNeededError
from ravens_suite.interop.lerobot_features import GOAL_VIEW, camera_names
from ravens_suite.interop.resize import Size, resized
from ravens_suite.interop.vectors import LayoutName, VectorActions, VectorState, numbers_of
from ravens_suite.rollout.environments import make_environment

_OBSERVED = ("images", "instruction")
_LARGEST_STATE = 1e6


class LeRobotView(gymnasium.Env[dict[str, Any], NDArray[np.float32]]):
    """One environment of the suite, for LeRobot.

    The simulator and its renderer are made at the first reset, in the process that steps the environment: LeRobot makes
    one more to read its spaces only, and its workers are forked from a server.

    Args:
        task: registered name; ``<task>-continuous`` for way-points.
        split: ``train``, ``val`` or ``test``; the published test scenes are seeds 0 to 99 of ``test``.
        actions: layout of the action's numbers, as in the data set; see ``interop/vectors.py``.
        image_size: (rows, columns) of the images that the policy gets.
        render_size: (rows, columns) that are drawn; ``None`` for those of the suite, 480 x 640. Give both as the data
            set was made: ``collect --image-size`` is this one, ``export --image-size`` the other.
        goal: whether images of the goal scene are among ``pixels``, as in a set of demonstrations that have them.
        proprioception: whether ``agent_pos`` is the pose of the tool's tip and what it touches and holds; else it is
            the last action as it was carried out.
        arguments: further keyword arguments of the environment.

    Attributes:
        task: as given.
        task_description: what is to be done now; it may change within an episode.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: an option does not fit the task.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012

    def __init__(
        self,
        task: str,
        split: Split = "test",
        *,
        actions: LayoutName = "yaw",
        image_size: Size | None = None,
        render_size: Size | None = None,
        proprioception: bool = False,
        goal: bool = False,
        arguments: Mapping[str, Any] | None = None,
        render_mode: str = "rgb_array",
    ) -> None:
        self.task, self._split, self.render_mode = task, split, render_mode
        if "observe" in (arguments or {}):
            raise ConfigError(
                "What a view observes is what its policy gets: leave observe out of the arguments, and give "
                "proprioception=True or goal=True for more."
            )
        observed = [*_OBSERVED, *(["proprioception"] if proprioception else []), *(["goal"] if goal else [])]
        self._arguments = {"observe": observed, **(arguments or {})}
        if render_size is not None:
            self._arguments["image_size"] = list(checked_size("render_size", render_size))
        # Before anything is made: what is wrong would else be met by the first reset, in OpenCV's words.
        wanted = None if image_size is None else checked_size("image_size", image_size)
        self._environment: gymnasium.Env[Any, Any] | None = None
        self.task_description = ""
        # Nothing is drawn by this one, so that it opens no context of the graphics card.
        bare = make_environment(task, split, {**self._arguments, "observe": ["proprioception"]})
        try:
            own: Any = bare.unwrapped
            names = camera_names([camera.name for camera in own.cameras], len(own.cameras))
            self._cameras = (*names, *(f"{name}{GOAL_VIEW}" for name in names if goal))
            self._size: Size = wanted or own.cameras[0].image_size
            self._max_episode_steps = int(own.max_steps)
            space: Any = bare.action_space
        finally:
            bare.close()
        self._vectors = VectorActions(space, actions)
        if self._vectors.is_delta and not proprioception:
            raise ConfigError(
                "The layout delta needs the pose of the tool: give proprioception=True (--env.proprioception=true), as "
                "the data set was collected."
            )
        known = ("tip_pose", "gripper_state") if proprioception else ()
        self._state = VectorState(known, self._vectors)
        self._last: NDArray[np.float32] | None = None
        self._given: NDArray[np.float32] | None = None
        self._over = False
        self._seen: Mapping[str, Any] = {}
        self.metadata = {**self.metadata, "render_fps": 5 if "gripper" in space.spaces else 1}
        box: Any = self._vectors.box()
        self.action_space = box
        self.observation_space = gymnasium.spaces.Dict(
            {
                "pixels": gymnasium.spaces.Dict(
                    {name: gymnasium.spaces.Box(0, 255, (*self._size, 3), np.uint8) for name in self._cameras}
                ),
                "agent_pos": gymnasium.spaces.Box(
                    -_LARGEST_STATE, _LARGEST_STATE, (len(self._state.names),), np.float32
                ),
            }
        )

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the images in ``pixels``; those of the goal scene end in ``_goal``."""
        return self._cameras

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Build the scene of a seed; ``options``, of which LeRobot gives some, are not used."""
        super().reset(seed=seed)
        if self._environment is None:
            self._environment = make_environment(self.task, self._split, self._arguments)
        seen, info = self._environment.reset(seed=seed)
        self._last, self._given, self._over = None, None, False
        return self._view(seen), self._told(info)

    def step(self, action: ArrayLike) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Act by a vector; see ``interop/vectors.py``.

        Raises:
            ResetNeededError: there was no reset yet.
            InvalidActionError: the vector is no action.
        """
        environment = self._made()
        vector = numbers_of(action, np.float32)
        named = self._vectors.decode(vector, self._seen.get("tip_pose"))
        seen, reward, terminated, truncated, info = environment.step(named)
        self._given, self._over = vector, terminated or truncated
        if not self._state.is_tip:
            # What was carried out, as in the data set: turns of length 1, positions inside, a gripper of 0 or 1.
            self._last = self._vectors.encode(info["action"], None)
        return self._view(seen), float(reward), terminated, truncated, self._told(info)

    def render(self) -> NDArray[np.uint8]:
        """(rows, columns, 3) uint8: what the first camera saw last."""
        self._made()
        return np.array(self._seen["color"][0], dtype=np.uint8)

    def oracle_action(self, *, or_rest: bool = False) -> NDArray[np.float32]:
        """The scripted oracle's action as a (numbers,) float32 vector, to test an evaluation with.

        When the episode is over this is the last action again: vectors ask for one, although they ignore it and reset.

        Args:
            or_rest: where the oracle would give up, an action that moves nothing instead of an error, which would end
                all environments of a vector.

        Raises:
            OracleGaveUpError: there is nothing left that it can do.
        """
        own: Any = self._made().unwrapped
        if self._over and self._given is not None:
            return self._given.copy()
        return self._vectors.encode(own.oracle_action(or_rest=or_rest), self._seen.get("tip_pose"))

    def close(self) -> None:
        """Release the simulator, if there is one."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def _made(self) -> gymnasium.Env[Any, Any]:
        if self._environment is None:
            raise ResetNeededError("There is no episode yet: call reset first.")
        return self._environment

    def _view(self, seen: Mapping[str, Any]) -> dict[str, Any]:
        self._seen = seen
        self.task_description = str(seen["instruction"])
        views = [*seen["color"], *seen.get(GOAL + "color", ())]
        pixels = {name: resized(image, self._size) for name, image in zip(self._cameras, views, strict=True)}
        return {"pixels": pixels, "agent_pos": self._state.of(seen, self._last)}

    def _told(self, info: Mapping[str, Any]) -> dict[str, Any]:
        return {"is_success": bool(info["success"]), "progress": float(info["progress"])}
