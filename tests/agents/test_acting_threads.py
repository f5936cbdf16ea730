"""The obvious way to run an agent again gives the episode that was evaluated, whatever torch's number of threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ravens_suite.agents.state_mlp import StateMlp
from ravens_suite.core.observations import Interface
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.rollout import roll_out
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK_NAME = "block-insertion"


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Counting(StateMlp):
    """Acts by the number of threads."""

    net = torch.nn.Identity()

    def act(self, observation: Any) -> Any:
        return {"threads": torch.get_num_threads()}

    def explain(self, observation: Any) -> Any:
        return {"threads": torch.get_num_threads()}


def _action(*arguments: Any) -> Any:
    raise KeyError("no action")


def test_an_agent_acts_with_one_thread_and_puts_the_number_back(
    two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = Counting.__new__(Counting)
    assert agent.act({}) == agent.explain({}) == {"threads": 1}
    assert torch.get_num_threads() == 2
    failing = type("Failing", (Counting,), {"act": _action})
    with pytest.raises(KeyError):
        failing.__new__(failing).act({})
    assert torch.get_num_threads() == 2
    assert StateMlp.act.__doc__


def test_agent_load_repeats_an_evaluation_to_the_byte(two_threads: None, tmp_path: Path) -> None:
    collect(TASK_NAME, episodes=1, data=tmp_path / "data", arguments={"observe": ["state"]})
    settings = TrainingSettings(steps=2, val_episodes=0, threads=1, device="cpu")
    plan = TrainingPlan(agent="state-mlp", tasks=(TASK_NAME,), demos=1, settings=settings)
    train(plan, tmp_path / "data", tmp_path / "run")
    evaluated = evaluate(str(tmp_path / "run"), episodes=2).outcomes
    run = RunFolder(tmp_path / "run")
    environment = make_environment(TASK_NAME, "test", run.record()["environments"][TASK_NAME]["arguments"])
    agent = StateMlp.load(run.policy.path)
    again = tuple(roll_out(environment, agent, seed).result() for seed in range(2))
    environment.close()
    assert again == evaluated
    assert agent.interface != Interface()
