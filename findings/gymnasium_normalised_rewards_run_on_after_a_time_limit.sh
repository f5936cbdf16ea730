#!/usr/bin/env bash
# gymnasium 1.4.0: NormalizeReward makes the rewards of a task of five steps four times as small when its episodes end
# by a time limit as when they end by themselves; its vector form does so in one autoreset mode and not in the other.
#
# The wrapper divides rewards by the deviation of the discounted return so far in the episode. That return is set back
# where an episode is terminated, and not where it is truncated, nor at reset: it then runs on through all episodes, and
# the factor says nothing of the task, it is the same for 5 steps and for 100. Tasks of manipulation take a few steps
# and end by TimeLimit. The vector form sets its returns back after truncation in SAME_STEP only; in NEXT_STEP, the
# default, it does not. So a policy that was tuned with one of them learns with rewards of another size, against the
# entropy bonus, the clipped loss of the value and the greatest gradient, and a longer limit does not change rewards as
# it should. Tests with tasks that fall over and terminate do not show it. What fits: SAME_STEP; to set the wrapper's
# discounted_reward to 0 at each reset; or VecNormalize of stable-baselines3, which sets back at any end. (Upstream:
# issues 760 and 1507, both closed.)
#
# Seen (Python 3.11), a reward of 1 in half of the steps, what it is multiplied by: "5 steps, terminated:
# NormalizeReward 0.91, vector, NEXT_STEP 0.90, vector, SAME_STEP 1.07; within an episode 0.91; 5 steps, truncated:
# 0.21, 0.14, 0.91; 0.91; 100 steps, terminated: 0.11, 0.11, 0.10; 0.11; 100 steps, truncated: 0.21, 0.15, 0.11; 0.11"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "gymnasium==1.4.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import functools
import sys

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import NormalizeReward, TimeLimit
from gymnasium.wrappers.vector import NormalizeReward as NormalizeRewards

GAMMA, STEPS, ENVS = 0.99, 16000, 4


class Placing(gymnasium.Env):
    """Half of the steps put a part in its place, for a reward of 1."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, parts=None):
        self.parts = parts

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.count += 1
        reward = float(self.np_random.random() < 0.5)
        return np.zeros(1, np.float32), reward, self.count == self.parts, False, {}


def make(steps, end):
    return Placing(steps) if end == "terminated" else TimeLimit(Placing(), steps)


def single(steps, end):
    """What a reward of 1 has become after STEPS steps."""
    env = NormalizeReward(make(steps, end), gamma=GAMMA)
    env.reset(seed=0)
    factor = 0.0
    for _ in range(STEPS):
        _, reward, terminated, truncated, _ = env.step(np.zeros(1, np.float32))
        factor = reward or factor
        if terminated or truncated:
            env.reset()
    return float(factor)


def vector(mode, steps, end):
    env = SyncVectorEnv([functools.partial(make, steps, end)] * ENVS, autoreset_mode=mode)
    env = NormalizeRewards(env, gamma=GAMMA)
    env.reset(seed=0)
    factor = 0.0
    for _ in range(STEPS // ENVS):
        factor = env.step(np.zeros((ENVS, 1), np.float32))[1].max() or factor
    return float(factor)


def exact(steps):
    """One over the deviation of the discounted return within an episode."""
    random = np.random.default_rng(0)
    rewards, total, returns = (random.random((20000, steps)) < 0.5).astype(float), 0.0, []
    for column in rewards.T:
        total = GAMMA * total + column
        returns.append(total)
    return float(1 / np.std(returns))


HOW = {
    "NormalizeReward": single,
    "vector, NEXT_STEP": functools.partial(vector, AutoresetMode.NEXT_STEP),
    "vector, SAME_STEP": functools.partial(vector, AutoresetMode.SAME_STEP),
}
seen = {}
for steps in (5, 100):
    for end in ("terminated", "truncated"):
        seen[steps, end] = [factor(steps, end) for factor in HOW.values()]
        listed = ", ".join(f"{name} {value:.2f}" for name, value in zip(HOW, seen[steps, end], strict=True))
        print(f"{steps} steps, {end}: {listed}; within an episode {exact(steps):.2f}")
right = all(0.8 < value / exact(5) < 1.4 for value in seen[5, "terminated"] + seen[5, "truncated"][2:])
wrong = all(exact(5) / value > 4 for value in seen[5, "truncated"][:2])
sys.exit(not (right and wrong))
PY
