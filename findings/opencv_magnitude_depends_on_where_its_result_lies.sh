#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (x86-64): cv2.magnitude of the same two float32 arrays has other last digits where the
# array that it writes to begins at another address. With its own result array the address is that of whatever memory
# is free, so that two runs of one program, or two calls in it, differ. A comparison, an arg-max or a nearest neighbour
# that is decided by the last digit then goes another way: here augmented training examples, and so all weights, differed
# from run to run with one thread and one seed. NumPy's sqrt(x * x + y * y) is the same wherever it lies.
# Seen: 16 places of the result, 4 bytes apart, give 2 different results of magnitude and 1 of NumPy, for 1,677 pairs.
# Exits 0 as long as magnitude gives more than one.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > "$folder/places.py" <<'PYTHON'
import cv2
import numpy as np

rng = np.random.default_rng(0)
x, y = (rng.random((43, 39), dtype=np.float32) for _ in range(2))


def at(place):
    """An array that begins a number of floats after an address that 64 divides."""
    memory = np.empty(x.size + 64, np.float32)
    start = (-memory.ctypes.data // 4) % 16 + place
    return memory[start : start + x.size].reshape(x.shape)


by_opencv, by_numpy = set(), set()
for place in range(16):
    result = at(place)
    cv2.magnitude(x, y, result)
    by_opencv.add(result.tobytes())
    result = at(place)
    np.sqrt(x * x + y * y, out=result)
    by_numpy.add(result.tobytes())
print(len(by_opencv), len(by_numpy))
PYTHON
"$folder/venv/bin/python" "$folder/places.py" | tee "$folder/seen.txt"
read -r by_opencv by_numpy < "$folder/seen.txt"
[ "$by_opencv" -gt 1 ] && [ "$by_numpy" -eq 1 ]
