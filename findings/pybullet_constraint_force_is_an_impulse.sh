#!/usr/bin/env bash
# PyBullet 3.2.7: the greatest force of a constraint (changeConstraint, maxForce) is kept as an impulse of the time step
# that holds when it is set. A later setTimeStep does not change it: with half the step the constraint pulls twice as
# hard as was asked for, with twice the step half as hard. A gripper that was tuned at one step drops its load at another,
# unless maxForce is set again after every setTimeStep. getConstraintInfo goes on to report the number that was given.
# Seen: a body of 1 kg (9.81 N) on a fixed constraint. Limit 7 N, set at 1/240 s and run at 1/240 s: it falls. Run at
# 1/480 s: it is held. Limit 15 N, set at 1/480 s and run at 1/480 s: held. Run at 1/240 s: it falls.
# Exits 0 as long as that is so.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pybullet==3.2.7 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pybullet


def held(limit: float, set_at: float, run_at: float) -> bool:
    """Whether a constraint with a limit in newtons, set at one time step, holds 9.81 N for a second at another."""
    pybullet.connect(pybullet.DIRECT)
    pybullet.setGravity(0, 0, -9.81)
    pybullet.setPhysicsEngineParameter(numSolverIterations=200)
    pybullet.setTimeStep(set_at)
    shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[0.05] * 3)
    body = pybullet.createMultiBody(1.0, shape, basePosition=[0, 0, 1])
    joint = pybullet.createConstraint(body, -1, -1, -1, pybullet.JOINT_FIXED, [0] * 3, [0] * 3, [0, 0, 1])
    pybullet.changeConstraint(joint, maxForce=limit)
    pybullet.setTimeStep(run_at)
    for _ in range(round(1 / run_at)):
        pybullet.stepSimulation()
    height = pybullet.getBasePositionAndOrientation(body)[0][2]
    said = pybullet.getConstraintInfo(joint)[10]
    pybullet.disconnect()
    print(f"limit {limit} N (reported {said}), set at 1/{round(1 / set_at)} s, run at 1/{round(1 / run_at)} s: z {height:.2f} m")
    return height > 0.99


coarse, fine = 1 / 240, 1 / 480
found = [held(7, coarse, coarse), held(7, coarse, fine), held(15, fine, fine), held(15, fine, coarse)]
sys.exit(0 if found == [False, True, True, False] else 1)
PYTHON
