"""A forecaster from the command line: trained, watching, ending episodes; and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ravens_suite.cli.main import main
from ravens_suite.data.tables import read_rows

TASK = "block-insertion"


def test_it_is_trained_and_watches(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--image-size", "48", "64", "--workers", "1"]
    assert main(["collect", TASK, "--episodes", "1", *small]) == 0
    config = json.dumps({"width": 4, "batch": 1, "looks": 1})
    settings = ["--demos", "1", "--steps", "1", "--val-episodes", "0", "--config", config, "--out", "watcher"]
    assert main(["train", "progress", TASK, *settings]) == 0
    capsys.readouterr()
    assert main(["evaluate", "oracle", TASK, "--episodes", "1", "--watch", "watcher", "--json", *small]) == 0
    output = capsys.readouterr().out
    assert json.loads(output.splitlines()[-1])["watching"]["episodes"] == 1
    for probability in ("0.000001", "1.0"):
        stopping = ["--stop-when-done", "watcher", "--stop-at", probability, "--record", "table.csv"]
        assert main(["evaluate", "oracle", TASK, "--episodes", "1", *stopping, *small]) == 0
    assert "it ended 1 of 1 episodes" in capsys.readouterr().out
    assert [row["stopped"] for row in read_rows(Path("table.csv"))] == ["watcher-1", "watcher-1e-06"], "a row each"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--watch", "a", "--stop-when-done", "b"], "Give --watch or --stop-when-done"),
        (["--watch", "nowhere", "--stop-at", "0.9"], "--stop-at goes with --stop-when-done"),
        (["--watch", "nowhere"], "There is no trained agent in nowhere"),
        (["--stop-when-done", "nowhere", "--stop-at", "2"], "--stop-at is a probability"),
    ],
)
def test_what_cannot_watch_is_refused_in_one_line(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "oracle", TASK, "--episodes", "1", *options]) != 0
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error
