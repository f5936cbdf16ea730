#!/usr/bin/env bash
# pyrealsense2 2.59.1.11053 on x86-64: the points of a depth image that went through the decimation filter lie to the
# left and above those of the same image without it: by 0.7 mm for a filter of 2, by 4.7 mm for one of 8, at 0.8 m.
#
# Decimation is the first of the filters that the camera's maker recommends, and the SDK gives the smaller image
# intrinsics of its own, so that points come out of the same calls. It divides the principal point by the filter's size,
# as is right where pixels are counted from their corners. The SDK counts them from their centres: pixel 0 of an image
# decimated by k stands for the pixels 0 to k - 1, and its centre is at (k - 1) / 2. So all points are shifted by (k -
# 1) / 2 pixels of the large image times depth over focal length, the farther the more, 3.5 pixels for a filter of 8,
# and a hand-eye calibration or a grasp that was right with the large image is off by that. Nothing warns: it grows with
# the filter as noise does, edges are coarse anyway, and a plane seen squarely stays in its place. What fits: ((ppx +
# 0.5) / k - 0.5), or decimation after the points were made. Depth at edges is a median, which is no part of this.
#
# Seen (Python 3.11), a block in the middle of 640 x 480 pixels, f = 600, at 0.8 m; how far the middle of its points is
# moved, in mm, and by the intrinsics that fit: "filter 2: -0.67 -0.67, 0.00 0.00; 4: -2.00 -2.00, 0.00 0.00; 8: -4.67
# -4.67, 0.00 0.00"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "pyrealsense2==2.59.1.11053" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import pyrealsense2 as rs

WIDTH, HEIGHT, FOCAL, NEAR, FAR = 640, 480, 600.0, 0.8, 1.0
depth = np.full((HEIGHT, WIDTH), 1000 * FAR, np.uint16)
depth[120:360, 200:440] = 1000 * NEAR  # edges at multiples of 8, so that no block of pixels is mixed


def frame_of(image):
    """The image as a frame of a camera made of software, which has to live as long as the frame."""
    camera = rs.software_device()
    sensor = camera.add_sensor("depth")
    lens = rs.intrinsics()
    lens.width, lens.height, lens.fx, lens.fy = WIDTH, HEIGHT, FOCAL, FOCAL
    lens.ppx, lens.ppy, lens.model, lens.coeffs = WIDTH / 2, HEIGHT / 2, rs.distortion.none, [0.0] * 5
    stream = rs.video_stream()
    stream.type, stream.uid, stream.fmt, stream.intrinsics = rs.stream.depth, 0, rs.format.z16, lens
    stream.width, stream.height, stream.fps, stream.bpp = WIDTH, HEIGHT, 30, 2
    profile = sensor.add_video_stream(stream)
    sensor.add_read_only_option(rs.option.depth_units, 0.001)
    queue = rs.frame_queue(2)
    sensor.open(profile)
    sensor.start(queue)
    frame = rs.software_video_frame()
    frame.pixels, frame.bpp, frame.stride, frame.timestamp, frame.frame_number = image, 2, 2 * WIDTH, 1.0, 1
    frame.profile, frame.domain = profile.as_video_stream_profile(), rs.timestamp_domain.hardware_clock
    frame.depth_units = 0.001
    sensor.on_video_frame(frame)
    return queue.wait_for_frame(), camera, sensor


def middle(frame):
    """The middle of the block's points by the SDK's point cloud, in mm."""
    points = np.asanyarray(rs.pointcloud().calculate(frame).get_vertices()).view(np.float32).reshape(-1, 3)
    return 1000 * points[np.abs(points[:, 2] - NEAR) < 0.01, :2].mean(axis=0)


def middle_that_fits(frame, size):
    """The same by the pinhole formula, with the principal point counted from the centre of the first pixel."""
    rows, columns = np.nonzero(np.asanyarray(frame.get_data()) == round(1000 * NEAR))
    across = np.array([columns.mean(), rows.mean()])
    centre = (np.array([WIDTH, HEIGHT]) / 2 + 0.5) / size - 0.5
    return 1000 * NEAR * (across - centre) / (FOCAL / size)


frame, *alive = frame_of(depth)
whole = middle(frame)
as_seen = np.allclose(whole, 1000 * NEAR * -0.5 / FOCAL, atol=0.01)  # 319.5 and 239.5 are its middle
for size in (2, 4, 8):
    small = rs.decimation_filter(size).process(frame)
    moved, fitting = middle(small) - whole, middle_that_fits(small, size) - whole
    print(f"filter {size}: {moved.round(2)}, {fitting.round(2) + 0.0}")
    as_seen = as_seen and np.allclose(moved, -(size - 1) / 2 * 1000 * NEAR / FOCAL, atol=0.02)
    as_seen = as_seen and np.allclose(fitting, 0, atol=0.01)
sys.exit(not as_seen)
PY
