#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0: DDIMScheduler with timestep_spacing="trailing" leaves noise in its samples where its
# number of steps does not divide that of training: 51 steps of 100 are off by 0.16, 5 steps by 0.001.
#
# A policy trained with 100 steps is asked for actions in fewer, and "trailing" is what is advised for that, because it
# begins where training ended. set_timesteps spreads the steps over all 100 and rounds; step() goes down by 100 // steps
# and does not look at which step follows. With 51 the network is told of noise that falls by about 2 a step, DDIM takes
# off 1 a step, and the rest stays in the action. Numbers that divide 100 are right, and so are many others by rounding
# (8, 12, 16), so it does not show where one tries; 15 are worse than 5, and a sweep looks as if more steps did harm.
# "linspace" has the same, at few steps most. The default "leading" agrees with step(), and DDPMScheduler and
# DPMSolverMultistepScheduler look the next step up. Upstream: issues 11347 and 12633 (open, of "linspace"; pull request
# 14357 takes "trailing" for right).
#
# In place of a network stands the exact answer for actions of 0.5 with a spread of 0.02, in a space of -1 ... 1: the
# samples should be off by no more than that spread, however many steps there are.
#
# Seen (Python 3.11), root mean square error after 5, 15, 16, 50, 51, 60, 75 and 100 steps: "DDIM, leading: 0.011 0.011
# 0.011 0.012 0.017 0.015 0.013 0.012; DDIM, trailing: 0.001 0.034 0.004 0.008 0.159 0.107 0.035 0.012; DDIM, linspace:
# 0.052 0.024 0.020 0.012 0.079 0.056 0.030 0.012; DDPM, trailing: 0.001 to 0.012; DPMSolverMultistep, trailing: 0.001
# to 0.012"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "diffusers==0.42.1" "torch==2.13.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

TRAINED, ACTION, SPREAD = 100, 0.5, 0.02
STEPS = (5, 15, 16, 50, 51, 60, 75, 100)


def error(kind, spacing, steps):
    """Root mean square distance of samples from the mean action, noise predicted exactly."""
    scheduler = kind(num_train_timesteps=TRAINED, beta_schedule="squaredcos_cap_v2", timestep_spacing=spacing)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(5000, 1, generator=generator)
    for timestep in scheduler.timesteps:
        kept = scheduler.alphas_cumprod[int(timestep)]
        noise = (1 - kept).sqrt() * (sample - kept.sqrt() * ACTION) / (kept * SPREAD**2 + 1 - kept)
        sample = scheduler.step(noise, timestep, sample, generator=generator).prev_sample
    return float((sample - ACTION).square().mean().sqrt())


torch.set_num_threads(1)
cases = {
    "DDIM, leading": (DDIMScheduler, "leading"),
    "DDIM, trailing": (DDIMScheduler, "trailing"),
    "DDIM, linspace": (DDIMScheduler, "linspace"),
    "DDPM, trailing": (DDPMScheduler, "trailing"),
    "DPMSolverMultistep, trailing": (DPMSolverMultistepScheduler, "trailing"),
}
errors = {name: dict(zip(STEPS, (error(*case, steps) for steps in STEPS), strict=True)) for name, case in cases.items()}
for name, of_steps in errors.items():
    print(f"{name}: " + " ".join(f"{of_steps[steps]:.3f}" for steps in STEPS))
leading, trailing, linspace, ddpm, solver = errors.values()
right = all(max(each.values()) < 0.021 for each in (leading, ddpm, solver))
right &= all(trailing[steps] < 0.021 for steps in (5, 16, 50, 100))
wrong = trailing[51] > 0.12 and trailing[60] > 0.08 and trailing[75] > 0.03 and trailing[15] > 0.03
sys.exit(not (right and wrong and linspace[5] > 0.04 and linspace[51] > 0.06))
PY
