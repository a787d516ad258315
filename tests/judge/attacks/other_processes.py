# row: 21
# returns: []
# unshown: release
# expect: failed
"""Memory, descriptors and files of the process above."""

import os


def solve(n):
    worked = []
    above = os.getppid()
    attempt(worked, "memory", lambda: open(f"/proc/{above}/mem", "rb"))
    attempt(worked, "maps", lambda: open(f"/proc/{above}/maps", "rb"))
    attempt(worked, "status", lambda: open(f"/proc/{above}/status", "rb"))
    attempt(worked, "own memory", lambda: open("/proc/self/mem", "rb"))
    attempt(worked, "descriptors", lambda: os.listdir(f"/proc/{above}/fd"))
    attempt(worked, "root", lambda: os.listdir(f"/proc/{above}/root"))
    attempt(worked, "take a descriptor", lambda: system_call(438, 438)(os.pidfd_open(above), 0, 0))
    attempt(worked, "release", lambda: system_call(448, 448)(os.pidfd_open(os.getpid()), 0))
    return worked
