#!/usr/bin/env bash
# dartpy 6.20.0: cylinders sink into the table that they stand or lie on, by default. A disc of 20 mm is below the table
# top after four seconds, a can that lies is gone by half after five; with DART's own detector it falls through.
#
# A new World has FCL as its collision detector, as do skeletons that are read from URDF. For a cylinder and a box it
# gives one point of contact, somewhere on the rim or at an end, however the cylinder lies; the depth is right. The
# contact pushes up beside the centre of mass, the cylinder tips by a hair, has another point in the next step, and
# every step loses a little height: the faster the longer the step. DART's own detector has four points for a cylinder
# that stands, and one or none for one that lies. Boxes and balls, which one tries first, rest as they should by all
# detectors, and a tall can on end at steps of 1 ms loses only 0.14 mm in a second, which looks like a soft contact. So
# cans, cups, pegs, discs and wheels leave the table in a rollout of some length, and labels like height above the
# table, or success by height, drift with time. Nothing is said. BulletCollisionDetector and OdeCollisionDetector, which
# are in the package, keep them: world.getConstraintSolver().setCollisionDetector(...). Upstream: fcl's issue 15 (open)
# asks for more than one point; pull request 3428 of dart is about DART's own detector.
#
# Seen (Python 3.11), mm that a body lies too low after 10 s on a table of 50 mm, by the default, DART's own, Bullet and
# ODE: "a can of 66 mm by 115 mm on end: 1.4, 0, 0, 0; at steps of 1/240 s: 30.5, 0, 0, 0; on its side: 30.0, fell
# through, 0, 0; a disc of 80 mm by 20 mm: 25.8, 0, 0, 0; a block, a ball: 0, 0, 0, 0"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "dartpy==6.20.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import dartpy as dart
import numpy as np

SECONDS, MASS = 10.0, 0.3
SHAPES, COLLISION = dart.dynamics, dart.collision
ON_SIDE = [np.pi / 2, 0.0, 0.0]
BODIES = {
    "can on end": (SHAPES.CylinderShape(0.033, 0.115), 0.0575, [0.0] * 3, 0.001),
    "can on end, 1/240 s": (SHAPES.CylinderShape(0.033, 0.115), 0.0575, [0.0] * 3, 1 / 240),
    "can on its side": (SHAPES.CylinderShape(0.033, 0.115), 0.033, ON_SIDE, 0.001),
    "disc": (SHAPES.CylinderShape(0.04, 0.02), 0.01, [0.0] * 3, 0.001),
    "block": (SHAPES.BoxShape([0.066, 0.066, 0.115]), 0.0575, [0.0] * 3, 0.001),
    "ball": (SHAPES.SphereShape(0.033), 0.033, [0.0] * 3, 0.001),
}
"""Shape, height of its centre on the table, rotation vector, and length of a step."""
DETECTORS = {
    "default": None,
    "DART": COLLISION.DARTCollisionDetector,
    "Bullet": COLLISION.BulletCollisionDetector,
    "ODE": COLLISION.OdeCollisionDetector,
}


def skeleton(name, shape, free):
    made = SHAPES.Skeleton(name)
    make = made.createFreeJointAndBodyNodePair if free else made.createWeldJointAndBodyNodePair
    joint, body = make()
    node = body.createShapeNode(shape)
    node.createCollisionAspect()
    node.createDynamicsAspect()
    body.setInertia(SHAPES.Inertia(MASS, np.zeros(3), shape.computeInertia(MASS)))
    return made, joint, body


def sunk(shape, height, turn, step, detector):
    """Millimetres that the centre is too low after a while."""
    world = dart.simulation.World()
    world.setTimeStep(step)
    if detector is not None:
        world.getConstraintSolver().setCollisionDetector(detector())
    table, joint, _ = skeleton("table", SHAPES.BoxShape([1.0, 1.0, 0.05]), False)
    below = dart.math.Isometry3()
    below.set_translation([0.0, 0.0, -0.025])
    joint.setTransformFromParentBodyNode(below)
    thing, _, body = skeleton("thing", shape, True)
    thing.setPositions([*turn, 0.0, 0.0, height])
    world.addSkeleton(table)
    world.addSkeleton(thing)
    for _ in range(round(SECONDS / step)):
        world.step()
    return 1000.0 * (height - body.getWorldTransform().translation()[2])


found = {name: {each: sunk(*body, kind) for each, kind in DETECTORS.items()} for name, body in BODIES.items()}
for name, low in found.items():
    print(f"{name}: " + ", ".join(f"{each} {value:.1f}" for each, value in low.items()) + " mm too low")
can, longer, side, disc, block, ball = (each["default"] for each in found.values())
kept = all(abs(found[name][each]) < 0.3 for name in found for each in ("Bullet", "ODE"))
own = all(abs(each["DART"]) < 0.3 for name, each in found.items() if name != "can on its side")
right = kept and own and found["can on its side"]["DART"] > 100.0 and abs(block) < 0.1 and abs(ball) < 0.1
sys.exit(not (right and 0.5 < can < 3.0 and longer > 10.0 and side > 15.0 and disc > 15.0))
PY
