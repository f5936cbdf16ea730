"""A hard constraint: sweep a number of blocks into a frame, but not past the line in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.goals import Goal, Poses, all_to_all
from ravens_suite.core.palette import Color
from ravens_suite.core.seeding import Split
from ravens_suite.core.workspace import TASK_WORKSPACE
from ravens_suite.errors import PlacementError
from ravens_suite.sim import objects
from ravens_suite.sim.bodies import Body, Box, marker
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.candidates import Candidate, Candidates, by_color
from ravens_suite.tasks.language._base import LanguageTask
from ravens_suite.tasks.language._colors import RGB, TRAINING, draw_colors
from ravens_suite.tasks.primitives import Primitive, Push
from ravens_suite.tasks.sentences import Sentences

SIDE = 0.03
"""Metres: of a block."""

WIDTH, DEPTH = 0.30, 0.20
"""Metres: of the frame, which is open at one side."""

LINE_RANGE = (0.45, 0.60)
"""Least and greatest share of the depth that lies between the open side and the line."""

STRIP, THICKNESS = 0.01, 0.001
"""Metres: width and height of what is drawn on the table."""

LANES = tuple(0.06 * (i - 2.5) for i in range(6))
"""Metres: where blocks lie before the opening, from its middle."""

APPROACH = (0.10, 0.12)
"""Metres: ranges of the distance of a block from the opening."""

MARGIN = 0.02
"""Metres to the workspace's border that pushes need."""

DRAWS = 500
"""Poses that are tried for the frame."""

RUN_UP = 0.05
"""Metres behind a point of a block where the blade comes down: more than a block is long."""

LOOK_COUNT = 3
"""Blocks of each of the two colours."""

NUMBERS = {"any": (1, 3), "one": (1, 1), "two": (2, 2), "three": (3, 3), "all": (3, 3)}
"""Least and greatest number of blocks that must be inside, by the word for it."""


class SweepWithoutExceeding(LanguageTask):
    """Sweep as many blocks of a colour into the frame as the sentence says, and none past the line.

    A block past the line, even if it was swept on and out of the frame, one of the other colour inside, or one too many
    fails for good. After VIMABench's sweep-without-exceeding.

    Args:
        split: the same scenes in kind for all.

    Version history: v0, first version.
    """

    colors: tuple[str, ...] = TRAINING
    max_steps: ClassVar[int] = 8
    primitive: ClassVar[Primitive] = Push(step=0.0004, run_up=RUN_UP, stop_short=(SIDE + objects.BLADE[0]) / 2)
    instruction: ClassVar[str] = "sweep {blocks} into the {frame} without exceeding the {line}"
    sentences: ClassVar[Sentences] = Sentences(
        training=(
            "push {blocks} into the {frame}, but not past the {line}",
            "into the {frame} sweep {blocks} without exceeding the {line}",
            "without exceeding the {line}, sweep {blocks} into the {frame}",
            "with the {line} as the limit, push {blocks} into the {frame}",
        ),
        held_out=(
            "bring {blocks} inside the {frame} and stop before the {line}",
            "into the {frame}, but no farther than the {line}, bring {blocks}",
            "stop before the {line} as you bring {blocks} inside the {frame}",
            "get {blocks} over the open side of the {frame}, never over the {line}",
        ),
    )

    def __init__(self, split: Split = "train") -> None:
        super().__init__(split)
        self._goal: Inside | None = None
        self._others: tuple[str, ...] = ()
        self._before: dict[str, Pose] = {}

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """The frame with its line, and before its opening three blocks of each of two colours in a row."""
        frame_color, line_color, meant, other = draw_colors(TRAINING, 4, rng)
        opening = _draw_opening(rng)
        limit = DEPTH * float(rng.uniform(*LINE_RANGE))
        scene.add("frame", _frame(RGB[frame_color]), opening, "marker")
        scene.add("line", _strip((limit, limit + STRIP), (-WIDTH / 2, WIDTH / 2), RGB[line_color]), opening, "marker")
        word = list(NUMBERS)[int(rng.integers(len(NUMBERS)))]
        looks = [(meant if i < LOOK_COUNT else other) for i in rng.permutation(2 * LOOK_COUNT)]
        for i, (color, lane) in enumerate(zip(looks, LANES, strict=True)):
            turn = float(rng.uniform(0, math.pi / 2))
            pose = opening @ Pose.planar(-float(rng.uniform(*APPROACH)), lane, SIDE / 2, turn)
            body = objects.box((SIDE, SIDE, SIDE), RGB[color], objects.BLOCK_MASS)
            scene.add(f"{color} block {i + 1}", body, pose, "movable")
        blocks = [name for name in scene.objects() if " block " in name]
        named = tuple(name for name in blocks if name.startswith(f"{meant} "))
        self._others = tuple(name for name in blocks if name not in named)
        least, most = NUMBERS[word]
        self._goal = Inside.of(named, opening, limit, least, most)
        self._before = {name: scene.placed(name) for name in blocks}
        plural = "block" if most == 1 else "blocks"
        amount = "all" if word == "all" else "any of the" if word == "any" else word
        of_color = by_color(blocks, "block")
        could_mean = {
            color: Candidate({"blocks": f"{amount} {color} {plural}"}, of_color[color]) for color in (meant, other)
        }
        self.could_mean = [Candidates(picks=tuple(could_mean.values()))]
        self.said = [
            {
                **could_mean[meant].words,
                "frame": f"{frame_color} frame",
                "line": f"{line_color} line",
            }
        ]
        return [self._goal]

    def failure(self, scene: Scene) -> str:
        """A block is past the line or went over it, one of the other colour is inside, or there is one too many."""
        if self._goal is None:
            return ""
        poses = scene.poses()
        before, self._before = self._before, {name: poses[name] for name in self._before}
        if any(self._goal.past(pose) or self._goal.exceeds(before[name], pose) for name, pose in self._before.items()):
            return "a block is past the line"
        if any(self._goal.inside(poses[name]) for name in self._others):
            return "a block of the other color is in the frame"
        if np.count_nonzero(self._goal.counted(poses)) > self._goal.most:
            return "there are too many blocks in the frame"
        return ""


