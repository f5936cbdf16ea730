"""Runs as training and evaluation write them, made up."""

from __future__ import annotations

import json
from pathlib import Path

from ravens_suite.data.outcomes import EpisodeOutcome, Summary


def write_run(folder: Path, task: str = "block-insertion", demos: int = 10, failed: int = 2, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    plan = {"agent": "transporter", "tasks": [task], "demos": demos, "seed": seed, "val_episodes": 5, "threads": 2}
    state = {"seconds": 61.0, "best_step": 400, "best_score": 100.0, "validation": {"200": 80.0, "400": 100.0}}
    record = {"plan": plan, "training": state, "selection": "best", "command": ["/x/y/ravens-suite", "train"]}
    (folder / "run.json").write_text(json.dumps(record))
    outcomes = [
        EpisodeOutcome(
            seed=index,
            score=0.25 if index < failed else 1.0,
            success=index >= failed,
            steps=3,
            outcome="step limit" if index < failed else "done",
            goals={"<block>": index >= failed},
            motions=({"grasped": False},),
        )
        for index in range(20)
    ]
    value = {
        "policy": {"kind": "agent", "name": "transporter", "fingerprint": ""},
        "task": task,
        "split": "test",
        "arguments": {},
        **Summary.of(outcomes).to_json(),
        "seconds": 9.0,
        "renderer": "moderngl",
        "provenance": {},
        "results": [outcome.to_json() for outcome in outcomes],
    }
    (folder / "eval").mkdir()
    (folder / "eval" / "test.json").write_text(json.dumps(value))
    return folder
