#!/usr/bin/env bash
# rosbags-image 0.10.4 with opencv-python-headless 5.0.0: a compressed depth image comes back in 8 bits, and an image
# whose rows are padded comes back slanted.
#
# message_to_cvimage takes both kinds of ROS messages of images. A sensor_msgs/Image of encoding 16UC1 is returned as
# it is, in millimetres. The same image as a CompressedImage of PNG, as bags hold it to save room, is decoded to
# 8 bits: every value is divided by 256, a table 760 mm away and a block on it are both 2, and nothing is raised. ROS's
# own cv_bridge did so as well, and was mended (ros-perception/vision_opencv pull request 228). Second, a message says
# how many bytes each of its rows has (step), which is more than width times the size of a pixel when a driver aligns
# its rows. step is not read: each row begins a few pixels late, more with every row, so that a vertical edge runs
# across the picture, and the last rows are lost; the shape is as expected.
#
# Seen (Python 3.11), values of table and block: "as Image: uint16 760 700; as PNG: uint8 2 2; with rows of 640 + 8
# pixels: the edge at column 320 is seen at 320 in row 0, at 360 in row 5"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "rosbags-image==0.10.4" "rosbags==0.11.9" \
    "opencv-python-headless==5.0.0.93" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import cv2
import numpy as np
from rosbags.image import message_to_cvimage
from rosbags.typesys import Stores, get_typestore

types = get_typestore(Stores.ROS2_HUMBLE).types
Header, Time = types["std_msgs/msg/Header"], types["builtin_interfaces/msg/Time"]
Image, CompressedImage = types["sensor_msgs/msg/Image"], types["sensor_msgs/msg/CompressedImage"]
header = Header(stamp=Time(sec=0, nanosec=0), frame_id="camera")


def message(depth, padding=0):
    rows = np.pad(depth, ((0, 0), (0, padding)))
    height, width = depth.shape
    data = np.frombuffer(rows.tobytes(), np.uint8)
    return Image(header=header, height=height, width=width, encoding="16UC1", is_bigendian=0, step=2 * rows.shape[1],
                 data=data)


depth = np.full((480, 640), 760, np.uint16)  # a table, in millimetres
depth[200:280, 320:] = 700  # a block on it
plain = message_to_cvimage(message(depth))
png = np.frombuffer(cv2.imencode(".png", depth)[1].tobytes(), np.uint8)
assert (cv2.imdecode(png, cv2.IMREAD_UNCHANGED) == depth).all()
compressed = message_to_cvimage(CompressedImage(header=header, format="16UC1; png compressed ", data=png))
seen = [(image.dtype.name, int(image[0, 0]), int(image[240, 400])) for image in (plain, compressed)]
print(f"as Image: {seen[0]}; as PNG: {seen[1]}")

edge = np.full((480, 640), 760, np.uint16)
edge[:, 320:] = 700
padded = message_to_cvimage(message(edge, padding=8))
columns = [int(np.flatnonzero(padded[row] == 760)[-1]) + 1 for row in (0, 5)]
print(f"with padded rows, {padded.shape}: the edge at column 320 is seen at {columns} in rows 0 and 5")
expected = seen == [("uint16", 760, 700), ("uint8", 2, 2)] and padded.shape == (480, 640) and columns == [320, 360]
sys.exit(0 if expected else 1)
PY