@dataclass(frozen=True, kw_only=True)
class Inside(Goal):
    """So many objects lie in the frame, before the line.

    Attributes:
        opening: middle of the frame's open side, its x axis into the frame.
        limit: metres from there to the line.
        least: number of objects that must be inside.
        most: number of objects that may be inside.
    """

    opening: Pose
    limit: float
    least: int
    most: int

    @staticmethod
    def of(names: tuple[str, ...], opening: Pose, limit: float, least: int, most: int) -> Inside:
        """Of some blocks, in the order of their lanes."""
        return Inside(
            objects=names,
            targets=(opening @ Pose((limit / 2, 0.0, 0.0)),),
            matches=all_to_all(len(names), 1),
            symmetries=(0.0,) * len(names),
            rotate=False,
            opening=opening,
            limit=limit,
            least=least,
            most=most,
        )

    def inside(self, pose: Pose) -> bool:
        """Whether the middle of a block is in the frame."""
        x, y, _ = (self.opening.inverse() @ pose).position
        return 0 < x < DEPTH and abs(y) < WIDTH / 2

    def past(self, pose: Pose) -> bool:
        """Whether the middle of a block is in the frame and past the line."""
        return self.inside(pose) and (self.opening.inverse() @ pose).position[0] > self.limit

    def exceeds(self, before: Pose, after: Pose) -> bool:
        """Whether a block that moved straight on went over the line, even if it has left the frame since."""
        (x0, y0, _), (x1, y1, _) = ((self.opening.inverse() @ pose).position for pose in (before, after))
        if not x0 <= self.limit < x1:
            return False
        return abs(y0 + (y1 - y0) * (self.limit - x0) / (x1 - x0)) < WIDTH / 2

    def counted(self, poses: Poses) -> Array:
        """(len(objects),) float64: 1 for each object in the frame and before the line, else 0."""
        there = [self.inside(poses[name]) and not self.past(poses[name]) for name in self.objects]
        return np.array(there, dtype=np.float64)

    def weights(self) -> Array:
        """(len(objects),) float64: every object counts the same."""
        return np.full(len(self.objects), 1 / len(self.objects))

    def progress(self, poses: Poses) -> float:
        """Share of the objects that must be inside, of those that are."""
        return min(int(np.count_nonzero(self.counted(poses))), self.least) / self.least

    def met(self, poses: Poses) -> dict[str, bool]:
        """All of them as soon as enough are inside."""
        there = self.counted(poses) > 0
        enough = self.least <= int(np.count_nonzero(there)) <= self.most
        return {name: bool(enough or part) for name, part in zip(self.objects, there, strict=True)}

    def moves(self, poses: Poses) -> list[tuple[str, Pose]]:
        """Objects that are not inside yet, each straight ahead to half way to the line; the middle ones first."""
        moves = []
        for name, there in zip(self.objects, self.counted(poses), strict=True):
            y = (self.opening.inverse() @ poses[name]).position[1]
            end = min(max(y, -WIDTH / 2 + SIDE), WIDTH / 2 - SIDE)
            if not there:
                moves.append((abs(y), name, self.opening @ Pose((self.limit / 2, end, 0.0))))
        return [(name, target) for _, name, target in sorted(moves, key=lambda move: move[:2])]


def _draw_opening(rng: np.random.Generator) -> Pose:
    """Where the frame is open: so that pushes from behind the blocks begin on the table.

    Raises:
        PlacementError: none of many poses fits.
    """
    (x0, y0, _), (x1, y1, _) = TASK_WORKSPACE.low, TASK_WORKSPACE.high
    back, half = -APPROACH[1] - SIDE - RUN_UP, max(WIDTH / 2, LANES[-1] + SIDE)
    outline = np.array([(x, y, 0.0) for x in (back, DEPTH) for y in (-half, half)])
    for _ in range(DRAWS):
        x, y, yaw = rng.uniform(x0, x1), rng.uniform(y0, y1), rng.uniform(0, 2 * math.pi)
        pose = Pose.planar(float(x), float(y), 0.0, float(yaw))
        low, high = pose.apply(outline).min(axis=0), pose.apply(outline).max(axis=0)
        if low[0] > x0 + MARGIN and high[0] < x1 - MARGIN and low[1] > y0 + MARGIN and high[1] < y1 - MARGIN:
            return pose
    raise PlacementError("The frame and the blocks before it fit nowhere.")


def _frame(color: Color) -> Body:
    """Three sides of a rectangle, open at x = 0, which reaches to x = DEPTH."""
    half = WIDTH / 2
    sides = (
        _strip((0.0, DEPTH + STRIP), (-half - STRIP, -half), color),
        _strip((0.0, DEPTH + STRIP), (half, half + STRIP), color),
        _strip((DEPTH, DEPTH + STRIP), (-half, half), color),
    )
    return Body(tuple(visual for side in sides for visual in side.visuals))


def _strip(x: tuple[float, float], y: tuple[float, float], color: Color) -> Body:
    """A thin plate on the table over the ranges ``x`` and ``y``."""
    middle = Pose(((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, THICKNESS / 2))
    return marker((Box((x[1] - x[0], y[1] - y[0], THICKNESS), middle),), color)
