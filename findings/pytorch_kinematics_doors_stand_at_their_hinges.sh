#!/usr/bin/env bash
# pytorch-kinematics 0.10.0 and mujoco 3.3.7 read one MJCF: in the first a door has moved to its hinge, also when it is
# shut, and a lift or an elbow whose joint has a ref is off by it.
#
# MJCF has the place of a joint in its body, so a door is a box about its own middle with a hinge at its edge (pos), and
# fingers and lids are written so, too; URDF puts the joint at the link's origin. build_chain_from_mjcf lets MuJoCo read
# the file, moves the body's frame to the joint, turns it, and does not move it back: the frame, and all that hangs on
# it, is off by pos at every angle. MuJoCo's qpos of the pose in the file is ref, here 0.1 m and 30 degrees; the chain
# takes it for 0, so that states of the simulator put the tip elsewhere. Without pos and ref, as in most arms, both
# agree to the last digit, which is how one tries it. Nothing is raised; gradients and inverse kinematics go by the same
# chain, and so a gripper reaches for the handle of a door that is half a width away. What fits: joints at the origins
# of their bodies (the geoms and children moved by -pos), and qpos less model.qpos0 for the chain. Upstream: issue 57
# (open) is about Jacobians of MJCF chains. (With mujoco 4.0.0 every hinge is a KeyError: a joint's type is no longer
# equal to the keys that the chain looks it up by.)
#
# Seen (Python 3.11), distance in mm between both at the pose of the file, and at another one: "arm without pos and ref:
# 0.0, 0.0; handle of the door: 200.0, 200.0; lift: 100.0, 100.0; tip of the elbow with ref: 103.5, 103.5; lift and tip
# with qpos - qpos0: 0.0, 0.0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "pytorch-kinematics==0.10.0" "mujoco==3.3.7" "torch==2.13.0" \
    "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import mujoco
import numpy as np
import pytorch_kinematics as pk
import torch

XML = """
<mujoco>
  <worldbody>
    <body name="shoulder" pos="1 0 0.5">
      <joint name="shoulder" axis="0 0 1"/> <geom size="0.05"/>
      <body name="forearm" pos="0.3 0 0" euler="0 90 0">
        <joint name="forearm" axis="1 0 0"/> <geom size="0.05"/>
        <body name="hand" pos="0 0 0.2"> <geom size="0.02"/> </body>
      </body>
    </body>
    <body name="door" pos="0.5 0 0.3">
      <joint name="door" axis="0 0 1" pos="0 0.2 0"/> <geom type="box" size="0.01 0.2 0.3"/>
      <body name="handle" pos="-0.04 -0.15 0"> <geom size="0.02"/> </body>
    </body>
    <body name="lift" pos="0 2 0.1">
      <joint name="lift" type="slide" axis="0 0 1" ref="0.1"/> <geom size="0.05"/>
    </body>
    <body name="elbow" pos="0 3 0.1">
      <joint name="elbow" axis="0 1 0" ref="30"/> <geom size="0.05"/>
      <body name="tip" pos="0 0 0.2"> <geom size="0.02"/> </body>
    </body>
  </worldbody>
</mujoco>
"""
model = mujoco.MjModel.from_xml_string(XML)
data = mujoco.MjData(model)
chain = pk.build_chain_from_mjcf(XML).to(dtype=torch.float64)
names = chain.get_joint_parameter_names()
assert names == [model.joint(index).name for index in range(model.njnt)], names


def apart(body, qpos, handed_on=None):
    """Distance in mm between the body's place in MuJoCo and in the chain."""
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    poses = chain.forward_kinematics(torch.from_numpy(np.array(qpos if handed_on is None else handed_on)))
    return 1000 * float(np.linalg.norm(poses[body].get_matrix()[0, :3, 3].numpy() - data.body(body).xpos))


shut = model.qpos0
other = shut + np.array([0.4, -0.7, 0.6, 0.25, 0.5])
seen = {body: (apart(body, shut), apart(body, other)) for body in ("hand", "handle", "lift", "tip")}
less = {body: (apart(body, shut, shut - shut), apart(body, other, other - shut)) for body in ("lift", "tip")}
labels = ("arm without pos and ref", "handle of the door", "lift", "tip of the elbow with ref")
for label, distances in zip(labels, seen.values(), strict=True):
    print("{}: {:.1f}, {:.1f}".format(label, *distances), end="; ")
print("lift and tip with qpos - qpos0: {:.1f}, {:.1f}".format(*np.max(list(less.values()), axis=0)))
sys.exit(
    not (
        np.allclose(seen["hand"], 0, atol=0.01)
        and np.allclose(seen["handle"], 200, atol=0.1)
        and np.allclose(seen["lift"], 100, atol=0.1)
        and np.allclose(seen["tip"], 400 * np.sin(np.radians(15)), atol=0.1)
        and np.allclose(list(less.values()), 0, atol=0.01)
    )
)
PY
