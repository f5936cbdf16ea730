#!/usr/bin/env bash
# obj2mjcf 0.0.25, mujoco 4.0.0: each object that it converts weighs twice what it should. A block of water is 2 kg.
#
# obj2mjcf makes a MuJoCo model of an OBJ file, commonly of a data set of household objects: one geom to be seen, which
# collides with nothing, and one or more that collide. MuJoCo gives mass to all geoms of a body, those that are only
# seen included, and the visual class that obj2mjcf writes leaves their density at 1000 kg/m3. So the mass and inertia
# of the mesh come on top of those of its collision hulls. Nothing shows it: the objects look right, fall right, and
# take twice the force to lift, push and tip. Where the hulls fill a mug or bowl, the centre of mass is some mean of
# both, too. mass="0" in the class "visual" mends a file.
#
# Seen (Python 3.11): "a block of 10 cm: 2.00 kg, with mass="0" in the visual class 1.00 kg"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "obj2mjcf==0.0.25" "mujoco==4.0.0" \
    "trimesh==5.2.0" "coacd==1.0.14" "lxml==6.1.3" "pillow==13.0.0" "termcolor==3.3.0" "tyro==1.0.17" "numpy==2.4.6"
cd "$folder"
mkdir objects
"$folder/venv/bin/python" -c "import trimesh; trimesh.creation.box([0.1, 0.1, 0.1]).export('objects/block.obj')"
"$folder/venv/bin/obj2mjcf" --obj-dir objects --save-mjcf --add-free-joint
"$folder/venv/bin/python" - <<'PY'
import sys
from pathlib import Path

import mujoco

path = Path("objects", "block", "block.xml")
written = mujoco.MjModel.from_xml_path(str(path)).body_mass.sum()
text = path.read_text()
path.write_text(text.replace('contype="0"', 'mass="0" contype="0"', 1))
mended = mujoco.MjModel.from_xml_path(str(path)).body_mass.sum()
print(f'a block of 10 cm: {written:.2f} kg, with mass="0" in the visual class {mended:.2f} kg')
sys.exit(not (abs(written - 2.0) < 0.01 and abs(mended - 1.0) < 0.01))
PY
