"""Which other scene a demonstrated step is shown in, before its objects are scattered and the scene is moved."""

from __future__ import annotations

import numpy as np

from .augmentation_settings import Augmentation
from .bystanders import with_bystanders_elsewhere
from .nudging import nudged
from .recutting import has_slot, recut
from .remaining_object import with_object_left, with_remaining_object
from .retilting import retilted
from .steps import Step


def another_scene(step: Step, augmentation: Augmentation, rng: np.random.Generator) -> tuple[Step, bool]:
    """A step in another scene, and whether its place is known there.

    The goal may be tilted otherwise, the outlines of object and slot may be others, or the scene may be the last one of
    the demonstration with one thing out of place.

    Args:
        step: as demonstrated; returned as it is where nothing is drawn.
        augmentation: the share of each kind.
        rng: draws the kind, and the scene.
    """
    if step.tilt is not None and rng.random() < augmentation.retilted:
        step = retilted(step, rng)
    if step.final_scene is not None and rng.random() < augmentation.remaining:
        step = with_remaining_object(step, rng)
    # From here on drawn only where it counts, so that all other examples are those without it.
    if augmentation.bystanders and rng.random() < augmentation.bystanders:
        step = with_bystanders_elsewhere(step, rng)
    if augmentation.nudged and step.settled is not None and rng.random() < _share(augmentation.nudged, step.moves):
        return nudged(step, rng) or step, True
    known, picked = True, step.end is not None and bool(step.free_objects)
    if augmentation.unfinished and picked and rng.random() < augmentation.unfinished:
        left = with_object_left(step, rng)
        step, known = left or step, left is None
    if augmentation.recut and has_slot(step) and rng.random() < augmentation.recut:
        step = recut(step, rng)
    return step, known


def _share(added: float, moves: int) -> float:
    """Share of so many added steps among those and the demonstrated ones."""
    return added / (added + moves)
