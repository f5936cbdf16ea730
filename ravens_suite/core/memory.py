"""A setting of the C library that makes programs faster that make and free large arrays all the time."""

from __future__ import annotations

import ctypes
import logging
import sys
from functools import lru_cache

_LOG = logging.getLogger(__name__)
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""Options of mallopt(3)."""


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Have the C library keep freed memory for this process's next arrays instead of returning it to the system.

    Memory that was returned is cleared by the kernel, page by page, before it comes back. In training, where every
    layer of a network makes and frees arrays of megabytes, that is over half of a step. Where demonstrations are
    recorded it is 2,700 pages an episode of one action, an eighth of the time; the peak use of memory stays the same.

    It concerns the whole process, so only what owns its process calls it: the training loop and the workers that
    collect demonstrations. Importing the package, making an environment or an agent does not: an environment whose
    observations are dropped after use gains nothing. Where the C library is not glibc, nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        _LOG.info("The C library has no mallopt: training and recording will be slower.")
        return
    for option, size in ((_MMAP_THRESHOLD, 1 << 30), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 1 << 26)):
        if not mallopt(option, size):
            _LOG.info("mallopt(%d, %d) was refused: training and recording will be slower.", option, size)
