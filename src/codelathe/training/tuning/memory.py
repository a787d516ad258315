"""Memory: what a run will take, and how the C library is kept from handing it back and forth.

Every step makes and drops temporaries of megabytes. glibc takes each from the system anew and
gives it back at once, so the kernel clears the same pages step after step: half the time of a
tuning on a processor. Told to keep what it has, it does so no more.
"""

from __future__ import annotations

import ctypes
import os
import sys

#: From glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_LARGEST = (1 << 31) - 1
_PAD = 64 << 20


def keep_memory() -> bool:
    """Make malloc keep what is freed, for the rest of this process; whether it could.

    Called before torch is loaded it also lets tensors have large pages.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if sys.platform != "linux":
        return False
    try:
        tell = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _LARGEST), (_TOP_PAD, _PAD))
    took = [tell(name, value) for name, value in settings]
    return all(took)
