#!/usr/bin/env bash
# mujoco 4.0.0: which side of a height field the first row of a grid becomes depends on how the grid is handed over.
#
# In the attribute elevation and in a PNG file the first row lies at the greatest y, as in an image. In MuJoCo's own
# binary file, in MjSpec (userdata) and in model.hfield_data it lies at the smallest. So a terrain that is first written
# into the XML and later filled at run time is mirrored, with no error: a robot that plans on the array walks into the
# hill. (The XML reference of version 3 says it of elevation against mjModel, in the entry of that attribute; not of the
# two kinds of file, which differ in the same way.) And a PNG of 16 bits, a usual format of elevation, is read with 8:
# 4096 heights become 256. Over 10 m of relief these are steps of 4 cm. The binary file and hfield_data keep floats.
#
# Seen (Python 3.11): "first row at +y: elevation, PNG; at -y: binary file, MjSpec, hfield_data; heights of 4096: PNG
# 256, binary file 4096"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "mujoco==4.0.0" "numpy==2.4.6" "pillow==13.0.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import io
import struct
import sys
import mujoco
import numpy as np
from PIL import Image

SIZE = (2.0, 2.0, 1.0, 0.1)


def model(field, **files):
    return mujoco.MjModel.from_xml_string(
        f"""<mujoco>
          <asset><hfield name="terrain" size="{" ".join(map(str, SIZE))}" {field}/></asset>
          <worldbody><geom type="hfield" hfield="terrain"/></worldbody>
        </mujoco>""",
        {f"terrain.{suffix}": data for suffix, data in files.items()},
    )


def png(grid):
    file = io.BytesIO()
    Image.fromarray(grid).save(file, "PNG")
    return file.getvalue()


def binary(grid):
    return struct.pack("ii", *grid.shape) + grid.astype(np.float32).tobytes()


def high_side(terrain):
    data = mujoco.MjData(terrain)
    mujoco.mj_forward(terrain, data)
    hit = np.zeros(1, np.int32)
    down = np.array([0.0, 0.0, -1.0])
    at = {
        side: 5.0 - mujoco.mj_ray(terrain, data, np.array([0.1, y, 5.0]), down, None, 1, -1, hit)
        for side, y in (("+y", 1.5), ("-y", -1.5))
    }
    return max(at, key=at.get)


def with_spec(grid):
    spec = mujoco.MjSpec()
    spec.add_hfield(name="terrain", size=SIZE, nrow=grid.shape[0], ncol=grid.shape[1], userdata=grid.ravel().tolist())
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname="terrain")
    return spec.compile()


def filled_later(grid):
    terrain = model('nrow="4" ncol="4"')
    terrain.hfield_data[:] = grid.ravel()
    return terrain


grid = np.zeros((4, 4), np.float32)
grid[:2] = 1.0
sides = {
    "elevation": high_side(model(f'nrow="4" ncol="4" elevation="{" ".join(map(str, grid.ravel()))}"')),
    "PNG": high_side(model('file="terrain.png"', png=png((255 * grid).astype(np.uint8)))),
    "binary file": high_side(model('file="terrain.bin"', bin=binary(grid))),
    "MjSpec": high_side(with_spec(grid)),
    "hfield_data": high_side(filled_later(grid)),
}
heights = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
levels = {
    "PNG": len(np.unique(model('file="terrain.png"', png=png(heights)).hfield_data)),
    "binary file": len(np.unique(model('file="terrain.bin"', bin=binary(heights)).hfield_data)),
}
named = {side: ", ".join(way for way, at in sides.items() if at == side) for side in ("+y", "-y")}
print(f"first row at +y: {named['+y']}; at -y: {named['-y']}; heights of {heights.size}: PNG {levels['PNG']}, "
      f"binary file {levels['binary file']}")
wanted = {"+y": "elevation, PNG", "-y": "binary file, MjSpec, hfield_data"}
sys.exit(named != wanted or levels != {"PNG": 256, "binary file": 4096})
PY
