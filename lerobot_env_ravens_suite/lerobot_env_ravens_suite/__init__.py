"""``--env.type=ravens_suite`` for LeRobot, which imports this package by its name when one of its commands starts.

LeRobot before 0.6 looks for no environments: tell it by ``--env.discover_packages_path=lerobot_env_ravens_suite``. It
then makes one task through Gymnasium, by an id that is registered here when it asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig

from ravens_suite.core.cameras import PUBLISHED_IMAGE_SIZE
from ravens_suite.interop.lerobot_view import LeRobotView

_ACTION, _STATE = "action", "agent_pos"


@EnvConfig.register_subclass("ravens_suite")
@dataclass
class RavensSuiteEnv(EnvConfig):
    """The environments of ravens_suite.

    Attributes:
        task: registered name, or several with commas between; ``<task>-continuous`` for way-points.
        split: ``train``, ``val`` or ``test``.
        actions: ``yaw``, ``quaternion`` or ``delta``, as the data set was exported.
        image_rows: of the images that the policy gets; 0 for those that are drawn.
        image_columns: as ``image_rows``.
        render_rows: of the images that are drawn, as the data set was collected; 0 for 480.
        render_columns: as ``render_rows``; 0 for 640.
        proprioception: whether the data set was collected with it.
        goal: whether the data set has images of the goal scene.
    """

    task: str | None = "block-insertion"
    fps: int = 1
    split: str = "test"
    actions: str = "yaw"
    image_rows: int = 0
    image_columns: int = 0
    render_rows: int = 0
    render_columns: int = 0
    proprioception: bool = False
    goal: bool = False

    def __post_init__(self) -> None:
        """Read shapes and names from an environment, which draws nothing."""
        view = self._view(self._tasks[0])
        spaces: Any = view.observation_space
        self.features[_ACTION] = PolicyFeature(type=FeatureType.ACTION, shape=view.action_space.shape)
        self.features[_STATE] = PolicyFeature(type=FeatureType.STATE, shape=spaces[_STATE].shape)
        self.features_map |= {_ACTION: "action", _STATE: "observation.state"}
        for name in view.cameras:
            shape = spaces["pixels"][name].shape
            self.features[f"pixels/{name}"] = PolicyFeature(type=FeatureType.VISUAL, shape=shape)
            self.features_map[f"pixels/{name}"] = f"observation.images.{name}"
        self.fps = view.metadata["render_fps"]
        view.close()

    @property
    def package_name(self) -> str:
        """What LeRobot 0.4 imports where it misses the environment."""
        return __name__

    @property
    def gym_id(self) -> str:
        """The id by which LeRobot 0.4 makes the environment of the task."""
        name = f"{__name__}/{self.task}"
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=LeRobotView, kwargs={"task": self.task})
        return name

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        """Keyword arguments of ``LeRobotView`` besides the task."""
        rows, columns = PUBLISHED_IMAGE_SIZE
        drawn = self.render_rows or rows, self.render_columns or columns
        sizes = {
            "image_size": (self.image_rows or drawn[0], self.image_columns or drawn[1]),
            "render_size": drawn,
        }
        return {
            "split": self.split,
            "actions": self.actions,
            "proprioception": self.proprioception,
            "goal": self.goal,
            **sizes,
        }

    def create_envs(
        self, n_envs: int, use_async_envs: bool = False
    ) -> dict[str, dict[int, gymnasium.vector.VectorEnv[Any, Any, Any]]]:
        """One vector of environments a task, under the number of the task."""
        return {
            "ravens_suite": {
                number: _vector([partial(self._view, task)] * n_envs, use_async_envs and n_envs > 1)
                for number, task in enumerate(self._tasks)
            }
        }

    @property
    def _tasks(self) -> list[str]:
        return [name.strip() for name in str(self.task).split(",") if name.strip()]

    def _view(self, task: str) -> LeRobotView:
        return LeRobotView(task, **self.gym_kwargs)


def _vector(makers: list[Callable[[], LeRobotView]], in_processes: bool) -> gymnasium.vector.VectorEnv[Any, Any, Any]:
    # LeRobot reads the success of an episode from ``final_info``, which only this mode gives.
    mode = gymnasium.vector.AutoresetMode.SAME_STEP
    if in_processes:
        return gymnasium.vector.AsyncVectorEnv(makers, autoreset_mode=mode, context="forkserver")
    return gymnasium.vector.SyncVectorEnv(makers, autoreset_mode=mode)
