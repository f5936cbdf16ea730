"""Every demo runs from an empty folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[1] / "demos"


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("look_at_an_episode.py", ["stack-block-pyramid"], "score 100"),
        ("collect_demonstrations.py", [], "strict success True"),
        ("train_and_evaluate.py", ["out", "3"], "mean score"),
        ("own_agent.py", [], "score"),
    ],
)
def test_a_demo_runs(script: str, arguments: list[str], said: str, tmp_path: Path) -> None:
    if any(name in (DEMOS / script).read_text() for name in ("torch", "train(", "load_agent")):
        pytest.importorskip("torch")
    command = [sys.executable, str(DEMOS / script), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_the_demo_of_an_episode_draws_a_picture(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DEMOS / "look_at_an_episode.py")], cwd=tmp_path, check=True)
    assert (tmp_path / "episode.png").stat().st_size > 10_000
