#!/usr/bin/env bash
# minari 0.5.4: the metadata of a data set of images is larger than its images, and is read again for every attribute.
#
# A Box is written as two nested lists with the bounds of every element, although all are equal, and is read back in no
# other form. Three cameras of 480 x 640 pixels, RGB, make 25 MB of JSON. Each update of a data set reads and writes all
# of it; loading parses it several times, and so does each look at total_steps.
#
# Seen (Python 3.11): "one image of 2764800 bytes: 25 MB of metadata; loading it reads them 4 times, total_steps once more"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "minari==0.5.4" "gymnasium==1.4.0" "h5py==3.16.0" "pillow==13.0.0"
cd "$folder"
MINARI_DATASETS_PATH="$folder/data" "$folder/venv/bin/python" - <<'PY'
import sys, warnings
from pathlib import Path
import gymnasium, numpy as np, minari
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage

warnings.simplefilter("ignore")
shape = (3, 480, 640, 3)
space = gymnasium.spaces.Box(0, 255, shape, np.uint8)
box = gymnasium.spaces.Box(-1, 1, (1,), np.float64)
buffer = [EpisodeBuffer(id=0, observations=np.zeros((1, *shape), np.uint8), actions=np.zeros((1, 1)), rewards=[0.0],
                        terminations=[True], truncations=[False])]
minari.create_dataset_from_buffers("demo/one-v0", buffer, observation_space=space, action_space=box, data_format="hdf5",
                                   jpeg_encoding=False)
size = Path(f"{__import__('os').environ['MINARI_DATASETS_PATH']}/demo/one-v0/data/metadata.json").stat().st_size
read, real = [], MinariStorage.read_raw_metadata.__func__
MinariStorage.read_raw_metadata = classmethod(lambda cls, path: (read.append(1), real(cls, path))[1])
dataset = minari.load_dataset("demo/one-v0")
loading = len(read)
dataset.storage.total_steps
said = (f"one image of {np.prod(shape)} bytes: {size // 10**6} MB of metadata; loading it reads them {loading} times, "
        f"total_steps {'once more' if len(read) == loading + 1 else len(read) - loading}")
print(said)
sys.exit(size < 10**7 or loading < 2)
PY
