# row: 29
# unshown: clock, reboot
# expect: failed
# returns: []
"""Objects of the kernel that outlive a process."""

import os


def solve(n):
    worked = []
    attempt(worked, "shm", lambda: system_call(29, 194)(0, 4096, 0o1600))
    attempt(worked, "msg", lambda: system_call(68, 186)(0, 0o1600))
    attempt(worked, "sem", lambda: system_call(64, 190)(0, 1, 0o1600))
    attempt(worked, "mq", lambda: system_call(240, 180)(b"x", 0o102, 0o600, None))
    attempt(worked, "key", lambda: system_call(248, 217)(b"user", b"a", b"b", 1, -3))
    attempt(worked, "keyctl", lambda: system_call(250, 219)(0, -3, 1))
    attempt(worked, "io_uring", lambda: system_call(425, 425)(8, bytes(120)))
    attempt(worked, "inotify", lambda: system_call(294, 26)(0))
    attempt(worked, "memfd", lambda: os.memfd_create("x"))
    attempt(worked, "prctl", lambda: system_call(157, 167)(4, 1, 0, 0, 0))
    attempt(worked, "seccomp", lambda: system_call(317, 277)(2, 0, b"\0\0\xff\x7f"))
    attempt(worked, "personality", lambda: system_call(135, 92)(0x0040000))
    attempt(worked, "clock", lambda: system_call(227, 112)(0, bytes(16)))
    attempt(worked, "host name", lambda: system_call(170, 161)(b"x", 1))
    attempt(worked, "reboot", lambda: system_call(169, 142)(0, 0, 0, 0))
    return worked
