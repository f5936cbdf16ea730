#!/usr/bin/env bash
# mcap-ros2-support 0.6.0: a message whose fields have the names of ROS 1 is written as zeros: a camera without
# intrinsics, and times cut to whole seconds.
#
# Messages go in as dictionaries, no ROS needed. Fields that the schema has and the dictionary has not become 0; keys
# that the schema does not have are dropped, also misspelled ones. ROS 2 has renamed what a converter of old recordings,
# or of one's own logs, writes most: K, D, R and P of CameraInfo are k, d, r and p, and secs and nsecs of a stamp are
# sec and nanosec. With {"sec": ..., "nsec": ...} all frames of a second have one stamp, and synchronising depth and
# colour by it pairs any of them. An array of fixed length that is too short (a covariance of 6 for 36, k of a camera as
# fx, fy, cx, cy) is filled up with zeros. What is read back is a proper message, and viewers show it; intrinsics of
# zeros mean "not calibrated". rosbags 0.11.9 refuses the first two with a TypeError. What fits: compare the keys with
# the fields, nested ones too, before writing.
#
# Seen (Python 3.11), written as of ROS 1, read back: "stamp of 5 s and 500000000 ns: 5 s and 0 ns; K of 9 numbers: k of
# 9 zeros; k of 500 500 320 240: 500 500 320 240 0 0 0 0 0; by the names of ROS 2: 500000000 ns and 500 0 320 0 500 240
# 0 0 1"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "mcap-ros2-support==0.6.0" "mcap==1.6.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import struct
import sys

from mcap.reader import make_reader
from mcap_ros2.reader import read_ros2_messages
from mcap_ros2.writer import Writer

LINE = "=" * 80
SCHEMA = f"""builtin_interfaces/Time stamp
float64[9] k
{LINE}
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
K = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]
MESSAGES = {
    "names of ROS 1": {"stamp": {"sec": 5, "nsec": 500_000_000}, "K": K},
    "too short": {"stamp": {"sec": 5, "nanosec": 500_000_000}, "k": [500.0, 500.0, 320.0, 240.0]},
    "names of ROS 2": {"stamp": {"sec": 5, "nanosec": 500_000_000}, "k": K},
}

with open("camera.mcap", "wb") as file:
    writer = Writer(file)
    schema = writer.register_msgdef("test_msgs/msg/Camera", SCHEMA)
    for index, message in enumerate(MESSAGES.values()):
        writer.write_message("/camera", schema, message, log_time=index)
    writer.finish()
seen = {}
for name, each in zip(MESSAGES, read_ros2_messages("camera.mcap")):
    seen[name] = each.ros_msg.stamp.sec, each.ros_msg.stamp.nanosec, list(each.ros_msg.k)
    print(f"{name}: {seen[name]}")
with open("camera.mcap", "rb") as file:  # The bytes themselves: a header of 4, then the two numbers and the nine.
    stored = [struct.unpack("<iI9d", message.data[4:]) for _, _, message in make_reader(file).iter_messages()]
assert stored == [(seconds, rest, *numbers) for seconds, rest, numbers in seen.values()]
expected = [(5, 0, [0.0] * 9), (5, 500_000_000, [500.0, 500.0, 320.0, 240.0] + [0.0] * 5), (5, 500_000_000, K)]
sys.exit(list(seen.values()) != expected)
PY
