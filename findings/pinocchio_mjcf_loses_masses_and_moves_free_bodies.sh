#!/usr/bin/env bash
# pin 4.1.0 (Pinocchio) and mujoco 4.0.0 read one MJCF: in Pinocchio geoms without collisions weigh nothing, <frame> and
# <replicate> are not there, and a free body stands elsewhere at the same state.
#
# To MuJoCo every geom has its mass, whether it collides or not. Pinocchio counts those that collide: a payload or a
# cover with contype="0" conaffinity="0", as pictures of links have it, is weightless, and an arm with it needs 1 Nm
# where MuJoCo needs 9. What stands in <frame> or <replicate> is left out, shapes and whole bodies with their joints.
# inertiagrouprange, by which MuJoCo leaves pictures out of the mass, is not read, so those that collide weigh something
# after all. Names, joints and poses of the arm are right, and nothing is logged, so that gravity compensation, inverse
# dynamics and state estimation are quietly those of another robot. <inertial> is read rightly and comes before geoms in
# both: models with it in all bodies agree.
#
# A free body's state is its pose in the world in MuJoCo. In Pinocchio the pose that it has in the file is applied, too,
# and not in the way of a product of poses. The neutral state, and the one that Pinocchio itself notes as "qpos0", both
# put the body at a place where it is not in the file. Files with pos="0 0 0" do not show it. What fits for all of this:
# mujoco's to_xml of the compiled model, with saveinertial="true" in its <compiler>, and free bodies at the origin.
#
# Needs Linux on x86-64; downloads 120 MB.
#
# Seen (Python 3.11), kg and Nm at the shoulder of an arm of 0.5 kg with a payload of 2 kg, by MuJoCo and by Pinocchio:
# "payload collides: 2.5 kg, 8.83 Nm; 2.5 kg, 8.83 Nm; contype 0: 2.5, 8.83; 0.5, 0.98; in a frame: 2.5, 8.83; 0.5,
# 0.98; replicated: 2.5, 6.87; 0.5, 0.98; outside inertiagrouprange: 0.5, 0.98; 2.5, 8.83; inertial: 2.5, 8.83; 2.5,
# 8.83; saved with inertial: 2.5, 8.83; 2.5, 8.83 (all); a free body at 1 0 0.5, turned by 90 degrees: 1 0 0.5 by
# MuJoCo, 2 -1 0.5 at qpos0 by Pinocchio; file at the origin: 1 0 0.5, 1 0 0.5"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pin==4.1.0" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import mujoco
import numpy as np
import pinocchio

ARM = """
<mujoco>
  <compiler {compiler}/>
  <worldbody>
    <body name="arm">
      <joint axis="0 1 0"/>
      <geom type="capsule" size="0.03" fromto="0 0 0 0.4 0 0" mass="0.5"/>
      {payload}
    </body>
  </worldbody>
</mujoco>
"""
CUBE = '<geom type="box" size="0.02 0.02 0.02" pos="0.4 0 0" mass="2" {}/>'
HALF = '<geom type="box" size="0.02 0.02 0.02" pos="0.2 0 0" mass="1"/>'
ALONE = '<body name="load" pos="0.4 0 0"><inertial pos="0 0 0" mass="2" diaginertia="0.001 0.001 0.001"/></body>'
FREE = '<mujoco><worldbody><body name="cube" {}><freejoint/><geom size="0.1"/></body></worldbody></mujoco>'


def by_pinocchio(text):
    Path("model.xml").write_text(text)
    model = pinocchio.buildModelFromMJCF("model.xml")
    return model, model.createData()


def weighed(payload, compiler=""):
    """Mass and torque against gravity, by MuJoCo, by Pinocchio, and by Pinocchio from MuJoCo's saved file."""
    spec = mujoco.MjSpec.from_string(ARM.format(payload=payload, compiler=compiler))
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    seen = [(float(model.body_subtreemass[0]), float(-data.qfrc_bias[0]))]
    spec.compiler.saveinertial = True
    for text in (ARM.format(payload=payload, compiler=compiler), spec.to_xml()):
        other, room = by_pinocchio(text)
        torque = pinocchio.computeGeneralizedGravity(other, room, np.zeros(1))[0]
        seen.append((sum(inertia.mass for inertia in other.inertias), float(-torque)))
    return [(round(mass, 2), round(torque, 2)) for mass, torque in seen]


def stands(inside, pose):
    """Where a free cube is, by MuJoCo and by Pinocchio; pose None is the one of the file, "qpos0"."""
    model = mujoco.MjModel.from_xml_string(FREE.format(inside))
    data = mujoco.MjData(model)
    data.qpos[:] = model.qpos0 if pose is None else pose
    mujoco.mj_forward(model, data)
    other, room = by_pinocchio(FREE.format(inside))
    place, (w, x, y, z) = data.qpos[:3], data.qpos[3:]
    pinocchio.framesForwardKinematics(other, room, np.array([*place, x, y, z, w]))  # Pinocchio has w last
    both = data.body("cube").xpos, room.oMf[other.getFrameId("cube")].translation
    return [tuple(np.round(place, 2).tolist()) for place in both]


cases = {
    "payload collides": weighed(CUBE.format("")),
    "contype 0": weighed(CUBE.format('contype="0" conaffinity="0"')),
    "in a frame": weighed(f"<frame>{CUBE.format('')}</frame>"),
    "replicated": weighed(f'<replicate count="2" offset="0.2 0 0">{HALF}</replicate>'),
    "outside inertiagrouprange": weighed(CUBE.format('group="4"'), 'inertiagrouprange="0 3"'),
    "inertial": weighed(ALONE),
}
for name, (mine, other, saved) in cases.items():
    print(f"{name}: MuJoCo {mine}, Pinocchio {other}, saved with inertial {saved}")
turned = stands('pos="1 0 0.5" euler="0 0 90"', None)
origin = stands("", [1, 0, 0.5, 1, 0, 0, 0])
print(f"free body: MuJoCo {turned[0]}, Pinocchio at qpos0 {turned[1]}; file at the origin {origin[0]}, {origin[1]}")
light, heavy, beside = (0.5, 0.98), (2.5, 8.83), (2.5, 6.87)
as_seen = [case[:2] for case in cases.values()] == [
    [heavy, heavy],
    [heavy, light],
    [heavy, light],
    [beside, light],
    [light, heavy],
    [heavy, heavy],
]
mended = all(case[0] == case[2] for case in cases.values())
place = (1.0, 0.0, 0.5)
sys.exit(not (as_seen and mended and turned == [place, (2.0, -1.0, 0.5)] and origin == [place, place]))
PY
