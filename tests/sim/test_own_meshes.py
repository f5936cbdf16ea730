"""Mesh files of users: read as they are, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.core.geometry import Pose
from ravens_suite.core.palette import PALETTE
from ravens_suite.errors import MeshError, UnknownNameError
from ravens_suite.sim import own_meshes
from ravens_suite.sim.bodies import Mesh, Sphere, collision_surface, solid, triangles
from ravens_suite.sim.scene import Scene

CUBE = """# a cube of 40 mm
mtllib cube.mtl
o cube
v -0.02 -0.02 -0.02
v 0.02 -0.02 -0.02
v 0.02 0.02 -0.02
v -0.02 0.02 -0.02
v -0.02 -0.02 0.02 0.5 0.5 0.5
v 0.02 -0.02 0.02 0.5 0.5 0.5
v 0.02 0.02 0.02
v -0.02 0.02 0.02
vt 0 0
vn 0 0 1
usemtl red
s off
f 4 3 2 1
f 5/1/1 6/1/1 7/1/1 8/1/1
f 1//1 2//1 6//1 5//1
f -7/1 -6/1 -2/1 \\
  -3/1
f 3 4 8 7
f 4 1 5 8
"""


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def binary_stl(mesh: trimesh.Trimesh) -> bytes:
    data: bytes = trimesh.exchange.stl.export_stl(mesh)
    return data


def test_polygons_normals_and_negative_numbers_are_understood(tmp_path: Path) -> None:
    surface = triangles(Mesh(write(tmp_path / "cube.obj", CUBE)))
    assert surface.shape == (12, 3, 3)
    solid = trimesh.Trimesh(**trimesh.triangles.to_kwargs(surface))
    assert solid.is_watertight
    assert solid.volume == pytest.approx(0.04**3)


def test_each_part_may_count_its_vertices_backwards(tmp_path: Path) -> None:
    """From where its faces stand, not from the end of the file.

    Others do not: ``findings/obj_counted_backwards_loses_all_but_its_last_part.sh``.
    """
    parts = [trimesh.creation.box((0.1, 0.1, 0.02)), trimesh.creation.box((0.02, 0.02, 0.2))]
    lines = []
    for part in parts:
        lines += ["v " + " ".join(map(str, vertex)) for vertex in part.vertices]
        lines += ["f " + " ".join(str(corner - len(part.vertices)) for corner in face) for face in part.faces]
    surface = triangles(Mesh(write(tmp_path / "post.obj", "\n".join(lines))))
    np.testing.assert_allclose(surface, np.concatenate([part.triangles for part in parts]), atol=1e-12)


@pytest.mark.parametrize("suffix", [".stl", ".STL", ".obj"])
def test_files_of_other_programs_are_read(tmp_path: Path, suffix: str) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1, radius=0.03)
    path = tmp_path / f"ball{suffix}"
    mesh.export(path, file_type=suffix[1:].lower())
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)]
    np.testing.assert_allclose(triangles(Mesh(str(path))), corners, atol=1e-7)
    ascii_path = write(tmp_path / "text.stl", trimesh.exchange.stl.export_stl_ascii(mesh))
    np.testing.assert_allclose(triangles(Mesh(ascii_path, scale=2.0)), 2 * corners, atol=1e-6)


@pytest.mark.parametrize("change", [str.upper, "\ufeff{}".format], ids=["capitals", "mark of UTF-8"])
def test_stl_text_may_be_in_capitals_or_begin_with_a_mark(tmp_path: Path, change: Callable[[str], str]) -> None:
    """It was taken for a binary file that had been cut short."""
    mesh = trimesh.creation.box((0.1, 0.2, 0.3))
    path = write(tmp_path / "box.stl", change(trimesh.exchange.stl.export_stl_ascii(mesh)))
    np.testing.assert_allclose(triangles(Mesh(path)), mesh.triangles, atol=1e-6)


def test_an_own_mesh_falls_and_rests(tmp_path: Path) -> None:
    shape = Mesh(write(tmp_path / "cube.obj", CUBE.replace("0.02", "20")), scale=0.001)
    scene = Scene()
    scene.add("cube", solid(shape, PALETTE["red"], mass=0.01), Pose((0.5, 0.0, 0.05)), "movable")
    assert scene.settle()
    assert scene.pose("cube").position[2] == pytest.approx(0.02, abs=2e-3)
    scene.close()


def test_a_mesh_collides_as_its_hull_however_fine_it_is(tmp_path: Path) -> None:
    mesh = trimesh.creation.box((0.04, 0.04, 0.04)).subdivide().subdivide().subdivide()
    path = write(tmp_path / "fine.stl", binary_stl(mesh))
    assert len(triangles(Mesh(path))) == 12 * 4**3
    assert len(collision_surface(Mesh(path))) == 12


def _turn(outline: list[tuple[int, int]]) -> float:
    """1 for corners that go counter-clockwise, else -1."""
    x, y = np.array(outline, np.float64).T
    return float(np.sign(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def test_letters_of_older_programs_are_no_damage(tmp_path: Path) -> None:
    """Comments and names of materials are often in another encoding than UTF-8, and some files begin with a mark."""
    plain = triangles(Mesh(write(tmp_path / "plain.obj", CUBE)))
    older = CUBE.replace("a cube", "W\xfcrfel").encode("latin-1")
    marked = b"\xef\xbb\xbf" + CUBE[CUBE.index("v -0.02") :].encode()
    for number, data in enumerate((older, marked)):
        assert np.array_equal(triangles(Mesh(write(tmp_path / f"{number}.obj", data))), plain)


L_SHAPE = [(0, 0), (60, 0), (60, 20), (20, 20), (20, 60), (0, 60)]
U_SHAPE = [(0, 0), (60, 0), (60, 60), (40, 60), (40, 20), (20, 20), (20, 60), (0, 60)]
COMB = [
    (0, 0),
    (90, 0),
    *[p for x in range(80, 0, -20) for p in ((x + 10, 50), (x, 50), (x, 10), (x - 10, 10))],
    (0, 50),
]
ARROW = [(0, 0), (30, 60), (0, 40), (-30, 60)]
FRAME = [(0, 0), (60, 0), (60, 60), (0, 60), (0, 0), (20, 20), (20, 40), (40, 40), (40, 20), (20, 20)]
"""Round a hole, to which it runs from its first corner and back."""


@pytest.mark.parametrize("outline", [L_SHAPE, U_SHAPE, COMB, ARROW, FRAME])
@pytest.mark.parametrize("clockwise", [False, True])
def test_faces_with_corners_that_point_inwards_cover_no_more_than_they_are(
    outline: list[tuple[int, int]], clockwise: bool, tmp_path: Path
) -> None:
    """Modellers write an L as one face; a fan about most of its corners would cover what is outside."""
    x, y = np.array(outline, np.float64).T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    for first in range(len(outline)):
        around = [*outline[first:], *outline[:first]][:: -1 if clockwise else 1]
        lines = [f"v {x} {y} {0.5 * x}" for x, y in around] + [f"f {' '.join(map(str, range(1, len(around) + 1)))}"]
        path = write(tmp_path / f"{first}.obj", "\n".join(lines))
        surface = triangles(Mesh(path, scale=0.001)).astype(np.float64)[..., :2] * 1000
        a, b, c = surface.transpose(1, 0, 2)
        first_side, second_side = b - a, c - a
        signed = (first_side[:, 0] * second_side[:, 1] - first_side[:, 1] * second_side[:, 0]) / 2
        assert signed.sum() == pytest.approx(np.abs(signed).sum() * np.sign(signed.sum()), rel=1e-5)
        assert np.sign(signed.sum()) == _turn(around)
        assert np.abs(signed).sum() == pytest.approx(area, rel=1e-5)
        assert len(surface) == len(outline) - 2


@pytest.mark.parametrize("named", [True, False])
def test_objects_of_a_file_are_one_mesh_with_one_hull(tmp_path: Path, named: bool) -> None:
    """PyBullet's own loader would make each object (``o``) a hull, and the ball would fall between them."""
    walls = [trimesh.creation.box((0.02, 0.06, 0.02)) for _ in range(2)]
    lines: list[str] = []
    for number, (wall, x) in enumerate(zip(walls, (-0.04, 0.04), strict=True)):
        wall.apply_translation((x, 0.0, 0.0))
        lines += [f"o wall{number}"] if named else []
        lines += [f"v {a:.3f} {b:.3f} {c:.3f}" for a, b, c in wall.vertices]
        lines += ["f " + " ".join(str(corner + 1 + 8 * number) for corner in face) for face in wall.faces]
    shape = Mesh(write(tmp_path / "walls.obj", "\n".join(lines)))
    assert triangles(shape).shape == (24, 3, 3)
    hull = trimesh.Trimesh(**trimesh.triangles.to_kwargs(collision_surface(shape)))
    assert abs(hull.volume) == pytest.approx(0.1 * 0.06 * 0.02)
    scene = Scene()
    scene.add("walls", solid(shape, PALETTE["red"]), Pose((0.5, 0.0, 0.01)), "fixed")
    scene.add("ball", solid(Sphere(0.01), PALETTE["blue"], mass=0.01), Pose((0.5, 0.0, 0.05)), "movable")
    scene.settle()
    assert scene.pose("ball").position[2] == pytest.approx(0.03, abs=2e-3)
    scene.close()


