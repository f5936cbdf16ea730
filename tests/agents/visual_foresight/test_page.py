"""The figures of docs/world_models.md are those of results/world_models.json."""

from __future__ import annotations

import json
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def test_every_figure_of_the_page_is_in_the_results() -> None:
    page = (_ROOT / "docs/world_models.md").read_text(encoding="utf-8")
    results = json.loads((_ROOT / "results/world_models.json").read_text(encoding="utf-8"))
    for task, found in results["prediction"].items():
        for name, model in found["models"].items():
            if name == "persistence":
                continue
            cells = [
                f"{model['test'][source][steps]['share']:.2f}" if model["test"][source][steps]["windows"] else "-"
                for steps in ("1", "3")
                for source in ("explore", "oracle")
            ]
            assert f"| {task} | {name} | {' | '.join(cells)} |" in page
    for row in results["foresight"]:
        low, high = row["mean_score_interval_95"]
        figures = f"{row['mean_score']:.1f} ({low:.0f} to {high:.0f})"
        cells = [row["task"], f"`{row['model']}`", *(str(row[key]) for key in ("calls", "split", "episodes")), figures]
        assert f"| {' | '.join(cells)} |" in page
