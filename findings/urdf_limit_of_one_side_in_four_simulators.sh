#!/usr/bin/env bash
# pybullet 3.2.7, mujoco 4.0.0, drake 1.51.1 and sapien 3.0.3 make three things of a URDF limit that names one end only:
# a knuckle with upper="1.2" stops at 0 and 1.2, at 1.2 alone, or nowhere.
#
# In the format an end that is left out is 0, which fits fingers: <limit upper="1.2" effort="10" velocity="10"/> is a
# knuckle that closes from 0. Pinocchio 4.1.0, whose reader is the one of ROS, says 0 and 1.2, and PyBullet's joint
# stops there, too. MuJoCo drops both ends, also the one that was given, and goes on to report them: jnt_range is 0 1.2,
# but jnt_limited is 0. Drake and SAPIEN drop the end that is not given, so a finger opens through the back of its hand;
# for a slide SAPIEN raises. With lower="-1.2" alone it is the other way round: PyBullet then stops at 0 and reports -1
# as its upper end. Where neither is given, which is a joint that is locked at 0, Pinocchio keeps it so and all four
# simulators let it turn. Nothing is said by any of them. A controller that closes a hand until it stops, or a range of
# positions for a policy taken from one of them, holds in that one. What fits: write both ends.
#
# Seen (Python 3.11), where the knuckle is after a second of -5 Nm and of 5 Nm, in hundredths of a radian: "upper 1.2:
# pybullet 0 120, mujoco -250 250, drake -250 120, sapien -206 120, pinocchio's limits 0 120; lower -1.2: -118 0, -250
# 250, -120 250, -120 206, -120 0; neither: -250 250, -250 250, -250 250, -206 206, 0 0; both, 0 and 1.2: 0 120 in all"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "mujoco==4.0.0" "drake==1.51.1" \
    "sapien==3.0.3" "pin==4.1.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np
import pinocchio
import pybullet
import sapien
from pydrake.multibody.parsing import Parser
from pydrake.multibody.plant import MultibodyPlant
from pydrake.systems.analysis import Simulator

HAND = """
<robot name="hand">
  <link name="back"/>
  <link name="finger">
    <inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>
  </link>
  <joint name="knuckle" type="revolute">
    <parent link="back"/><child link="finger"/><axis xyz="1 0 0"/>
    <limit {ends} effort="10" velocity="10"/>
  </joint>
</robot>
"""
SECONDS, STEP, PATH = 1.0, 0.001, "hand.urdf"
STEPS = round(SECONDS / STEP)


def by_pybullet(torque):
    pybullet.connect(pybullet.DIRECT)
    pybullet.setTimeStep(STEP)
    hand = pybullet.loadURDF(PATH, useFixedBase=True, flags=pybullet.URDF_USE_INERTIA_FROM_FILE)
    pybullet.changeDynamics(hand, -1, linearDamping=0, angularDamping=0)
    pybullet.setJointMotorControl2(hand, 0, pybullet.VELOCITY_CONTROL, force=0)
    for _ in range(STEPS):
        pybullet.setJointMotorControl2(hand, 0, pybullet.TORQUE_CONTROL, force=torque)
        pybullet.stepSimulation()
    angle = pybullet.getJointState(hand, 0)[0]
    pybullet.disconnect()
    return angle


def by_mujoco(torque):
    model = mujoco.MjModel.from_xml_path(PATH)
    model.opt.timestep = STEP
    data = mujoco.MjData(model)
    data.qfrc_applied[0] = torque
    mujoco.mj_step(model, data, STEPS)
    return data.qpos[0]


def by_drake(torque):
    plant = MultibodyPlant(STEP)
    Parser(plant).AddModels(PATH)
    plant.WeldFrames(plant.world_frame(), plant.GetFrameByName("back"))
    plant.Finalize()
    simulator = Simulator(plant)
    plant.get_applied_generalized_force_input_port().FixValue(simulator.get_context(), [torque])
    simulator.AdvanceTo(SECONDS)
    return plant.GetPositions(simulator.get_context())[0]


def by_sapien(torque):
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    scene.set_timestep(STEP)
    loader = scene.create_urdf_loader()
    loader.fix_root_link = True
    hand = loader.load(PATH)
    for _ in range(STEPS):
        hand.set_qf(np.array([torque], dtype=np.float32))
        scene.step()
    return hand.get_qpos()[0]


def by_pinocchio(torque):
    model = pinocchio.buildModelFromUrdf(PATH)
    return (model.lowerPositionLimit if torque < 0 else model.upperPositionLimit)[0]


READERS = (by_pybullet, by_mujoco, by_drake, by_sapien, by_pinocchio)
seen = {}
for ends in ('lower="0" upper="1.2"', 'upper="1.2"', 'lower="-1.2"', ""):
    with open(PATH, "w") as file:
        file.write(HAND.format(ends=ends))
    seen[ends] = [[round(100 * float(reader(torque))) for torque in (-5.0, 5.0)] for reader in READERS]
    print(f"{ends or 'neither'}:", ", ".join(f"{reader.__name__} {two}" for reader, two in zip(READERS, seen[ends])))


def stops(angle):
    """At which end, or None where it turned on."""
    return next((end for end in (-120, 0, 120) if abs(angle - end) <= 5), None)


both, upper, lower, neither = ([[stops(angle) for angle in two] for two in each] for each in seen.values())
as_seen = both == [[0, 120]] * 5
as_seen &= upper == [[0, 120], [None, None], [None, 120], [None, 120], [0, 120]]
as_seen &= lower == [[-120, 0], [None, None], [-120, None], [-120, None], [-120, 0]]
sys.exit(not (as_seen and neither == [[None, None]] * 4 + [[0, 0]]))
PY
