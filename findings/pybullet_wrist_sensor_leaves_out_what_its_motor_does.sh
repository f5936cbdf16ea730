#!/usr/bin/env bash
# pybullet 3.2.7 and mujoco 4.0.0 feel other forces and torques at the wrist of one URDF: in PyBullet a lift that holds
# 10 N reads 0 N, and a bolted hand whose weight hangs to one side turns nothing.
#
# enableJointForceTorqueSensor makes any joint a six-axis sensor, and what it should read at rest is statics: the weight
# of what hangs on it, and the weight's torque about the joint. PyBullet reads the torque about the centre of mass of
# the link behind the joint, along the axes of its inertia (the rpy of <inertial>), so that a hand's own weight, and
# nothing else's, never shows in it. And it takes off what the joint's motor does: a slide that is held by its motor has
# no force along its axis, however heavy its load, and a hinge that is held against its load reads a torque of the wrong
# sign. A fixed joint has no motor, which is why the test with a bolted weight and its force passes. MuJoCo's sensors
# read what statics says for all kinds of joints. What fits: a fixed joint of its own for the sensor, and
# setPhysicsEngineParameter(jointFeedbackMode=JOINT_FEEDBACK_IN_WORLD_SPACE + JOINT_FEEDBACK_IN_JOINT_FRAME), which
# moves the point to the joint and turns the axes to the world's; JOINT_FEEDBACK_IN_JOINT_FRAME alone moves the point
# and keeps the axes of the inertia. The motor's part stays out in every mode: add the applied motor torque of
# getJointState. Upstream: issues 2966, 3204 and 4451, about driven and swinging joints.
#
# Seen (Python 3.11), a hand of 1 kg (10 N) whose centre is 0.1 m along x, inertia turned by 0.5 about z; by statics 0 0
# 10 N and 0 -1 0 Nm, which MuJoCo gives for all: "fixed: pybullet 0 0 10, 0 0 0; in the joint's frame 0 0 10, -0.48
# -0.88 0; both flags 0 0 10, 0 -1 0; hinge about y: 0 0 10, 0.48 0.88 0; both flags 0 0 10, 0 0 0, its motor -1; hinge
# about z: 0 0 10, 0 0 0; both flags 0 0 10, 0 -1 0, its motor 0; slide along z: 0 0 0, 0 0 0; both flags 0 0 0, 0 0 0,
# its motor 10"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np
import pybullet

ROBOT = """
<robot name="robot">
  <link name="stand">
    <inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
  </link>
  <link name="hand">
    <inertial>
      <origin xyz="0.1 0 0" rpy="0 0 0.5"/>
      <mass value="1"/><inertia ixx="0.01" iyy="0.02" izz="0.025" ixy="0" ixz="0" iyz="0"/>
    </inertial>
  </link>
  <joint name="wrist" type="{kind}">
    <parent link="stand"/><child link="hand"/><origin xyz="0 0 1"/><axis xyz="{axis}"/>
    <limit lower="-1" upper="1" effort="1000" velocity="10"/>
  </joint>
</robot>
"""
JOINTS = {
    "fixed": ("fixed", "0 0 1"),
    "hinge about y": ("revolute", "0 1 0"),
    "hinge about z": ("revolute", "0 0 1"),
    "slide along z": ("prismatic", "0 0 1"),
}
FORCE = np.array([0, 0, 10.0])
STATICS = [*FORCE, *np.cross([0.1, 0, 0], FORCE)]
DEFAULT, JOINT_FRAME = 0, pybullet.JOINT_FEEDBACK_IN_JOINT_FRAME
BOTH = pybullet.JOINT_FEEDBACK_IN_WORLD_SPACE + JOINT_FRAME


def by_pybullet(name, mode):
    """Force and torque of the sensor, and what the motor does, with the hand at rest."""
    path = f"{name} {mode}.urdf".replace(" ", "_")  # a name of its own: PyBullet keeps files
    with open(path, "w") as file:
        file.write(ROBOT.format(kind=JOINTS[name][0], axis=JOINTS[name][1]))
    pybullet.resetSimulation()
    pybullet.setGravity(0, 0, -10)
    pybullet.setPhysicsEngineParameter(jointFeedbackMode=mode)
    robot = pybullet.loadURDF(path, useFixedBase=True, flags=pybullet.URDF_USE_INERTIA_FROM_FILE)
    pybullet.enableJointForceTorqueSensor(robot, 0, True)
    if name != "fixed":
        pybullet.setJointMotorControl2(robot, 0, pybullet.POSITION_CONTROL, 0, force=1000)
    for _ in range(500):
        pybullet.stepSimulation()
    position, velocity, sensor, motor = pybullet.getJointState(robot, 0)
    assert abs(position) < 1e-3 and abs(velocity) < 1e-3, "at rest"
    return np.round(sensor, 2) + 0.0, round(motor, 2) + 0.0


def by_mujoco(name):
    kind, axis = JOINTS[name]
    spec = mujoco.MjSpec.from_string(ROBOT.format(kind=kind, axis=axis))
    spec.compiler.fusestatic = False
    spec.option.gravity = [0, 0, -10]
    spec.body("hand").add_site(name="wrist")
    for sensed in (mujoco.mjtSensor.mjSENS_FORCE, mujoco.mjtSensor.mjSENS_TORQUE):
        spec.add_sensor(type=sensed, objtype=mujoco.mjtObj.mjOBJ_SITE, objname="wrist")
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    data.qfrc_applied[:] = data.qfrc_bias  # a motor that holds it
    mujoco.mj_forward(model, data)
    return np.round(data.sensordata, 2) + 0.0


pybullet.connect(pybullet.DIRECT)
seen = {name: [by_pybullet(name, mode) for mode in (DEFAULT, JOINT_FRAME, BOTH)] for name in JOINTS}
judge = {name: by_mujoco(name) for name in JOINTS}
for name, ((plain, motor), (framed, _), (both, _)) in seen.items():
    print(f"{name}: pybullet {plain}; in the joint's frame {framed}; both flags {both}, motor {motor}; {judge[name]}")
turned = np.cos(0.5), np.sin(0.5)  # the world's y along the axes of the inertia: (sin, cos)
right = all(np.allclose(judged, STATICS, atol=0.01) for judged in judge.values())
bolted = [sensor for sensor, _ in seen["fixed"]]
right = right and np.allclose(bolted[2], STATICS, atol=0.01)
wrong = np.allclose(bolted[0], [0, 0, 10, 0, 0, 0], atol=0.01)
wrong = wrong and np.allclose(bolted[1], [0, 0, 10, -turned[1], -turned[0], 0], atol=0.01)
held = seen["hinge about y"]
wrong = wrong and np.allclose(held[0][0], [0, 0, 10, turned[1], turned[0], 0], atol=0.01) and held[0][1] == -1
wrong = wrong and np.allclose(held[2][0], [0, 0, 10, 0, 0, 0], atol=0.01)
wrong = wrong and all(np.allclose(sensor, 0, atol=0.01) and motor == 10 for sensor, motor in seen["slide along z"])
sys.exit(not (right and wrong))
PY
