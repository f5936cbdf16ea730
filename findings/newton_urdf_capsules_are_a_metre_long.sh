#!/usr/bin/env bash
# newton 1.8.0 (with warp-lang 1.19.0) and mujoco 4.0.0 read one URDF: in Newton every capsule is a metre long.
#
# Fingers and links of arms are capsules: round ends, and cheap to collide. URDF files write them as <capsule
# radius="0.02" length="0.1"/>, like cylinders. ROS reads that (urdf::Capsule of rolling), and so do MuJoCo, PyBullet
# 3.2.7 (which refuses a capsule without length) and SAPIEN 3.0.3. Newton's importer takes "height" and, where that is
# not given, 1; cylinders keep their length. There is no warning, and a finger of 14 cm is a pole of 104 cm, through
# hand and table. Where a link has no <inertial>, its mass follows: 1.29 kg in place of 0.16. Newton's own test of such
# a capsule has a length of 1.0, so that it passes. A file that gives both attributes suits all of them.
#
# Needs Linux on x86-64; downloads 170 MB.
#
# Seen (Python 3.11): "capsule: Newton 1.00 m, 1.29 kg, MuJoCo 0.10 m, 0.16 kg; cylinder: Newton 0.10 m, 0.13 kg,
# MuJoCo 0.10 m, 0.13 kg; both attributes: Newton 0.10 m, 0.16 kg, MuJoCo 0.10 m, 0.16 kg"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "newton==1.8.0" "warp-lang==1.19.0" \
    "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
WARP_CACHE_PATH="$folder/cache" "$folder/venv/bin/python" - <<'PY'
import sys

import mujoco
import newton

URDF = """<robot name="hand"><link name="palm"/>
<joint name="finger" type="revolute"><parent link="palm"/><child link="finger"/><axis xyz="0 1 0"/>
  <limit lower="0" upper="1" effort="1" velocity="1"/></joint>
<link name="finger"><collision><geometry>{}</geometry></collision></link></robot>"""
SHAPES = {
    "capsule": '<capsule radius="0.02" length="0.1"/>',
    "cylinder": '<cylinder radius="0.02" length="0.1"/>',
    "both attributes": '<capsule radius="0.02" length="0.1" height="0.1"/>',
}

said, found = [], {}
for name, shape in SHAPES.items():
    text = URDF.format(shape)
    builder = newton.ModelBuilder()
    builder.add_urdf(text)
    model = mujoco.MjModel.from_xml_string(text)
    length = 2.0 * model.geom_size[0, 1]
    found[name] = 2.0 * builder.shape_scale[0][1], builder.body_mass[-1], length, model.body_mass[-1]
    said.append("{}: Newton {:.2f} m, {:.2f} kg, MuJoCo {:.2f} m, {:.2f} kg".format(name, *found[name]))
print(*said, sep="; ")
capsule, cylinder, both = found.values()
sys.exit(
    not (
        abs(capsule[0] - 1.0) < 1e-3
        and capsule[1] > 1.0
        and all(abs(value[2] - 0.1) < 1e-3 for value in found.values())
        and abs(cylinder[0] - 0.1) < 1e-3
        and abs(both[0] - 0.1) < 1e-3
    )
)
PY
