#!/usr/bin/env bash
# pybullet 3.2.7: removeBody keeps what setCollisionFilterPair said of the body, and in maximal coordinates its joints;
# its id is given to the next body, which inherits the first.
#
# A block that passes through a plate is removed, and another one is put above the plate: it has the same id and falls
# through. A load that hung from a removed anchor by a joint goes on hanging.
#
# Seen (Python 3.11): "the next block has the id of the removed one: True; it rests at z = 0.02, not on the plate (0.04);
# joints after their body was removed: 1 in maximal coordinates, 0 of multibodies"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import pybullet as p

def box(size, mass, z, maximal=True):
    shape = p.createCollisionShape(p.GEOM_BOX, halfExtents=[length / 2 for length in size])
    return p.createMultiBody(mass, shape, -1, [0, 0, z], useMaximalCoordinates=maximal)

p.connect(p.DIRECT)
p.setGravity(0, 0, -9.8)
box((2, 2, 1), 0, -0.5)
plate = box((0.2, 0.2, 0.02), 0, 0.01)
first = box((0.04, 0.04, 0.04), 0.1, 0.1)
p.setCollisionFilterPair(first, plate, -1, -1, 0)
p.removeBody(first)
second = box((0.04, 0.04, 0.04), 0.1, 0.05)
for _ in range(480):
    p.stepSimulation()
height = p.getBasePositionAndOrientation(second)[0][2]

left = []
for maximal in (True, False):
    p.resetSimulation()
    anchor, load = box((0.1, 0.1, 0.1), 0, 1, maximal), box((0.1, 0.1, 0.1), 0.1, 0.9, maximal)
    p.createConstraint(anchor, -1, load, -1, p.JOINT_POINT2POINT, [0, 0, 0], [0, 0, 0], [0, 0, 0.1])
    p.removeBody(anchor)
    left.append(p.getNumConstraints())
said = (f"the next block has the id of the removed one: {first == second}; it rests at z = {height:.2f}, not on the plate "
        f"(0.04); joints after their body was removed: {left[0]} in maximal coordinates, {left[1]} of multibodies")
print(said)
sys.exit(said != "the next block has the id of the removed one: True; it rests at z = 0.02, not on the plate (0.04); "
                 "joints after their body was removed: 1 in maximal coordinates, 0 of multibodies")
PY
