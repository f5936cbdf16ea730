import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import trimesh

from ravens_suite.core.geometry import Array
from ravens_suite.sim import meshes
from ravens_suite.sim.objects import bowl

LENGTHS = (1.0, 0.02, 0.0137, 0.3)


def corners(mesh: trimesh.Trimesh) -> Array:
    return np.asarray(mesh.vertices)[np.asarray(mesh.faces)]


@pytest.mark.parametrize("length", LENGTHS)
def test_solids_are_those_of_trimesh_to_the_bit(length: float) -> None:
    size = (length, 0.04, 0.1)
    pairs = [
        (meshes.cuboid(size), trimesh.creation.box(extents=size)),
        (meshes.cylinder(length, 0.04), trimesh.creation.cylinder(radius=length, height=0.04, sections=24)),
        (meshes.ball(length), trimesh.creation.icosphere(subdivisions=1, radius=length)),
    ]
    for ours, theirs in pairs:
        assert ours.tobytes() == corners(theirs).tobytes()


@pytest.mark.parametrize("name", ["kit_00", "bowl", "arm_forearm"])
def test_assets_are_read_as_trimesh_reads_them(name: str) -> None:
    path = resources.files("ravens_suite.assets") / f"{name}.obj"
    with path.open("rb") as file:
        mesh = trimesh.load_mesh(file, file_type="obj", process=False)
    assert meshes.asset(path).tobytes() == corners(mesh).tobytes()


def test_hulls_hold_their_points() -> None:
    points = np.array(bowl((1.0, 0.0, 0.0)).collisions[0].points)  # type: ignore[union-attr]
    a, b, c = np.moveaxis(meshes.hull(points), 1, 0)
    outwards = np.einsum("td,ptd->pt", np.cross(b - a, c - a), points[:, None] - a)
    assert np.all(outwards < 1e-12)
    assert np.all(np.any(np.abs(outwards) < 1e-12, axis=1))


def test_plain_scenes_need_neither_trimesh_nor_scipy() -> None:
    script = (
        "import sys, gymnasium, ravens_suite\n"
        "env = gymnasium.make('ravens_suite/BlockInsertion-v0', image_size=(48, 64))\n"
        "env.reset(seed=0)\n"
        "env.step(env.unwrapped.oracle_action())\n"
        "sys.exit(', '.join({'trimesh', 'scipy', 'torch'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
