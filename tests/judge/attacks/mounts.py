# row: 30
# returns: []
# unshown: open by handle, move, make, state, swap
# expect: failed
"""The newer ways to mount, and files by handle."""

import os


def solve(n):
    worked = []
    attempt(
        worked,
        "name to handle",
        lambda: system_call(303, 264)(-100, b"/", bytes([128, 0, 0, 0]) + bytes(200), bytes(8), 0),
    )
    attempt(worked, "open by handle", lambda: system_call(304, 265)(-100, bytes(200), 0))
    attempt(worked, "attributes", lambda: system_call(442, 442)(-100, b"/", 0, bytes(32), 32))
    attempt(worked, "move", lambda: system_call(429, 429)(-100, b"/", -100, b"/w", 0))
    attempt(worked, "pick", lambda: system_call(433, 433)(-100, b"/", 0))
    attempt(worked, "make", lambda: system_call(432, 432)(0, 0, 0))
    attempt(worked, "state", lambda: system_call(457, 457)(bytes(32), bytes(512), 512, 0))
    attempt(worked, "quota", lambda: system_call(179, 60)(0x800001 << 8, None, 0, None))
    attempt(worked, "swap", lambda: system_call(167, 224)(b"x", 0))
    attempt(worked, "own root", lambda: os.chroot("."))
    return worked
