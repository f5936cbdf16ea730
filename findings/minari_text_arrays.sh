#!/usr/bin/env bash
# minari 0.5.4 with h5py 3.16: texts are stored when they come as a list, and refused when the same texts come as an array.
#
# Minari sees that every element is a str and asks h5py for a UTF-8 dtype; NumPy's array of strings ("<U...") passes that
# test, too, but h5py has no conversion from it. So an observation space with Text works while episodes are recorded
# step by step, and fails for buffers that were stacked with NumPy: TypeError: No conversion path for dtype: dtype('<U4').
#
# Seen (Python 3.11): "list: stored; array: TypeError: No conversion path for dtype: dtype('<U4')"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "minari==0.5.4" "gymnasium==1.4.0" "h5py==3.16.0" "pillow==13.0.0"
cd "$folder"
MINARI_DATASETS_PATH="$folder/data" "$folder/venv/bin/python" - <<'PY'
import sys, warnings
import gymnasium, numpy as np, minari
from minari.data_collector import EpisodeBuffer

warnings.simplefilter("ignore")
space = gymnasium.spaces.Dict({"instruction": gymnasium.spaces.Text(8)})
box = gymnasium.spaces.Box(-1, 1, (1,), np.float64)
said = {}
for kind, texts in (("list", ["push", "pull"]), ("array", np.array(["push", "pull"]))):
    buffer = [EpisodeBuffer(id=0, observations={"instruction": texts}, actions=np.zeros((1, 1)), rewards=[0.0],
                            terminations=[True], truncations=[False])]
    try:
        minari.create_dataset_from_buffers(f"demo/{kind}-v0", buffer, observation_space=space, action_space=box,
                                           data_format="hdf5")
        said[kind] = "stored"
    except TypeError as error:
        said[kind] = f"TypeError: {error}"
print("; ".join(f"{kind}: {what}" for kind, what in said.items()))
sys.exit(said != {"list": "stored", "array": "TypeError: No conversion path for dtype: dtype('<U4')"})
PY
