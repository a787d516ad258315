# row: 25
# unshown: rename
# expect: failed
# returns: []
"""Writing outside of the working folder."""

import os


def solve(n):
    worked = []
    attempt(worked, "/x", lambda: open("/x", "w"))
    attempt(worked, "/tmp/x", lambda: open("/tmp/x", "w"))
    attempt(worked, "/usr/lib/x", lambda: open("/usr/lib/x", "w"))
    attempt(worked, "/etc/x", lambda: open("/etc/x", "w"))
    attempt(worked, "/dev/shm/x", lambda: open("/dev/shm/x", "w"))
    attempt(worked, "/dev/x", lambda: open("/dev/x", "w"))
    attempt(worked, "/run/lock/x", lambda: open("/run/lock/x", "w"))
    attempt(worked, "/var/tmp/x", lambda: open("/var/tmp/x", "w"))
    attempt(worked, "library", lambda: open(os.path.dirname(os.__file__) + "/x.py", "w"))
    attempt(worked, "own library", lambda: open(os.__file__, "r+"))
    attempt(worked, "mkdir", lambda: os.mkdir("/y"))
    attempt(worked, "rename", lambda: os.rename("/usr/lib", "/usr/x"))
    attempt(worked, "link", lambda: os.link(os.__file__, os.__file__ + "l"))
    attempt(worked, "fifo", lambda: os.mkfifo("f"))
    attempt(worked, "chmod", lambda: os.chmod("/", 0o777))
    attempt(worked, "utime", lambda: os.utime(os.__file__))
    attempt(worked, "chown", lambda: os.chown(".", 0, 0))
    attempt(worked, "remove", lambda: os.remove(os.__file__))
    return worked
