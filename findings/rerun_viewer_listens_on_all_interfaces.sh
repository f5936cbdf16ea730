#!/usr/bin/env bash
# rerun-sdk 0.26.2: whoever opens a recording from a file also opens port 9876 to the network.
#
# `rerun FILE.rrd` shows the file, and besides listens on 0.0.0.0 for programs that want to log to this viewer. Nothing
# was asked of a network; `--bind 127.0.0.1` keeps it on this machine. It says so itself, before it looks for a display,
# so that none is needed here. Another port is taken here, so that a viewer that runs already is left alone.
#
# Seen: "opened a file: Listening for gRPC connections on 0.0.0.0:19876"
#       "with --bind 127.0.0.1: Listening for gRPC connections on 127.0.0.1:19876"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
export HOME=$folder
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "rerun-sdk==0.26.2"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import os, re, subprocess, sys
import rerun

stream = rerun.RecordingStream("one_point")
stream.save("one_point.rrd")
stream.log("point", rerun.Points3D([[0.0, 0.0, 0.0]]))
stream.flush()
del stream

environment = {key: value for key, value in os.environ.items() if key not in {"DISPLAY", "WAYLAND_DISPLAY"}}


def said(*options):
    command = [sys.executable, "-m", "rerun", "one_point.rrd", "--port", "19876", *options]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    return (re.findall(r"Listening for gRPC connections on [\d.]+:\d+", run.stderr + run.stdout) or ["nothing"])[0]


first, second = said(), said("--bind", "127.0.0.1")
print(f"rerun-sdk {rerun.__version__}")
print(f"opened a file: {first}")
print(f"with --bind 127.0.0.1: {second}")
sys.exit(not ("0.0.0.0" in first and "127.0.0.1" in second))
PY
