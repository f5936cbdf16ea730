"""How often a shape word finds the thing that is meant before anything is trained.

    python benchmarks/shape_words.py --work FOLDER [--episodes 100] [--out results/shape_words.json]

In each scene of packing-shapes five things have five different shapes, and the oracle picks the one that the sentence
names. Counted are the scenes in which, of all that stands on the table, what it picks fits the word best
(``agents/common/shape_words.py``). Validation scenes hold six shapes that training scenes never do. Chance is 20 %.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from ravens_suite.agents.common.color_words import name_colors
from ravens_suite.agents.common.shape_words import likeness, shape_words
from ravens_suite.agents.pick_place.kept_heightmaps import KEYS
from ravens_suite.agents.pick_place.plane import to_pixels
from ravens_suite.core.geometry import Pose
from ravens_suite.core.heightmap import fuse_observation
from ravens_suite.data.atomic import write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import commit

_TASK = "packing-shapes"
_STANDS = 0.01
"""Metres above the table; objects are 20 mm high."""
_NEAR = 3
"""Pixels around a pick."""


def measure(work: Path, split: str, episodes: int) -> dict[str, Any]:
    """The figures of a split's first scenes."""
    collect(_TASK, episodes=episodes, data=work, split=split, arguments={"observe": ["images", "instruction"]})
    store = EpisodeStore.of(work, _TASK, split)
    right: dict[str, list[bool]] = {}
    seconds = 0.0
    for seed in list(store.seeds())[:episodes]:
        episode = Demonstrations([store.path(seed)])[0]
        said = str(episode.observation(0, ["instruction"])["instruction"])
        seen = fuse_observation(episode.observation(0, KEYS))
        shape = next(word for word in shape_words(said) if word)
        start = time.process_time()
        fits = likeness(name_colors(seen.color), seen.height, [shape])[0]
        seconds += time.process_time() - start
        column, row = to_pixels(Pose.from_vector(episode.actions()["pick"][0])).astype(int)
        at_pick = fits[max(row - _NEAR, 0) : row + _NEAR + 1, max(column - _NEAR, 0) : column + _NEAR + 1].max()
        right.setdefault(shape, []).append(bool(at_pick > 0 and at_pick >= fits[seen.height > _STANDS].max()))
    return {
        "scenes": sum(len(each) for each in right.values()),
        "found": sum(sum(each) for each in right.values()),
        "found_by_shape": {shape: f"{sum(each)} of {len(each)}" for shape, each in sorted(right.items())},
        "cpu_ms_a_scene": round(1000 * seconds / episodes, 1),
    }


def main() -> None:
    """Count, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for scenes")
    parser.add_argument("--episodes", type=int, default=100, help="scenes of each split (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    options = parser.parse_args()
    result = {
        "command": f"python benchmarks/shape_words.py --work FOLDER --episodes {options.episodes}",
        "commit": commit(),
        **{split: measure(options.work, split, options.episodes) for split in ("train", "val")},
    }
    print(json.dumps(result, indent=2))
    if options.out is not None:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
