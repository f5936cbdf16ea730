#!/usr/bin/env bash
# pillow 13.0.0, opencv-python-headless 5.0.0 and netpbmfile 2026.1.29 read the same depth image differently.
#
# PGM (16 bits, millimetres): netpbmfile writes the smallest 2^k - 1 that holds the data as the file's greatest value.
# It and OpenCV give back the numbers as they are. Pillow, and imageio through it, stretches that greatest value to
# 65535: a depth of 1000 mm in an image up to 4 m comes back as 16004, and in one up to 8 m as 8001. OpenCV and Pillow
# write 65535 there, whatever the data, and all agree on such files; so it shows with the first file of another writer
# only. Pillow means it so since 9.1 (pull request 6119: right for brightness); its issue 6202 asks for the raw numbers
# and is open.
#
# PFM (float32, metres): rows are stored from the bottom up. OpenCV and Pillow write and read them so. netpbmfile
# returns them as they lie in the file: the image is upside down, of the right shape, and without an error.
#
# Seen (Python 3.11): "1000 mm in a PGM: netpbmfile 1000, OpenCV 1000, Pillow 16004 (up to 4 m), 8001 (up to 8 m); top
# row of a PFM: OpenCV 0.0, Pillow 0.0, netpbmfile 3.0 (the bottom one)"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "pillow==13.0.0" "opencv-python-headless==5.0.0.93" "netpbmfile==2026.1.29" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import netpbmfile
import numpy as np
from PIL import Image

readers = {
    "netpbmfile": netpbmfile.imread,
    "OpenCV": lambda name: cv2.imread(name, cv2.IMREAD_UNCHANGED),
    "Pillow": lambda name: np.asarray(Image.open(name)),
}

millimetres = {}
for far in (4000, 8000):
    netpbmfile.imwrite(f"{far}.pgm", np.array([[1000, far]], np.uint16))
    millimetres[far] = {name: int(read(f"{far}.pgm")[0, 0]) for name, read in readers.items()}

rows = np.arange(4, dtype=np.float32)[:, None].repeat(3, axis=1)  # metres; 0 in the top row
cv2.imwrite("depth.pfm", rows)
top = {name: float(read("depth.pfm")[0, 0]) for name, read in readers.items()}

near, far = millimetres.values()
print(
    f"1000 mm in a PGM: netpbmfile {near['netpbmfile']}, OpenCV {near['OpenCV']}, Pillow {near['Pillow']} (up to 4 m), "
    f"{far['Pillow']} (up to 8 m); top row of a PFM: OpenCV {top['OpenCV']}, Pillow {top['Pillow']}, "
    f"netpbmfile {top['netpbmfile']} (the bottom one)"
)
as_seen = (
    near == {"netpbmfile": 1000, "OpenCV": 1000, "Pillow": 16004}
    and far == {"netpbmfile": 1000, "OpenCV": 1000, "Pillow": 8001}
    and top == {"netpbmfile": 3.0, "OpenCV": 0.0, "Pillow": 0.0}
)
sys.exit(not as_seen)
PY
