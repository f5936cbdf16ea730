"""A setting of the C library that makes training faster."""

from __future__ import annotations

import ctypes
import logging
import sys
from functools import lru_cache

_LOG = logging.getLogger(__name__)
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of mallopt(3)


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Have the C library keep large blocks of freed memory for this process instead of returning them to the system.

    It changes the whole process, so the training loop calls it, and neither importing nor constructing an agent does.

    Every layer of a network makes and frees arrays of megabytes. By default each is mapped anew, and the kernel's
    clearing of its pages takes longer than the arithmetic: over half of a training step, and on two threads nearly all
    of it. Does nothing where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        _LOG.info("The C library has no mallopt: training will be slower.")
        return
    for option, size in ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 1 << 26)):
        if not mallopt(option, size):
            _LOG.info("mallopt(%d, %d) was refused: training will be slower.", option, size)
