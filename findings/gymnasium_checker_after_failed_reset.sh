#!/usr/bin/env bash
# gymnasium 1.4.0: after a first reset that raises, the passive checker of gymnasium.make ends the next step in a TypeError.
#
# PassiveEnvChecker notes that it has checked reset before the call returns. When the first reset raises, the later ones
# are passed on unchecked, and no result of a reset is kept; the first step then unpacks None to compare it with its own.
# So an environment whose message advises another seed fails although the second reset succeeds. Without the checker
# (disable_env_checker=True) it works.
#
# Seen (Python 3.11): "with checker: TypeError: cannot unpack non-iterable NoneType object; without: a step"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium==1.4.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import gymnasium


class NoRoom(gymnasium.Env):
    action_space = observation_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed == 5:
            raise RuntimeError("Seed 5 has no room: use another.")
        return 0, {}

    def step(self, action):
        return 0, 0.0, False, False, {}


gymnasium.register("demo/NoRoom-v0", NoRoom)
said = {}
for kind, disabled in (("with checker", False), ("without", True)):
    environment = gymnasium.make("demo/NoRoom-v0", disable_env_checker=disabled)
    try:
        environment.reset(seed=5)
    except RuntimeError:
        environment.reset(seed=0)
    try:
        environment.step(0)
        said[kind] = "a step"
    except TypeError as error:
        said[kind] = f"TypeError: {error}"
print("; ".join(f"{kind}: {what}" for kind, what in said.items()))
wanted = {"with checker": "TypeError: cannot unpack non-iterable NoneType object", "without": "a step"}
sys.exit(said != wanted)
PY
