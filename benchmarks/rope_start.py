"""How the rope lies at the start, beside a rope that falls by the published facts.

    OMP_NUM_THREADS=1 python benchmarks/rope_start.py [--seeds 60] [--out results/rope_start.json]

The reference is built here, in plain PyBullet, from the facts of the published rope: cubes of 10 mm and 0.1 kg, one
above the other in single precision, articulated bodies of one link with Bullet's own damping, joined at the centre of
the upper one, in a deformable world at 480 Hz; it falls for one second, then until it is still. An arm with the masses
and lengths of a UR5 stands beside it with a tool on a constraint of 50 N.

Beads exactly above each other topple as rounding decides, into one of few shapes; which, hangs on all else in the world
(``exact``: other sizes of the ground or no arm gave mean radii of gyration from 24.5 to 29.1 mm). So the reference that
counts is ``disturbed``: every bead stands aside by a normal amount of ``DISTURBANCE``. Two samples are compared by
Kolmogorov and Smirnov's test.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from ravens_suite.core.geometry import Array
from ravens_suite.core.seeding import generator
from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.provenance import provenance
from ravens_suite.sim.bullet_shapes import bullet
from ravens_suite.sim.kinematics import HOME_JOINTS
from ravens_suite.sim.precision import FINE, TIME_STEP
from ravens_suite.sim.scene import GRAVITY, STILL_SPEED, Scene
from ravens_suite.tasks._rope import BEADS, LENGTH
from ravens_suite.tasks.manipulating_rope import ManipulatingRope

FALL_STEPS, MOST_STEPS = 480, 5000
PIXEL = 0.003125
DISTURBANCE = 1e-4
"""Metres along x and y by which the beads of the disturbed reference stand aside: standard deviation."""

_LINKS = (
    ("pan", 3.7, "0 0 0.089159", "0 0 0", "0 0 1"),
    ("lift", 8.393, "0 0.13585 0", "0 1.5707963 0", "0 1 0"),
    ("elbow", 2.275, "0 -0.1197 0.425", "0 0 0", "0 1 0"),
    ("wrist1", 1.219, "0 0 0.39225", "0 1.5707963 0", "0 1 0"),
    ("wrist2", 1.219, "0 0.093 0", "0 0 0", "0 0 1"),
    ("wrist3", 0.1879, "0 0 0.09465", "0 0 0", "0 1 0"),
)
"""Name, mass, place and turn in the link before, axis."""


def arm_description() -> str:
    """A URDF of the reference's arm: masses and lengths, nothing to see or to touch."""
    parts = [_link("base", 4.0)]
    for (name, mass, place, turn, axis), before in zip(_LINKS, ["base", *(link[0] for link in _LINKS)], strict=False):
        limits = '<limit effort="150" lower="-6.28" upper="6.28" velocity="3.15"/>'
        parts.append(_link(name, mass) + _joint(name, "revolute", before, place, turn, f'<axis xyz="{axis}"/>{limits}'))
    parts.append(_link("flange", 0.0) + _joint("flange", "fixed", "wrist3", "0 0.0823 0", "-1.5707963 0 0", ""))
    return f'<robot name="arm">{"".join(parts)}</robot>'


def _link(name: str, mass: float) -> str:
    inertia = 0.02 * min(mass, 1.0)
    values = f'ixx="{inertia}" iyy="{inertia}" izz="{inertia}" ixy="0" ixz="0" iyz="0"'
    return f'<link name="{name}"><inertial><mass value="{mass}"/><inertia {values}/></inertial></link>'


def _joint(child: str, kind: str, parent: str, place: str, turn: str, rest: str) -> str:
    ends = f'<parent link="{parent}"/><child link="{child}"/><origin xyz="{place}" rpy="{turn}"/>'
    return f'<joint name="{child}_joint" type="{kind}">{ends}{rest}</joint>'


def reference_fall(seed: int, client: int, arm: Path, disturbance: float) -> Array:
    """(BEADS, 3) metres, world: where the beads of the reference come to rest."""
    rng = np.random.default_rng(seed)
    bullet.resetSimulation(bullet.RESET_USE_DEFORMABLE_WORLD, physicsClientId=client)
    bullet.setGravity(0, 0, GRAVITY, physicsClientId=client)
    bullet.setTimeStep(TIME_STEP, physicsClientId=client)
    ground = bullet.createCollisionShape(bullet.GEOM_BOX, halfExtents=[15, 15, 5], physicsClientId=client)
    plane = bullet.createMultiBody(0, ground, -1, [0, 0, -5.001], physicsClientId=client)
    bullet.changeDynamics(plane, -1, lateralFriction=1.0, physicsClientId=client)
    _add_arm(client, arm)
    cube = bullet.createCollisionShape(bullet.GEOM_BOX, halfExtents=[0.005] * 3, physicsClientId=client)
    # The spacing is the length of a side that was turned in single precision: the last digits differ by seed.
    turn = rng.uniform(0, 2 * math.pi)
    side = np.array([math.cos(turn) * LENGTH, math.sin(turn) * LENGTH], dtype=np.float32) / np.float32(BEADS)
    spacing = np.float32(np.hypot(side[0], side[1]))
    row, column = rng.integers(23, 297), rng.integers(23, 137)
    place = np.array([0.25 + PIXEL * column, -0.5 + PIXEL * row, 0.05], dtype=np.float32)
    beads: list[int] = []
    for _ in range(BEADS):
        place[2] += spacing
        x, y = (place[:2] + rng.normal(0.0, disturbance, 2)).tolist()
        bead = bullet.createMultiBody(0.1, cube, -1, [x, y, float(place[2])], physicsClientId=client)
        if beads:
            _join(beads[-1], bead, float(spacing), client)
        beads.append(bead)
    for step in range(MOST_STEPS):
        if step >= FALL_STEPS and _speed(beads, client) < STILL_SPEED:
            break
        bullet.stepSimulation(physicsClientId=client)
    return np.array([bullet.getBasePositionAndOrientation(bead, physicsClientId=client)[0] for bead in beads])


