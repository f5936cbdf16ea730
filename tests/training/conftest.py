"""Demonstrations that the tests of training share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ravens_suite.rollout.collect import collect


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny demonstrations of two tasks, collected with moved cameras and images of 24 x 32."""
    folder = tmp_path_factory.mktemp("data")
    arguments = {"image_size": [24, 32], "randomize": ["camera"], "observe": ["images", "state"]}
    for task in ("block-insertion", "place-red-in-green"):
        collect(task, episodes=3, data=folder, arguments=arguments)
    return folder
