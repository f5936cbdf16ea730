"""Whether the network of the Transporter learns words for directions, with and without maps of the table's axes.

    python benchmarks/directions.py --out directions.json

Scenes of two equal blocks anywhere on a small table that is turned by any angle, one of which is named: "take the left
block". A tiny network learns where to pick. The figure is the probability that it gives to the named block in scenes it
has not seen, the mean over 256 of them; without the maps it is a half, for nothing else tells the two blocks apart.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from made_by import made_by
from torch import Tensor
from torch.nn import functional

from ravens_suite.agents.common.sentences import SentenceBatch, make_sentences
from ravens_suite.agents.transporter.config import FINE, TransporterConfig
from ravens_suite.agents.transporter.encoder import encode_image
from ravens_suite.agents.transporter.network import TransporterNet

SIDE, HALF = 32, 2
"""Pixels: of the table, and from the middle of a block to its edge."""
APART, CLEAR = 9.0, 8.0
"""Pixels: least distance of the blocks, and by how much the named one lies farther in its direction."""
DIRECTIONS = {"left": (0, -1), "right": (0, 1), "top": (-1, 0), "bottom": (1, 0)}
"""Along the table's x and y, as the tasks use the words."""
BATCH, TESTED = 16, 256


class Scenes(NamedTuple):
    """Scenes as tensors.

    Attributes:
        image: (n, 5, rows, columns) of ``encode_image``.
        said: about them.
        named: (n, rows / 2, columns / 2) float32, the named block; sums to 1.
    """

    image: Tensor
    said: SentenceBatch
    named: Tensor


def draw_scenes(count: int, rng: np.random.Generator, *, maps: bool) -> Scenes:
    """Random scenes; without ``maps`` the sentences come alone."""
    color = np.full((count, SIDE, SIDE, 3), 60, np.uint8)
    height, named = np.zeros((2, count, SIDE, SIDE), np.float32)
    said, turns = [], []
    for i in range(count):
        word, turn, places = _draw_places(rng)
        for x, y in places:
            window = np.s_[i, y - HALF : y + HALF + 1, x - HALF : x + HALF + 1]
            color[window], height[window] = (229, 0, 0), 0.04
        x, y = places[0]
        named[i, y - HALF : y + HALF + 1, x - HALF : x + HALF + 1] = 1
        said.append(f"take the {word} block")
        turns.append(turn)
    sentences = make_sentences(said, list(color), turns)
    target = functional.avg_pool2d(torch.from_numpy(named)[:, None], FINE)[:, 0]
    return Scenes(
        encode_image(torch.from_numpy(color), torch.from_numpy(height)),
        sentences if maps else sentences._replace(where=None),
        target / target.sum(dim=(1, 2), keepdim=True),
    )


def _draw_places(rng: np.random.Generator) -> tuple[str, float, list[tuple[int, int]]]:
    """A word, the turn of the table's axes, and (x, y) of the block that is meant and of the other one."""
    turn, word = float(rng.uniform(0, 2 * math.pi)), list(DIRECTIONS)[int(rng.integers(len(DIRECTIONS)))]
    x_axis = np.array([math.cos(turn), math.sin(turn)])
    direction = DIRECTIONS[word][0] * x_axis + DIRECTIONS[word][1] * np.array([-x_axis[1], x_axis[0]])
    while True:
        first, second = rng.integers(HALF + 1, SIDE - HALF - 1, (2, 2))
        if math.dist(first, second) > APART and (first - second) @ direction > CLEAR:
            return word, turn, [(int(x), int(y)) for x, y in (first, second)]


def train(steps: int, seed: int, *, maps: bool) -> float:
    """The probability of the named block after some steps, in percent."""
    torch.manual_seed(seed)
    net = TransporterNet(
        TransporterConfig(widths=(4, 4, 4), depth=1, coarse_radius=2, fine_radius=2, device="cpu", shape_words=False),
        listens=True,
    )
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)

    def logits(scenes: Scenes) -> Tensor:
        found = net.read(scenes.image, scenes.said)
        pick: Tensor = net.pick(found.features, found.said)
        return pick.flatten(1).log_softmax(1)

    rng = np.random.default_rng(seed)
    for _ in range(steps):
        scenes = draw_scenes(BATCH, rng, maps=maps)
        optimiser.zero_grad()
        loss = -(scenes.named.flatten(1) * logits(scenes)).sum(dim=1).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    scenes = draw_scenes(TESTED, np.random.default_rng(10_000 + seed), maps=maps)
    with torch.no_grad():
        on_it = logits(scenes).exp() * (scenes.named.flatten(1) > 0)
    return round(100 * float(on_it.sum(dim=1).mean()), 1)


def main() -> None:
    """Train with and without maps, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400, help="gradient steps (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="runs each (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {
        name: [train(options.steps, seed, maps=maps) for seed in range(options.seeds)]
        for name, maps in (("with_maps", True), ("without_maps", False))
    }
    command = f"python benchmarks/directions.py --steps {options.steps} --seeds {options.seeds}"
    result = {**made_by(), "command": command, "unit": "percent on the named one of two equal blocks", **found}
    print(json.dumps(result))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
