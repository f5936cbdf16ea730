#!/usr/bin/env bash
# pybullet 3.2.7, yourdfpy 0.0.60 and ikpy 4.2.1 read the length of a URDF joint's axis as a gear: along "0 1 1" a slide
# goes 41 % too far. mujoco 4.0.0 and pytransform3d 3.17.0 take the direction only.
#
# The format says that an axis should be a unit vector, and a slanted one is written as "0 1 1" or rounded to "0 0.7
# 0.7". For hinges PyBullet and yourdfpy make it one, so that arms are right and nobody looks further; for slides they
# multiply it with the joint's position as it is. A lift, a gantry or the fingers of a gripper then stand elsewhere than
# in the planner or simulator beside it, and so do their limits: an opening of 40 mm is one of 57 mm. An axis of "0 0
# -2" doubles. ikpy does so with both kinds: its matrix of a hinge is no rotation any more, it stretches and shears what
# follows, and inverse kinematics by it misses (by 74 mm with a tip 0.36 m out). No reader warns. What fits: write axes
# with all their digits ("0 0.70710678 0.70710678"), or divide them by their length before the file is handed on.
#
# (Drake 1.51.1, SAPIEN 3.0.3, Pinocchio 4.1.0, DART 6.20 and urchin 0.0.30 agree with MuJoCo.)
#
# Seen (Python 3.11), how far a slide at 0.5 has moved, and the determinant of a hinge's rotation: "axis 0 1 1: pybullet
# 0.707 and 1.000, yourdfpy 0.707 and 1.000, ikpy 0.707 and 1.380, mujoco 0.500 and 1.000, pytransform3d 0.500 and
# 1.000; axis 0 0.7 0.7: 0.495 and 1.000, 0.495 and 1.000, 0.495 and 0.993, 0.500 and 1.000, 0.500 and 1.000; axis 0 0
# -2: 1.000 and 1.000, 1.000 and 1.000, 1.000 and 2.310, 0.500 and 1.000, 0.500 and 1.000"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "mujoco==4.0.0" "yourdfpy==0.0.60" \
    "ikpy==4.2.1" "pytransform3d==3.17.0" "trimesh==5.2.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import ikpy.chain
import mujoco
import numpy as np
import pybullet
import yourdfpy
from pytransform3d.urdf import UrdfTransformManager

INERTIAL = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
ROBOT = """
<robot name="robot">
  <mujoco><compiler fusestatic="false"/></mujoco>
  <link name="base">{inertial}</link>
  <link name="tip">{inertial}</link>
  <joint name="joint" type="{kind}">
    <parent link="base"/><child link="tip"/><axis xyz="{axis}"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
</robot>
"""
POSITION = 0.5


def by_pybullet(path):
    pybullet.connect(pybullet.DIRECT)
    robot = pybullet.loadURDF(path, useFixedBase=True)
    pybullet.resetJointState(robot, 0, POSITION)
    state = pybullet.getLinkState(robot, 0, computeForwardKinematics=True)
    pybullet.disconnect()
    return np.array(state[4]), np.reshape(pybullet.getMatrixFromQuaternion(state[5]), (3, 3))


def by_mujoco(path):
    model = mujoco.MjModel.from_xml_path(path)
    data = mujoco.MjData(model)
    data.qpos[0] = POSITION
    mujoco.mj_forward(model, data)
    return data.body("tip").xpos, data.body("tip").xmat.reshape(3, 3)


def by_yourdfpy(path):
    robot = yourdfpy.URDF.load(path)
    robot.update_cfg([POSITION])
    pose = robot.get_transform("tip", "base")
    return pose[:3, 3], pose[:3, :3]


def by_ikpy(path):
    chain = ikpy.chain.Chain.from_urdf_file(path, base_elements=["base"], active_links_mask=[False, True])
    pose = chain.forward_kinematics([0, POSITION])
    return pose[:3, 3], pose[:3, :3]


def by_pytransform3d(path):
    robot = UrdfTransformManager()
    with open(path) as file:
        robot.load_urdf(file.read())
    robot.set_joint("joint", POSITION)
    pose = robot.get_transform("tip", "base")
    return pose[:3, 3], pose[:3, :3]


READERS = (by_pybullet, by_yourdfpy, by_ikpy, by_mujoco, by_pytransform3d)
seen = {}
for axis in ("0 1 1", "0 0.7 0.7", "0 0 -2"):
    length = np.linalg.norm([float(number) for number in axis.split()])
    for reader in READERS:
        moved = {}
        for kind in ("prismatic", "revolute"):
            with open("robot.urdf", "w") as file:
                file.write(ROBOT.format(kind=kind, axis=axis, inertial=INERTIAL))
            moved[kind] = reader("robot.urdf")
        far = float(np.linalg.norm(moved["prismatic"][0]))
        seen[axis, reader] = far, float(np.linalg.det(moved["revolute"][1])), float(length)
        print(f"axis {axis}, {reader.__name__}: {far:.3f} and {seen[axis, reader][1]:.3f}")
as_seen = True
for (_, reader), (far, determinant, length) in seen.items():
    geared = reader in READERS[:3]
    as_seen &= bool(np.isclose(far, POSITION * (length if geared else 1), atol=1e-6))
    as_seen &= bool(np.isclose(determinant, 1, atol=1e-3) != (reader is by_ikpy))
sys.exit(not as_seen)
PY
