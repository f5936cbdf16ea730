#!/usr/bin/env bash
# torchrl 0.14.1, torch 2.13.0: MPPIPlanner plans with rewards in metres, and answers NaN as the action where they are
# in centimetres, or where each step earns 20 more.
#
# MPPI weighs its best candidates by exp(temperature * advantage). Only differences count, so that one takes the largest
# off before exp, as in a softmax; here it is not done. In float32 the weights of all candidates are 0 below an
# advantage of -104, and infinite above 88, and their mean is 0 / 0. Advantages are sums over the horizon, with the
# value behind it: a distance in centimetres, a bonus for staying alive, a value network whose answers grow as it learns
# get there. Nothing is raised: the action is NaN, the rollout goes on with it, and a robot or a simulator has it next.
# Just inside of both ends it works, so that small tests pass. The temperature is a factor, not a divisor: a higher one
# is greedier, and nearer to NaN. CEMPlanner ranks and has no such ends. What fits: the advantage module's result less
# the largest one of the first step, which changes no plan, or a temperature of one by the spread of the returns.
#
# Seen (Python 3.11), the first of five steps of at most 0.2 m toward a goal 0.7 m away: "MPPI: metres 0.20, centimetres
# nan, metres and 20 more nan; centimetres, temperature 0.01: 0.20; centimetres less the largest: 0.20; CEM: 0.20, 0.20,
# 0.20; state after a rollout in centimetres: nan"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "torchrl==0.14.1" "tensordict==0.14.3" "torch==2.13.0" \
    "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import math
import sys

import torch
from tensordict import TensorDict
from torchrl.data import Binary, Bounded, Composite, Unbounded
from torchrl.envs import EnvBase
from torchrl.modules import ValueOperator
from torchrl.modules.planners import CEMPlanner, MPPIPlanner
from torchrl.objectives.value import TDLambdaEstimator

GOAL = 0.7  # metres


class Point(EnvBase):
    """A point on a line, moved by its action; rewarded by bonus less unit times the distance to the goal."""

    def __init__(self, unit, bonus=0.0):
        super().__init__()
        self._batch_locked = False  # planners step many candidates at once
        self.unit, self.bonus = unit, bonus
        self.observation_spec = Composite(observation=Unbounded((1,)))
        self.action_spec = Bounded(-0.2, 0.2, shape=(1,))
        self.reward_spec = Unbounded((1,))
        self.full_done_spec = Composite(
            done=Binary(n=1, dtype=torch.bool), terminated=Binary(n=1, dtype=torch.bool)
        )

    def _reset(self, tensordict=None):
        shape = self.batch_size if tensordict is None else tensordict.batch_size
        return TensorDict({"observation": torch.zeros(*shape, 1)}, shape)

    def _step(self, tensordict):
        position = tensordict["observation"] + tensordict["action"]
        never = torch.zeros_like(position, dtype=torch.bool)
        reward = self.bonus - self.unit * (position - GOAL).abs()
        parts = {"observation": position, "reward": reward, "done": never, "terminated": never.clone()}
        return TensorDict(parts, tensordict.batch_size)

    def _set_seed(self, seed):
        torch.manual_seed(seed)


class Nothing(torch.nn.Module):
    def forward(self, observation):
        return torch.zeros_like(observation)


class LessTheLargest(TDLambdaEstimator):
    def forward(self, tensordict, **other):
        result = super().forward(tensordict, **other)
        result["advantage"] = result["advantage"] - result["advantage"][..., 0, :].max()  # of the first step
        return result


SEARCH = {"planning_horizon": 5, "optim_steps": 4, "num_candidates": 64, "top_k": 8}


def mppi(env, temperature=1.0, estimator=TDLambdaEstimator):
    value = ValueOperator(Nothing(), in_keys=["observation"])
    return MPPIPlanner(env, estimator(gamma=1.0, lmbda=1.0, value_network=value), temperature=temperature, **SEARCH)


def first(env, planner):
    torch.manual_seed(0)
    return float(planner(env.reset())["action"])


cases = {"metres": Point(1.0), "centimetres": Point(100.0), "metres and 20 more": Point(1.0, 20.0)}
planned = {name: first(env, mppi(env)) for name, env in cases.items()}
ranked = {name: first(env, CEMPlanner(env, **SEARCH)) for name, env in cases.items()}
centimetres = cases["centimetres"]
cooler = first(centimetres, mppi(centimetres, temperature=0.01))
shifted = first(centimetres, mppi(centimetres, estimator=LessTheLargest))
torch.manual_seed(0)
state = float(centimetres.rollout(3, mppi(centimetres))["next", "observation"][-1])
print("MPPI: " + ", ".join(f"{name} {action:.2f}" for name, action in planned.items()), end="; ")
print(f"centimetres, temperature 0.01: {cooler:.2f}; centimetres less the largest: {shifted:.2f}", end="; ")
print("CEM: " + ", ".join(f"{action:.2f}" for action in ranked.values()), end="; ")
print(f"state after a rollout in centimetres: {state}")
sys.exit(
    not (
        all(value > 0.15 for value in (planned["metres"], cooler, shifted, *ranked.values()))
        and math.isnan(planned["centimetres"])
        and math.isnan(planned["metres and 20 more"])
        and math.isnan(state)
    )
)
PY
