"""Demonstrations as heightmaps and pixel positions, kept in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import Heightmap, fuse
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError

from .history import Move, demonstration_statistics
from .steps import UNTURNED, Step, step_from_maps, with_later_objects

KEYS = ("color", "depth", "camera_intrinsics", "camera_poses")
"""What a heightmap is made from."""
_ONE_PLACE = 0.05
"""Metres below which two places count as one."""


class PickPlaceDataset:
    """The steps of n episodes.

    Args:
        episodes: the steps of each episode.

    Attributes:
        episodes: those with any step.
        statistics: how often what was placed is picked again, and places are used again.
        turning: whether any step turns what it moves; in some tasks, such as laying a rope, none does.

    Raises:
        ConfigError: there is not a single step.
    """

    def __init__(self, episodes: Iterable[Sequence[Step]]) -> None:
        self.episodes = tuple(tuple(episode) for episode in episodes if len(episode))
        if not self.episodes:
            raise ConfigError("There is no demonstrated step to learn from: collect at least one episode.")
        self.statistics = demonstration_statistics(
            [Move(Heightmap(s.color, s.height), s.pick, s.place) for s in episode] for episode in self.episodes
        )
        self.turning = any(abs(step.yaw) > UNTURNED for episode in self.episodes for step in episode)

    @staticmethod
    def of(demonstrations: Demonstrations) -> PickPlaceDataset:
        """Fuse the images of recorded episodes, which are read one at a time: only their heightmaps stay."""
        return PickPlaceDataset(_steps(episode) for episode in demonstrations)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def sample(self, rng: np.random.Generator) -> Step:
        """A step: an episode is drawn uniformly, then a step of it (Transporter Networks, section 4.2)."""
        episode = self.episodes[rng.integers(len(self.episodes))]
        return episode[rng.integers(len(episode))]


def _steps(episode: EpisodeReader) -> list[Step]:
    seen, actions = episode.observations(keys=KEYS), episode.actions()
    maps = [fuse(*(seen[key][t] for key in KEYS)) for t in range(episode.summary.steps + 1)]
    picks = [Pose.from_vector(pose) for pose in actions["pick"]]
    places = [Pose.from_vector(pose) for pose in actions["place"]]
    # Where several things go to one place, so would what is left over at the end.
    one_place = len(places) > 1 and all(
        math.dist(place.position[:2], places[0].position[:2]) < _ONE_PLACE for place in places
    )
    end = maps[-1] if one_place else None
    steps = [step_from_maps(maps[t], maps[t + 1], picks[t], places[t], end) for t in range(episode.summary.steps)]
    return with_later_objects(steps)
