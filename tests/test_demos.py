"""Every demo runs from an empty folder."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
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


def _learn_by_sac() -> Any:
    spec = spec_from_file_location("learn_by_sac", DEMOS / "learn_by_sac.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_sac_is_to_learn_can_be_learned() -> None:
    """Without the learner: who picks where the block is and places where the fixture is has all the reward."""
    demo = _learn_by_sac()
    assert demo.score(lambda observation: observation, episodes=5) == 100.0
    assert demo.score(lambda observation: observation[::-1], episodes=2) == 0.0
    environment = demo.make("train", shaped=True)
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    _, near, *_ = environment.step(observation)
    environment.reset(seed=0)
    missed = observation + np.array([0.2, 0, 0, 0], np.float32)
    _, far, terminated, truncated, _ = environment.step(missed)
    environment.close()
    assert far < near and near > 0.98 and (terminated or truncated)
