"""The suite's tasks as a benchmark of vla-evaluation-harness (``pip install vla-eval``), for the model servers it has.

Name the class in a configuration of the harness, with this folder on PYTHONPATH, and run it without Docker::

    server: {url: "ws://127.0.0.1:8000"}
    benchmarks:
      - benchmark: "vla_eval_benchmark:RavensBenchmark"
        mode: sync
        episodes_per_task: 10
        params: {tasks: [block-insertion-continuous], image_size: [256, 256]}

    vla-eval run --config ravens.yaml --no-docker

``python demos/vla_eval_benchmark.py`` runs two episodes through the harness, with a model that always says the same.

A model sees ``images`` by camera, (rows, columns, 3) uint8; ``task_description``; and ``state``, (8,) float32: position
in metres and quaternion (x, y, z, w) of the tool, world frame, and 1 where it holds something. It answers ``actions``.
Tasks whose names end in ``-continuous`` take 8 numbers: position and quaternion of the next way-point, and 1 to close
the gripper, 0 to open it. All others take the 14 numbers of pick and place. Written for vla-eval 0.8.0.
"""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray
from vla_eval.benchmarks.base import StepBenchmark, StepResult
from vla_eval.specs import GRIPPER_CLOSE_01, IMAGE_RGB, LANGUAGE, POSITION_ABSOLUTE, RAW, ROTATION_QUAT

import ravens_suite  # noqa: F401 (registers the environments)
from ravens_suite.registry import environment_id, is_continuous

OBSERVED = ["images", "proprioception", "instruction"]


class RavensBenchmark(StepBenchmark):  # type: ignore[misc]  # Without the harness there is nothing to check against.
    """Tasks of the suite, one environment at a time.

    Args:
        tasks: registered names, all of one control.
        split: of the seeds.
        first_seed: of each task; the number of the episode is added.
        image_size: (rows, columns) of the three cameras.
        environment: further keyword arguments of the environments.
    """

    render_backends: ClassVar[frozenset[str]] = frozenset({"cpu", "gpu"})

    def __init__(
        self,
        tasks: list[str],
        split: str = "test",
        first_seed: int = 0,
        image_size: tuple[int, int] = (256, 256),
        environment: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if len({is_continuous(task) for task in tasks}) != 1:
            raise ValueError("Name tasks of one control: all continuous, or none.")
        self._tasks, self._first_seed = tasks, first_seed
        self._continuous = is_continuous(tasks[0])
        self._arguments = {"split": split, "image_size": image_size, "observe": OBSERVED, **(environment or {})}
        self._environment: gymnasium.Env[Any, Any] | None = None
        self._name = ""
        self._score = 0.0
        self._cameras: list[str] = []

    @classmethod
    def configure_render(cls, mode: str) -> dict[str, str]:
        """The suite chooses its renderer itself, and draws without a GPU, too."""
        return {}

    def get_tasks(self) -> list[dict[str, Any]]:
        """The tasks by name."""
        return [{"name": task, "suite": "ravens_suite"} for task in self._tasks]

    def reset(self, task: dict[str, Any]) -> dict[str, Any]:
        """Begin the episode ``episode_idx`` of a task; raises PlacementError where its scene cannot be placed."""
        environment = self._of(str(task["name"]))
        observation, info = environment.reset(seed=self._first_seed + int(task.get("episode_idx", 0)))
        self._score = 0.0
        self._cameras = [str(camera["name"]) for camera in info["cameras"]]
        return dict(observation)

    def step(self, action: dict[str, Any]) -> StepResult:
        """Carry out ``actions``, one row of numbers."""
        assert self._environment is not None
        result = self._environment.step(self._action(np.asarray(action["actions"], dtype=np.float64)))
        observation, reward, terminated, truncated, info = result
        self._score += float(reward)
        return StepResult(obs=observation, reward=float(reward), done=terminated or truncated, info=info)

    def make_obs(self, raw_obs: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
        """What a model sees."""
        held = np.float64(raw_obs["gripper_state"][1])
        return {
            "images": dict(zip(self._cameras, raw_obs["color"], strict=True)),
            "task_description": raw_obs["instruction"],
            "state": np.append(raw_obs["tip_pose"], held).astype(np.float32),
        }

    def get_step_result(self, step_result: StepResult) -> dict[str, Any]:
        """Strict success, and the score with partial credit in [0, 1]."""
        return {"success": bool(step_result.info.get("success", False)), "score": self._score}

    def get_metric_keys(self) -> dict[str, str]:
        """Both figures are averaged."""
        return {"success": "mean", "score": "mean"}

    def get_metadata(self) -> dict[str, Any]:
        """The step limit is the largest of the tasks'; each environment ends its own episodes."""
        return {"max_steps": max(int(self._of(task).get_wrapper_attr("max_steps")) for task in self._tasks)}

    def get_action_spec(self) -> dict[str, Any]:
        """Absolute way-points, or pick and place as they are."""
        if self._continuous:
            return {"position": POSITION_ABSOLUTE, "rotation": ROTATION_QUAT, "gripper": GRIPPER_CLOSE_01}
        return {"pick_and_place": RAW}

    def get_observation_spec(self) -> dict[str, Any]:
        """Images, a sentence, and the state of the tool."""
        return {"image": IMAGE_RGB, "language": LANGUAGE, "state": RAW}

    def cleanup(self) -> None:
        """Close the environment."""
        if self._environment is not None:
            self._environment.close()
            self._environment, self._name = None, ""

    def _of(self, task: str) -> gymnasium.Env[Any, Any]:
        if self._environment is None or self._name != task:
            self.cleanup()
            self._environment = gymnasium.make(environment_id(task), **self._arguments)
            self._name = task
        return self._environment

    def _action(self, numbers: NDArray[np.float64]) -> dict[str, Any]:
        wanted = 8 if self._continuous else 14
        if numbers.shape != (wanted,):
            raise ValueError(f"An action here is {wanted} numbers; the model gave shape {numbers.shape}.")
        if self._continuous:
            return {"pose": numbers[:7], "gripper": int(numbers[7] >= 0.5)}
        return {"pick": numbers[:7], "place": numbers[7:]}


def main() -> None:
    """Two episodes through the harness, with a model that always picks and places at the same points."""
    from vla_eval import api
    from vla_eval.model_servers.predict import PredictModelServer

    class Constant(PredictModelServer):  # type: ignore[misc]
        def predict(self, obs: dict[str, Any], ctx: Any) -> dict[str, Any]:
            assert obs["state"].shape == (8,)
            return {"actions": np.array([0.5, 0, 0.02, 0, 0, 0, 1, 0.5, 0.2, 0.02, 0, 0, 0, 1])}

        def get_action_spec(self) -> dict[str, Any]:
            return {"pick_and_place": RAW}

        def get_observation_spec(self) -> dict[str, Any]:
            return {"image": IMAGE_RGB, "language": LANGUAGE, "state": RAW}

    benchmark = {
        "benchmark": "vla_eval_benchmark:RavensBenchmark",
        "mode": "sync",
        "episodes_per_task": 2,
        "params": {"tasks": ["block-insertion"], "image_size": [60, 80]},
    }
    (result,) = api.evaluate(Constant(), {"benchmarks": [benchmark]}, no_save=True, docker=False)
    for episode in result["tasks"][0]["episodes"]:
        print(episode["metrics"], episode["steps"], "steps")


if __name__ == "__main__":
    main()
