"""The state of an environment: how an episode came to where it is, so that it can be brought there again to the bit.

A state holds the seed of the scene and every action since, not the bodies' poses and speeds. Restoring it builds the
scene anew and carries out the actions, without drawing anything. That is exact, since an episode is determined by its
seed and its actions. Bullet's own saveState is not: it loses what the solver remembers of contacts between plain rigid
bodies (3.25; see ``findings/pybullet_restore_state_inexact.sh``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.errors import ConflictError, ReplayError


@dataclass(frozen=True, eq=False)
class Memory:
    """What an environment remembers of an episode beside its scene.

    Attributes:
        generators: states of NumPy's bit generators by purpose: ``oracle``; ``sensor``, as it was before the last
            observation; ``seeds``, which gives the seed of a ``reset`` without one.
        plan: what the control keeps of the oracle's plan.
        done: what ``info`` says of the last action.
        noise: what the numbers of ``sensor`` were drawn for, see ``Observer.noise``; ``None`` in states of earlier
            builds.
    """

    generators: Mapping[str, Any]
    plan: Any
    done: Mapping[str, Any]
    noise: tuple[Any, ...] | None = None


@dataclass(frozen=True, eq=False)
class EnvironmentState:
    """Where an episode is. Made by ``save_state``, taken by ``restore_state``; it can be pickled.

    Attributes:
        environment: what decides how an episode goes, as JSON: task, split, control, motion, distractors, task options.
        seed: of the scene.
        actions: those carried out so far, in order; arrays by name.
        poses: (7,) float64 position and quaternion of every body then, world frame, to check what was restored.
        memory: see there. Without one it is made on the way, as in an episode of the oracle.
    """

    environment: Mapping[str, Any]
    seed: int
    actions: tuple[Mapping[str, NDArray[Any]], ...]
    poses: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    memory: Memory | None = None

    @property
    def steps(self) -> int:
        """Number of actions so far."""
        return len(self.actions)

    def check_environment(self, own: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Check that an environment can be brought to this state.

        Args:
            own: ``environment`` of a state of that environment.
            defaults: of the task's options, so that to give one of these makes no other environment.

        Raises:
            ConflictError: it has another task, split, control, motion, distractors or task options.
        """
        differing = [
            f"{name} {self.environment.get(name)!r}, this environment {own.get(name)!r}"
            for name in dict.fromkeys([*self.environment, *own])
            if _filled(name, self.environment.get(name), defaults) != _filled(name, own.get(name), defaults)
        ]
        if differing:
            raise ConflictError(
                f"The state is of another environment: it has {'; '.join(differing)}. Make one with the same arguments."
            )

    def check_poses(self, poses: Mapping[str, NDArray[np.float64]]) -> None:
        """Check that the actions led to where they led before.

        Args:
            poses: (7,) float64 of every body now, as in ``poses``.

        Raises:
            ReplayError: a body is elsewhere, or there are other bodies.
        """
        after = f"seed {self.seed} after {self.steps} actions"
        if set(poses) != set(self.poses):
            odd = ", ".join(sorted(set(poses) ^ set(self.poses)))
            raise ReplayError(f"{after} has other bodies than when the state was saved ({odd}). {_REASONS}")
        for name, pose in poses.items():
            if not np.array_equal(pose, self.poses[name]):
                way = 1000 * math.dist(pose[:3], self.poses[name][:3])
                raise ReplayError(
                    f"{after}: {name!r} is {way:.3g} mm from where it was when the state was saved. {_REASONS}"
                )


def _filled(name: str, value: Any, defaults: Mapping[str, Any]) -> Any:
    """A plain value; of ``options`` with those that were not given."""
    return _plain({**defaults, **value} if name == "options" and isinstance(value, Mapping) else value)


def _plain(value: Any) -> Any:
    """The same with lists for tuples and arrays, as JSON has it: two arrays do not compare to one truth value."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


_REASONS = (
    "Either another version of the suite, the simulator or the task made it, or something but actions moved bodies "
    "then or now. Collect the episode again, or save the state again."
)
