#!/usr/bin/env bash
# scikit-robot 0.4.7, mujoco 4.0.0: scale_urdf scales a robot's links, joints' places, masses and inertias, and not the
# travel of its sliding joints. A gripper at half the size opens as wide as before, one of millimetres by 40 metres.
#
# Descriptions that a CAD program wrote in millimetres are brought to metres by a scale of 0.001, and toys and large
# copies of a robot are made so, too. The manual lists what is scaled, "all geometric and physical properties". Limits
# of slides are lengths as well, and so are their speed and the offset of <mimic>, and all of them stay. Arms have
# hinges only and come out right, as do pictures of the gripper, since it is drawn with its slides at 0. In the
# simulator fingers leave the hand, lifts and gantries leave their rails; a policy whose actions are a share of the
# travel, as they are in most environments, moves by other lengths than the robot does. Nothing is said. Multiply
# <limit> and <mimic> of prismatic joints afterwards.
#
# The module needs nothing but Python, so that the package is installed without its dependencies and the file is loaded
# by itself.
#
# Seen (Python 3.11), distance of two fingers, opened: "as it is: 100 mm; scaled by 0.5: 90 mm (50 is right); a gripper
# of numbers 1000 times as large, scaled by 0.001: 80.02 m (0.1 is right); palm: 60, 30, 60 mm"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "mujoco==4.0.0" "numpy==2.4.6"
"$folder/venv/bin/pip" install --quiet --no-compile --no-deps "scikit-robot==0.4.7"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import importlib.util
import sys

import mujoco
import numpy as np

root = importlib.util.find_spec("skrobot").submodule_search_locations[0]
spec = importlib.util.spec_from_file_location("scale_urdf", f"{root}/urdf/scale_urdf.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

LINK = """<link name="{}"><inertial><mass value="0.1"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/>
</inertial><collision><geometry><box size="{} {} {}"/></geometry></collision></link>"""
SLIDE = """<joint name="to_{0}" type="prismatic"><parent link="palm"/><child link="{0}"/><origin xyz="0 {1} {2}"/>
<axis xyz="0 {3} 0"/><limit lower="0" upper="{4}" effort="10" velocity="{4}"/></joint>"""


def gripper(unit):
    """Two fingers 20 mm apart, each of which opens by 40 mm; its lengths in this part of a metre."""
    size = {name: length / unit for name, length in dict(wide=0.06, thin=0.01, beside=0.01, up=0.04, way=0.04).items()}
    links = [LINK.format("palm", size["wide"], size["wide"], size["thin"])]
    for name, side in (("left", 1), ("right", -1)):
        links.append(LINK.format(name, size["thin"], size["thin"], size["up"]))
        links.append(SLIDE.format(name, side * size["beside"], size["up"], side, size["way"]))
    return f'<robot name="gripper">{"".join(links)}</robot>'


def opened(unit, scale):
    """Metres between the fingers at the end of their travel, and of the palm's width."""
    with open("gripper.urdf", "w") as file:
        file.write(gripper(unit))
    module.scale_urdf("gripper.urdf", "scaled.urdf", scale=scale)
    made = mujoco.MjSpec.from_file("scaled.urdf")
    made.compiler.balanceinertia, made.compiler.boundmass, made.compiler.boundinertia = True, 1e-6, 1e-6
    made.compiler.fusestatic = False
    model = made.compile()
    data = mujoco.MjData(model)
    data.qpos[:] = model.jnt_range[:, 1]
    mujoco.mj_forward(model, data)
    left, right = data.body("left").xpos, data.body("right").xpos
    palm = model.geom_size[model.geom_bodyid == model.body("palm").id][0]
    return float(np.linalg.norm(left - right)), float(2.0 * palm[0])


plain, half, metres = opened(1.0, 1.0), opened(1.0, 0.5), opened(0.001, 0.001)
for name, (wide, palm), right in (
    ("as it is", plain, 0.1), ("scaled by 0.5", half, 0.05), ("from millimetres, by 0.001", metres, 0.1)
):
    print(f"{name}: fingers {wide:.3f} m apart ({right} is right), palm {palm:.3f} m wide")
seen = np.allclose(plain, (0.1, 0.06)) and np.allclose(half, (0.09, 0.03)) and np.allclose(metres, (80.02, 0.06))
sys.exit(not seen)
PY
