"""The ``info`` of an environment, in forms that survive libraries which take it apart."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ravens_suite.core.cameras import Camera
from ravens_suite.envs.simulation import Simulation


class ByName(OrderedDict[str, Any]):
    """A dictionary whose names differ from one step of an episode to the next, as those of bodies do.

    Minari's ``DataCollector`` (0.5.4) collects ``info`` by ``jax.tree_util.tree_map``, which takes every dict apart and
    then demands the same keys at every step. It leaves a subclass of ``OrderedDict`` whole, and a list of those Minari
    writes by the keys of the first.
    """


def frozen(value: Any) -> Any:
    """JSON values with tuples for lists: Minari writes a tuple of dictionaries, but no list of them."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


@lru_cache(maxsize=8)
def _described(cameras: tuple[Camera, ...]) -> tuple[dict[str, Any], ...]:
    """Cameras as ``info`` has them; they are the same at every step of an episode."""
    return tuple(frozen(camera.to_json()) for camera in cameras)


def info_of(simulation: Simulation, cameras: Sequence[Camera], renderer: str) -> dict[str, Any]:
    """What an environment says beside an observation.

    Args:
        simulation: where the episode is.
        cameras: of the episode.
        renderer: name of the one in use.
    """
    poses = simulation.scene.poses()
    met, done = simulation.met(poses), simulation.done
    return {
        "progress": simulation.scorer.progress,
        "success": all(met.values()) and not simulation.failure,
        "failure": simulation.failure,
        "goals": ByName(met),
        "motion": dict(done["motion"]),
        "action": ByName({name: array.copy() for name, array in done["action"].items()}),
        "cameras": tuple(dict(camera) for camera in _described(tuple(cameras))),
        "seed": simulation.seed,
        "renderer": renderer,
        "privileged": {
            "poses": ByName({name: pose.vector() for name, pose in poses.items()}),
            "labels": ByName(simulation.scene.labels()),
        },
    }