def _add_arm(client: int, description: Path) -> None:
    arm = bullet.loadURDF(str(description), [0, 0, 0], [0, 0, 1, 0], useFixedBase=True, physicsClientId=client)
    for joint, angle in enumerate(HOME_JOINTS):
        bullet.resetJointState(arm, joint, angle, physicsClientId=client)
    shape = bullet.createCollisionShape(bullet.GEOM_CYLINDER, radius=0.005, height=0.03, physicsClientId=client)
    head = bullet.createMultiBody(0.2, shape, -1, [0.487, 0.109, 0.347], [1, 0, 0, 0], physicsClientId=client)
    fixed = bullet.createConstraint(
        arm, len(_LINKS), head, -1, bullet.JOINT_FIXED, [0, 0, 0], [0, 0, 0], [0, 0, -0.08], physicsClientId=client
    )
    bullet.changeConstraint(fixed, maxForce=50, physicsClientId=client)


def _join(lower: int, upper: int, spacing: float, client: int) -> None:
    joint = bullet.createConstraint(
        lower, -1, upper, -1, bullet.JOINT_POINT2POINT, [0, 0, 0], [0, 0, spacing], [0, 0, 0], physicsClientId=client
    )
    bullet.changeConstraint(joint, maxForce=100, physicsClientId=client)


def _speed(bodies: Sequence[int], client: int) -> float:
    return max(float(np.linalg.norm(bullet.getBaseVelocity(body, physicsClientId=client)[0])) for body in bodies)


def our_fall(seed: int) -> Array:
    """(BEADS, 3) metres, world: the rope of manipulating-rope in the training scene of a seed."""
    scene = Scene(FINE)
    task = ManipulatingRope("train")
    task.build(scene, generator(seed, "train", "scene"))
    scene.settle()
    points = np.array([scene.pose(f"bead_{index}").position for index in range(BEADS)])
    scene.close()
    return points


def figures(points: Array) -> dict[str, float]:
    """Millimetres: radius of gyration, distance between the ends, height of the highest bead."""
    aside = points - points.mean(axis=0)
    return {
        "radius_of_gyration": 1e3 * float(np.sqrt(np.square(aside).sum(axis=1).mean())),
        "end_to_end": 1e3 * float(np.linalg.norm(points[0] - points[-1])),
        "highest": 1e3 * float(points[:, 2].max()),
    }


def compare(ours: list[dict[str, float]], reference: list[dict[str, float]]) -> dict[str, Any]:
    """Mean, standard deviation and test for every figure."""
    result: dict[str, Any] = {}
    for name in ours[0]:
        samples = [np.array([row[name] for row in rows]) for rows in (ours, reference)]
        test = ks_2samp(*samples)
        result[name] = {
            "ours": _summary(samples[0]),
            "reference": _summary(samples[1]),
            "kolmogorov_smirnov": {"statistic": float(test.statistic), "p": float(test.pvalue)},
        }
    return result


def _summary(values: Array) -> dict[str, float]:
    return {
        "mean": float(values.mean()),
        "standard_deviation": float(values.std(ddof=1)),
        "least": float(values.min()),
        "greatest": float(values.max()),
    }


def main() -> None:
    """Let both fall, print and write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--out", type=Path, help="file for the figures")
    options = parser.parse_args()
    client = bullet.connect(bullet.DIRECT)
    with tempfile.TemporaryDirectory() as folder:
        arm = Path(folder) / "arm.urdf"
        arm.write_text(arm_description(), encoding="utf-8")
        references = {
            name: [figures(reference_fall(seed, client, arm, amount)) for seed in range(options.seeds)]
            for name, amount in {"disturbed": DISTURBANCE, "exact": 0.0}.items()
        }
    bullet.disconnect(client)
    ours = [figures(our_fall(seed)) for seed in range(options.seeds)]
    result = {
        **provenance(),
        "seeds": options.seeds,
        "unit": "mm",
        "original": {"radius_of_gyration": {"mean": 28.3, "standard_deviation": 3.1}, "seeds": 15},
        **{name: compare(ours, rows) for name, rows in references.items()},
    }
    for name in references:
        print(name, result[name])
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
