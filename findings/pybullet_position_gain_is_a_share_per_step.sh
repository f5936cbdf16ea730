#!/usr/bin/env bash
# pybullet 3.2.7: the gain of POSITION_CONTROL is a share of the error for each step, whatever its length. At half the
# time step, or with two substeps, the same arm with the same gains moves twice as fast.
#
# A gain is expected to be a stiffness, of which the time step is no part. Here one step takes away positionGain, 0.1 if
# it is left out, of what is missing: the speed asked for is the gain times the error divided by the step. Whoever takes
# 1/960 s in place of 1/240 s, or setPhysicsEngineParameter(numSubSteps=4), for better contacts gets an arm that starts
# at four times the speed, arrives in a quarter of the time, and hits what it grasps accordingly; demonstrations, delays
# and rewards for smoothness are other ones. velocityGain is a share per step, too, of the speed that it takes away: 0.5
# makes an arm faster, not softer. maxVelocity, force and VELOCITY_CONTROL do not depend on the step. The manual names
# no unit. What fits: positionGain = 1 - exp(-step / time constant), with the length of a substep for the step, moves
# alike at every step; or maxVelocity.
#
# Seen (Python 3.11), a joint sent from 0 to 1 rad, where it is after 0.05 s, and its greatest speed in rad/s: "step of
# 1/120 s: 0.469, 12; 1/240 s: 0.718, 24; 1/480 s: 0.920, 48; 1/960 s: 0.994, 96; 1/240 s with four substeps: 0.994, 70
# (read after four); after ten steps of any length: 0.651; with the gain for a time constant of 0.04 s: 0.713 0.713
# 0.713 0.713 0.713; with a velocityGain of 0.5 after ten steps: 0.933"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pybullet==3.2.7" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import math
import sys

import pybullet

INERTIAL = '<inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
with open("arm.urdf", "w") as file:
    file.write(f"""
<robot name="arm">
  <link name="base">{INERTIAL}</link>
  <link name="arm">{INERTIAL}</link>
  <joint name="joint" type="revolute">
    <parent link="base"/><child link="arm"/><axis xyz="0 0 1"/>
    <limit lower="-3" upper="3" effort="1000000" velocity="1000"/>
  </joint>
</robot>
""")
TIME, CONSTANT = 0.05, 0.04
STEPS = {"1/120": (1 / 120, 1), "1/240": (1 / 240, 1), "1/480": (1 / 480, 1), "1/960": (1 / 960, 1)}
STEPS["1/240 with four substeps"] = (1 / 240, 4)


def moved(step, substeps, count, **gains):
    """Where the joint is after count steps, in rad, and its greatest speed."""
    pybullet.resetSimulation()
    pybullet.setPhysicsEngineParameter(fixedTimeStep=step, numSubSteps=substeps if substeps > 1 else 0)
    robot = pybullet.loadURDF("arm.urdf", useFixedBase=True)
    pybullet.changeDynamics(robot, 0, maxJointVelocity=1e4, linearDamping=0, angularDamping=0)
    pybullet.setJointMotorControl2(robot, 0, pybullet.POSITION_CONTROL, 1.0, force=1e6, **gains)
    speed = 0.0
    for _ in range(count):
        pybullet.stepSimulation()
        speed = max(speed, pybullet.getJointState(robot, 0)[1])
    return pybullet.getJointState(robot, 0)[0], speed


pybullet.connect(pybullet.DIRECT)
as_computed, alike = True, []
for name, (step, substeps) in STEPS.items():
    count = round(TIME / step)
    share = 1 - math.exp(-step / substeps / CONSTANT)
    position, speed = moved(step, substeps, count)
    alike.append(moved(step, substeps, count, positionGain=share)[0])
    ten = moved(step, substeps, 10)[0] if substeps == 1 else None
    print(f"{name} s: {position:.3f} rad, {speed:.0f} rad/s; ten steps {ten}; with the gain that fits {alike[-1]:.3f}")
    as_computed = as_computed and math.isclose(position, 1 - 0.9 ** (count * substeps), abs_tol=2e-3)
    as_computed = as_computed and (ten is None or math.isclose(ten, 1 - 0.9**10, abs_tol=2e-3))
    as_computed = as_computed and (substeps > 1 or math.isclose(speed, 0.1 / step, rel_tol=0.02))
softer = moved(1 / 240, 1, 10, positionGain=0.1, velocityGain=0.5)[0]
print(f"with a velocityGain of 0.5 after ten steps: {softer:.3f}")
fits = all(math.isclose(position, 1 - math.exp(-TIME / CONSTANT), abs_tol=3e-3) for position in alike)
sys.exit(not (as_computed and fits and softer > 0.9))
PY
