#!/usr/bin/env bash
# sapien 3.0.3: a block that has lain still for half a second does not notice that the kinematic body under it is moved
# by set_pose. It hangs in the air, or the lift passes through it.
#
# PhysX puts bodies at rest to sleep. Removing their support wakes them, and so do set_pose of a static support,
# set_kinematic_target of a kinematic one, set_pose of the body itself and a force on it. set_pose of a kinematic body
# (build_kinematic: a lift, a conveyor, a drawer, a gripper that follows a recorded path) does not. Within the first
# half second the block follows, as in a short test; later on, with the same calls, it stays where it was, and in steps
# that are small the platform goes up through it without a contact. is_sleeping is the only trace. What fits:
# set_kinematic_target of the component, which carries the block along by friction, too; or set_sleep_threshold(0) of
# what lies there, though set_pose still has no velocity and carries nothing sideways.
#
# Needs Linux on x86-64; downloads 60 MB.
#
# Seen (Python 3.11), height of a cube above the top of its platform in mm (20 is lying on it), moved 0.2 m in a second,
# after 0.1 s and after 2 s of rest: "down by set_pose: 20, 220; up by set_pose: 20, -180; down, up by
# set_kinematic_target: 20, 20; down by set_pose, threshold 0: 20, 20"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "sapien==3.0.3" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import sapien
from sapien.physx import PhysxCpuSystem, PhysxRigidDynamicComponent

SECOND = 240  # steps
TOP = 0.05  # of the platform, above its middle


def above(rest, metres, by_target, threshold=None):
    """Height of the cube's middle above the platform's top in mm, after the platform has moved for a second."""
    scene = sapien.Scene([PhysxCpuSystem()])
    scene.set_timestep(1 / SECOND)
    builder = scene.create_actor_builder()
    builder.add_box_collision(half_size=[0.3, 0.3, TOP])
    platform = builder.build_kinematic(name="platform")
    platform.set_pose(sapien.Pose([0, 0, 0.5]))
    builder = scene.create_actor_builder()
    builder.add_box_collision(half_size=[0.02, 0.02, 0.02])
    cube = builder.build(name="cube")
    cube.set_pose(sapien.Pose([0, 0, 0.57]))
    if threshold is not None:
        cube.find_component_by_type(PhysxRigidDynamicComponent).set_sleep_threshold(threshold)
    for _ in range(rest):
        scene.step()
    for step in range(1, SECOND + 1):
        pose = sapien.Pose([0, 0, 0.5 + metres * step / SECOND])
        if by_target:
            platform.find_component_by_type(PhysxRigidDynamicComponent).set_kinematic_target(pose)
        else:
            platform.set_pose(pose)
        scene.step()
    for _ in range(SECOND):
        scene.step()
    return round(float(cube.pose.p[2] - platform.pose.p[2] - TOP) * 1000)


def both(*how):
    return above(SECOND // 10, *how), above(2 * SECOND, *how)


cases = {
    "down by set_pose": both(-0.2, False),
    "up by set_pose": both(0.2, False),
    "down by set_kinematic_target": both(-0.2, True),
    "up by set_kinematic_target": both(0.2, True),
    "down by set_pose, threshold 0": both(-0.2, False, 0.0),
}
for name, (early, late) in cases.items():
    print(f"{name}: {early} mm after 0.1 s of rest, {late} mm after 2 s")
down, up, *right = cases.values()
sys.exit(not (down == (20, 220) and up == (20, -180) and all(case == (20, 20) for case in right)))
PY
