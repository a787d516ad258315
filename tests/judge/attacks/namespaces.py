# row: 30
# unshown: pivot, handle, groups
# expect: failed
# returns: []
"""Ways to other roots and namespaces."""

import os


def space():
    """A namespace to go to, where one can be opened."""
    try:
        return os.open("/proc/self/ns/uts", os.O_RDONLY)
    except OSError:
        return 0


def solve(n):
    worked = []
    attempt(worked, "user", lambda: system_call(272, 97)(0x10000000))
    attempt(worked, "mounts", lambda: system_call(272, 97)(0x00020000))
    attempt(worked, "clone", lambda: system_call(56, 220)(0x10000011, 0, 0, 0, 0))
    attempt(worked, "setns", lambda: system_call(308, 268)(space(), 0))
    attempt(worked, "mount", lambda: system_call(165, 40)(b"x", b"/w", b"tmpfs", 0, None))
    attempt(worked, "umount", lambda: system_call(166, 39)(b"/w", 2))
    attempt(worked, "pivot", lambda: system_call(155, 41)(b".", b"."))
    attempt(worked, "chroot", lambda: os.chroot("."))
    attempt(worked, "fsopen", lambda: system_call(430, 430)(b"tmpfs", 0))
    attempt(worked, "open_tree", lambda: system_call(428, 428)(-100, b"/", 1))
    attempt(worked, "handle", lambda: system_call(303, 264)(-100, b"/", bytes(200), bytes(8), 0))
    attempt(worked, "landlock", lambda: system_call(444, 444)((1).to_bytes(8, "little"), 8, 0))
    attempt(worked, "setuid", lambda: os.setresuid(0, 0, 0))
    attempt(worked, "groups", lambda: os.setgroups([0]))
    return worked
