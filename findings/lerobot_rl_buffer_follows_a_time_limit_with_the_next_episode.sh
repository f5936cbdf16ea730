#!/usr/bin/env bash
# lerobot 0.6.1, torch 2.13.0: the replay buffer of LeRobot's reinforcement learning takes as the next state of a
# transition whatever was added after it: behind a time limit the beginning of the next episode, behind an intervention
# of a human the beginning of the next one, and behind the newest transition of a full buffer the oldest.
#
# The learner makes both of its buffers (online, and demonstrations with interventions) with optimize_memory=True. add()
# is given the next state and throws it away, and sample() reads the state of the next place in the buffer. Behind a
# success that does no harm, as done takes the next state out of the target. Behind a time limit done is 0, and a robot
# that was stuck is said to have been put back to the start, and gets the value of the start. Of interventions only the
# steps of the human are added to the second buffer, half of each batch: the last step of each correction, the moment
# that it has worked, is said to lead to where the policy goes wrong next time. Interventions of ten steps make a tenth
# of those transitions wrong. There is an array for the ends of episodes, episode_ends, which nothing writes or reads.
# Nothing is raised, states have the right shape, and a test of one episode that ends in success passes. Without
# optimize_memory, the default of the class, all are right. Upstream: pull request 918 (merged) keeps the newest
# transition out until the buffer is full.
#
# The package is installed without its dependencies: the module needs torch, and stand-ins for what plays no part here.
#
# Seen (Python 3.11), wrong pairs of state and next state, of 3 episodes of 5 steps (0 to 4, 10 to 14, 20 to 24) each
# ended by a time limit, with done: "all steps: 4 to 10 (true 5), 14 to 20 (true 15), done 0; steps 2 and 3 by a human:
# 3 to 12 (true 4), 13 to 22 (true 14), done 0; full at 12: 4 to 10, 14 to 20 and 24 to 3 (true 25); without
# optimize_memory: none"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "torch==2.13.0" "numpy==2.4.6" "tqdm==4.70.1"
"$folder/venv/bin/pip" install --quiet --no-compile --no-deps --ignore-requires-python "lerobot==0.6.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import importlib.util
import sys
import types

root = importlib.util.find_spec("lerobot").submodule_search_locations[0]
for name, attributes in {
    "lerobot": {},
    "lerobot.datasets": {"LeRobotDataset": None},
    "lerobot.utils": {},
    "lerobot.utils.constants": {
        "ACTION": "action", "DONE": "next.done", "OBS_IMAGE": "observation.image", "REWARD": "next.reward"
    },
    "lerobot.utils.transition": {"Transition": dict},
}.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(attributes)
spec = importlib.util.spec_from_file_location("lerobot.rl.buffer", f"{root}/rl/buffer.py")
buffer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(buffer)

import torch

KEY, EPISODES, STEPS = "observation.state", 3, 5


def wrong(capacity, steps, optimize_memory):
    """State, next state of a sample and the true one, where these differ; and their values of done."""
    memory = buffer.ReplayBuffer(
        capacity=capacity, device="cpu", state_keys=[KEY], use_drq=False, optimize_memory=optimize_memory
    )
    for episode in range(EPISODES):
        for step in steps:
            here = float(10 * episode + step)
            memory.add(
                state={KEY: torch.tensor([[here]])},
                action=torch.zeros(1, 1),
                reward=0.0,
                next_state={KEY: torch.tensor([[here + 1.0]])},
                done=False,
                truncated=step == STEPS - 1,
            )
    found = set()
    for _ in range(100):
        batch = memory.sample(capacity)
        for here, there, done in zip(batch["state"][KEY], batch["next_state"][KEY], batch["done"], strict=True):
            found.add((int(here), int(there), int(here) + 1, int(done)))
    return sorted(each for each in found if each[1] != each[2])


torch.manual_seed(0)
every, human = range(STEPS), (2, 3)
seen = {
    "all steps": wrong(100, every, True),
    "steps 2 and 3 by a human": wrong(100, human, True),
    "full at 12": wrong(12, every, True),
    "all steps, without optimize_memory": wrong(100, every, False),
}
for name, pairs in seen.items():
    print(f"{name}: " + (", ".join("{} to {} (true {}), done {}".format(*each) for each in pairs) or "none"))
wanted = {
    "all steps": [(4, 10, 5, 0), (14, 20, 15, 0)],
    "steps 2 and 3 by a human": [(3, 12, 4, 0), (13, 22, 14, 0)],
    "full at 12": [(4, 10, 5, 0), (14, 20, 15, 0), (24, 3, 25, 0)],
    "all steps, without optimize_memory": [],
}
sys.exit(seen != wanted)
PY
