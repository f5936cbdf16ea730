#!/usr/bin/env bash
# torch 2.13.0 on an x86-64 CPU without AVX-512 (here: oneDNN held to AVX2, as it is on most laptops): convolutions and
# matrix products in bfloat16 are not merely no faster than in float32, they are some forty times slower. oneDNN refuses
# them there, and torch falls back in silence to loops of its own (aten::_slow_conv2d_forward in place of
# aten::mkldnn_convolution). So torch.autocast("cpu"), whose default type is bfloat16, can make a network many times
# slower, and nothing says so: no warning, the same results. With AVX-512 and without its bfloat16 instructions oneDNN
# takes them, two to three times slower than float32.
# Seen: 3x3 convolution, 64 to 64 channels, 80 x 40: float32 2.4 ms by oneDNN, bfloat16 95 ms by _slow_conv2d_forward.
# Exits 0 as long as that is so.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
ONEDNN_MAX_CPU_ISA=AVX2 "$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import sys
import time

import torch

torch.set_num_threads(1)


def run(dtype: torch.dtype) -> tuple[set[str], float]:
    """The operators of a convolution, and its least wall time in milliseconds."""
    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(dtype)
    image = torch.randn(1, 64, 80, 40).to(dtype)
    times = []
    with torch.no_grad():
        for _ in range(4):
            start = time.perf_counter()
            layer(image)
            times.append((time.perf_counter() - start) * 1e3)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            layer(image)
    return {event.key for event in profile.key_averages()}, min(times)


single, half = run(torch.float32), run(torch.bfloat16)
for name, (operators, least) in (("float32", single), ("bfloat16", half)):
    print(torch.__version__, name, f"{least:.1f} ms", sorted(key for key in operators if "conv2d_" in key or "mkldnn" in key))
slow = "aten::_slow_conv2d_forward"
sys.exit(0 if slow not in single[0] and slow in half[0] and half[1] > 5 * single[1] else 1)
PYTHON
