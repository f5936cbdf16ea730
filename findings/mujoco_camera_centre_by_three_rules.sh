#!/usr/bin/env bash
# mujoco 4.0.0: a camera of given intrinsics (sensorsize, focal, principal) has its centre in three places: one for the
# renderer, one for the depth image of a rangefinder, one for the sensor camprojection.
#
# focalpixel and principalpixel put a calibrated camera into a model. The renderer counts the principal point from the
# middle of the image and moves the picture against it, left and up. A rangefinder on the same camera, the way to a
# depth image without OpenGL, counts it from the upper left corner: with the default of 0 0 its optical axis passes
# through that corner, and three quarters of what the renderer shows are missing. camprojection, the pixel at which a
# site is seen, leaves the principal point out. So depth and colour of one camera are half an image apart, labels of
# camprojection lie beside their objects, and no principal point makes all three agree. With fovy alone they do, which
# is what most models have, so code that was tested there is wrong with the first calibrated camera. What fits: fovy; or
# both images by the renderer and its centre at W/2 - x, H/2 - y. (Up to 3.5 the renderer moved the other way
# vertically, pull request 3150.)
#
# And a rangefinder leaves out the body that it is on. The manual says so; it holds for the world too, so a camera
# written into worldbody, as fixed ones are, sees no table and no floor there, and -1 stands for them.
#
# The renderer's centre is read from the frustum that it draws with, so that no OpenGL is needed. Images drawn with EGL
# had their objects there.
#
# Seen (Python 3.11), image of 160 x 120: "fovy: renderer 80 60, rangefinder 80 60, camprojection 80 60; principalpixel
# 0 0: 80 60, 0 0, 80 60; principalpixel 30 20: 50 40, 30 20, 80 60; rays that meet the floor: 19200 of 19200 from a
# body of its own, 0 from worldbody"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "mujoco==4.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import mujoco

WIDTH, HEIGHT = 160, 120
SENSOR = 'sensorsize="0.008 0.006" focalpixel="160 160"'
MODEL = """
<mujoco>
  <worldbody>
    <geom type="plane" size="9 9 0.1"/>
    <site name="below"/>
    {before}<camera name="eye" pos="0 0 2" resolution="160 120" {camera}/>{after}
  </worldbody>
  <sensor>
    <rangefinder camera="eye" data="dist dir"/>
    <camprojection camera="eye" site="below"/>
  </sensor>
</mujoco>
"""


def looked(camera, before="<body>", after="</body>"):
    model = mujoco.MjModel.from_xml_string(MODEL.format(camera=camera, before=before, after=after))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def of_the_renderer(model, data):
    """Where the optical axis meets the image, in pixels from its upper left corner."""
    scene, view, options = mujoco.MjvScene(model, maxgeom=9), mujoco.MjvCamera(), mujoco.MjvOption()
    options.flags[mujoco.mjtVisFlag.mjVIS_RANGEFINDER] = False  # thousands of lines
    view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
    mujoco.mjv_updateScene(model, data, options, None, view, mujoco.mjtCatBit.mjCAT_ALL, scene)
    seen = scene.camera[0]
    high = seen.frustum_top - seen.frustum_bottom
    half = seen.frustum_width or high / 2 * WIDTH / HEIGHT  # 0: the image's shape decides
    return WIDTH * (half - seen.frustum_center) / (2 * half), HEIGHT * seen.frustum_top / high


def of_the_rays(data):
    rays = data.sensordata[: 4 * WIDTH * HEIGHT].reshape(HEIGHT, WIDTH, 4)
    slopes = rays[..., 1:3] / -rays[..., 3:]  # the camera looks along -z, its x is the world's
    across, down = slopes[0, :, 0], slopes[:, 0, 1]
    return 0.5 - across[0] / (across[1] - across[0]), 0.5 - down[0] / (down[1] - down[0])


def centres(camera):
    model, data = looked(camera)
    three = of_the_renderer(model, data), of_the_rays(data), data.sensordata[-2:]
    return [tuple(round(float(number)) for number in centre) for centre in three]


def hits(*around):
    _, data = looked('fovy="45"', *around)
    return int((data.sensordata[: 4 * WIDTH * HEIGHT : 4] > 0).sum())


cases = {
    "fovy": centres('fovy="45"'),
    "principalpixel 0 0": centres(SENSOR),
    "principalpixel 30 20": centres(f'{SENSOR} principalpixel="30 20"'),
}
for name, three in cases.items():
    print(f"{name}: renderer {three[0]}, rangefinder {three[1]}, camprojection {three[2]}")
own, world = hits(), hits("", "")
print(f"rays that meet the floor: {own} of {WIDTH * HEIGHT} from a body of its own, {world} from worldbody")
as_seen = list(cases.values()) == [
    [(80, 60), (80, 60), (80, 60)],
    [(80, 60), (0, 0), (80, 60)],
    [(50, 40), (30, 20), (80, 60)],
]
sys.exit(not (as_seen and own == WIDTH * HEIGHT and world == 0))
PY
