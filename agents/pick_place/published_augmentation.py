"""The augmentation of Transporter Networks (arXiv 2010.14406): random rigid motions of the whole scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .augmentation import Example
from .plane import IDENTITY, rigid, transform, warp
from .steps import Step

_ATTEMPTS = 100
"""Random motions tried before the scene is left as it is."""


@dataclass(frozen=True)
class PublishedAugmentation:
    """Settings of the published augmentation, by the published defaults.

    Attributes:
        yaw: standard deviation of the rotation about the middle of the map, radians.
        shift: standard deviation of the translation along each axis, pixels.
    """

    yaw: float = math.radians(60)
    shift: float = 160 / 6


def augment_as_published(step: Step, augmentation: PublishedAugmentation, rng: np.random.Generator) -> Example:
    """A random example of a step: the demonstrated pick and place in a moved scene, zeros beyond its old border.

    The motion is drawn again until pick and place are on the map; after many failures the scene is left as it is.
    """
    size = np.array([step.height.shape[1], step.height.shape[0]], dtype=np.float64)
    points = np.stack([step.pick, step.place])
    motion = IDENTITY
    for _ in range(_ATTEMPTS):
        drawn = rigid(rng.normal(0, augmentation.yaw), size / 2, size / 2 + rng.normal(0, augmentation.shift, 2))
        moved = transform(drawn, points)
        if np.all(moved >= 0) and np.all(moved < size):
            motion = drawn
            break
    pick, place = np.clip(transform(motion, points), 0, size - 1e-6)
    color, height, pick_affinity = (warp(image, motion) for image in (step.color, step.height, step.pick_affinity))
    return Example(color, height, pick, place[None], np.array([step.yaw]), pick_affinity)


def unmoved(step: Step) -> Example:
    """The example of a step in its scene as it was; a pick or a place beyond the map is moved onto its border."""
    highest = np.array([step.height.shape[1], step.height.shape[0]]) - 1e-6
    pick, place = (np.clip(point, 0, highest) for point in (step.pick, step.place))
    return Example(step.color, step.height, pick, place[None], np.array([step.yaw]), step.pick_affinity)
