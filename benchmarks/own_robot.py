"""A robot of one's own, from recordings to unseen scenes.

    python benchmarks/own_robot.py [--demos 10] [--episodes 100] [--steps N] [--folder DIR]
                                   [--out results/own_robot.json]

The suite plays a lab: a table elsewhere, turned by a quarter and 0.75 m high; two cameras of other intrinsics, fx and
fy unequal and the optical axis off the middle; depth in millimetres with noise and holes; quaternions (w, x, y, z) of a
flange that points into the table; extrinsics camera from world, as solvePnP gives them. Block insertions by the oracle
are recorded as arrays, imported, trained on, and the agent acts through ``RobotPolicy`` on what the lab's cameras see
of test scenes. Writes the score on them. The mistakes that the import names are planted in
tests/interop/test_arrays_checks.py.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.core.conventions import inverse_matrix, wxyz_from_xyzw, xyzw_from_wxyz
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.policy import Policy
from ravens_suite.core.statistics import percent_interval
from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.interop.imports import import_episodes
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.own_robot import RobotPolicy
from ravens_suite.rollout.policies import OraclePolicy
from ravens_suite.rollout.provenance import provenance
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK = "block-insertion"
ROBOT: dict[str, Any] = {
    "task": "insert-block",
    "workspace": {"low": [0.8, -0.65, 0.745], "high": [1.8, -0.15, 1.02]},
    "depth_unit": "millimetres",
    "quaternions": "wxyz",
    "extrinsics": "camera_from_world",
    "tool_down": [0, 1, 0, 0],
}
"""What the lab writes into ``robot.json``."""

_LAB = Pose.planar(1.3, -0.4, 0.75, math.pi / 2) @ Pose((-0.5, 0.0, 0.0))
"""The suite's world frame in the lab's."""
_FLANGE = Pose(quaternion=(1.0, 0.0, 0.0, 0.0))


class Lab:
    """A robot and its cameras, played by the suite.

    Args:
        image_size: (rows, columns).
        noise: standard deviation of depth, metres.
        holes: share of pixels without depth.
    """

    def __init__(self, image_size: tuple[int, int] = (480, 640), noise: float = 0.0015, holes: float = 0.02) -> None:
        rows, columns = image_size
        scale = rows / 480
        self.noise, self.holes = noise, holes
        self.arguments: dict[str, Any] = {
            "image_size": list(image_size),
            "cameras": [
                {
                    "name": "front",
                    "position": [1.15, 0.1, 0.8],
                    "look_at": [0.45, 0.0, 0.0],
                    **{"fx": 470 * scale, "fy": 440 * scale, "cx": 0.47 * columns, "cy": 0.53 * rows},
                },
                {
                    "name": "side",
                    "position": [0.35, 0.9, 0.75],
                    "look_at": [0.5, 0.0, 0.0],
                    **{"fx": 430 * scale, "fy": 455 * scale, "cx": 0.54 * columns, "cy": 0.48 * rows},
                },
            ],
        }

    def seen(self, observation: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        """What the lab records of an observation of the suite; depth is (N, H, W) uint16 millimetres."""
        depth = observation["depth"] + rng.normal(0, self.noise, observation["depth"].shape)
        depth[rng.random(depth.shape) < self.holes] = 0
        return {
            "color": observation["color"],
            "depth": np.clip(np.rint(1000 * depth), 0, 65535).astype(np.uint16),
            "intrinsics": observation["camera_intrinsics"],
            "extrinsics": inverse_matrix(_LAB.matrix() @ observation["camera_poses"]),
        }

    def record(self, folder: Path, episodes: int) -> None:
        """Write ``robot.json`` and some episodes of the oracle."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "robot.json").write_text(json.dumps(ROBOT, indent=1))
        environment = make_environment(TASK, "train", self.arguments)
        oracle = OraclePolicy(environment)
        seed = 0
        while len(list(folder.glob("*.npz"))) < episodes:
            rng = np.random.default_rng([seed, 1])
            observation, _ = environment.reset(seed=seed)
            seen, actions, over, success = [self.seen(observation, rng)], [], False, False
            while not over:
                action = oracle.act(observation)
                observation, _, terminated, truncated, info = environment.step(action)
                seen.append(self.seen(observation, rng))
                actions.append(action)
                over, success = terminated or truncated, bool(info["success"])
            if success:
                arrays: dict[str, Any] = {key: np.stack([each[key] for each in seen]) for key in ("color", "depth")}
                arrays |= {key: seen[0][key] for key in ("intrinsics", "extrinsics")}
                arrays |= {key: np.stack([to_lab(action[key]) for action in actions]) for key in ("pick", "place")}
                np.savez_compressed(folder / f"{seed:06}.npz", **arrays)
            seed += 1
        environment.close()


