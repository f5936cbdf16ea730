#!/usr/bin/env bash
# pybullet 3.2.7, mujoco 4.0.0, drake 1.51.1 and sapien 3.0.3 load one URDF whose joint has friction, and only MuJoCo
# brakes it; SAPIEN brakes joints that have none, by their load.
#
# A link with a vertical axis is driven by 2 Nm. <dynamics friction="0.5"/> should take 0.5 Nm off. PyBullet reads the
# number and reports it (getJointInfo), and the joint turns freely. Drake warns that it leaves it out; SAPIEN's loader
# does so without a word. In SAPIEN every joint has a friction of 0.05 from the start, which is a coefficient: it is
# multiplied by the force that the joint carries. So a link of 1 kg loses 0.65 Nm, and one of 10 kg, whose inertia about
# the axis is the same, does not move at all. Gains and torques that were identified in one simulator thus fail in
# another one, and in SAPIEN they change with the load. joint.set_friction(0) mends that. Damping, the other number of
# <dynamics>, is applied by all four. The motors that PyBullet gives all joints are switched off here.
#
# Needs Linux on x86-64; downloads 150 MB.
#
# Seen (Python 3.11): "torque lost, friction 0, 0.5, 0 with 10 kg: PyBullet 0.00, 0.00, 0.00; MuJoCo 0.00, 0.50, 0.00;
# Drake 0.00, 0.00, 0.00; SAPIEN 0.65, 0.65, 2.00, after set_friction(0) 0.00, 0.00, 0.00; PyBullet reports 0.5"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "mujoco==4.0.0" "drake==1.51.1" \
    "sapien==3.0.3" "numpy==2.4.6" "setuptools==80.9.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings
from pathlib import Path

import mujoco
import numpy as np
import pybullet
from pydrake.multibody.math import SpatialForce
from pydrake.multibody.parsing import Parser
from pydrake.multibody.plant import AddMultibodyPlantSceneGraph, ExternallyAppliedSpatialForce
from pydrake.systems.analysis import Simulator
from pydrake.systems.framework import DiagramBuilder

warnings.simplefilter("ignore")
import sapien  # noqa: E402
from sapien.wrapper.urdf_loader import URDFLoader  # noqa: E402

TORQUE, INERTIA, STEP, STEPS = 2.0, 0.5, 0.001, 300


def urdf(mass, friction):
    link = f'<inertia ixx="{INERTIA}" iyy="{INERTIA}" izz="{INERTIA}" ixy="0" ixz="0" iyz="0"/></inertial></link>'
    return (
        f'<robot name="arm"><link name="base"><inertial><mass value="1"/>{link}'
        f'<link name="arm"><inertial><mass value="{mass}"/>{link}<joint name="shoulder" type="revolute">'
        '<parent link="base"/><child link="arm"/><axis xyz="0 0 1"/>'
        '<limit lower="-100" upper="100" effort="100" velocity="100"/>'
        f'<dynamics damping="0" friction="{friction}"/></joint></robot>'
    )


def lost(speed):
    return round(TORQUE - INERTIA * float(speed) / (STEP * STEPS), 2)


def with_pybullet(mass, friction):
    file = Path(f"arm_{mass}_{friction}.urdf")
    file.write_text(urdf(mass, friction))
    pybullet.resetSimulation()
    pybullet.setGravity(0.0, 0.0, -9.81)
    pybullet.setTimeStep(STEP)
    arm = pybullet.loadURDF(str(file), useFixedBase=True, flags=pybullet.URDF_USE_INERTIA_FROM_FILE)
    assert pybullet.getJointInfo(arm, 0)[7] == friction
    pybullet.changeDynamics(arm, -1, linearDamping=0.0, angularDamping=0.0)
    pybullet.setJointMotorControl2(arm, 0, pybullet.VELOCITY_CONTROL, force=0.0)
    for _ in range(STEPS):
        pybullet.setJointMotorControl2(arm, 0, pybullet.TORQUE_CONTROL, force=TORQUE)
        pybullet.stepSimulation()
    return lost(pybullet.getJointState(arm, 0)[1])


def with_mujoco(mass, friction):
    model = mujoco.MjModel.from_xml_string(urdf(mass, friction))
    model.opt.timestep = STEP
    data = mujoco.MjData(model)
    data.qfrc_applied[:] = TORQUE
    mujoco.mj_step(model, data, STEPS)
    return lost(data.qvel[0])


def with_drake(mass, friction):
    builder = DiagramBuilder()
    plant, _ = AddMultibodyPlantSceneGraph(builder, STEP)
    Parser(plant).AddModelsFromString(urdf(mass, friction), "urdf")
    plant.WeldFrames(plant.world_frame(), plant.GetFrameByName("base"))
    plant.Finalize()
    simulator = Simulator(builder.Build())
    context = plant.GetMyMutableContextFromRoot(simulator.get_mutable_context())
    push = ExternallyAppliedSpatialForce()
    push.body_index = plant.GetBodyByName("arm").index()
    push.F_Bq_W = SpatialForce(tau=[0.0, 0.0, TORQUE], f=[0.0, 0.0, 0.0])
    plant.get_applied_spatial_force_input_port().FixValue(context, [push])
    simulator.AdvanceTo(STEP * STEPS)
    return lost(plant.GetVelocities(context)[0])


def with_sapien(mass, friction, own=None):
    file = Path(f"arm_{mass}_{friction}.urdf")
    file.write_text(urdf(mass, friction))
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    scene.set_timestep(STEP)
    loader = URDFLoader()
    loader.set_scene(scene)
    loader.fix_root_link = True
    arm = loader.load(str(file))
    for link in arm.links:
        link.linear_damping = link.angular_damping = 0.0
    if own is not None:
        arm.active_joints[0].set_friction(own)
    for _ in range(STEPS):
        arm.set_qf(np.array([TORQUE]))
        scene.step()
    return lost(arm.get_qvel()[0])


def without_friction(mass, friction):
    return with_sapien(mass, friction, own=0.0)


pybullet.connect(pybullet.DIRECT)
cases = ((1, 0.0), (1, 0.5), (10, 0.0))
simulators = (with_pybullet, with_mujoco, with_drake, with_sapien, without_friction)
table = np.array([[simulator(*case) for case in cases] for simulator in simulators])
for simulator, row in zip(simulators, table, strict=True):
    print(simulator.__name__, " ".join(f"{value:.2f}" for value in row))
expected = [[0.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.65, 0.65, 2.0], [0.0, 0.0, 0.0]]
sys.exit(0 if np.abs(table - expected).max() < 0.03 else 1)
PY
