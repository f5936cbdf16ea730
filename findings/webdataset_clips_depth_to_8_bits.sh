#!/usr/bin/env bash
# webdataset 1.0.2 and pillow 13.0.0: every image decoder makes 8 bits of a depth image of 16, and cuts it off at 255.
#
# A depth image in millimetres is stored as a PNG of 16 bits (mode I;16). All of the decoders, also "pil", which seems
# to hand the image on, call Pillow's convert to RGB or L, and this does not scale I;16: it clips. From 26 cm on all
# depths are 255, and the float decoders give 1.0. There is no error and the shape is right, so that a policy trains on
# a constant. A handler for the suffix (as the answer to webdataset's issue 7 has it), or the depth as .npy, keeps the
# numbers.
#
# Seen (Python 3.11): "1000 mm and 4000 mm: pil 255 255 (RGB), pill 255 255 (L), l8 255 255, rgb8 255 255, l 1.0 1.0,
# rgb 1.0 1.0; npy 1000 4000; handler 1000 4000"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "webdataset==1.0.2" "pillow==13.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io
import sys
import numpy as np
import webdataset
from PIL import Image

depth = np.full((4, 6), 1000, np.uint16)
depth[:, 3:] = 4000
file = io.BytesIO()
Image.fromarray(depth).save(file, "PNG")
with webdataset.TarWriter("depth.tar") as shard:
    shard.write({"__key__": "000", "depth.png": file.getvalue(), "npy": depth})


def read(*decoders, key="depth.png"):
    return next(iter(webdataset.WebDataset("depth.tar", shardshuffle=False).decode(*decoders)))[key]


def two(image):
    array = np.asarray(image)
    assert array.shape[:2] == depth.shape, array.shape
    array = array if array.ndim == 2 else array[..., 0]
    return array[0, 0].item(), array[0, -1].item()


def sixteen_bits(key, data):
    return np.asarray(Image.open(io.BytesIO(data))) if key.endswith("png") else None


decoded = {name: read(name) for name in ("pil", "pill", "l8", "rgb8", "l", "rgb")}
said = {name: two(image) for name, image in decoded.items()}
modes = {name: f" ({decoded[name].mode})" for name in ("pil", "pill")}
plain = {"npy": two(read(key="npy")), "handler": two(read(sixteen_bits))}
print("1000 mm and 4000 mm: " + ", ".join(f"{name} {a} {b}{modes.get(name, '')}" for name, (a, b) in said.items())
      + "".join(f"; {name} {a} {b}" for name, (a, b) in plain.items()))
whole, floats = (255, 255), (1.0, 1.0)
wanted = {"pil": whole, "pill": whole, "l8": whole, "rgb8": whole, "l": floats, "rgb": floats}
sys.exit(said != wanted or any(values != (1000, 4000) for values in plain.values()))
PY
