#!/usr/bin/env bash
# safetensors 0.8.0 and OpenEXR 3.5.3 write a NumPy view that is not contiguous as the memory behind it, in silence.
#
# The depth of an image of colours and depth, rgbd[..., 3], is a view with gaps. Both libraries note its shape, and copy
# as many numbers as that has, one after the other from its first: three in four are colours. The file is sound, its
# array has the right shape, and NumPy, which made the view, would have written it rightly. The same holds for a
# transposed matrix of weights. A copy (np.ascontiguousarray) mends it. safetensors 0.7.0 made it by itself: files
# written by the same code differ between the two. In safetensors' documentation stands that tensors "need to be
# contiguous"; for torch it refuses others, for NumPy it does not look. Upstream: safetensors issue 825 (open), OpenEXR
# issue 1929 (open since 2024).
#
# Seen (Python 3.11): "depth of 1 to 5 m: safetensors 0.7.0 [1, 2, 3, 4, 5]; safetensors 0.8.0 [1, 0.5, 0.5, 0.5, 2];
# OpenEXR 3.5.3 [1, 0.5, 0.5, 0.5, 2]; with a copy all three [1, 2, 3, 4, 5]"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
cat > write.py <<'PY'
import sys
from importlib.metadata import version

import numpy as np


def through_safetensors(depth: np.ndarray) -> np.ndarray:
    from safetensors.numpy import load_file, save_file

    save_file({"depth": depth}, "depth.safetensors")
    return load_file("depth.safetensors")["depth"]


def through_openexr(depth: np.ndarray) -> np.ndarray:
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"Z": depth}).write("depth.exr")
    return OpenEXR.File("depth.exr").channels()["Z"].pixels


rgbd = np.full((2, 5, 4), 0.5, np.float32)
rgbd[..., 3] = np.arange(1, 11).reshape(2, 5)
depth = rgbd[..., 3]
for name in sys.argv[1:]:
    through = {"safetensors": through_safetensors, "OpenEXR": through_openexr}[name]
    as_it_is, copied = through(depth), through(np.ascontiguousarray(depth))
    assert as_it_is.shape == depth.shape and np.array_equal(copied, depth)
    print(f"{name} {version(name)} [{', '.join(f'{value:g}' for value in as_it_is[0])}]")
PY
"$folder/venv/bin/pip" install --quiet "safetensors==0.7.0" "numpy==2.4.6"
"$folder/venv/bin/python" write.py safetensors > said.txt
"$folder/venv/bin/pip" install --quiet "safetensors==0.8.0" "OpenEXR==3.5.3"
"$folder/venv/bin/python" write.py safetensors OpenEXR >> said.txt
echo "depth of 1 to 5 m: $(paste -sd';' said.txt | sed 's/;/; /g'); with a copy all three [1, 2, 3, 4, 5]"
diff said.txt - <<'END'
safetensors 0.7.0 [1, 2, 3, 4, 5]
safetensors 0.8.0 [1, 0.5, 0.5, 0.5, 2]
OpenEXR 3.5.3 [1, 0.5, 0.5, 0.5, 2]
END
