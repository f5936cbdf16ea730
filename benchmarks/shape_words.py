"""How often shape words find the thing that is meant before anything is trained.

    python benchmarks/shape_words.py --work FOLDER [--episodes 100] [--out results/shape_words.json]

In each scene of packing-shapes five things have five different shapes, and the oracle picks the one that the sentence
names. Counted are the scenes in which, of all that stands on the table, what it picks fits the word best, and nothing
else as well (``agents/common/shape_words.py``); chance is 20 %. In assembling-kits-seq a sentence names a slot of five,
and says at which side it is where others have its shape (``sides.py``). Counted are the steps in which the slot that
the oracle fills fits best. Validation scenes hold six shapes that training scenes never do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.agents.common.color_words import name_colors
from ravens_suite.agents.common.sentences import resolve, seen_mentions
from ravens_suite.agents.common.shape_words import fits_of, shape_words, things
from ravens_suite.agents.pick_place.kept_heightmaps import KEYS
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.data.atomic import write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode import EpisodeReader
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import commit

_STANDS = 0.01
"""Metres above the table; objects are 20 mm high."""
_NEAR = 3
"""Pixels around a pick."""
_BOARD = (0.003, 0.012)
"""Metres above the table: the board of a kit and its free slots, but no object."""
_APART = 29
"""Pixels between the middles of two slots. The gripper takes objects anywhere, so it fills a slot beside its middle."""


class Count:
    """How often what a sentence means fits best, by the words that say it."""

    def __init__(self) -> None:
        self._right: dict[str, list[bool]] = {}

    def add(self, words: str, *, right: bool) -> None:
        """One sentence."""
        self._right.setdefault(words, []).append(right)

    def figures(self) -> dict[str, Any]:
        """JSON."""
        shares = {words: f"{sum(each)} of {len(each)}" for words, each in sorted(self._right.items())}
        every = [one for each in self._right.values() for one in each]
        return {"sentences": len(every), "found": sum(every), "found_by_words": shares}


def episodes_of(work: Path, task: str, split: str, episodes: int) -> Iterator[EpisodeReader]:
    """The first oracle episodes of a split."""
    collect(task, episodes=episodes, data=work, split=split, arguments={"observe": ["images", "instruction"]})
    store = EpisodeStore.of(work, task, split)
    yield from Demonstrations([store.path(seed) for seed in list(store.seeds())[:episodes]])


def objects(work: Path, split: str, episodes: int) -> dict[str, Any]:
    """Of all that stands on the table, does what the oracle picks alone fit best?"""
    count = Count()
    for episode in episodes_of(work, "packing-shapes", split, episodes):
        seen = fuse_observation(episode.observation(0, KEYS))
        said = str(episode.observation(0, ["instruction"])["instruction"])
        shape = next(word for word in shape_words(said) if word)
        found = things(name_colors(seen.color), seen.height)
        pick = to_pixels(Pose.from_vector(episode.actions()["pick"][0]))
        at_pick, others = [0.0], [0.0]
        for thing, fit in zip(found, fits_of(found, [shape])[0].tolist(), strict=True):
            away = np.abs(np.argwhere(thing.mask)[:, ::-1] + [each.start for each in thing.window[::-1]] - pick)
            if away.max(axis=1).min() <= _NEAR:
                at_pick.append(fit)
            elif np.median(seen.height[thing.window][thing.mask]) > _STANDS:
                others.append(fit)
        # Two things may fit entirely; then the word alone does not tell them apart.
        count.add(shape, right=max(at_pick) > max(others))
    return count.figures()


def slots(work: Path, split: str, episodes: int) -> dict[str, Any]:
    """Of all slots of a board, does the one that the oracle fills fit best? One sentence a step of each episode."""
    count = Count()
    for episode in episodes_of(work, "assembling-kits-seq-seen", split, episodes):
        places = episode.actions()["place"]
        for step in range(episode.summary.steps):
            seen = fuse_observation(episode.observation(step, KEYS))
            said = str(episode.observation(step, ["instruction"])["instruction"])
            # Object and slot have one shape; the side, where there is one, is that of the slot.
            mention = max(resolve(said)[1].values(), key=lambda mention: bool(mention.side))
            fits = seen_mentions([mention], name_colors(seen.color), seen.height, 0.0)[0]
            free = (seen.height > _BOARD[0]) & (seen.height < _BOARD[1])
            best = fits[free].max()
            middle = np.argwhere(free & (fits == best)).mean(axis=0)[::-1]
            apart = np.linalg.norm(to_pixels(Pose.from_vector(places[step])) - middle)
            count.add(mention.side or "no side", right=bool(best > 0 and apart < _APART / 2))
    return count.figures()


def main() -> None:
    """Count, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for scenes")
    parser.add_argument("--episodes", type=int, default=100, help="of each task and split (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    options = parser.parse_args()
    result = {
        "command": f"python benchmarks/shape_words.py --work FOLDER --episodes {options.episodes}",
        "commit": commit(),
        "objects": {split: objects(options.work, split, options.episodes) for split in ("train", "val")},
        "slots": {split: slots(options.work, split, options.episodes) for split in ("train", "val")},
    }
    print(json.dumps(result, indent=2))
    if options.out is not None:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
