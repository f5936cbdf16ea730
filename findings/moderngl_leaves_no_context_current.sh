#!/usr/bin/env bash
# moderngl's "with context:" makes the context current and leaves none current at its end, not the one that was before.
# A program that drew with a context of its own, made current once as usual, draws nothing after a library has used
# another context in this way: no error, the picture stays as it was. So does one "with" inside another: after the inner
# one the outer context is not current. Making a context, on the other hand, leaves the new one current, and makes it
# what moderngl.get_context() returns.
#
# Needs EGL and an OpenGL of 3.3 (Mesa's software rasteriser will do: libegl1, libgl1-mesa-dri); downloads 20 MB.
#
# Seen (Linux, Python 3.11, moderngl 5.13.0, glcontext 3.1.0): "before 255, after with of another 255 where 0 was drawn,
# inside an outer with none current, made: the new one current and the default"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cd "$folder"
"$folder/venv/bin/pip" install --quiet "moderngl==5.13.0" "glcontext==3.1.0"

said=$("$folder/venv/bin/python" - <<'PY'
import ctypes

import moderngl

egl = ctypes.CDLL("libEGL.so.1")
egl.eglGetCurrentContext.restype = ctypes.c_void_p
options = {"standalone": True, "require": 330, "backend": "egl", "libgl": "libGL.so.1", "libegl": "libEGL.so.1"}


def drawn(frame, red):
    frame.clear(red, 0.0, 0.0, 1.0)
    return frame.read()[0]


other = moderngl.create_context(**options)
mine = moderngl.create_context(**options)
made = egl.eglGetCurrentContext()
newest = "the new one current" if made is not None else "none current"
default = "the default" if moderngl.get_context() is mine else "not the default"
frame = mine.simple_framebuffer((4, 4))
before = drawn(frame, 1.0)
with other:
    pass
after = drawn(frame, 0.0)
with mine:
    with other:
        pass
    inner = "none current" if egl.eglGetCurrentContext() is None else "one current"
print(f"before {before}, after with of another {after} where 0 was drawn, inside an outer with {inner}, "
      f"made: {newest} and {default}")
PY
)
echo "$said"
test "$said" = "before 255, after with of another 255 where 0 was drawn, inside an outer with none current, \
made: the new one current and the default"
