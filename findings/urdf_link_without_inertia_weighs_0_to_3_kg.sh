#!/usr/bin/env bash
# pybullet 3.2.7, mujoco 4.0.0, drake 1.51.1 and sapien 3.0.3 give other masses to the links of one URDF that have no
# <inertial>.
#
# The format leaves it out for links without mass, as the empty frame of a tool ("tool0"), and many files leave it out
# for covers and fingers, too. PyBullet makes each such link 1 kg, the empty frame as well, and puts it at the link's
# origin, wherever its shape is. MuJoCo and SAPIEN fill the collision shape with 1000 kg/m^3: 3.1 kg for a bar of 40 cm.
# In Drake it weighs nothing. So one arm that is held out horizontally needs 8 to 39 Nm at its shoulder, and gains,
# torque limits and gravity compensation that were tuned in one simulator let it drop in another. PyBullet prints a
# warning for each link; the others say nothing.
# An <inertial> of 1e-6 kg in empty frames, and measured ones elsewhere, give the same torque in all four.
#
# Needs Linux on x86-64; downloads 150 MB.
#
# Seen (Python 3.11): "bar and tool0 without <inertial>: PyBullet 1.0 kg, 1.0 kg, 27.5 Nm; MuJoCo 3.1 kg, 0.0 kg, 38.7
# Nm; Drake 0.0 kg, 0.0 kg, 7.8 Nm; SAPIEN 3.1 kg, 0.0 kg, 38.5 Nm; with: 22.6, 22.6, 22.6, 22.6 Nm"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "mujoco==4.0.0" "drake==1.51.1" \
    "sapien==3.0.3" "numpy==2.4.6" "setuptools==80.9.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

import mujoco
import numpy as np
import pybullet
from pydrake.multibody.parsing import Parser
from pydrake.multibody.plant import MultibodyPlant

warnings.simplefilter("ignore")
import sapien  # noqa: E402

GRAVITY = 9.81


def inertial(mass, x, size=0.01):
    return (
        f'<inertial><origin xyz="{x} 0 0"/><mass value="{mass}"/>'
        f'<inertia ixx="{mass * size}" iyy="{mass * size}" izz="{mass * size}" ixy="0" ixz="0" iyz="0"/></inertial>'
    )


def arm(bar, tool):
    """A shoulder that turns about y, a link with 1 kg at 0.8 m, a bar of 0.4 m before it, and a frame at its end."""
    shape = '<collision><origin xyz="0.2 0 0" rpy="0 1.57079633 0"/><geometry><cylinder radius="0.05" length="0.4"/>'
    return f"""<robot name="arm">
      <link name="base">{inertial(5.0, 0.0)}</link>
      <link name="upper">{inertial(1.0, 0.8)}</link>
      <link name="bar">{bar}{shape}</geometry></collision></link>
      <link name="tool0">{tool}</link>
      <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/>
        <limit lower="-3" upper="3" effort="100" velocity="10"/></joint>
      <joint name="mount" type="fixed"><origin xyz="0.8 0 0"/><parent link="upper"/><child link="bar"/></joint>
      <joint name="end" type="fixed"><origin xyz="0.4 0 0"/><parent link="bar"/><child link="tool0"/></joint>
    </robot>"""


def with_pybullet(path):
    robot = pybullet.loadURDF(path, useFixedBase=True)
    count = pybullet.getNumJoints(robot)
    masses = {pybullet.getJointInfo(robot, i)[12].decode(): pybullet.getDynamicsInfo(robot, i)[0] for i in range(count)}
    pybullet.setGravity(0.0, 0.0, -GRAVITY)
    return masses["bar"], masses["tool0"], pybullet.calculateInverseDynamics(robot, [0.0], [0.0], [0.0])[0]


def with_mujoco(path):
    """MuJoCo merges links that are fixed to others, unless told not to."""
    spec = mujoco.MjSpec.from_file(path)
    spec.compiler.fusestatic = False
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model.body("bar").mass[0], model.body("tool0").mass[0], data.qfrc_bias[0]


def with_drake(path):
    plant = MultibodyPlant(0.0)
    Parser(plant).AddModels(path)
    plant.WeldFrames(plant.world_frame(), plant.GetFrameByName("base"))
    plant.Finalize()
    torque = -plant.CalcGravityGeneralizedForces(plant.CreateDefaultContext())[0]
    return (*(plant.GetBodyByName(name).default_mass() for name in ("bar", "tool0")), torque)


def with_sapien(path):
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    loader = scene.create_urdf_loader()
    loader.fix_root_link = True
    robot = loader.load(path)
    masses = {link.name: link.mass for link in robot.links}
    torque = robot.compute_passive_force(gravity=True, coriolis_and_centrifugal=False)[0]
    return masses["bar"], masses["tool0"], torque


pybullet.connect(pybullet.DIRECT)
ways = {"PyBullet": with_pybullet, "MuJoCo": with_mujoco, "Drake": with_drake, "SAPIEN": with_sapien}
found = {}
for name, texts in {"without": ("", ""), "with": (inertial(1.5, 0.2), inertial(1e-6, 0.0))}.items():
    with open(f"{name}.urdf", "w") as file:
        file.write(arm(*texts))
    found[name] = {simulator: [abs(float(x)) for x in read(f"{name}.urdf")] for simulator, read in ways.items()}
print(
    "bar and tool0 without <inertial>: "
    + "; ".join(f"{name} {a:.1f} kg, {b:.1f} kg, {nm:.1f} Nm" for name, (a, b, nm) in found["without"].items())
    + "; with: " + ", ".join(f"{nm:.1f}" for *_, nm in found["with"].values()) + " Nm"
)
filled = 1000.0 * np.pi * 0.05**2 * 0.4
wanted = {"PyBullet": (1.0, 1.0), "MuJoCo": (filled, 0.0), "Drake": (0.0, 0.0), "SAPIEN": (filled, 0.0)}
reach = {name: 0.8 if name == "PyBullet" else 1.0 for name in ways}
held = {name: GRAVITY * (0.8 + reach[name] * bar + 1.2 * tool) for name, (bar, tool) in wanted.items()}
as_seen = all(np.allclose(found["without"][name], (*wanted[name], held[name]), rtol=0.02, atol=0.01) for name in ways)
sys.exit(not (as_seen and np.allclose([nm for *_, nm in found["with"].values()], GRAVITY * 2.3, rtol=0.001)))
PY
