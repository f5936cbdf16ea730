"""Recorded episodes as scenes and actions, in memory: 64 kB a step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.observations import GOAL
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError, MissingDataError

from ..pick_place.kept_heightmaps import KEYS
from .models.base import Window
from .scenes import COLUMNS, ROWS, Packed, see, to_action, unpack

_HINDSIGHT = 0.5
"""Share of windows whose goal is a scene of the episode itself (hindsight, arXiv 1707.01495)."""
_MIRRORED = 0.5
"""Share of windows that are seen in a mirror, for each axis of the table."""


class Steps(NamedTuple):
    """One episode.

    Attributes:
        scenes: T + 1.
        actions: (T, 5) float64.
        goal: the goal picture; ``None`` where none was recorded.
    """

    scenes: Sequence[Packed]
    actions: Array
    goal: Packed | None


class TransitionDataset:
    """Windows of consecutive steps.

    Args:
        episodes: those with any action are kept.

    Raises:
        ConfigError: there is not a single action.
    """

    def __init__(self, episodes: Iterable[Steps]) -> None:
        self.episodes = tuple(episode for episode in episodes if len(episode.actions))
        if not self.episodes:
            raise ConfigError("There is no recorded action to learn from: collect at least one episode.")

    @staticmethod
    def from_demonstrations(demonstrations: Demonstrations) -> TransitionDataset:
        """Fuse and reduce the images of recorded episodes, one episode after the other."""
        return TransitionDataset(read_steps(episode) for episode in demonstrations)

    def __len__(self) -> int:
        """Number of actions."""
        return sum(len(episode.actions) for episode in self.episodes)

    def sample(self, rng: np.random.Generator, count: int, horizon: int, device: torch.device) -> Window:
        """Windows drawn uniformly over actions; shorter episodes are passed over where a longer one is asked for.

        Args:
            rng: draws them.
            count: of windows.
            horizon: actions of each; at most that of the longest episode.
            device: of the result.
        """
        horizon = min(horizon, max(len(episode.actions) for episode in self.episodes))
        room = np.array([max(len(episode.actions) - horizon + 1, 0) for episode in self.episodes])
        ends = np.cumsum(room)
        scenes: list[Packed] = []
        actions, goals = [], []
        for number in rng.integers(ends[-1], size=count):
            index = int(np.searchsorted(ends, number, side="right"))
            episode = self.episodes[index]
            first = int(number - (ends[index] - room[index]))
            scenes.extend(episode.scenes[first : first + horizon + 1])
            actions.append(episode.actions[first : first + horizon])
            goals.append(_goal(episode, first, rng))
        shown = unpack(scenes, device)
        return Window(
            shown.reshape(count, horizon + 1, *shown.shape[1:]),
            torch.from_numpy(np.stack(actions).astype(np.float32)).to(device),
            unpack(goals, device),
        )


def mirrored(window: Window, rng: np.random.Generator) -> Window:
    """A window in which some episodes are seen in a mirror, left for right, far for near, or both.

    Args:
        window: what happened.
        rng: chooses.
    """
    scenes, actions, goals = window
    for axis, length, coordinates in ((-1, COLUMNS, (0, 2)), (-2, ROWS, (1, 3))):
        flipped = torch.from_numpy(rng.random(len(scenes)) < _MIRRORED).to(scenes.device)
        scenes = torch.where(flipped[:, None, None, None, None], scenes.flip(axis), scenes)
        goals = torch.where(flipped[:, None, None, None], goals.flip(axis), goals)
        other = actions.clone()
        for coordinate in coordinates:
            other[..., coordinate] = length - actions[..., coordinate]
        other[..., 4] = -actions[..., 4]
        actions = torch.where(flipped[:, None, None], other, actions)
    return Window(scenes, actions, goals)


def read_steps(episode: EpisodeReader) -> Steps:
    """The scenes and actions of a recorded episode, and its goal picture where one was recorded."""
    poses = episode.actions()
    pairs = zip(poses["pick"], poses["place"], strict=True) if episode.summary.steps else ()
    actions = [to_action(Pose.from_vector(pick), Pose.from_vector(place)) for pick, place in pairs]
    try:
        goal = see(episode.observation(0, [GOAL + key for key in KEYS]), GOAL)
    except MissingDataError:
        goal = None
    scenes = [see(observation) for observation in episode.each(KEYS)]
    return Steps(scenes, np.array(actions).reshape(-1, 5), goal)


def _goal(episode: Steps, first: int, rng: np.random.Generator) -> Packed:
    """What a window is to lead to: the goal picture, or what some actions of the episode led to."""
    later = episode.scenes[int(rng.integers(first + 1, len(episode.scenes)))]
    return later if episode.goal is None or rng.random() < _HINDSIGHT else episode.goal