class InTheLab:
    """A policy of the lab's robot, asked in the suite; see ``core/policy.py``.

    Args:
        robot: gives actions in the lab's frame.
        lab: whose cameras see.
    """

    def __init__(self, robot: RobotPolicy, lab: Lab) -> None:
        self._robot, self._lab = robot, lab

    def reset(self, seed: int) -> None:
        """An episode begins, and the noise of its images."""
        self._robot.reset(seed)
        self._rng = np.random.default_rng([seed, 2])

    def act(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        """The robot's action for what the lab's cameras see."""
        return {name: from_lab(pose) for name, pose in self._robot.act(self._lab.seen(observation, self._rng)).items()}


def to_lab(pose: Array) -> Array:
    """A pose of the suite, (7,), as the lab writes it."""
    own = (_LAB @ Pose.from_vector(pose) @ _FLANGE).vector()
    return np.concatenate([own[:3], wxyz_from_xyzw(own[3:])])


def from_lab(pose: Array) -> Array:
    """The inverse of ``to_lab``."""
    own = Pose.from_vector(np.concatenate([pose[:3], xyzw_from_wxyz(pose[3:])]))
    return (_LAB.inverse() @ own @ _FLANGE.inverse()).vector()


def test_scenes(policy: Policy, lab: Lab, episodes: int) -> list[float]:
    """Scores of a policy on test seeds, 0 to 1."""
    environment = make_environment(TASK, "test", lab.arguments)
    scores = []
    for seed in range(episodes):
        scores.append(roll_out(environment, policy, seed, record=False).score)
        print(f"test seed {seed}: {scores[-1]:.2f}", flush=True)
    environment.close()
    return scores


def main() -> None:
    """Record, import, train, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demos", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--steps", type=int, help="gradient steps; the agent's own number unless given")
    parser.add_argument("--folder", type=Path, help="keep recordings, episodes and run; a second run goes on with them")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lab = Lab()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        lab.record(folder / "recorded", options.demos)
        import_episodes(folder / "recorded", "arrays", folder / "data")
        plan = TrainingPlan(
            agent="transporter",
            tasks=(ROBOT["task"],),
            demos=options.demos,
            settings=TrainingSettings(steps=options.steps, val_episodes=0, threads=1),
        )
        train(plan, folder / "data", folder / "run")
        trained = RunFolder(folder / "run").record()["commit"]
        scores = test_scenes(InTheLab(RobotPolicy.load(folder / "run"), lab), lab, options.episodes)
    solved = sum(score > 0.999 for score in scores)
    result = {
        "task": TASK,
        "robot": ROBOT,
        "cameras": lab.arguments["cameras"],
        "depth_noise_mm": 1000 * lab.noise,
        "depth_holes": lab.holes,
        "demos": options.demos,
        "episodes": len(scores),
        "score": round(100 * math.fsum(scores) / len(scores), 1),
        "solved": solved,
        "interval_95": list(percent_interval([float(score > 0.999) for score in scores])),
        "trained_at": trained,
        **provenance(),
        "command": f"python benchmarks/own_robot.py --demos {options.demos} --episodes {len(scores)}",
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
