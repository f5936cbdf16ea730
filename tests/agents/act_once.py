"""The first action of a trained agent in its own environment; as a script, those of several runs, printed as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import plan_evaluation
from ravens_suite.rollout.policies import one_thread


def act_once(run: str) -> dict[str, Any]:
    """The action for test seed 0; the environment must take it."""
    plan = plan_evaluation(run, None, "test", {})
    environment = make_environment(plan.task, "test", plan.arguments)
    with one_thread(plan.policy.kind):
        policy = plan.policy.make(environment)
        observation, _ = environment.reset(seed=0)
        policy.reset(0)
        action = {key: np.asarray(value).tolist() for key, value in policy.act(observation).items()}
    assert action.keys() == environment.action_space.spaces.keys()
    environment.step(action)
    environment.close()
    return action


if __name__ == "__main__":
    print(json.dumps({run: act_once(run) for run in sys.argv[1:]}))
