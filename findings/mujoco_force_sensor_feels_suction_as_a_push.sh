#!/usr/bin/env bash
# mujoco 4.0.0: the force sensor of a wrist whose suction cup holds a block says that the hand is pushed up. It leaves
# out suction, wind, thrusters and gravity compensation.
#
# The manual says of this sensor that its computation takes into account all forces acting on the system. It adds up
# gravity, accelerations, contacts, equality constraints, tendons and xfrc_applied. An adhesion actuator pulls the block
# against the cup and the cup against the block; what the block presses back with is a contact and is counted, and the
# pull is not. So a cup that holds a block of 1 kg with 50 N measures 50 N too little, and the sign is that of a hand
# that stands on a table: a policy that feels for contact, or a check that something was lifted, is led astray. The same
# model with a weld in place of the suction measures right. A hand with gravcomp="1", which is how many arms are kept
# from sagging, weighs on the sensor as if it had none; a thruster (an actuator on a site) and the wind can not be felt.
# The motions are right in all cases, and the motor that holds the hand up shows what a real wrist would feel. What
# fits: the force of the motor below (actuatorfrc) where one motor holds the joint, or the missing forces added by hand:
# the adhesion's (actuator_force), gravcomp times mass times gravity. The torque sensor shares the computation.
#
# Seen (Python 3.11), a hand of 2.1 kg (21 N) held up by a motor, in N, by the sensor and by the motor: "hand alone:
# 21.0 and 21.0; block of 1 kg welded on: 31.0 and 31.0; suction of 50 N: -19.0 and 31.0; suction of 30 N: 1.0 and 31.0;
# gravcomp: 21.0 and 0.0; thruster of 5 N: 21.0 and 16.0; wind from below: 21.0 and 15.6; 5 N by xfrc_applied: 16.0 and
# 16.0; spring tendon of 5 N: 16.0 and 16.0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco

MODEL = """
<mujoco>
  <option gravity="0 0 -10" timestep="0.001" {option}/>
  <worldbody>
    <site name="ceiling" pos="0 0 2"/>
    <body name="hand" pos="0 0 1" gravcomp="{carried}">
      <joint name="lift" type="slide" axis="0 0 1"/>
      <site name="wrist"/>
      <geom type="box" size="0.05 0.05 0.02" mass="2.1"/>
    </body>
    {block}
  </worldbody>
  {more}
  <actuator>
    <position name="motor" joint="lift" kp="1e5" kv="1e3"/>
    {actuator}
  </actuator>
  <sensor>
    <force site="wrist"/>
    <actuatorfrc actuator="motor"/>
  </sensor>
</mujoco>
"""
BLOCK = '<body name="block" pos="0 0 0.92"><freejoint/><geom type="box" size="0.06 0.06 0.06" mass="1"/></body>'
SUCTION = '<adhesion body="hand" ctrlrange="0 100"/>'
THRUSTER = '<general site="wrist" gear="0 0 1 0 0 0"/>'
WELD = '<equality><weld body1="hand" body2="block"/></equality>'
SPRING = '<tendon><spatial stiffness="5"><site site="ceiling"/><site site="wrist"/></spatial></tendon>'  # 1 m long


def forces(control=0.0, pull=0.0, carried=0, **parts):
    """Upward force on the hand at rest, by the sensor and by the motor that holds it, in N."""
    texts = {"option": "", "block": "", "more": "", "actuator": ""} | parts
    model = mujoco.MjModel.from_xml_string(MODEL.format(carried=carried, **texts))
    data = mujoco.MjData(model)
    data.ctrl[1:] = control
    data.xfrc_applied[1, 2] = pull
    for _ in range(3000):
        mujoco.mj_step(model, data)
    mujoco.mj_forward(model, data)
    assert abs(data.qvel).max() < 1e-3, "at rest"
    return tuple(round(float(number), 1) for number in data.sensordata[2:4])


cases = {
    "hand alone": forces(),
    "block of 1 kg welded on": forces(block=BLOCK, more=WELD),
    "suction of 50 N": forces(50, block=BLOCK, actuator=SUCTION),
    "suction of 30 N": forces(30, block=BLOCK, actuator=SUCTION),
    "gravcomp": forces(carried=1),
    "thruster of 5 N": forces(5, actuator=THRUSTER),
    "wind from below": forces(option='density="1.2" wind="0 0 30"'),
    "5 N by xfrc_applied": forces(pull=5),
    "spring tendon of 5 N": forces(more=SPRING.replace("<spatial", '<spatial springlength="0"')),
}
for name, (sensor, motor) in cases.items():
    print(f"{name}: {sensor} and {motor}")
HAND, BOTH = 21.0, 31.0  # weights, by which the motor is judged, too
wind = cases.pop("wind from below")
as_seen = list(cases.values()) == [
    (HAND, HAND),
    (BOTH, BOTH),
    (BOTH - 50, BOTH),
    (BOTH - 30, BOTH),
    (HAND, 0.0),
    (HAND, HAND - 5),
    (HAND - 5, HAND - 5),
    (HAND - 5, HAND - 5),
]
sys.exit(not (as_seen and wind[0] == HAND and 0 < wind[1] < HAND - 5))
PY
