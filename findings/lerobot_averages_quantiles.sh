#!/usr/bin/env bash
# lerobot 0.6.1: the quantiles of a data set are the mean of those of its episodes, weighted by their frames.
#
# A mean of quantiles is no quantile. Where episodes differ, as those of a task whose objects lie elsewhere each time,
# the 1 % and 99 % quantiles, by which policies normalise states and actions, come out far inside the true ones.
# Read in lerobot/datasets/compute_stats.py, aggregate_feature_stats. The package is installed without its dependencies
# (torch among them): the module needs NumPy alone, and stand-ins for three imports that play no part here.
#
# Seen (Python 3.11): "frames 0 to 199 in two episodes: 1 % quantile 50.0 (true 2.0), 99 % quantile 148.0 (true 197.0)"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "numpy==2.3.4"
"$folder/venv/bin/pip" install --quiet --no-deps --ignore-requires-python "lerobot==0.6.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import importlib.util, sys, types
import numpy as np

root = importlib.util.find_spec("lerobot").submodule_search_locations[0]
for name, attributes in {
    "lerobot": {},
    "lerobot.datasets": {},
    "lerobot.processor": {"RelativeActionsProcessorStep": None},
    "lerobot.utils": {},
    "lerobot.utils.constants": {"ACTION": "action", "OBS_STATE": "observation.state"},
    "lerobot.datasets.io_utils": {"load_image_as_numpy": None},
}.items():
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    vars(module).update(attributes)
spec = importlib.util.spec_from_file_location("lerobot.datasets.compute_stats", f"{root}/datasets/compute_stats.py")
stats = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stats)

frames = np.arange(200, dtype=np.float64)[:, None]
each = [{"state": stats.get_feature_stats(part, axis=0, keepdims=True)} for part in (frames[:100], frames[100:])]
found = stats.aggregate_stats(each)["state"]
low, high = (float(found[name].item()) for name in ("q01", "q99"))
print(
    f"frames 0 to 199 in two episodes: 1 % quantile {low:.1f} (true {np.quantile(frames, 0.01):.1f}), "
    f"99 % quantile {high:.1f} (true {np.quantile(frames, 0.99):.1f})"
)
sys.exit(low < 10 or high > 190)
PY
