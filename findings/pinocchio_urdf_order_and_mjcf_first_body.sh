#!/usr/bin/env bash
# pin 4.1.0 (Pinocchio) and mujoco 4.0.0 read one URDF of a hand, and give its joints different places in the state.
#
# MuJoCo keeps the order of the file: thumb, index, middle. Pinocchio sorts the joints below a link by their names:
# index, middle, thumb. (urdfdom, which reads the file for it, keeps joints in a map; issue 379, open, asks for an
# option.) All vectors have the same length, so that positions recorded in one simulator move other fingers in the
# other. A serial arm shows nothing of it, since each link has one joint below it.
#
# The way round it, MuJoCo's own file of the same hand, is worse: MuJoCo welds the palm to the world, and writes three
# bodies below <worldbody>. Of the bodies there Pinocchio reads the first, and leaves out the others without a word
# (mjcf-graph.cpp: get_child("worldbody").get_child("body")): one finger is left. A scene with a robot and a cube thus
# has no cube; with the cube written first, it has no robot.
#
# Needs Linux on x86-64; downloads 120 MB.
#
# Seen (Python 3.11): "URDF: MuJoCo thumb index middle, Pinocchio index middle thumb; 0.3 rad in the first place turn
# the thumb in MuJoCo, the index in Pinocchio; as MJCF: MuJoCo 3 joints, 3 kg; Pinocchio 1 joint, 1 kg"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pin==4.1.0" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np
import pinocchio

inertial = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
fingers = "".join(
    f'<link name="{name}_link">{inertial}</link><joint name="{name}" type="revolute"><parent link="palm"/>'
    f'<child link="{name}_link"/><axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="1" velocity="1"/></joint>'
    for name in ("thumb", "index", "middle")
)
with open("hand.urdf", "w") as file:
    file.write(f'<robot name="hand"><link name="palm">{inertial}</link>{fingers}</robot>')
state = np.array([0.3, 0.0, 0.0])

hand = mujoco.MjModel.from_xml_path("hand.urdf")
simulated = mujoco.MjData(hand)
simulated.qpos[:] = state
mujoco.mj_forward(hand, simulated)
in_mujoco = [hand.joint(index).name for index in range(hand.njnt)]
turned = [name for name in in_mujoco if simulated.body(f"{name}_link").xmat[1] < -0.1]

model = pinocchio.buildModelFromUrdf("hand.urdf")
data = model.createData()
pinocchio.forwardKinematics(model, data, state)
in_pinocchio = list(model.names)[1:]
also_turned = [name for name in in_pinocchio if data.oMi[model.getJointId(name)].rotation[0, 1] < -0.1]

mujoco.mj_saveLastXML("hand.xml", hand)
again = mujoco.MjModel.from_xml_path("hand.xml")
read = pinocchio.buildModelFromMJCF("hand.xml")
read = read[0] if isinstance(read, tuple) else read
masses = round(float(again.body_mass.sum())), round(sum(inertia.mass for inertia in read.inertias))

print(
    f"URDF: MuJoCo {' '.join(in_mujoco)}, Pinocchio {' '.join(in_pinocchio)}; 0.3 rad in the first place turn the "
    f"{' '.join(turned)} in MuJoCo, the {' '.join(also_turned)} in Pinocchio; as MJCF: MuJoCo {again.njnt} joints, "
    f"{masses[0]} kg; Pinocchio {read.njoints - 1} joint, {masses[1]} kg"
)
as_seen = (
    in_mujoco == ["thumb", "index", "middle"]
    and in_pinocchio == ["index", "middle", "thumb"]
    and (turned, also_turned) == (["thumb"], ["index"])
    and (again.njnt, read.njoints - 1, *masses) == (3, 1, 3, 1)
)
sys.exit(not as_seen)
PY
