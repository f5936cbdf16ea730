#!/usr/bin/env bash
# pybullet 3.2.7: changeDynamics(mass=...) throws the inertia of the URDF away, also when the mass stays what it was.
#
# A link whose collision shape is a simple stand-in, as of a drone or a tool, is loaded with URDF_USE_INERTIA_FROM_FILE,
# and its inertia is that of the file. Setting the mass computes a new one from the collision shape. So a program that
# varies the mass by some per cent between episodes varies the inertia by a factor that nobody asked for, and every
# controller that was tuned before is off. mass and localInertiaDiagonal in one call set both.
#
# Seen (Python 3.11): "inertia about z in g m^2, base and link: file 40, 40; after mass=1.0 for a mass of 1.0: 1.67,
# 1.67; with localInertiaDiagonal beside it: 40, 40; turn by the same torque: 24 times as fast"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import pybullet

LINK = """<link name="{}">
  <inertial><mass value="1"/><inertia ixx="0.02" iyy="0.02" izz="0.04" ixy="0" ixz="0" iyz="0"/></inertial>
  <collision><geometry><box size="0.1 0.1 0.1"/></geometry></collision>
</link>"""
with open("frame.urdf", "w") as file:
    file.write(f"""<robot name="frame">{LINK.format("base")}{LINK.format("tool")}
      <joint name="hinge" type="continuous">
        <parent link="base"/><child link="tool"/><origin xyz="0 0 0.5"/><axis xyz="0 0 1"/>
      </joint></robot>""")
with open("single.urdf", "w") as file:
    file.write(f'<robot name="single">{LINK.format("base")}</robot>')
pybullet.connect(pybullet.DIRECT)


def load(name):
    return pybullet.loadURDF(name, flags=pybullet.URDF_USE_INERTIA_FROM_FILE)


def inertia(body):
    return [pybullet.getDynamicsInfo(body, link)[2][2] for link in (-1, 0)]


def turned(**dynamics):
    body = load("single.urdf")
    if dynamics:
        pybullet.changeDynamics(body, -1, **dynamics)
    pybullet.applyExternalTorque(body, -1, [0.0, 0.0, 1.0], pybullet.WORLD_FRAME)
    pybullet.stepSimulation()
    speed = pybullet.getBaseVelocity(body)[1][2]
    pybullet.removeBody(body)
    return speed


body = load("frame.urdf")
from_file = inertia(body)
assert pybullet.getDynamicsInfo(body, -1)[0] == pybullet.getDynamicsInfo(body, 0)[0] == 1.0
for link in (-1, 0):
    pybullet.changeDynamics(body, link, mass=1.0)
after = inertia(body)
for link in (-1, 0):
    pybullet.changeDynamics(body, link, mass=1.0, localInertiaDiagonal=[0.02, 0.02, 0.04])
both = inertia(body)
pybullet.removeBody(body)
faster = turned(mass=1.0) / turned()


def text(values):
    return ", ".join(f"{1000 * value:.3g}" for value in values)


print(f"inertia about z in g m^2, base and link: file {text(from_file)}; "
      f"after mass=1.0 for a mass of 1.0: {text(after)}; "
      f"with localInertiaDiagonal beside it: {text(both)}; turn by the same torque: {faster:.0f} times as fast")
wanted = [(from_file, 0.04), (after, 0.001 / 0.6), (both, 0.04)]
sys.exit(not all(abs(value - true) < 1e-4 for values, true in wanted for value in values) or not 20 < faster < 28)
PY
