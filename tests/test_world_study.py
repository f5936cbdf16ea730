"""The study of world models compares errors and scores within tasks, and goes on where it ended."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.dataset import Steps
from ravens_suite.agents.visual_foresight.models.base import Memory, Prediction, WorldModel

_BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    return runpy.run_path(str(_BENCHMARKS / "world_study.py"))


def rows(*, task: str, offset: float, seeds: int = 3) -> list[dict[str, Any]]:
    """The worse the picture, the lower the score; the error of the reward says nothing."""
    return [
        {
            "task": task,
            "seed": seed,
            "share": share,
            "mode": "offline",
            "image_error": offset + 1 - share + seed / 100,
            "reward_error": {"predicted": 1.0, "picture": 1.0},
            "score": dict.fromkeys(("predicted", "picture"), 10 * (share - seed / 100 + 5 * offset)),
        }
        for share in (0.25, 0.5, 1.0)
        for seed in range(seeds)
    ]


def test_every_seed_is_done_for_all_tasks_before_the_next_one(study: dict[str, Any]) -> None:
    made = study["cells"](["a", "b"], [0, 1], [0.0, 0.5, 1.0])
    names = ["a-offline-0-0", "a-offline-50-0", "a-offline-100-0", "a-online-0-0", "a-online-100-0"]
    assert [cell.name for cell in made[:5]] == names
    assert [cell.seed for cell in made] == [0] * 10 + [1] * 10
    assert made[0].rewards == ("predicted",) and made[1].rewards == ("predicted", "picture")


def test_errors_are_ranked_within_tasks(study: dict[str, Any]) -> None:
    # Across tasks the larger error has the higher score; within each it has the lower one.
    found = study["correlations"]([*rows(task="hard", offset=0.0), *rows(task="easy", offset=5.0)])
    for reward in ("predicted", "picture"):
        assert found[reward]["cells"] == 18
        assert found[reward]["image_error"] == {"value": -1.0, "interval_95": [-1.0, -1.0]}
        assert found[reward]["reward_error"] == {"value": None, "interval_95": None}


def test_without_trainings_that_predict_pictures_there_is_nothing_to_compare(study: dict[str, Any]) -> None:
    assert study["correlations"]([]) == {}
    only = {"mode": "offline", "share": 0.0, "image_error": None}
    assert study["correlations"]([only]) == {}


def test_the_report_says_what_is_missing_and_goes_on_with_the_same_settings_alone(
    study: dict[str, Any], tmp_path: Path
) -> None:
    settings = study["Settings"](steps=1, episodes=2, held_out=1, scenes=1, calls=8)
    wanted, done = study["cells"](["a"], [0, 1], [0.5, 1.0]), rows(task="a", offset=0.0, seeds=1)
    made = study["report"](done, wanted, settings)
    assert made["missing"] == ["a-online-100-0", "a-offline-50-1", "a-offline-100-1", "a-online-100-1"]
    assert [row["seeds"] for row in made["summary"]] == [[0], [0], [0]]
    path = tmp_path / "study.json"
    assert study["known_rows"](path, settings) == []
    path.write_text(json.dumps(made))
    assert study["known_rows"](path, settings) == done
    with pytest.raises(SystemExit, match="name another --out"):
        study["known_rows"](path, study["Settings"](steps=2, episodes=2, held_out=1, scenes=1, calls=8))


class Nothing(WorldModel):
    """Nothing changes, and nothing is gained."""

    def predict(self, scenes: Tensor, actions: Tensor, memory: Memory = (), goals: Tensor | None = None) -> Prediction:
        return Prediction(scenes, torch.zeros(len(actions)), memory)


def test_the_error_of_a_reward_is_one_where_no_gain_is_predicted(study: dict[str, Any]) -> None:
    empty = (np.zeros((160, 80, 3), np.uint8), np.zeros((160, 80), np.uint16))
    full = (np.full((160, 80, 3), 255, np.uint8), np.zeros((160, 80), np.uint16))
    episode = Steps([empty, full], np.zeros((1, 5)), full)
    model = Nothing(VisualForesightConfig())
    assert study["reward_errors"](model, [episode], shows=True) == {"predicted": 1.0, "picture": 1.0}
    assert study["reward_errors"](model, [episode], shows=False) == {"predicted": 1.0}
    with pytest.raises(SystemExit, match="more validation episodes"):
        study["reward_errors"](model, [episode._replace(goal=None)], shows=False)