def test_a_file_is_read_and_wrapped_once_for_all_scales(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "cube.obj", CUBE)
    asked: list[Path] = []
    monkeypatch.setattr(Path, "read_bytes", lambda self: (asked.append(self), self.open("rb").read())[1])
    for scale in (1.0, 1.1, 2.5):
        np.testing.assert_allclose(np.ptp(triangles(Mesh(path, scale=scale)).reshape(-1, 3), axis=0), 0.04 * scale)
        np.testing.assert_allclose(np.abs(collision_surface(Mesh(path, scale=scale))), 0.02 * scale, rtol=1e-6)
    assert asked == [path]
    write(path, CUBE.replace("0.02", "0.025"))
    for surface in (triangles(Mesh(path, scale=3.0)), collision_surface(Mesh(path, scale=3.0))):
        assert np.ptp(surface.reshape(-1, 3), axis=0) == pytest.approx([0.15] * 3)


BROKEN = {
    "empty.obj": ("", "is empty"),
    "blank.stl": ("  \n", "is empty"),
    "no_faces.obj": ("v 0 0 0\n", "no triangles"),
    "cut_face.obj": (CUBE[:-6], "no vertex|three vertices|short"),
    "cut_number.obj": ("v 0 0 0\nv 1 0", "line 2"),
    "words.obj": ("v 0 0 0\nv a b c\n", "line 2, 'v a b c'"),
    "missing_vertex.obj": (CUBE + "f 1 2 9\n", "names vertex 9, but there are 8"),
    "zero_index.obj": (CUBE + "f 0 1 2\n", "no vertex 0"),
    "too_negative.obj": (CUBE + "f -9 1 2\n", "no vertex -9"),
    "edge.obj": (CUBE + "f 1 2\n", "three vertices"),
    "backslash.obj": (CUBE + "f 1 2 \\", "ends in a backslash"),
    "nan.obj": (CUBE.replace("v 0.02 0.02 0.02", "v nan 0.02 0.02"), "not a finite number"),
    "inf.obj": (CUBE.replace("v 0.02 0.02 0.02", "v 1e999 0.02 0.02"), "not a finite number"),
    "point.obj": (CUBE.replace("0.02", "0.0"), r"scale=0\.001"),
    "millimetres.obj": (CUBE.replace("0.02", "20"), r"40 m long .* scale=0\.001"),
    "binary.obj": (b"\xff\xfe\x00v 0 0 0", "damaged"),
    "cut.stl": (binary_stl(trimesh.creation.box((0.1, 0.1, 0.1)))[:-7], "its header tells of 12 triangles"),
    "long.stl": (binary_stl(trimesh.creation.box((0.1, 0.1, 0.1))) + b"more", "its header tells of 12 triangles"),
    "none.stl": (binary_stl(trimesh.creation.box((0.1, 0.1, 0.1)))[:80] + bytes(4), "no triangles"),
    "open.stl": ("solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n", "no endsolid"),
    "short.stl": ("solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nendsolid a", "three corners"),
    "mug.ply": ("ply", r"suffix \.obj or \.stl"),
    "mug": ("", r"suffix \.obj or \.stl"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, name: str) -> None:
    content, said = BROKEN[name]
    with pytest.raises(MeshError, match=said) as error:
        triangles(Mesh(write(tmp_path / name, content)))
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["missing.obj", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(MeshError, match=r"Cannot read|suffix"):
        triangles(Mesh(tmp_path / name))


def test_a_flat_mesh_is_seen_but_does_not_collide(tmp_path: Path) -> None:
    flat = Mesh(write(tmp_path / "sheet.obj", "v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\nf 1 2 3 4\n"))
    assert len(triangles(flat)) == 2
    with pytest.raises(MeshError, match="volume"):
        collision_surface(flat)


def test_names_without_a_path_are_those_of_the_suite() -> None:
    assert len(triangles(Mesh("bowl"))) > 100
    with pytest.raises(UnknownNameError, match=r"no mesh named 'bowll'. Did you mean 'bowl'\?"):
        triangles(Mesh("bowll"))
    for name in ("mug.obj", "meshes/mug.obj", "../mug"):
        with pytest.raises(MeshError, match="absolute path"):
            triangles(Mesh(name))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_must_be_positive(scale: float) -> None:
    with pytest.raises(MeshError, match="scale"):
        triangles(Mesh("bowl", scale=scale))


@given(
    st.binary(max_size=200) | st.integers(0, len(CUBE)).map(lambda end: CUBE[:end].encode()),
    st.sampled_from(["obj", "stl"]),
)
def test_no_bytes_pass_that_are_no_mesh(tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str) -> None:
    path = write(tmp_path_factory.getbasetemp() / f"any.{kind}", data)
    try:
        surface = own_meshes.read_mesh(path, 1.0)
    except MeshError as error:
        assert path.name in str(error)
    else:
        assert surface.shape[1:] == (3, 3)
        assert np.isfinite(surface).all()
