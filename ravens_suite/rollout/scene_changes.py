"""Whether an environment takes what the scenes of a set change: asked before the first of them is run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ravens_suite.data.scenes import SceneSet, changes_digest
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.rollout.environments import make_environment


def check_changes(scenes: SceneSet, own: Mapping[str, Any]) -> None:
    """Make an environment of every change once; nothing is run or drawn.

    Args:
        scenes: a set.
        own: arguments of the environment, on top of which the changes come.

    Raises:
        ConfigError: one cannot be made; the message names the first such scene.
    """
    seen = set()
    for scene in scenes.scenes:
        key = scene.split, changes_digest(scene.changes)
        if key in seen:
            continue
        seen.add(key)
        arguments = scene.arguments(own)
        if "observe" not in scene.changes:
            arguments["observe"] = ["proprioception"]  # No renderer is started.
        try:
            make_environment(scenes.task, scene.split, arguments).close()
        except (ConfigError, ConflictError) as error:
            raise ConfigError(
                f"The scene of seed {scene.seed} in {scenes.name!r} has changes that cannot be made: {error}"
            ) from error
