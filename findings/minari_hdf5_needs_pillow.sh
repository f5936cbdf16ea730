#!/usr/bin/env bash
# minari 0.5.4: what its "hdf5" extra installs cannot open or create an HDF5 data set.
#
# The extra declares h5py only, but the module of the HDF5 storage imports PIL at its top, for the JPEG coding of images
# that one need not ask for. Where nothing else happens to install Pillow, both loading and creating fail with
# ModuleNotFoundError: No module named 'PIL'. With torch or matplotlib in the same environment it never shows.
#
# Seen (Python 3.11): "minari 0.5.4, h5py installed True: ModuleNotFoundError: No module named 'PIL'"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "minari[hdf5]==0.5.4" "gymnasium==1.4.0" "h5py==3.16.0"
cd "$folder"
MINARI_DATASETS_PATH="$folder/data" "$folder/venv/bin/python" - <<'PY'
import importlib.util, sys
from importlib.metadata import version
import gymnasium, numpy as np, minari
from minari.data_collector import EpisodeBuffer

buffer = [EpisodeBuffer(id=0, observations=np.zeros((2, 1)), actions=np.zeros((1, 1)), rewards=[0.0],
                        terminations=[True], truncations=[False])]
box = gymnasium.spaces.Box(-1, 1, (1,), np.float64)
try:
    minari.create_dataset_from_buffers("demo/one-v0", buffer, observation_space=box, action_space=box, data_format="hdf5")
    said = "no error"
except ModuleNotFoundError as error:
    said = f"ModuleNotFoundError: {error}"
h5py = importlib.util.find_spec("h5py") is not None
print(f"minari {version('minari')}, h5py installed {h5py}: {said}")
sys.exit(said != "ModuleNotFoundError: No module named 'PIL'" or not h5py)
PY
