# row: 32
# returns: []
# unshown: capable file, ports
# expect: failed
"""Privileges by file, by capability and by name."""

import os


def solve(n):
    worked = []
    open("s", "w").close() if os.access(".", os.W_OK) else None
    attempt(worked, "setuid file", lambda: os.chmod("s", 0o4777))
    attempt(worked, "capable file", lambda: os.setxattr("s", "security.capability", bytes(20)))
    attempt(worked, "setuid", lambda: os.setuid(0))
    attempt(worked, "setgid", lambda: os.setgid(0))
    attempt(worked, "setreuid", lambda: os.setreuid(0, 0))
    attempt(worked, "file system user", lambda: system_call(122, 151)(0))
    attempt(
        worked,
        "capabilities",
        lambda: system_call(126, 91)(bytes.fromhex("2205082000000000"), bytes(24)),
    )
    attempt(worked, "ambient", lambda: system_call(157, 167)(47, 4, 0, 0, 0))
    attempt(worked, "keep", lambda: system_call(157, 167)(8, 1, 0, 0, 0))
    attempt(worked, "ports", lambda: system_call(173, 0)(0, 1, 1))
    if os.path.exists("s"):
        os.remove("s")
    return worked
