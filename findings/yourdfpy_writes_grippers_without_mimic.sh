#!/usr/bin/env bash
# yourdfpy 0.0.60: a gripper's URDF that is read and written again has lost the mimic of its second finger, and its
# transmissions. One finger closes.
#
# Files are read and written to scale or replace meshes, to weld an arm and a gripper together, to lock joints.
# yourdfpy reads <mimic>, moves the finger by it and has a function that writes it, which write_xml_file never calls.
# The written file is valid, validate() is content, links, limits and meshes are there, and arms, which have no mimic,
# come through whole. The gripper has one joint more: an action of one number for it is refused or goes to one finger,
# recorded states no longer fit, and in a simulator the second finger is free. <transmission>, of which Drake makes its
# actuators, <safety_controller>, <calibration> and <gazebo> are not even read. A comparison of the two tells it
# (gripper.robot == again.robot). What fits: change the XML itself, or put the elements back by xml.etree afterwards.
#
# Seen (Python 3.11), metres between the fingers at grip = 0.02: "file: joints grip, 0.04; written again: joints grip
# follow, 0.02; valid: True; equal: False; mimic 1, 0; transmission 1, 0; with mimic put back: joints grip, 0.04"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "yourdfpy==0.0.60" "trimesh==5.2.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from yourdfpy import URDF

FINGER = (
    '<joint name="{name}" type="prismatic"><parent link="palm"/><child link="{link}"/><axis xyz="0 {way} 0"/>'
    '<limit lower="0" upper="0.04" effort="20" velocity="0.1"/>{rest}</joint>'
)
Path("gripper.urdf").write_text(
    '<robot name="gripper"><link name="palm"/><link name="left"/><link name="right"/>'
    + FINGER.format(name="grip", link="left", way="1", rest="")
    + FINGER.format(name="follow", link="right", way="-1", rest='<mimic joint="grip" multiplier="1" offset="0"/>')
    + '<transmission name="drive"><type>transmission_interface/SimpleTransmission</type><joint name="grip"/>'
    '<actuator name="motor"/></transmission></robot>'
)


def gripper(file):
    """The model, its joints and the distance of its fingers."""
    model = URDF.load(file)
    model.update_cfg({"grip": 0.02})
    fingers = [model.get_transform(link)[:3, 3] for link in ("left", "right")]
    return model, list(model.actuated_joint_names), round(float(np.linalg.norm(fingers[0] - fingers[1])), 6)


def count(file):
    root = ElementTree.parse(file).getroot()
    return len(root.findall("joint/mimic")), len(root.findall("transmission"))


first = gripper("gripper.urdf")
first[0].write_xml_file("written.urdf")
again = gripper("written.urdf")
valid, equal = again[0].validate(), first[0].robot == again[0].robot
tree = ElementTree.parse("written.urdf")
follower = tree.getroot().find("joint[@name='follow']")
ElementTree.SubElement(follower, "mimic", joint="grip", multiplier="1", offset="0")
tree.write("mended.urdf")
mended = gripper("mended.urdf")
print(f"file: joints {first[1]}, fingers {first[2]} m apart; mimic, transmission: {count('gripper.urdf')}")
print(f"written again: joints {again[1]}, {again[2]} m; {count('written.urdf')}; valid {valid}, equal {equal}")
print(f"with mimic put back: joints {mended[1]}, {mended[2]} m")
wrong = again[1:] == (["grip", "follow"], 0.02) and count("written.urdf") == (0, 0) and valid and not equal
right = first[1:] == mended[1:] == (["grip"], 0.04) and count("gripper.urdf") == (1, 1)
sys.exit(not (wrong and right))
PY
