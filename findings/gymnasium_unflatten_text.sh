#!/usr/bin/env bash
# gymnasium 1.4.0: a Dict space that holds a Text beside a Box of floats can be flattened, but not unflattened.
#
# flatten joins all parts into one array, whose type is then that of the floats. unflatten takes the characters' numbers
# out of it as floats and uses them as indices. The Text alone comes back, since its flat form keeps whole numbers.
#
# Seen (Python 3.11): "Text alone: comes back; Dict of Text and Box: TypeError"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "gymnasium==1.4.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import numpy as np
from gymnasium.spaces import Box, Dict, Text, flatten, unflatten

text = Text(8)
both = Dict({"box": Box(-1.0, 1.0, (2,)), "text": text})
cases = {
    "Text alone": (text, "push"),
    "Dict of Text and Box": (both, {"box": np.zeros(2, np.float32), "text": "push"}),
}
said = {}
for name, (space, value) in cases.items():
    assert space.contains(value)
    flat = flatten(space, value)
    try:
        back = unflatten(space, flat)
        said[name] = "comes back" if (back if isinstance(back, str) else back["text"]) == "push" else "is another"
    except TypeError:
        said[name] = "TypeError"
print("; ".join(f"{name}: {what}" for name, what in said.items()))
sys.exit(list(said.values()) != ["comes back", "TypeError"])
PY
