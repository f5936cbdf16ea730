"""Processor time of one RGB-D view of 480 x 640, beside MuJoCo on the same software rasteriser.

    python benchmarks/peers.py [--bodies 40] [--repetitions 10] [--runs 3] [--out results/peers.json]

The scene is that of ``rendering.py``: table, ground, and boxes, cylinders, balls and hulls at random poses, seen by the
published front camera. MuJoCo gets an environment of its own, in a temporary folder. It draws the view once, then reads
colour and depth together and makes metres of it (``mjr_render``, ``mjr_readPixels``), which is less work than two
renders of ``mujoco.Renderer``. ``plain`` is without shadows and multisampling, ``default``
with MuJoCo's own settings: a shadow map of 4096 pixels and four samples a pixel. Ours draws shadows on the table and
takes one sample. Both draw in the calling thread (Mesa's llvmpipe, LP_NUM_THREADS=0); the least time of several counts.
``depth_difference`` is the median over pixels of how far the two depths are apart, in millimetres: it is the same view.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pinned
from rendering import standard_scene

from ravens_suite.core.cameras import Camera, published_cameras
from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.provenance import provenance
from ravens_suite.sim.bodies import Box, Cylinder, Hull, Shape, Sphere
from ravens_suite.sim.scene import Scene

PEER = "mujoco==4.0.0"
SOFTWARE = {"LP_NUM_THREADS": "0", "MESA_SHADER_CACHE_DISABLE": "true", "MUJOCO_GL": "egl", "OMP_NUM_THREADS": "1"}

_LEAST = """
import json, sys, time
import numpy as np
def least(draw, repetitions):
    draw()
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        draw()
        taken.append(time.process_time() - start)
    return 1000 * min(taken)
"""
_OURS = f"""{_LEAST}
sys.path.insert(0, {str(Path(__file__).parent)!r})
from rendering import standard_scene
from ravens_suite.core.cameras import published_cameras
from ravens_suite.sim.rendering.factory import make_renderer
bodies, repetitions, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
scene, renderer, cameras = standard_scene(bodies), make_renderer("moderngl"), published_cameras()[:1]
np.save(file, renderer.render(scene, cameras).depth[0])
print(json.dumps({{"milliseconds": least(lambda: renderer.render(scene, cameras), repetitions)}}))
"""
_THEIRS = f"""{_LEAST}
import mujoco
model_file, repetitions, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model = mujoco.MjModel.from_xml_path(model_file)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
context = mujoco.GLContext(640, 480)
context.make_current()
gl = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, gl)
scene, option, camera = mujoco.MjvScene(model, 1000), mujoco.MjvOption(), mujoco.MjvCamera()
camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
viewport = mujoco.MjrRect(0, 0, 640, 480)
rgb, depth = np.empty((480, 640, 3), np.uint8), np.empty((480, 640), np.float32)
near, far = (limit * model.stat.extent for limit in (model.vis.map.znear, model.vis.map.zfar))
def draw():
    mujoco.mjv_updateScene(model, data, option, None, camera, mujoco.mjtCatBit.mjCAT_ALL, scene)
    mujoco.mjr_render(viewport, scene, gl)
    mujoco.mjr_readPixels(rgb, depth, viewport, gl)
    # As mujoco.Renderer has it: the depth buffer of MuJoCo is reversed or not, by its version.
    metres = near / (1 - depth * (1 - near / far)) if gl.readDepthMap == mujoco.mjtDepthMap.mjDEPTH_ZERONEAR else (
        near / (near / far + depth * (1 - near / far)))
    return np.flipud(rgb).copy(), np.flipud(metres).copy()
