#!/usr/bin/env bash
# drake 1.51.1 and mujoco 4.0.0 read one MJCF: of a body with several joints Drake turns all but the last about the
# origin of the parent body, along the parent's axes.
#
# MJCF has no ball joint with three motors. Hips, shoulders and wrists are written as two or three hinges in one body,
# all of which go through that body, in its own frame. Drake gives each hinge a body of its own, and puts only the last
# of them where the body is. So a leg that hangs 0.3 m beside the middle of the pelvis swings about that middle, and in
# a body that is turned a roll becomes a pitch. With all joints at 0 the poses agree, as in a picture of the model;
# slides before a hinge, as planar walkers have them, are right; names, limits and the number of joints are right; and
# nothing is logged. The mass matrix is wrong at 0, too, so that gravity compensation and inverse dynamics are off. What
# fits: a body for each joint, where the second and later ones have neither pos nor euler. Drake's issue 20367 (closed)
# was about joints alone in their bodies, which are right since.
#
# The right place follows from the format: an axis through the body's origin does not move that origin.
#
# Needs Linux on x86-64; downloads 80 MB.
#
# Seen (Python 3.11), origin of a thigh 0.3 m beside the pelvis, by MuJoCo and by Drake: "all at 0: 0.3 0 0, 0.3 0 0;
# first hinge at 0.5: 0.3 0 0, 0.263 0.144 0; last hinge at 0.5: 0.3 0 0, 0.3 0 0; a body for each: 0.3 0 0, 0.3 0 0;
# inertia about the first hinge at 0 in kg m^2: 0.005, 0.185; 0.005 a body for each; a roll of 0.5 in a thigh that is
# turned by 90 degrees about z turns about: 0 1 0, 1 0 0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "drake==1.51.1" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import mujoco
import numpy as np
from pydrake.multibody.parsing import Parser
from pydrake.multibody.plant import MultibodyPlant

MODEL = """
<mujoco model="leg">
  <worldbody>
    <body name="pelvis"><geom size="0.1" mass="5"/>{leg}</body>
  </worldbody>
</mujoco>
"""
WEIGHT = '<inertial pos="0 0 0" mass="2" diaginertia="0.005 0.005 0.005"/>'
FIRST, LAST = '<joint name="first" axis="{axis}"/>', '<joint name="last" axis="0 1 0"/>'
IN_ONE = '<body name="thigh" pos="0.3 0 0" {turn}>' + WEIGHT + FIRST + LAST + "</body>"
EACH = (
    '<body name="between" pos="0.3 0 0"><inertial pos="0 0 0" mass="1e-9" diaginertia="1e-9 1e-9 1e-9"/>'
    + f'{FIRST.format(axis="0 0 1")}<body name="thigh">{WEIGHT}{LAST}</body></body>'
)


def by_mujoco(text, angles):
    """Origin and rotation matrix of the thigh, and the inertia about the first hinge."""
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    data.qpos[:] = angles
    mujoco.mj_forward(model, data)
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, inertia)
    return data.body("thigh").xpos, data.body("thigh").xmat.reshape(3, 3), inertia[0, 0]


def by_drake(text, angles):
    plant = MultibodyPlant(0.0)
    Path("leg.xml").write_text(text)
    Parser(plant).AddModels("leg.xml")
    plant.Finalize()
    context = plant.CreateDefaultContext()
    for name, angle in zip(("first", "last"), angles, strict=True):
        plant.GetJointByName(name).set_angle(context, angle)
    pose = plant.GetFrameByName("thigh").CalcPoseInWorld(context)
    return pose.translation(), pose.rotation().matrix(), plant.CalcMassMatrix(context)[0, 0]


def both(leg, *angles):
    text = MODEL.format(leg=leg)
    return by_mujoco(text, angles), by_drake(text, angles)


def origins(leg, *angles):
    return [tuple(np.round(thigh[0], 3).tolist()) for thigh in both(leg, *angles)]


def axes(leg):
    """About what the first hinge turns the thigh, in the frame of the world."""
    turns = zip(both(leg, 0.5, 0.0), both(leg, 0.0, 0.0), strict=True)
    products = [after[1] @ before[1].T for after, before in turns]
    return [tuple(np.round([r[2, 1], r[0, 2], r[1, 0]] / np.sin(0.5), 3).tolist()) for r in products]


one = IN_ONE.format(turn="", axis="0 0 1")
places = {
    "all at 0": origins(one, 0.0, 0.0),
    "first hinge at 0.5": origins(one, 0.5, 0.0),
    "last hinge at 0.5": origins(one, 0.0, 0.5),
    "a body for each, first at 0.5": origins(EACH, 0.5, 0.0),
}
for name, (mine, other) in places.items():
    print(f"{name}: MuJoCo {mine}, Drake {other}")
inertias = [round(float(thigh[2]), 3) for thigh in both(one, 0.0, 0.0)]
apart = [round(float(thigh[2]), 3) for thigh in both(EACH, 0.0, 0.0)]
print(f"inertia about the first hinge in kg m^2: MuJoCo {inertias[0]}, Drake {inertias[1]}; a body for each {apart}")
turned = axes(IN_ONE.format(turn='euler="0 0 90"', axis="1 0 0"))
print(f"a roll in a thigh turned by 90 degrees about z: MuJoCo about {turned[0]}, Drake about {turned[1]}")
middle = (0.3, 0.0, 0.0)
swung = (round(0.3 * float(np.cos(0.5)), 3), round(0.3 * float(np.sin(0.5)), 3), 0.0)
first = places.pop("first hinge at 0.5")
right = all(pair == [middle, middle] for pair in places.values()) and apart == [0.005, 0.005]
wrong = first == [middle, swung] and inertias == [0.005, 0.185] and turned == [(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
sys.exit(not (right and wrong))
PY
