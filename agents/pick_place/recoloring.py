"""Random colours for things that the step does not involve: few demonstrations then show many colours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from .table import bare_table

_SMALLEST = 9
"""Pixels of the smallest thing that is recoloured."""
_DARKEST = 60
"""Brightest channel of the darkest thing that is recoloured; what is darker is shadow."""
_ATTEMPTS = 10
"""Random colours tried before a thing keeps its own."""
_LEAST_DISTANCE = 0.25
"""Least distance between two colours, scaled to length one, that count as different."""


def recolor(scene: Heightmap, goal: NDArray[np.bool_], own: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The colours of a scene after half of the things outside the goal were recoloured.

    Relative brightness within a thing stays. No new colour resembles that of the object or of the goal.

    Args:
        scene: without the free objects.
        goal: (rows, columns) bool, the region where the object goes.
        own: (3,) colour of the object, 0 to 255.
        rng: chooses things and colours.

    Returns:
        (rows, columns, 3) uint8, a copy.
    """
    color = scene.color.copy()
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~bare_table(scene)).astype(np.uint8), connectivity=8)
    kept = np.unique(labels[goal])
    taken = [own, *(color[labels == label].mean(axis=0) for label in kept if label)]
    for label, (left, top, width, height, size) in enumerate(stats):
        if not label or label in kept or size < _SMALLEST or rng.random() < 0.5:
            continue
        window = (slice(top, top + height), slice(left, left + width))
        thing = labels[window] == label
        pixels = color[window][thing].astype(np.float64)
        brightness = float(pixels.max())
        drawn = draw_color(taken, rng)
        if drawn is not None and brightness >= _DARKEST:
            color[window][thing] = (pixels.max(axis=1, keepdims=True) / brightness * drawn).astype(np.uint8)
    return color


def draw_color(taken: list[Array], rng: np.random.Generator) -> Array | None:
    """A random colour whose hue and saturation resemble no taken one.

    Args:
        taken: (3,) float64 colours, 0 to 255.
        rng: draws it.

    Returns:
        (3,) float64, 0 to 255; ``None`` if none is found.
    """
    for _ in range(_ATTEMPTS):
        drawn = random_color(rng)
        if all(np.linalg.norm(_unit(drawn) - _unit(other)) >= _LEAST_DISTANCE for other in taken):
            return drawn
    return None


def random_color(rng: np.random.Generator) -> Array:
    """(3,) float64, 0 to 255: a colour of any hue, neither very grey nor very dark."""
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(30, 220), rng.uniform(100, 255)
    pixel = np.array([[[hue, saturation, value]]]).astype(np.uint8)
    drawn: Array = cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64)
    return drawn


def _unit(color: Array) -> Array:
    unit: Array = color / max(float(np.linalg.norm(color)), 1.0)
    return unit


def with_other_hues(color: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """An image whose colours are all turned about grey by one random angle, and more or less saturated.

    For agents that are told colours: what is red in training must not be known by heart.

    Args:
        color: (rows, columns, 3) uint8.
        rng: draws the angle and the saturation.

    Returns:
        (rows, columns, 3) uint8, a new image.
    """
    angle, saturation = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2)
    grey = np.full((3, 3), 1 / 3)
    # The rotation about the grey axis (1, 1, 1), by Rodrigues' formula.
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turned = np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * cross
    matrix = (grey + saturation * turned).astype(np.float32)
    seen: NDArray[np.uint8] = np.clip(color @ matrix.T, 0, 255).round().astype(np.uint8)
    return seen
