"""Places that are kept free while others are looked for."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import PlacementError
from ravens_suite.sim.bodies import Box, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.placement import free_pose, kept_free

LEFT, RIGHT = Pose((0.5, 0.25, 0.0)), Pose((0.5, -0.25, 0.0))
HALF = (0.5, 0.5, 0.0)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def test_nothing_is_placed_where_it_is_kept_free(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    with kept_free(scene, [LEFT], HALF):
        assert all(free_pose(scene, (0.04, 0.04, 0.04), rng).position[1] < 0 for _ in range(20))
    assert scene.objects() == []
    assert any(free_pose(scene, (0.04, 0.04, 0.04), rng).position[1] > 0 for _ in range(20))


def test_what_is_kept_free_goes_also_where_there_was_no_room(scene: Scene) -> None:
    """A task may catch that, and place something else."""
    for _ in range(2):
        with pytest.raises(PlacementError), kept_free(scene, [LEFT, RIGHT], HALF):
            free_pose(scene, (0.04, 0.04, 0.04), np.random.default_rng(0))
        assert scene.objects() == []


def test_one_may_lie_within_another(scene: Scene) -> None:
    with kept_free(scene, [LEFT], HALF):
        with kept_free(scene, [RIGHT], HALF), pytest.raises(PlacementError):
            free_pose(scene, (0.04, 0.04, 0.04), np.random.default_rng(0))
        assert free_pose(scene, (0.04, 0.04, 0.04), np.random.default_rng(0)).position[1] < 0
    assert scene.objects() == []


def test_a_crowded_place_does_not_depend_on_the_last_bits_of_distances(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV 5.0 gives others from call to call: the same seed made another scene now and then."""
    size = (0.04, 0.04, 0.04)
    for name, pose in (("one", Pose.planar(0.5, 0.1, 0.02, 0.3)), ("other", Pose.planar(0.4, -0.2, 0.02, 0.8))):
        scene.add(name, solid(Box(size), PALETTE["red"], mass=0.01), pose, "movable")
    scene.crowding = 0.5
    exact, noise = cv2.distanceTransform, np.random.default_rng(0)

    def inexact(image: NDArray[np.uint8], kind: int, mask: int) -> NDArray[np.float32]:
        found = np.asarray(exact(image, kind, mask), np.float32)
        return np.where(noise.random(found.shape) < 0.5, np.nextafter(found, np.float32(0)), found)

    monkeypatch.setattr(cv2, "distanceTransform", inexact)
    found = {free_pose(scene, size, np.random.default_rng(seed)).position for seed in range(20) for _ in range(5)}
    assert len(found) == 20
