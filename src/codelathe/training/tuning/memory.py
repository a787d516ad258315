"""Memory: what a run will take, and how the C library is kept from handing it back and forth.

Every step makes and drops temporaries of megabytes. glibc takes each from the system anew and
gives it back at once, so the kernel clears the same pages step after step: half the time of a
tuning on a processor. Told to keep what it has, it does so no more. What comes after a tuning
wants that memory for itself.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys

#: From glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_KEEPING = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, (1 << 31) - 1), (_TOP_PAD, 64 << 20))
_USUAL = ((_MMAP_MAX, 1 << 16), (_TRIM_THRESHOLD, 128 << 10), (_TOP_PAD, 128 << 10))


def keep_memory() -> bool:
    """Make malloc keep what is freed, until `release_memory`; whether it could.

    Called before torch is loaded it also lets tensors have large pages.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    return _set(_KEEPING) is not None


def release_memory() -> bool:
    """Give back what nothing uses any more, and keep no more of it; whether it could.

    A model's modules refer to each other, so that it lives on until they are looked through.
    """
    gc.collect()
    library = _set(_USUAL)
    return library is not None and bool(library.malloc_trim(0))


def _set(settings: tuple[tuple[int, int], ...]) -> ctypes.CDLL | None:
    """The C library, its malloc with these settings; None where it has no such."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None)
        took = [library.mallopt(name, value) for name, value in settings]
    except (OSError, AttributeError):
        return None
    return library if all(took) else None
