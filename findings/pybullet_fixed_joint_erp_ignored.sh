#!/usr/bin/env bash
# pybullet 3.2.7: the erp given to changeConstraint does nothing for a fixed joint, though the joint reports it back.
#
# A body of one link is held by JOINT_FIXED to the world and the pivot is moved by 1 cm. However stiff the joint is asked
# to be, the body makes up 20 % of the way in a step. The world's parameter erp of setPhysicsEngineParameter is what
# counts, for all joints at once (Bullet's btMultiBodyConstraint reads m_erp of the solver, not of the constraint).
#
# Seen (Python 3.11): "changeConstraint(erp=0.9): reported 0.9, made up 20 % in a step; world erp 0.9: made up 90 %"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import pybullet as p

def made_up(joint_erp=None, world_erp=None):
    """What the joint reports, and the share of 1 cm that the body makes up in the first step."""
    p.resetSimulation()
    if world_erp:
        p.setPhysicsEngineParameter(erp=world_erp)
    ball = p.createCollisionShape(p.GEOM_SPHERE, radius=0.01)
    body = p.createMultiBody(0.1, ball, -1, [0, 0, 1])
    joint = p.createConstraint(body, -1, -1, -1, p.JOINT_FIXED, [0, 0, 0], [0, 0, 0], [0, 0, 1])
    given = {"erp": joint_erp} if joint_erp else {}
    p.changeConstraint(joint, [0.01, 0, 1], [0, 0, 0, 1], maxForce=1e4, **given)
    p.stepSimulation()
    return p.getConstraintInfo(joint)[14], p.getBasePositionAndOrientation(body)[0][0] / 0.01

p.connect(p.DIRECT)
reported, share = made_up(joint_erp=0.9)
_, of_the_world = made_up(world_erp=0.9)
said = (f"changeConstraint(erp=0.9): reported {reported}, made up {share:.0%} in a step; "
        f"world erp 0.9: made up {of_the_world:.0%}").replace("%", " %")
print(said)
sys.exit(said != "changeConstraint(erp=0.9): reported 0.9, made up 20 % in a step; world erp 0.9: made up 90 %")
PY
