"""Put five objects into the slots of a kit board, one after the other, as sentences say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import FULL_TURN, Goal, PoseGoal
from ravens_suite.core.seeding import Split
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks._kits import HELD_OUT, OBJECT_SIZE, SHAPES, SLOTS, SYMMETRIES
from ravens_suite.tasks.base import Variants
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.language._base import ColorTask
from ravens_suite.tasks.language._colors import RGB, Colors, draw_colors
from ravens_suite.tasks.language._shapes import NAMES, place_words
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences


class AssemblingKitsSeq(ColorTask):
    """Put the object that the sentence names into the slot that it names; there is no second try.

    As the published assembling-kits-seq (CLIPort, appendix A). Where a shape comes more than once, the sentence says
    which of its slots is meant: top is nearest to the robot, left is the robot's right. Scenes where these words would
    not decide are drawn again. Validation and test scenes hold shapes that training scenes never do, whatever the
    colours.

    Args:
        split: decides the shapes; and with ``colors="unseen"``, ``val`` and ``test`` have colours that ``train`` does
            not have.
        colors: ``seen``, ``unseen`` or ``full``, which has the colours of both.

    Raises:
        ConfigError: ``colors`` is none of these.

    Version history: v0, first version.
    """

    max_steps: ClassVar[int] = len(SLOTS)
    instruction: ClassVar[str] = "put the {object} in the {slot}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "place the {object} into the {slot}",
            "in the {slot} put the {object}",
            "into the {slot} place the {object}",
            "the {object} goes in the {slot}",
            "the {slot} is where the {object} belongs",
        ),
        held_out=(
            "fit the {object} into the {slot}",
            "into the {slot} fit the {object}",
            "pick up the {object} and lay it in the {slot}",
            "fill the {slot} with the {object}",
        ),
    )
    variants: ClassVar[Variants] = {
        "seen": {"colors": "seen"},
        "unseen": {"colors": "unseen"},
        "full": {"colors": "full"},
    }

    def __init__(self, split: Split = "train", colors: Colors = "seen") -> None:
        super().__init__(split, colors)
        self._shapes = SHAPES if split == "train" else HELD_OUT

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The board with five slots, then the five objects, anywhere free."""
        board = free_pose(scene, objects.BOARD_SIZE, rng)
        scene.add("board", objects.kit_board(), board, "fixed")
        spots = [board @ Pose.planar(x, y, objects.BOARD_SIZE[2] / 2, _turn(rng)) for x, y in SLOTS]
        shapes, words = self._draw_shapes(spots, rng)
        for i, (shape, spot) in enumerate(zip(shapes, spots, strict=True)):
            scene.add(f"slot {i + 1}", objects.kit_silhouette(shape), spot, "marker")
        names = []
        for color, shape in zip(draw_colors(self.colors, len(SLOTS), rng), shapes, strict=True):
            names.append(f"{color} {NAMES[shape]}")
            body = objects.kit_object(shape, RGB[color])
            scene.add(names[-1], body, free_pose(scene, OBJECT_SIZE, rng), "movable")
        order = [int(i) for i in rng.permutation(len(SLOTS))]
        every = [{"object": names[i], "slot": f"{words[i]} {NAMES[shapes[i]]} slot".strip()} for i in range(len(names))]
        self.said = [every[i] for i in order]
        self.could_mean = [_candidates(i, names, every, spots) for i in order]
        return [
            PoseGoal(
                objects=(names[i],),
                targets=(spots[i].raised(OBJECT_SIZE[2] / 2),),
                matches=((True,),),
                symmetries=(SYMMETRIES[shapes[i]],),
                share=1 / len(SLOTS),
            )
            for i in order
        ]

    def _draw_shapes(self, spots: Sequence[Pose], rng: np.random.Generator) -> tuple[list[int], list[str]]:
        """Shape of every slot, and where it lies among slots of its shape, in words that no two of them share."""
        while True:
            shapes = [int(shape) for shape in rng.choice(self._shapes, len(spots))]
            words = [""] * len(spots)
            for shape in set(shapes):
                equal = [i for i, other in enumerate(shapes) if other == shape]
                places = place_words([(spots[i].position[0], spots[i].position[1]) for i in equal])
                for i, word in zip(equal, places, strict=True):
                    words[i] = word
            if len(set(zip(shapes, words, strict=True))) == len(spots):
                return shapes, words


def _candidates(
    index: int, names: Sequence[str], said: Sequence[Mapping[str, str]], spots: Sequence[Pose]
) -> Candidates:
    """All objects, each with its own slot, and all slots; what is named first."""
    order = sorted(range(len(names)), key=lambda i: i != index)
    return Candidates(
        picks=tuple(Candidate(said[i], bodies=(names[i],)) for i in order),
        places=tuple(Candidate({"slot": said[i]["slot"]}, places=(spots[i],)) for i in order),
    )


def _turn(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, FULL_TURN))
