import math
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from ravens_suite.assets import generate
from ravens_suite.assets.outlines import KIT_OUTLINES, Outline
from ravens_suite.assets.solids import extrude

FILES = generate.files()
FOLDER = resources.files("ravens_suite.assets")

# Of the published shapes: width and depth, area, area of the convex hull (mm, mm2), and turns that map it onto itself
# (0: any). The triangle is our own, equilateral, of the published area.
KITS = (
    (40.5, 56.7, 1520, 2068, 1),
    (49.9, 57.0, 1308, 1698, 1),
    (64.5, 55.9, 1800, 1800, 3),
    (60, 60, 3600, 3600, 4),
    (60, 60, 2700, 3150, 4),
    (60, 60, 1836, 2718, 1),
    (75, 60, 2250, 2250, 2),
    (57.2, 54.4, 2147, 2147, 5),
    (75, 45, 3375, 3375, 2),
    (60, 60, 2311, 2429, 4),
    (57.5, 60.5, 1487, 2406, 5),
    (60, 60, 2823, 2823, 0),
    (45.4, 58.2, 1582, 2304, 1),
    (47.0, 56.7, 1203, 1629, 1),
    (32.0, 56.7, 1318, 1813, 1),
    (60, 60, 1836, 2718, 1),
    (60, 60, 2318, 2823, 0),
    (52, 60, 2338, 2338, 6),
    (57.5, 52.8, 2143, 2203, 1),
    (54.0, 56.7, 2268, 3063, 1),
)


def load(name: str) -> trimesh.Trimesh:
    with (FOLDER / name).open("rb") as file:
        mesh = trimesh.load_mesh(file, file_type="obj", process=False)
    assert isinstance(mesh, trimesh.Trimesh)
    return mesh


def turned_apart(outline: Outline, angle: float) -> float:
    """Largest distance (mm) from a corner of the outline to the nearest one of the outline turned about the origin."""
    points = np.array([*outline.points, *outline.hole])
    c, s = math.cos(angle), math.sin(angle)
    turned = points @ np.array([[c, s], [-s, c]])
    return float(np.linalg.norm(points[:, None] - turned[None], axis=-1).min(axis=1).max())


def test_committed_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    generate.write(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.name.endswith(".obj")}
    assert sorted(made) == sorted(committed), "run `make assets` and commit"
    assert [name for name in made if made[name] != committed[name]] == [], "run `make assets` and commit"


@pytest.mark.parametrize("name", sorted(FILES))
def test_meshes_are_closed_and_face_outwards(name: str) -> None:
    mesh = load(name)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert all(part.volume > 0 for part in mesh.split(only_watertight=False))
    assert mesh.area_faces.min() > 0


def test_the_arm_is_light() -> None:
    counts = {name: text.count("\nf ") for name, text in FILES.items()}
    assert sum(count for name, count in counts.items() if name.startswith("arm_")) < 3000
    assert max(counts.values()) <= 600


@pytest.mark.parametrize("shape", range(20))
def test_kit_shapes_have_the_published_extents_and_areas(shape: int) -> None:
    width, depth, area, hull, _ = KITS[shape]
    outline = KIT_OUTLINES[shape]
    points = np.array(outline.points)
    np.testing.assert_allclose(np.ptp(points, axis=0), (width, depth), atol=0.2)
    assert ConvexHull(points).volume == pytest.approx(hull, rel=0.02)
    mesh = load(f"kit_{shape:02d}.obj")
    assert mesh.volume * 1e9 / generate.KIT_HEIGHT == pytest.approx(area, rel=0.07)
    np.testing.assert_allclose(mesh.bounds[:, 2], (-0.01, 0.01))
    silhouette = load(f"kit_{shape:02d}_silhouette.obj")
    np.testing.assert_allclose(silhouette.bounds[:, :2], mesh.bounds[:, :2])
    np.testing.assert_allclose(silhouette.bounds[:, 2], (-0.001, 0.001))


@pytest.mark.parametrize("shape", range(20))
def test_kit_shapes_have_their_symmetry_about_the_origin_and_no_other(shape: int) -> None:
    folds = KITS[shape][4] or len(KIT_OUTLINES[shape].points)
    assert turned_apart(KIT_OUTLINES[shape], 2 * math.pi / folds) < 1e-6
    for other in range(2, 13):
        if KITS[shape][4] and folds % other:
            assert turned_apart(KIT_OUTLINES[shape], 2 * math.pi / other) > 1.0


@pytest.mark.parametrize("shape", [i for i in range(20) if KITS[i][4] == 1])
def test_shapes_without_symmetry_are_centred_in_their_bounds(shape: int) -> None:
    low, high = load(f"kit_{shape:02d}.obj").bounds
    np.testing.assert_allclose(low + high, 0, atol=2e-6)


def test_bowl_pallet_and_discs_have_their_sizes() -> None:
    np.testing.assert_allclose(load("bowl.obj").extents, (0.118, 0.118, 0.035), atol=1e-6)
    np.testing.assert_allclose(load("pallet.obj").extents, (0.30, 0.25, 0.0375), atol=1e-6)
    for radius in (0.030, 0.035, 0.040):
        disc = load(f"hanoi_disc_{round(radius * 1000)}.obj")
        np.testing.assert_allclose(disc.extents, (2 * radius, 2 * radius, 0.01), atol=1e-6)
        assert np.linalg.norm(disc.vertices[:, :2], axis=1).min() == pytest.approx(0.015, abs=1e-6)
    for name in ("bowl.obj", "pallet.obj", "hanoi_disc_30.obj"):
        np.testing.assert_allclose(load(name).bounds.sum(axis=0), 0, atol=1e-6)


def test_extruding_with_a_hole_keeps_the_hole_free() -> None:
    square = [(-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0)]
    hole = [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0)]
    corners = extrude(square, 1.0, hole).corners
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(16 - 4)
