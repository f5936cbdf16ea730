"""Recorded episodes as the forecaster learns from them: views over time, actions, scores and stages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ravens_suite.core.forecast import scores_of, stages_of
from ravens_suite.core.geometry import Array
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.errors import ConfigError

from ...pick_place.kept_heightmaps import episode_heightmaps
from ...pick_place.plane import compose, rigid, transform, warp
from .views import SHAPE, View, action_channels, changed, moved_copy, poses_of, views_of

_MOST_TURN = math.radians(10)
"""Largest turn of the whole table in augmentation."""
_MOST_SHIFT = 4.0
"""Largest shift of it, in pixels of a view: 25 mm."""
_HIDDEN = 0.7
"""Share of the views in which more is hidden than the arm hid."""


@dataclass(frozen=True)
class WatchedEpisode:
    """One recorded episode of T actions.

    Attributes:
        views: T + 1.
        poses: (T, 2, 3) float64, see ``views.poses_of``.
        scores: (T + 1,) float32, the score so far.
        stages: (T + 1,) int64, indices of ``core.forecast.STAGES``.
    """

    views: tuple[View, ...]
    poses: Array
    scores: NDArray[np.float32]
    stages: NDArray[np.int64]

    @staticmethod
    def of(episode: EpisodeReader) -> WatchedEpisode:
        """From the disk.

        Raises:
            MissingDataError: its images were not observed.
        """
        actions, rewards = episode.actions(), episode.rewards().tolist()
        steps = range(episode.summary.steps)
        poses = [poses_of({name: values[step] for name, values in actions.items()}) for step in steps]
        return WatchedEpisode(
            tuple(views_of(episode_heightmaps(episode))),
            np.array(poses).reshape(-1, 2, 3),
            np.array(scores_of(rewards), dtype=np.float32),
            np.array(stages_of(rewards), dtype=np.int64),
        )


@dataclass(frozen=True)
class Batch:
    """B episodes side by side, padded at their ends; T is the most actions of one of them, at least 1.

    The next view is asked for after some of the actions only, L of each episode: drawing it costs as much as watching.

    Attributes:
        seen: (T + 1, B, 7, 160, 80) float32: five channels of the view, and the action that led to it as two.
        scores: (T + 1, B) float32.
        stages: (T + 1, B) int64.
        valid: (T + 1, B) bool, false in the padding.
        steps: (L, B) int64, numbers of those actions.
        acting: (L, B, 2, 160, 80) float32, those actions.
        copied: (L, B, 5, 160, 80) float32, the view before each with the patch at the pick moved to the place.
        changes: (L, B, 160, 80) bool, where the next view differs, and both were seen.
    """

    seen: Tensor
    scores: Tensor
    stages: Tensor
    valid: Tensor
    steps: Tensor
    acting: Tensor
    copied: Tensor
    changes: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


def read_episodes(episodes: Iterable[EpisodeReader]) -> list[WatchedEpisode]:
    """All of some episodes that have an action, about 0.25 MB of memory a view.

    Raises:
        ConfigError: none has an action.
    """
    found = [WatchedEpisode.of(episode) for episode in episodes if episode.summary.steps]
    if not found:
        raise ConfigError("There is no recorded step to learn from: collect at least one episode with an action.")
    return found


def draw_batch(
    episodes: Sequence[WatchedEpisode], count: int, most: int, looks: int, rng: np.random.Generator
) -> Batch:
    """Pieces of some episodes drawn uniformly, each as if the table were turned, shifted and mirrored a little.

    Args:
        episodes: to draw from.
        count: how many.
        most: actions of each at most.
        looks: after how many actions of each the next view is asked for.
        rng: draws all.
    """
    chosen = [episodes[int(index)] for index in rng.integers(len(episodes), size=count)]
    pieces = [_hidden(_cut(episode, most, rng), episodes, rng) for episode in chosen]
    drawn = [altered(piece, rng) for piece in pieces]
    return make_batch(drawn, [rng.integers(max(len(episode.poses), 1), size=looks) for episode in drawn])


def _cut(episode: WatchedEpisode, steps: int, rng: np.random.Generator) -> WatchedEpisode:
    """At most so many actions of an episode: those from its beginning, or as often those from anywhere in it.

    What happened before such a piece is then as if nobody had looked. It may be the last view alone: else the first
    view of all would never show what is done, and how far it is could be told from the actions without looking.
    """
    first = int(rng.integers(len(episode.views))) if rng.random() < 0.5 else 0
    kept = slice(first, first + steps + 1)
    return WatchedEpisode(
        episode.views[kept], episode.poses[first : first + steps], episode.scores[kept], episode.stages[kept]
    )


def _hidden(episode: WatchedEpisode, others: Sequence[WatchedEpisode], rng: np.random.Generator) -> WatchedEpisode:
    """Some of its views with what the arm hid in views of others hidden, too.

    The arm stands elsewhere before the first action and after one, so that its shadow would tell what was done.
    """
    views = []
    for view in episode.views:
        if rng.random() < _HIDDEN:
            other = others[int(rng.integers(len(others)))].views
            seen = view.seen & other[int(rng.integers(len(other)))].seen
            view = View(view.color * seen[..., None], view.height * seen, seen)
        views.append(view)
    return replace(episode, views=tuple(views))


def expected_views(length: int, steps: int) -> float:
    """How many views a piece of an episode of so many actions has on average; see ``_cut``."""
    anywhere = [min(length - first, steps) + 1 for first in range(length + 1)]
    return (anywhere[0] + sum(anywhere) / len(anywhere)) / 2


def altered(episode: WatchedEpisode, rng: np.random.Generator) -> WatchedEpisode:
    """The same episode on a table that is mirrored, turned and shifted; what was beyond its edge counts as unseen."""
    centre = np.array([SHAPE[1] / 2, SHAPE[0] / 2])
    turn = float(rng.uniform(-_MOST_TURN, _MOST_TURN))
    motion = rigid(turn, centre, centre + rng.uniform(-_MOST_SHIFT, _MOST_SHIFT, 2))
    flips = np.where(rng.random(2) < 0.5, -1.0, 1.0)  # Of columns and of rows.
    mirror = np.column_stack([np.diag(flips), centre - flips * centre])
    matrix = compose(motion, mirror)
    views = tuple(_moved(view, matrix) for view in episode.views)
    poses = episode.poses.copy()
    poses[..., :2] = transform(matrix, poses[..., :2])
    # A mirror turns the sense of rotation; two are half a turn.
    poses[..., 2] = poses[..., 2] * flips.prod() + turn
    return WatchedEpisode(views, poses, episode.scores, episode.stages)


def _moved(view: View, matrix: Array) -> View:
    color = warp(view.color, matrix, border=(0, 0, 0))
    height = warp(view.height, matrix, flags=cv2.INTER_NEAREST)
    return View(color, height, warp(view.seen.astype(np.uint8), matrix).astype(bool))


def make_batch(episodes: Sequence[WatchedEpisode], looks: Sequence[NDArray[np.int64]]) -> Batch:
    """Episodes side by side.

    Args:
        episodes: B of them.
        looks: (L,) int64 of each episode: numbers of the actions after which the next view is asked for; zeros where
            it has none.
    """
    length, count = max(1, *(len(episode.poses) for episode in episodes)), len(episodes)
    steps = torch.from_numpy(np.stack(looks, axis=1)) if looks else torch.zeros(0, count, dtype=torch.int64)
    batch = Batch(
        seen=torch.zeros(length + 1, count, 7, *SHAPE),
        scores=torch.zeros(length + 1, count),
        stages=torch.zeros(length + 1, count, dtype=torch.int64),
        valid=torch.zeros(length + 1, count, dtype=torch.bool),
        steps=steps,
        acting=torch.zeros(len(steps), count, 2, *SHAPE),
        copied=torch.zeros(len(steps), count, 5, *SHAPE),
        changes=torch.zeros(len(steps), count, *SHAPE, dtype=torch.bool),
    )
    for at, episode in enumerate(episodes):
        _fill(batch, at, episode)
    return batch


def _fill(batch: Batch, at: int, episode: WatchedEpisode) -> None:
    """Write one episode into a batch."""
    end = len(episode.views)
    batch.scores[:end, at] = torch.from_numpy(episode.scores)
    batch.stages[:end, at] = torch.from_numpy(episode.stages)
    batch.valid[:end, at] = True
    for step, view in enumerate(episode.views):
        batch.seen[step, at, :5] = torch.from_numpy(view.channels())
        if step:
            batch.seen[step, at, 5:] = torch.from_numpy(action_channels(episode.poses[step - 1]))
    if not len(episode.poses):
        return
    for look, step in enumerate(batch.steps[:, at].tolist()):
        before, after, poses = episode.views[step], episode.views[step + 1], episode.poses[step]
        batch.acting[look, at] = torch.from_numpy(action_channels(poses))
        batch.copied[look, at] = torch.from_numpy(moved_copy(before, poses).channels())
        batch.changes[look, at] = torch.from_numpy(changed(before, after))
