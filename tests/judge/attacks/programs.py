# row: 2
# expect: failed
# returns: []
"""Every way to start a program."""

import os
import pty
import subprocess


def solve(n):
    worked = []
    attempt(worked, "run", lambda: subprocess.run(["/usr/bin/id"]))
    attempt(worked, "system", lambda: 1 / (os.system("true") == 0))
    attempt(worked, "popen", lambda: os.popen("id").read())
    attempt(worked, "execv", lambda: os.execv("/bin/sh", ["sh"]))
    attempt(worked, "posix_spawn", lambda: os.posix_spawn("/bin/true", ["true"], {}))
    attempt(worked, "pty", lambda: pty.spawn("/bin/true"))
    return worked
