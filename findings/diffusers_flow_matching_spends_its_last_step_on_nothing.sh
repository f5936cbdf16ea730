#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0: FlowMatchEulerDiscreteScheduler spends the last of its n steps on nothing: n calls of
# the network give what n - 1 would.
#
# Policies by flow matching sample an action in few steps, 2 to 10, since each is a call of the network at the rate of
# the control. The scheduler spreads n times evenly from 1000 to 1, both ends included, and then goes on to 0: of 4
# steps, three are of a third each, and the last one is of a thousandth. Its call costs as much as the others and moves
# the action by a thousandth of what it answers. With n = 2 the action is that of a single step, the mean between two
# ways that were shown. It is hidden by n = 1, where the one step is whole, and by the 28 or more steps of images;
# pipelines for images mostly hand their own sigmas over. With shift other than 1 the shift is also applied twice (issue
# 13243, open). What fits: set_timesteps(sigmas=numpy.linspace(1, 1 / n, n)), or a loop of one's own, three lines.
#
# In place of a network stands the exact velocity for actions that were shown at -0.6 and 0.6, with a spread of 0.03
# each; what is measured is how far samples are from the nearer one.
#
# Seen (Python 3.11), root mean square distance with 1, 2, 3, 4, 5, 6 and 10 calls: "set_timesteps(n): 0.600 0.599 0.388
# 0.267 0.188 0.134 0.040; sigmas from 1 to 1 / n: 0.600 0.389 0.267 0.187 0.133 0.096 0.031; times of n = 4: 1000 667
# 334 1 and 1000 750 500 250"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "diffusers==0.42.1" "torch==2.13.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

SHOWN, SPREAD = torch.tensor([-0.6, 0.6]), 0.03
CALLS = (1, 2, 3, 4, 5, 6, 10)


def velocity(sample, noise):
    """The mean of noise minus action given ``sample``, (1 - noise) of the action and noise of the noise."""
    variance = (1 - noise) ** 2 * SPREAD**2 + noise**2
    off = sample - (1 - noise) * SHOWN
    likely = torch.softmax(-(off**2) / (2 * variance), dim=1)
    return (likely * (noise * off / variance - SHOWN - (1 - noise) * SPREAD**2 * off / variance)).sum(1, keepdim=True)


def error(scheduler):
    """Root mean square distance of samples from the nearer action that was shown."""
    sample = torch.randn(8000, 1, generator=torch.Generator().manual_seed(0))
    for time in scheduler.timesteps:
        sample = scheduler.step(velocity(sample, float(time) / 1000), time, sample).prev_sample
    return float((sample - SHOWN).abs().min(dim=1).values.square().mean().sqrt())


def by_count(calls):
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(calls)
    return scheduler


def by_sigmas(calls):
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / calls, calls).tolist())
    return scheduler


torch.set_num_threads(1)
counted, given = ({calls: error(make(calls)) for calls in CALLS} for make in (by_count, by_sigmas))
for name, errors in (("set_timesteps(n)", counted), ("sigmas from 1 to 1 / n", given)):
    print(f"{name}: " + " ".join(f"{each:.3f}" for each in errors.values()))
times = [[round(float(time)) for time in make(4).timesteps] for make in (by_count, by_sigmas)]
print("times of n = 4:", *times)
as_one_less = all(abs(counted[calls] - given[calls - 1]) < 0.005 for calls in (2, 3, 4, 5, 6))
worse = all(counted[calls] > 1.2 * given[calls] for calls in CALLS[1:])
as_seen = as_one_less and worse and counted[1] == given[1]
sys.exit(not (as_seen and times == [[1000, 667, 334, 1], [1000, 750, 500, 250]]))
PY
