#!/usr/bin/env bash
# av 18.1.0 (PyAV): a film that is encoded with colorspace = BT.709 is labelled so, and its colours are of BT.601.
#
# The tag is set because players guess without it. But the encoder turns RGB frames into YUV by itself, and asks its own
# context for size and pixel format only: the matrix stays that of BT.601, and the range the narrow one, whatever
# colorspace and color_range say. A reader that goes by the tag, as PyAV 18 and OpenCV 5 do, shows green of 200 as 172
# and, with the full range, black as 16 and white as 235. PyAV 16.1.0 ignored the colour space when it read: the two
# errors cancelled, a test of writing and reading passed, and films that were recorded then change their colours by up
# to 28 of 255 with the newer reader, without a word. A policy is trained on these and runs on a live camera.
# Right are no tag at all, or each frame converted beforehand, which frame.reformat(format="yuv420p",
# dst_colorspace="ITU709") does. Upstream: PyAV's issues 873 and 2149 (closed) were about reading.
#
# Downloads 120 MB.
#
# Seen (Python 3.11): "greatest error of a colour read by av 18.1.0, OpenCV 5.0.0, av 16.1.0: no tag 3, 3, 3; tag BT.709
# 28, 28, 3; converted and tagged 2, 2, 28; tag of the full range 20, 20, 20"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "av==18.1.0" "opencv-python-headless==5.0.0.93" \
    "numpy==2.4.6"
"$folder/venv/bin/pip" install --quiet --only-binary :all: --no-deps --target "$folder/earlier" "av==16.1.0"
cd "$folder"
cat > read.py <<'PY'
"""Colours of the first frame of each film named, as PyAV reads it: lines of JSON."""
import json
import sys

import av

for name in sys.argv[1:]:
    with av.open(name) as film:
        image = next(film.decode(film.streams.video[0])).to_ndarray(format="rgb24")
    print(json.dumps([av.__version__, image[32, 32::64].tolist()]))
PY
"$folder/venv/bin/python" - <<'PY'
import json
import os
import subprocess
import sys

import av
import cv2
import numpy as np

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (128, 128, 128), (255, 255, 255), (0, 0, 0)]
IMAGE = np.repeat(np.repeat(np.array([COLOURS], np.uint8), 64, axis=0), 64, axis=1)
"""Patches of 64 x 64 pixels in a row."""
BT709, FULL = 1, 2


def write(name, convert, **tags):
    with av.open(name, "w") as film:
        stream = film.add_stream("libx264", rate=10, options={"crf": "5", "preset": "ultrafast"})
        stream.height, stream.width = IMAGE.shape[:2]
        stream.pix_fmt = "yuv420p"
        for tag, value in tags.items():
            setattr(stream.codec_context, tag, value)
        frame = av.VideoFrame.from_ndarray(IMAGE, format="rgb24")
        if convert:
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


def greatest(colours):
    return int(np.abs(np.array(colours, int) - COLOURS).max())


def by_opencv(name):
    good, image = cv2.VideoCapture(name).read()
    assert good, name
    return greatest(image[32, 32::64, ::-1])


def by_pyav(names, folder, version):
    environment = {**os.environ, "PYTHONPATH": folder}
    lines = subprocess.check_output([sys.executable, "read.py", *names], env=environment, text=True)
    answers = [json.loads(line) for line in lines.splitlines()]
    assert {found for found, _ in answers} == {version}, answers
    return [greatest(colours) for _, colours in answers]


films = {
    "no tag": (False, {}),
    "tag BT.709": (False, {"colorspace": BT709}),
    "converted and tagged": (True, {"colorspace": BT709}),
    "tag of the full range": (False, {"color_range": FULL}),
}
names = [f"{number}.mp4" for number in range(len(films))]
for name, (convert, tags) in zip(names, films.values(), strict=True):
    write(name, convert, **tags)
errors = np.transpose([by_pyav(names, "", "18.1.0"), [by_opencv(name) for name in names],
                       by_pyav(names, "earlier", "16.1.0")])
print("greatest error of a colour read by av 18.1.0, OpenCV 5.0.0, av 16.1.0: "
      + "; ".join(f"{title} {', '.join(map(str, row))}" for title, row in zip(films, errors, strict=True)))
right, wrong = errors <= 5, errors >= 15
wanted = np.array([[1, 1, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]], bool)
sys.exit(not (right[wanted].all() and wrong[~wanted].all()))
PY
