"""A task without physics for testing the jobs: some of its seeds the oracle solves, some it fails, some it gives up."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from ravens_suite import registry
from ravens_suite.core.cameras import published_cameras
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.core.observations import ArraySpec, Interface
from ravens_suite.core.types import quantize_depth
from ravens_suite.errors import OracleGaveUpError, PlacementError
from ravens_suite.rollout.collect import DemonstrationWorker, Tried, Unit
from ravens_suite.sim.bodies import Box, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task

TASK = "fake-task"
FAILS, GIVES_UP, UNPLACED = {1, 4}, {6}, {9}
_SIZE = (6, 8)


class FakeEnvironment(gymnasium.Env[Any, Any]):
    """Two steps an episode; images are noise from the seed."""

    def __init__(
        self,
        task: str,
        split: str = "train",
        renderer: str = "auto",
        shade: int = 0,
        observe: Sequence[str] = ("images",),
        image_size: Sequence[int] = (480, 640),
    ) -> None:
        self.split, self.shade, self.observed = split, shade, tuple(observe)
        self.cameras = published_cameras(_SIZE)
        self.max_steps = 3
        self._seed = self._steps = 0
        shape = (3, *_SIZE)
        self.observation_space = gymnasium.spaces.Dict(
            {
                "color": gymnasium.spaces.Box(0, 255, (*shape, 3), np.uint8),
                "depth": gymnasium.spaces.Box(0, 10, shape, np.float32),
                "instruction": gymnasium.spaces.Text(20, charset="step 0123456789"),
            }
        )
        pose = gymnasium.spaces.Box(-1, 1, (7,), np.float64)
        self.action_space = gymnasium.spaces.Dict({"pick": pose, "place": pose})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        if seed in UNPLACED:
            raise PlacementError(f"Seed {seed} has no room.")
        self._seed, self._steps = int(seed or 0), 0
        return self._observe(), self._info(0.0)

    def step(self, action: Mapping[str, Any]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        solvable = self._seed not in FAILS | GIVES_UP and float(action["pick"][0]) == self._seed
        reward = 0.5 if solvable else 0.1
        done = solvable and self._steps == 2
        return self._observe(), reward, done, not done and self._steps == 3, self._info(reward * self._steps)

    def oracle_action(self) -> dict[str, Any]:
        if self._seed in GIVES_UP and self._steps == 1:
            raise OracleGaveUpError("Nothing to see.")
        return {"pick": np.full(7, float(self._seed)), "place": np.zeros(7)}

    def _observe(self) -> dict[str, Any]:
        rng = np.random.default_rng([self._seed, self._steps, len(self.split)])
        return {
            "color": rng.integers(0, 255, (3, *_SIZE, 3), dtype=np.uint8) + np.uint8(self.shade),
            "depth": quantize_depth(rng.uniform(0.5, 2, (3, *_SIZE))),
            "instruction": f"step {self._steps}",
        }

    def _info(self, progress: float) -> dict[str, Any]:
        return {
            "progress": progress,
            "success": progress > 0.99,
            "goals": {"block": progress > 0.99},
            "motion": {"outcome": "done", "steps": np.int64(3), "grasped": True, "clipped": False},
            "cameras": [camera.to_json() for camera in self.cameras],
            "privileged": {"poses": {"block": np.full(7, progress)}},
            "seed": self._seed,
            "renderer": "none",
        }


class FakeTask(Task):
    """Found by ``registry.load_task``."""

    max_steps = 3

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        scene.add("block", solid(Box((0.04, 0.04, 0.04)), (1.0, 0.0, 0.0), mass=0.1), Pose((0.5, 0.0, 0.02)), "movable")
        target = Pose((0.5, 0.2, 0.02))
        return [PoseGoal(objects=("block",), targets=(target,), matches=((True,),), symmetries=(0.0,))]


class FakeAgent:
    """Acts as the oracle does on the scenes it was told of."""

    name = "fake-agent"
    interface = Interface()

    def __init__(self, seeds: list[int]) -> None:
        self._seeds = seeds
        self._episode = -1

    @classmethod
    def load(cls, folder: Path) -> FakeAgent:
        return cls([int(word) for word in (folder / "weights.safetensors").read_text().split()])

    @classmethod
    def check(cls, interface: Interface) -> None:
        assert interface.observation["color"] == ArraySpec((3, *_SIZE, 3), "uint8")
        assert interface.observation["instruction"] == ArraySpec((), "str")

    def reset(self, seed: int) -> None:
        self._episode += 1

    def act(self, observation: dict[str, Any]) -> dict[str, Any]:
        assert observation.keys() == {"color", "depth", "instruction"}
        return {"pick": np.full(7, float(self._seeds[self._episode])), "place": np.zeros(7)}


def register() -> None:
    """Make the task and the agent known in this process."""
    registry.entries.tasks()[TASK] = registry.Entry(TASK, __name__, "FakeTask")
    registry.entries.agents()[FakeAgent.name] = registry.Entry(FakeAgent.name, __name__, "FakeAgent")
    gymnasium.register(registry.environment_id(TASK), f"{__name__}:FakeEnvironment", kwargs={"task": TASK})


def unregister() -> None:
    """Undo ``register``: other tests go through all tasks there are."""
    del gymnasium.registry[registry.environment_id(TASK)]
    del registry.entries.tasks()[TASK]
    del registry.entries.agents()[FakeAgent.name]


class MildWorker(DemonstrationWorker):
    """The real worker, in a process that does not know the task yet."""

    def __init__(self, arguments: dict[str, Any], *, force: bool = False) -> None:
        super().__init__(arguments, force=force)
        if TASK not in registry.task_names():
            register()


class MortalWorker(MildWorker):
    """Its process is killed once at seed 3, and always where the folder says so."""

    def run(self, unit: Unit) -> Tried:
        mark = Path(unit.folder).parent / "died"
        if unit.first == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if (Path(unit.folder).parent / "always").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(unit)


class BuggyWorker(MildWorker):
    """Fails as nobody foresaw."""

    def run(self, unit: Unit) -> Tried:
        raise ZeroDivisionError("a bug")
