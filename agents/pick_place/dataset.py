"""Demonstrations as heightmaps and pixel positions, kept in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, repeat

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap, fuse_observation
from ravens_suite.core.observations import GOAL
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError

from .goal_scenes import with_earlier_goal
from .habits import TaskTallies, told_moves
from .history import returns_by_form
from .kept_heightmaps import KEYS, episode_heightmaps
from .loose_things import loose_things, settled_thing
from .packing import PackedEpisode, Store
from .steps import Step, step_from_maps, with_later_objects

__all__ = ["KEYS", "PickPlaceDataset"]
_SAME_PLACE = 0.05
"""Metres: places closer than this count as one place."""


class PickPlaceDataset:
    """The steps of recorded episodes with ``pick`` and ``place`` poses.

    Args:
        episodes: the steps of each episode.
        tasks: the task of each; all are of one task unless given.

    Attributes:
        episodes: those with any step; a step is unpacked when it is asked for.
        habits: of all episodes.
        habits_of_tasks: (n, 6) float32, see ``TaskTallies.tables``.
        words_of_tasks: (n, 4093) float32, see ``TaskTallies.tables``.
        tilting: whether any place is tilted, and the agent places so.
        returns: (1021,) float32 of ``returns_by_form``.

    Raises:
        ConfigError: there is not a single step.
    """

    def __init__(self, episodes: Iterable[Sequence[Step]], tasks: Iterable[str] | None = None) -> None:
        store, packed = Store(), list[PackedEpisode]()
        tallies = TaskTallies()
        told: list[list[tuple[str, Array, Array]]] = []
        self._news: list[tuple[int, ...]] = []
        # One after the other: only the packed steps of an episode stay in memory.
        of_one = zip(episodes, repeat(""), strict=False)
        for episode, task in of_one if tasks is None else zip(episodes, tasks, strict=True):
            if not len(episode):
                continue
            packed.append(PackedEpisode.of(episode, store))
            tallies.add(task, episode)
            said = [step.instruction for step in episode]
            self._news.append(tuple(_news(said)))
            told.append(told_moves(episode))
        self.habits, self.tilting = tallies.all.habits, tallies.all.tilting
        self.habits_of_tasks, self.words_of_tasks = tallies.tables()
        self.returns = returns_by_form(told)
        self.episodes = tuple(packed)
        if not self.episodes:
            raise ConfigError("There is no demonstrated step to learn from: collect at least one episode.")
        # Steps after the first of their sentence; plus one, as all sentences may be carried out in one step.
        lasting = np.array(
            [1 + (len(episode) - len(news) if news else 0) for episode, news in zip(packed, self._news, strict=True)]
        )
        self._shares = (lasting / lasting.sum() + 1 / len(packed)) / 2

    @staticmethod
    def from_demonstrations(
        demonstrations: Demonstrations,
        *,
        goals: bool = False,
        tilts: bool = False,
        instructions: bool = False,
        first_scenes: bool = False,
    ) -> PickPlaceDataset:
        """Fuse the images of recorded episodes.

        Images are read one step at a time, and only the heightmaps of one episode are in memory as they are. What is
        kept is packed, about 20 kB a step; beyond 256 MB it lies in a temporary file (``packing.py``).

        Args:
            demonstrations: recorded episodes.
            goals: whether to read the images of their goals, too; then they must have them.
            tilts: whether to look at height and tilt of places; else all count as upright.
            instructions: whether to read what was said before each step; then they must have it. Without images of
                goals, the goal of a step at which a sentence is new is the scene in which it has been carried out.
            first_scenes: whether each step comes with the first scene of its episode, for an agent that remembers it.
        """
        episodes = (
            _steps(episode, goals=goals, tilts=tilts, instructions=instructions, first_scenes=first_scenes)
            for episode in demonstrations
        )
        return PickPlaceDataset(episodes, (reader.summary.task for reader in demonstrations))

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def sample(self, rng: np.random.Generator, hindsight: float = 0.0, news: float = 0.0) -> Step:
        """A random step: an episode is drawn uniformly, then a step of it (Transporter Networks, section 4.2).

        Args:
            rng: draws it.
            hindsight: share of steps whose goal is drawn anew (``with_earlier_goal``).
            news: share of steps that are drawn among those at which a sentence is said for the first time.
        """
        number = int(rng.integers(len(self.episodes)))
        episode, first_said = self.episodes[number], self._news[number]
        if news and first_said and rng.random() < news:
            index = first_said[int(rng.integers(len(first_said)))]
        else:
            index = int(rng.integers(len(episode)))
        if hindsight and rng.random() < hindsight:
            return with_earlier_goal(episode, index, rng)
        return episode[index]

    def sample_sentence(self, rng: np.random.Generator) -> Step:
        """A random step whose goal is the scene in which its sentence has been carried out.

        Half of the time every episode is as likely as any other. Else those whose sentences last many steps are more
        likely, because there the words tell more than the step itself shows. Drawn uniformly, most examples of a run on
        many tasks would be of sentences that one step carries out; drawn by length alone, those would be too few to
        learn (``results/outlook_draw.json``).

        Half of the steps are those at which a sentence is said for the first time, when only the words tell. The others
        are any: who has seen first steps alone expects a rope that lies along a side that is not meant to end there.

        Args:
            rng: draws it.
        """
        number = int(rng.choice(len(self.episodes), p=self._shares))
        episode, first_said = self.episodes[number], self._news[number]
        if not first_said:
            return episode[0]
        if rng.random() < 0.5:
            return episode[first_said[int(rng.integers(len(first_said)))]]
        index = int(rng.integers(first_said[0], len(episode)))
        start = max(first for first in first_said if first <= index)
        return replace(episode[index], goal=episode[start].goal)


def _news(said: Sequence[str | None]) -> Iterator[int]:
    """The steps whose sentence is not that of the step before."""
    for index, words in enumerate(said):
        if words is not None and (index == 0 or words != said[index - 1]):
            yield index


def _goal(episode: EpisodeReader) -> Heightmap:
    """The finished scene of an episode, which all its observations show alike."""
    return fuse_observation(episode.observation(0, [GOAL + key for key in KEYS]), GOAL)


def _steps(episode: EpisodeReader, *, goals: bool, tilts: bool, instructions: bool, first_scenes: bool) -> list[Step]:
    """The steps of one episode."""
    if not episode.summary.steps:
        return []  # It may have been recorded without names of actions.
    actions = episode.actions()
    maps = episode_heightmaps(episode)
    picks = [Pose.from_vector(pose) for pose in actions["pick"]]
    places = [Pose.from_vector(pose) for pose in actions["place"]]
    # If all objects go to one place, one more object at the end would go there, too.
    one_place = len(places) > 1 and all(
        math.dist(place.position[:2], places[0].position[:2]) < _SAME_PLACE for place in places
    )
    end = maps[-1] if one_place else None
    steps = [
        step_from_maps(maps[t], maps[t + 1], picks[t], places[t], end, tilts=tilts)
        for t in range(episode.summary.steps)
    ]
    if goals:
        goal = _goal(episode)
        steps = [replace(step, goal=goal) for step in steps]
    news = [0, len(steps)]
    if instructions:
        said = episode.observations(keys=["instruction"])["instruction"]
        steps = [replace(step, instruction=str(words)) for step, words in zip(steps, said, strict=False)]
        news = [*_news([step.instruction for step in steps]), len(steps)]
        if not goals:
            for start, following in pairwise(news):
                steps[start] = replace(steps[start], goal=maps[following])
    if not one_place:
        # Pushes to one place move many things, each on its own.
        for start, following in pairwise(news):
            things = loose_things(steps[start:following], maps[start : following + 1])
            steps[start:following] = [
                replace(step, loose=thing) for step, thing in zip(steps[start:following], things, strict=True)
            ]
    if first_scenes:
        steps = [replace(step, first=maps[0]) for step in steps]
    joined = with_later_objects(steps)
    # A sentence that changes says nothing of the last scene.
    if goals or first_scenes or len({step.instruction for step in joined}) > 1:
        return joined
    settled = settled_thing(joined, maps)
    turned = any(step.rotates for step in joined)
    return [
        replace(step, end=maps[-1], settled=settled, moves=len(joined))
        if settled or (turned and step.free_objects and step.tilt is None)
        else step
        for step in joined
    ]
