#!/usr/bin/env bash
# urchin 0.0.30: forward kinematics without joint values, which the manual calls the default configuration, leaves the
# offset of <mimic> out, so that it is another pose than that of all zeros; and a joint that mimics a mimic never moves.
#
# urchin goes on from urdfpy, and is used for masks, point clouds and collision shapes of a robot. A finger whose
# description has it mimic the other one, finger = multiplier * other + offset, is placed by that only where the other
# one is among the values that are given. link_fk() has none; link_fk({"shoulder": 0.3}) has that of the arm, as one
# gives what differs from zero; both put the finger where no value of the gripper puts it: here 40 mm away, closed where
# it is open. A list of all values is right. Of a chain, as the two knuckles of an underactuated finger are described,
# the second one follows a joint that is itself no actuated one, and so is never given: it stays at 0, its offset left
# out, whatever is given, and the finger tip with it. link_fk_batch, visual_geometry_fk and show go the same way.
# Nothing is said. The values of mimics can not be given by hand, as they are ignored for such joints. Give a value for
# every actuated joint, and let a chain mimic its first joint.
#
# urchin is installed without its dependencies for drawing, which play no part.
#
# Seen (Python 3.11), x of the second finger in mm and angle of the second knuckle: "no values: 0, 0.0; {"arm": 0}: 0,
# 0.0; all zeros: 40, 0.0; driver at 10 mm, knuckle at 0.5: 30, 0.0; meant: 40, 0.2 for the first three, 30, 0.7"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "numpy==2.4.6" "trimesh==5.2.0" \
    "networkx==3.6.1" "lxml==6.1.3" "pillow==13.0.0" "scipy==1.17.1"
"$folder/venv/bin/pip" install --quiet --no-compile --no-deps "urchin==0.0.30"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import urchin


def joint(name, kind, parent, axis, mimic=""):
    return f"""<link name="{name}_link"/><joint name="{name}" type="{kind}"><parent link="{parent}"/>
<child link="{name}_link"/><axis xyz="{axis}"/><limit lower="-1" upper="1" effort="1" velocity="1"/>{mimic}</joint>"""


ROBOT = (
    '<robot name="hand"><link name="base"/>'
    + joint("arm", "revolute", "base", "0 0 1")
    + joint("driver", "prismatic", "arm_link", "1 0 0")
    + joint("second", "prismatic", "arm_link", "1 0 0", '<mimic joint="driver" multiplier="-1" offset="0.04"/>')
    + joint("knuckle", "revolute", "arm_link", "0 0 1")
    + joint("middle", "revolute", "arm_link", "0 0 1", '<mimic joint="knuckle" multiplier="1" offset="0.1"/>')
    + joint("tip", "revolute", "arm_link", "0 0 1", '<mimic joint="middle" multiplier="1" offset="0.1"/>')
    + "</robot>"
)
with open("hand.urdf", "w") as file:
    file.write(ROBOT)
robot = urchin.URDF.load("hand.urdf")
GIVEN = {
    "no values": (None, (0.04, 0.2)),
    "the arm's": ({"arm": 0.0}, (0.04, 0.2)),
    "all zeros": (np.zeros(3), (0.04, 0.2)),
    "driver 0.01, knuckle 0.5": ({"arm": 0.0, "driver": 0.01, "knuckle": 0.5}, (0.03, 0.7)),
}
print("actuated:", [each.name for each in robot.actuated_joints])
seen = {}
for name, (values, meant) in GIVEN.items():
    poses = robot.link_fk(values, use_names=True)
    turn = poses["tip_link"][:3, :3]
    seen[name] = round(float(poses["second_link"][0, 3]), 6), round(float(np.arctan2(turn[1, 0], turn[0, 0])), 6)
    print(f"{name}: second finger {seen[name][0]} m, tip {seen[name][1]} rad; meant: {meant}")
sys.exit(list(seen.values()) != [(0.0, 0.0), (0.0, 0.0), (0.04, 0.0), (0.03, 0.0)])
PY
