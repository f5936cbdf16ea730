#!/usr/bin/env bash
# sapien 3.0.3: the force limit of a drive between two bodies is newton-seconds per step. A suction cup of 10 N holds
# 100 kg at 100 Hz and a tonne at 1 kHz.
#
# create_drive connects a hand and what it has grasped: a suction cup, a magnet, a virtual spring of teleoperation.
# set_drive_property_z(stiffness, damping, force_limit) should make it give way to a greater load. The limit goes to
# PhysX, whose D6 joints take it as an impulse unless a flag says otherwise, and it is not divided by the time step. So
# it is greater by the steps per second, never reached on a table, and doubles where the step is halved: blocks too
# heavy to lift are lifted, grasps never fail. The drives of an articulation's joints (set_drive_properties), written
# the same way, have limits in newtons. A limit multiplied by the time step does what was meant.
#
# Needs Linux on x86-64.
#
# Seen (Python 3.11): "10 N carry 1.02 kg; a drive of 10 N at 100, 240 and 1000 Hz: 105, 255, 1.04e+03 kg; a joint of an
# articulation: 1.06, 1.06, 1.06 kg; a drive of 10 N times the step: 1.06, 1.06, 1.06 kg"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "sapien==3.0.3" "numpy==2.4.6" \
    "setuptools==80.9.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import warnings

warnings.simplefilter("ignore")
import sapien  # noqa: E402

LIMIT, GRAVITY, STIFFNESS, DAMPING = 10.0, 9.81, 1e7, 1e5


def cup(scene, mass, limit):
    """A block that hangs from a kinematic hand; returns a function that gives its height."""
    bodies = []
    for height in (1.1, 1.0):
        builder = scene.create_actor_builder()
        builder.add_box_collision(half_size=[0.02, 0.02, 0.02])
        builder.set_initial_pose(sapien.Pose([0.0, 0.0, height]))
        bodies.append(builder.build() if bodies else builder.build_kinematic())
    hand, block = bodies
    block.find_component_by_type(sapien.physx.PhysxRigidDynamicComponent).mass = mass
    drive = scene.create_drive(hand, sapien.Pose([0.0, 0.0, -0.1]), block, sapien.Pose())
    drive.set_drive_property_z(STIFFNESS, DAMPING, limit)
    return lambda: block.pose.p[2]


def lift(scene, mass, limit):
    """The same block on a vertical joint of an articulation."""
    up = sapien.Pose(q=[0.70710678, 0.0, -0.70710678, 0.0])
    builder = scene.create_articulation_builder()
    root = builder.create_link_builder()
    root.set_joint_properties("fixed", [], sapien.Pose(), sapien.Pose(), 0.0, 0.0)
    root.set_mass_and_inertia(1.0, sapien.Pose(), [0.1, 0.1, 0.1])
    link = builder.create_link_builder(root)
    link.set_joint_properties("prismatic", [[-100.0, 100.0]], up, up, 0.0, 0.0)
    link.set_mass_and_inertia(mass, sapien.Pose(), [0.1, 0.1, 0.1])
    articulation = builder.build()
    articulation.active_joints[0].set_drive_properties(STIFFNESS, DAMPING, limit, "force")
    return lambda: 1.0 + articulation.qpos[0]


def heaviest(hang, rate, limit=LIMIT):
    """The greatest mass, in kg to 1 %, that has not sunk by 5 cm after 0.5 s."""
    low, high = 1e-2, 1e5
    while high > 1.01 * low:
        mass = (low * high) ** 0.5
        scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
        scene.set_timestep(1.0 / rate)
        height = hang(scene, mass, limit)
        for _ in range(rate // 2):
            scene.step()
        low, high = (mass, high) if height() > 0.95 else (low, mass)
    return low


rates = (100, 240, 1000)
cups = [heaviest(cup, rate) for rate in rates]
lifts = [heaviest(lift, rate) for rate in rates]
mended = [heaviest(cup, rate, LIMIT / rate) for rate in rates]
said = [", ".join(f"{mass:.3g}" for mass in masses) for masses in (cups, lifts, mended)]
print(
    f"10 N carry {LIMIT / GRAVITY:.2f} kg; a drive of 10 N at 100, 240 and 1000 Hz: {said[0]} kg; a joint of an "
    f"articulation: {said[1]} kg; a drive of 10 N times the step: {said[2]} kg"
)
sys.exit(
    any(abs(mass * GRAVITY / (LIMIT * rate) - 1.0) > 0.15 for mass, rate in zip(cups, rates))
    or any(not 0.9 < mass * GRAVITY / LIMIT < 1.3 for mass in lifts + mended)
)
PY
