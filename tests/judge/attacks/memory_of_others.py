# row: 22
# returns: []
# unshown: migrate, lock
# expect: failed
"""Where the memory of other processes lies, and by which rules."""

import os


def solve(n):
    worked = []
    above = os.getppid()
    attempt(worked, "migrate", lambda: system_call(256, 238)(above, 8, bytes(8), bytes(8)))
    attempt(worked, "move", lambda: system_call(279, 239)(above, 0, None, None, None, 0))
    attempt(worked, "policy", lambda: system_call(238, 237)(0, None, 0))
    attempt(worked, "limits", lambda: system_call(302, 261)(above, 4, bytes(16), None))
    nicest = bytes([48, *bytes(15), 19, *bytes(31)])  # to go further down is always allowed
    attempt(worked, "attributes", lambda: system_call(314, 274)(above, nicest, 0))
    attempt(worked, "lock", lambda: system_call(151, 230)(1))
    attempt(worked, "secret", lambda: system_call(447, 447)(0))
    return worked
