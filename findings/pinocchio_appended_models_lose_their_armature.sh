#!/usr/bin/env bash
# pin 4.1.0 (Pinocchio) and mujoco 4.0.0, an arm and a hand of two MJCF files: appendModel puts them together without
# the armature of any joint. The shoulder speeds up four times as much as it should, and the elbow a hundred times.
#
# The armature is what the rotor of a motor adds to the inertia of its joint through the gear. For arms with high gears
# and for fingers it is most of the inertia, and MJCF files of arms and hands give it. appendModel, the way to put a
# hand on an arm or two arms on a table, copies damping, friction, rotor inertias, gears and limits of both models, and
# leaves armature at 0; the models that went in keep theirs, and so does what is read from one file. Mass matrix,
# forward dynamics, gains that are made of them, and a trajectory's torques are then of another robot; kinematics and
# static torques are right, which is what a first look compares. What fits: to copy armature of each joint by its idx_v
# after the call; or MjSpec.attach, and one file. (Upstream: issue 2746, the same in buildReducedModel, was mended.)
#
# Seen (Python 3.11), 1 N m at the shoulder, shoulder, elbow, finger: "mujoco, one file: accelerations 5.5 -0.7 0.0,
# inertias 0.184 0.104 0.220; pinocchio, one file: 5.5 -0.7 0.0 ...; pinocchio, appended: 23.5 -72.5 0.0, inertias 0.084
# 0.004 0.020; armature copied: 5.5 -0.7 0.0 ...; armature [0.1 0.1 0.2] became [0. 0. 0.]; damping [1. 0. 0.]"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "pin==4.1.0" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import mujoco
import numpy as np
import pinocchio as pin

FINGER = """<body name="finger"><joint name="grip" type="slide" axis="0 1 0" armature="0.2"/>
  <geom type="box" size="0.01 0.01 0.03" mass="0.02"/></body>"""
ARM = """<mujoco model="arm"><option gravity="0 0 0"/><worldbody>
  <body name="upper"><joint name="shoulder" axis="0 1 0" armature="0.1" damping="1"/>
    <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.03" mass="1"/>
    <body name="fore" pos="0.3 0 0"><joint name="elbow" axis="0 1 0" armature="0.1"/>
      <geom type="capsule" fromto="0 0 0 0.2 0 0" size="0.02" mass="0.3"/>{hand}</body></body>
</worldbody></mujoco>"""
TORQUES = np.array([1.0, 0.0, 0.0])  # N m, N m, N


def read(name, text):
    Path(name).write_text(text)
    return pin.buildModelFromMJCF(name)


def by_pinocchio(model):
    """Joint accelerations in rad/s^2 and m/s^2, and the diagonal of the mass matrix, at rest."""
    model.gravity.linear = np.zeros(3)
    still, data = np.zeros(model.nv), model.createData()
    matrix = pin.crba(model, data, pin.neutral(model)).diagonal().copy()
    return pin.aba(model, model.createData(), pin.neutral(model), still, TORQUES), matrix


def by_mujoco(text):
    model = mujoco.MjModel.from_xml_string(text)
    data = mujoco.MjData(model)
    data.qfrc_applied = TORQUES
    mujoco.mj_forward(model, data)
    full = np.empty((model.nv, model.nv))
    mujoco.mj_fullM(model, data, full)
    return data.qacc.copy(), full.diagonal()


arm = read("arm.xml", ARM.format(hand=""))
hand = read("hand.xml", f'<mujoco model="hand"><worldbody>{FINGER}</worldbody></mujoco>')
appended = pin.appendModel(arm, hand, arm.getFrameId("fore", pin.FrameType.BODY), pin.SE3.Identity())
one_file = ARM.format(hand=FINGER)
lost, kept = appended.armature.copy(), np.r_[arm.armature, hand.armature]
damping = appended.damping.copy()
seen = {
    "mujoco, one file": by_mujoco(one_file),
    "pinocchio, one file": by_pinocchio(read("both.xml", one_file)),
    "pinocchio, appended": by_pinocchio(appended),
}
appended.armature = kept
seen["armature copied"] = by_pinocchio(appended)
for name, (accelerations, matrix) in seen.items():
    moved = " ".join(f"{value + 0.0:.1f}" for value in accelerations)
    print(f"{name}: accelerations {moved}, inertias", *(f"{value:.3f}" for value in matrix))
print(f"armature {kept} became {lost}; damping {damping}")
exact = seen["mujoco, one file"]
right = all(
    np.allclose(one, other, atol=0.01)
    for name in ("pinocchio, one file", "armature copied")
    for one, other in zip(seen[name], exact, strict=True)
)
wrong = not lost.any() and kept.all() and damping[0] == 1 and seen["pinocchio, appended"][0][1] < -50
sys.exit(not (right and wrong and abs(exact[0][1]) < 1))
PY
