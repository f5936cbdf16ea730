#!/usr/bin/env bash
# trimesh 5.2.0 and meshio 5.3.5 read an OBJ file whose faces count their vertices backwards as another shape: of a post
# on a plate, trimesh gives two posts in one place, and meshio other triangles. tinyobjloader 2.0.0rc13 reads it right.
#
# A face of OBJ may count from 1 at the beginning of the file or from -1 at the vertex above it, which suits exporters
# that write part after part. "Above it" is the point: -8 in the plate is a vertex of the plate. trimesh counts from the
# end of the file, where the post lies; that is right for files of one part, and so for what one tests with. meshio
# takes one off, as from numbers that begin at 1, and leaves the rest to NumPy, where negative numbers count from the
# end as well: it is wrong for one part, too, and the corner that comes out may be one that exists. Neither raises, and
# both files lie within the bounds of the real one. The plate takes no part in collisions, mass or grasps. Upstream:
# trimesh issue 2364, which pull request 2556 would have mended (closed); none of meshio.
#
# Seen (Python 3.11), cubic centimetres and vertices in use, of 280 and 16: "counted forwards: trimesh 280 and 16,
# meshio 280 and 16, tinyobjloader 280 and 16; backwards: trimesh 160 and 8, meshio 53 and 8, tinyobjloader 280 and 16"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "trimesh==5.2.0" "meshio==5.3.5" \
    "tinyobjloader==2.0.0rc13" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import itertools
import sys

import meshio
import numpy as np
import tinyobjloader
import trimesh

PLATE, POST = ((0.0, 0.0, 0.01), (0.1, 0.1, 0.02)), ((0.04, 0.0, 0.12), (0.02, 0.02, 0.2))
"""Centre and size in metres."""
SIDES = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))


def write(backwards):
    """The two boxes, each with its eight corners and then its twelve triangles."""
    lines = []
    for number, (centre, size) in enumerate((PLATE, POST)):
        for corner in itertools.product((-0.5, 0.5), repeat=3):
            lines.append("v " + " ".join(f"{c + s * k:g}" for c, s, k in zip(centre, size, corner, strict=True)))
        for side in SIDES:
            for triangle in (side[:3], (side[0], *side[2:])):
                corners = [corner - 9 if backwards else corner + 8 * number for corner in triangle]
                lines.append("f {} {} {}".format(*corners))
    with open("post.obj", "w") as file:
        file.write("\n".join(lines) + "\n")


def with_tinyobjloader():
    reader = tinyobjloader.ObjReader()
    assert reader.ParseFromFile("post.obj")
    corners = [corner.vertex_index for shape in reader.GetShapes() for corner in shape.mesh.indices]
    return np.reshape(reader.GetAttrib().vertices, (-1, 3)), np.reshape(corners, (-1, 3))


def with_meshio():
    mesh = meshio.read("post.obj")
    return mesh.points, mesh.get_cells_type("triangle")


def with_trimesh():
    mesh = trimesh.load("post.obj", process=False, force="mesh")
    return mesh.vertices, mesh.faces


def measured(vertices, triangles):
    """Cubic centimetres that the triangles enclose, and how many vertices they use."""
    a, b, c = (np.asarray(vertices)[triangles[:, corner]] for corner in range(3))
    volume = float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6
    return round(1e6 * volume), len(np.unique(np.concatenate([a, b, c]), axis=0))


readers = {"trimesh": with_trimesh, "meshio": with_meshio, "tinyobjloader": with_tinyobjloader}
found = {}
for name, backwards in (("counted forwards", False), ("backwards", True)):
    write(backwards)
    found[name] = {reader: measured(*read()) for reader, read in readers.items()}
    print(f"{name}: " + ", ".join(f"{reader} {volume} and {used}" for reader, (volume, used) in found[name].items()))
right = set(found["counted forwards"].values()) == {(280, 16)} and found["backwards"]["tinyobjloader"] == (280, 16)
wrong = found["backwards"]["trimesh"] == (160, 8) and abs(found["backwards"]["meshio"][0]) < 250
sys.exit(not (right and wrong))
PY
