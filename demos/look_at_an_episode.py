"""Run the scripted oracle on one scene and save what the three cameras see before and after.

python demos/look_at_an_episode.py [TASK] [OUT.png]
"""

import sys

import cv2
import gymnasium
import numpy as np

from ravens_suite.registry import environment_id
from ravens_suite.rollout.policies import OraclePolicy

task = sys.argv[1] if len(sys.argv) > 1 else "block-insertion"
out = sys.argv[2] if len(sys.argv) > 2 else "episode.png"

env = gymnasium.make(environment_id(task), split="test")
oracle = OraclePolicy(env)
observation, info = env.reset(seed=0)
rows = [np.hstack(list(observation["color"]))]
total, over = 0.0, False
while not over:
    observation, reward, terminated, truncated, info = env.step(oracle.act(observation))
    total, over = total + float(reward), terminated or truncated
rows.append(np.hstack(list(observation["color"])))
env.close()

cv2.imwrite(out, np.vstack(rows)[..., ::-1])
print(f"{task}: score {100 * total:.0f}, strict success {info['success']}, goals {info['goals']}. Pictures: {out}")
