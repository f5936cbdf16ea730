#!/usr/bin/env bash
# gymnasium 1.4.0: AsyncVectorEnv with shared memory, its default, never delivers a Text observation.
#
# Arrays in shared memory are views, made once when the vector environment is constructed. Texts are read at the same
# moment, when the memory is still zeros, and never again: every observation afterwards is the first character of the
# space's character set, repeated to the space's length. SyncVectorEnv and shared_memory=False deliver the text.
#
# Seen (Python 3.11): "SyncVectorEnv: 'push'; AsyncVectorEnv without shared memory: 'push'; AsyncVectorEnv: not 'push'"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium==1.4.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import gymnasium
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv


class Says(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Dict({"instruction": gymnasium.spaces.Text(8)})

    def reset(self, *, seed=None, options=None):
        return {"instruction": "push"}, {}

    def step(self, action):
        return {"instruction": "push"}, 0.0, False, False, {}


ways = {
    "SyncVectorEnv": lambda: SyncVectorEnv([Says]),
    "AsyncVectorEnv without shared memory": lambda: AsyncVectorEnv([Says], shared_memory=False),
    "AsyncVectorEnv": lambda: AsyncVectorEnv([Says]),
}
said = {}
for name, make in ways.items():
    environments = make()
    environments.reset()
    observation = environments.step([0])[0]
    said[name] = "'push'" if observation["instruction"][0] == "push" else "not 'push'"
    environments.close()
print("; ".join(f"{name}: {what}" for name, what in said.items()))
sys.exit(list(said.values()) != ["'push'", "'push'", "not 'push'"])
PY