np.save(file, draw()[1])
print(json.dumps({{"milliseconds": least(draw, repetitions), "samples": int(gl.offSamples)}}))
"""


def mjcf(scene: Scene, camera: Camera, *, plain: bool) -> str:
    """The scene in MuJoCo's format.

    Args:
        scene: whose bodies are drawn.
        camera: that sees it.
        plain: without shadows and multisampling.
    """
    assets, geoms = [], []
    for number, drawable in enumerate(scene.drawables()):
        shape = drawable.visual.shape
        pose = drawable.pose @ shape.pose
        x, y, z, w = pose.quaternion
        where = f'pos="{_numbers(pose.position)}" quat="{_numbers((w, x, y, z))}"'
        if isinstance(shape, Hull):
            assets.append(f'<mesh name="hull{number}" vertex="{_numbers(np.ravel(shape.points))}"/>')
        # MuJoCo moves a mesh to its centre of mass and keeps where that was: the geom still lies as it is described.
        geoms.append(f'<geom {_form(shape, number)} {where} rgba="{_numbers((*drawable.visual.color, 1.0))}"/>')
    rotation, (rows, _) = camera.pose.rotation(), camera.image_size
    fovy = 2 * np.degrees(np.arctan(rows / (2 * camera.fy)))
    axes = _numbers([*rotation[:, 0], *-rotation[:, 1]])
    quality = '<quality shadowsize="0" offsamples="0"/>' if plain else ""
    return f"""<mujoco>
<statistic extent="1"/>
<visual><global offwidth="640" offheight="480"/><map znear="0.01" zfar="10"/>{quality}</visual>
<asset>{"".join(assets)}</asset>
<worldbody>
<light directional="true" dir="0 0 -1" castshadow="{"false" if plain else "true"}"/>
<camera pos="{_numbers(camera.pose.position)}" xyaxes="{axes}" fovy="{fovy}"/>
{"".join(geoms)}
</worldbody>
</mujoco>"""


def _form(shape: Shape, number: int) -> str:
    """Type and size of a geom."""
    match shape:
        case Box(size=size):
            return f'type="box" size="{_numbers(np.divide(size, 2))}"'
        case Cylinder(radius=radius, height=height):
            return f'type="cylinder" size="{_numbers((radius, height / 2))}"'
        case Sphere(radius=radius):
            return f'type="sphere" size="{radius}"'
        case _:
            return f'type="mesh" mesh="hull{number}"'


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.9g}" for value in values)


def environment(folder: Path) -> str:
    """An interpreter that has MuJoCo."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def measure(bodies: int, repetitions: int, python: str, folder: Path) -> dict[str, Any]:
    """Milliseconds of a view, ours and theirs, in turn."""
    scene, camera = standard_scene(bodies), published_cameras()[0]
    result: dict[str, Any] = {"load": pinned.load()}
    ours = folder / "ours.npy"
    result["ours"] = pinned.run(_OURS, [bodies, repetitions, ours], variables=SOFTWARE)["milliseconds"]
    for name in ("plain", "default"):
        model, theirs = folder / f"{name}.xml", folder / f"{name}.npy"
        model.write_text(mjcf(scene, camera, plain=name == "plain"))
        made = pinned.run(_THEIRS, [model, repetitions, theirs], python=python, variables=SOFTWARE)
        apart = np.median(np.abs(np.load(ours) - np.load(theirs)))
        result[name] = {**made, "depth_difference": round(1000 * float(apart), 3)}
    return result


def main() -> None:
    """Install, draw, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=int, default=40)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", help="an interpreter that has MuJoCo; one is made unless given")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = options.python or environment(folder / "venv")
        rows = []
        for _ in range(options.runs):
            rows.append(measure(options.bodies, options.repetitions, python, folder))
            print(json.dumps(rows[-1]), flush=True)
    result = {
        "peer": PEER,
        "bodies": options.bodies,
        "milliseconds": {
            "ours": pinned.spread([row["ours"] for row in rows]),
            **{name: pinned.spread([row[name]["milliseconds"] for row in rows]) for name in ("plain", "default")},
        },
        "ratios": {
            name: pinned.spread([row[name]["milliseconds"] / row["ours"] for row in rows])
            for name in ("plain", "default")
        },
        "runs": rows,
        "instruction_sets": pinned.instruction_sets(),
        **provenance(),
    }
    print(json.dumps({name: result[name] for name in ("milliseconds", "ratios")}, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
