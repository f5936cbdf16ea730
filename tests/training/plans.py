"""Plans of the smallest training there is, and what comes of it."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ravens_suite.data.run_folder import RunFolder
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

SMALL = {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4, "precision": "float32"}
SETTINGS = TrainingSettings(steps=6, val_episodes=0, threads=1, device="cpu")
PLAN = TrainingPlan(agent="transporter", tasks=("block-insertion",), demos=2, settings=SETTINGS, config=SMALL)


def changed(**changes: Any) -> TrainingPlan:
    """The plan with other settings, or another field."""
    known = {item.name for item in fields(TrainingSettings)}
    settings = replace(SETTINGS, **{name: value for name, value in changes.items() if name in known})
    return replace(PLAN, settings=settings, **{name: value for name, value in changes.items() if name not in known})


class KilledError(Exception):
    """Stands for a kill -9: nothing in the library catches it."""


def record(run: Path) -> dict[str, Any]:
    return RunFolder(run).record()


def weights(run: Path) -> bytes:
    return RunFolder(run).policy.weights.read_bytes()
