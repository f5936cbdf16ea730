#!/usr/bin/env bash
# imageio 2.38.1: its two readers of films, FFMPEG and pyav, return another number of frames where a camera did not keep
# its rate. FFMPEG, which is taken where both are installed, puts copies in and leaves frames out.
#
# A camera writes fewer frames in dim light, a driver waits for a second and then hands over what it had queued, and a
# recorder gives each frame the time at which it came. Frame i goes with action i, or time i of a table. The reader pyav
# returns the frames of the file. The reader FFMPEG (imageio-ffmpeg 0.8.1) has the program ffmpeg write raw images, and
# for those ffmpeg by default makes a constant rate: where the next frame is late it repeats the last one, and of frames
# that lie closer than that rate it drops some. A pause of a second shifts all later pairs by 30 frames; of a burst only
# a few frames are left. len() of the result and the fps of immeta do not help: an MP4 file has an average rate there,
# and the frames are spaced at another one, so that index / fps is half as long again. count_frames_and_secs of
# imageio-ffmpeg says 60. With a steady camera both readers agree, so that it never shows in a test, and which one
# imread takes depends on what happens to be installed. Nothing is said. What fits: plugin="pyav", or
# output_params=["-fps_mode", "passthrough"].
#
# Seen (Python 3.11), 60 frames by both readers: "steady: 60, 60; a pause of 1 s: 60, 90 with the last ones 30 too late,
# fps 20; 15 Hz from the middle on: 60, 90, fps 20.69; the second half within 0.15 s after a pause of 1 s: 60, 67, and
# 23 frames are missing, fps 26.84; passthrough: 60 each"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "imageio==2.38.1" "imageio-ffmpeg==0.8.1" "av==18.1.0" \
    "pillow==13.0.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
from fractions import Fraction

import av
import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np

FRAMES, RATE, SHADE, PATH = 60, 30, 4, "film.mp4"
STEADY = [number / RATE for number in range(FRAMES)]
HALF = FRAMES // 2
FILMS = {
    "steady": STEADY,
    "a pause of 1 s": [time + (number >= HALF) for number, time in enumerate(STEADY)],
    "15 Hz from the middle on": [time + max(0.0, time - STEADY[HALF]) for time in STEADY],
    "a burst after a pause": STEADY[:HALF] + [2.0 + 0.005 * number for number in range(HALF)],
}
PASS = ["-fps_mode", "passthrough"]


def record(times):
    """A film whose frames are grey, frame i by i shades, at these times in seconds."""
    millisecond = Fraction(1, 1000)
    with av.open(PATH, "w") as film:
        stream = film.add_stream("libx264", rate=RATE)
        stream.width = stream.height = 64
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", millisecond
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), SHADE * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(1000 * time), millisecond
            film.mux(stream.encode(frame))
        film.mux(stream.encode())


def numbers(**settings):
    """Which frames the reader returns."""
    return [round(float(frame.mean()) / SHADE) for frame in iio.imread(PATH, **settings)]


every = list(range(FRAMES))
seen, right = {}, True
for name, times in FILMS.items():
    record(times)
    frames = numbers(plugin="FFMPEG")
    missing = len(set(every) - set(frames))
    seen[name] = len(frames), missing, iio.immeta(PATH, plugin="FFMPEG")["fps"]
    right &= numbers() == frames and numbers(plugin="pyav") == numbers(plugin="FFMPEG", output_params=PASS) == every
    right &= imageio_ffmpeg.count_frames_and_secs(PATH)[0] == FRAMES
    if name == "a pause of 1 s":
        right &= frames[-HALF:] == every[-HALF:]
    print(f"{name}: pyav {FRAMES}; FFMPEG {seen[name][0]}, of which {missing} are missing, fps {seen[name][2]}")
wanted = {
    "steady": (60, 0, 30.0),
    "a pause of 1 s": (90, 0, 20.0),
    "15 Hz from the middle on": (90, 0, 20.69),
    "a burst after a pause": (67, 23, 26.84),
}
sys.exit(not right or seen != wanted)
PY
