#!/usr/bin/env bash
# mujoco 4.0.0: on which of two bodies a contact's force acts is decided by their shapes; PyBullet 3.2.7 keeps the order
# that was asked for.
#
# Each entry of data.contact has two geoms, its normal points from the first to the second, and mj_contactForce gives
# the force on the second. Which is first is not the order of the model: the pair is sorted by the type of the geoms
# (sphere, capsule, ellipsoid, cylinder, box, mesh), and only those of one type keep their order. So code that reads the
# load of a finger, tested with a box on a box, has the other sign for a ball, a capsule and a cylinder, and again
# another mixture when the finger's box becomes a mesh. Rewards for a firm grasp turn into penalties for some objects of
# one set. Comparing geom1 and geom2 with the own geom and turning the sign mends it; a <contact> sensor, which names
# them, has one sign for all. In PyBullet getContactPoints(a, b) has the normal on b, whichever was made first.
# (MuJoCo's issues 1136 and 1314, closed, settle the direction between first and second.)
#
# Seen (Python 3.11): "vertical force on what lies on a finger, as the contacts have it: box finger: sphere -9.8,
# capsule -9.8, cylinder -9.8, box +9.8, mesh +9.8; mesh finger: sphere -9.8, capsule -9.8, cylinder -9.8, box -9.8,
# mesh +9.8; contact sensor +9.8 (ten times); PyBullet, box on box, made first or last: +9.8, +9.8"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "mujoco==4.0.0" "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import numpy as np
import pybullet

GRAVITY, HALF, STEPS = 9.81, 0.05, 300
GEOMS = {
    "sphere": f'type="sphere" size="{HALF}"',
    "capsule": f'type="capsule" size="{HALF / 2} {HALF / 2}"',
    "cylinder": f'type="cylinder" size="{HALF} {HALF}"',
    "box": f'type="box" size="{HALF} {HALF} {HALF}"',
    "mesh": 'type="mesh" mesh="cube"',
}
"""All are 10 cm high; a mass of 1 kg lies at rest on a fixed finger."""
CUBE = " ".join(f"{x} {y} {z}" for x in (-HALF, HALF) for y in (-HALF, HALF) for z in (-HALF, HALF))


def with_mujoco(finger, thing):
    """Vertical force as the contacts have it, summed over them, and that of the sensor, both in N."""
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><asset><mesh name="cube" vertex="{CUBE}"/></asset><worldbody>
          <geom name="finger" {GEOMS[finger]}/>
          <body pos="0 0 {2 * HALF}"><freejoint/><geom name="thing" mass="1" {GEOMS[thing]}/></body>
        </worldbody>
        <sensor><contact geom1="finger" geom2="thing" data="force" reduce="netforce"/></sensor></mujoco>"""
    )
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, STEPS)
    force, vertical = np.zeros(6), 0.0
    for index in range(data.ncon):
        contact = data.contact[index]
        assert {contact.geom1, contact.geom2} == {model.geom("finger").id, model.geom("thing").id}
        mujoco.mj_contactForce(model, data, index, force)
        vertical += (force[:3] @ contact.frame.reshape(3, 3))[2]
    return vertical, data.sensordata[2]


def with_pybullet(finger_first):
    pybullet.resetSimulation()
    pybullet.setGravity(0.0, 0.0, -GRAVITY)
    shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[HALF] * 3)
    made = {}
    for name in ("finger", "thing") if finger_first else ("thing", "finger"):
        mass, height = {"finger": (0.0, 0.0), "thing": (1.0, 2 * HALF)}[name]
        made[name] = pybullet.createMultiBody(mass, shape, basePosition=[0.0, 0.0, height])
    for _ in range(STEPS):
        pybullet.stepSimulation()
    # The normal points towards the first body that was named, so that the force on it is what is summed.
    return sum(point[9] * point[7][2] for point in pybullet.getContactPoints(made["thing"], made["finger"]))


pybullet.connect(pybullet.DIRECT)
found = {finger: {thing: with_mujoco(finger, thing) for thing in GEOMS} for finger in ("box", "mesh")}
asked = [with_pybullet(finger_first) for finger_first in (True, False)]
print("vertical force on what lies on a finger, as the contacts have it: "
      + "; ".join(f"{finger} finger: " + ", ".join(f"{thing} {force:+.1f}" for thing, (force, _) in row.items())
                  for finger, row in found.items())
      + "; contact sensor " + ", ".join(f"{sensor:+.1f}" for row in found.values() for _, sensor in row.values())
      + "; PyBullet, box on box, made first or last: " + ", ".join(f"{force:+.1f}" for force in asked))
signs = {finger: [round(force / GRAVITY, 1) for force, _ in row.values()] for finger, row in found.items()}
sensors = [sensor for row in found.values() for _, sensor in row.values()]
wanted = {"box": [-1, -1, -1, 1, 1], "mesh": [-1, -1, -1, -1, 1]}
sys.exit(signs != wanted or not np.allclose(sensors + asked, GRAVITY, atol=0.2))
PY
