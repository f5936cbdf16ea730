"""Rotational symmetry of objects is seen in their outline and colours."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from ravens_suite.agents.pick_place.symmetry import symmetry_order


def polygon(corners: int, radius: float, yaw: float) -> np.ndarray:
    angles = yaw + 2 * math.pi * np.arange(corners) / corners
    points = np.stack([80 + radius * np.cos(angles), 160 + radius * np.sin(angles)], axis=-1)
    image = np.zeros((320, 160), np.uint8)
    cv2.fillPoly(image, [np.round(points * 16).astype(np.int32)], 1, shift=4)
    return image.astype(bool)


@pytest.mark.parametrize(("corners", "radius", "order"), [(4, 9, 4), (3, 11, 3), (5, 11, 5), (60, 10, 36)])
@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.1])
def test_the_symmetry_of_an_outline_is_seen(corners: int, radius: float, order: int, yaw: float) -> None:
    mask = polygon(corners, radius, yaw)
    assert symmetry_order(mask, np.zeros((320, 160, 3), np.uint8)) == order


def test_two_halves_of_different_colours_have_no_symmetry() -> None:
    color = np.zeros((320, 160, 3), np.uint8)
    color[160:] = 200
    assert symmetry_order(polygon(4, 12, 0.2), color) == 1
