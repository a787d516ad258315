# row: 24
# unshown: /dev/tty, /dev/kmsg, project
# expect: failed
# returns: []
"""Files of the machine, of users and of the project."""

import glob
import os
import sys
from pathlib import Path


def foreign(folder):
    """What is in a folder beside the way to the interpreter."""
    return [n for n in os.listdir(folder) if not sys.prefix.startswith(f"{folder}/{n}")][0]


def solve(n):
    worked = []
    attempt(worked, "/etc/passwd", lambda: open("/etc/passwd").read())
    attempt(worked, "/etc/shadow", lambda: open("/etc/shadow").read())
    attempt(worked, "/etc/hostname", lambda: open("/etc/hostname").read())
    attempt(worked, "/proc/self/maps", lambda: open("/proc/self/maps").read())
    attempt(worked, "/proc/cpuinfo", lambda: open("/proc/cpuinfo").read())
    attempt(worked, "/sys/kernel/notes", lambda: open("/sys/kernel/notes").read())
    attempt(worked, "/var/log/dpkg.log", lambda: open("/var/log/dpkg.log").read())
    attempt(worked, "/dev/tty", lambda: open("/dev/tty").read())
    attempt(worked, "/dev/kmsg", lambda: open("/dev/kmsg").read())
    attempt(worked, "/etc", lambda: os.listdir("/etc"))
    attempt(worked, "/home", lambda: foreign("/home"))
    attempt(worked, "/root", lambda: foreign("/root"))
    attempt(worked, "/tmp", lambda: os.listdir("/tmp"))
    attempt(worked, "/proc", lambda: os.listdir("/proc"))
    attempt(worked, "/sys", lambda: os.listdir("/sys"))
    attempt(worked, "/var", lambda: os.listdir("/var"))
    attempt(worked, "/usr/bin", lambda: os.listdir("/usr/bin"))
    attempt(worked, "/dev/shm", lambda: os.listdir("/dev/shm"))
    attempt(worked, "/run", lambda: os.listdir("/run"))
    attempt(worked, "home", lambda: os.listdir(Path.home()))
    attempt(
        worked,
        "packages",
        lambda: os.listdir(glob.glob(os.path.dirname(os.__file__) + "/site-packages/*")[0]),
    )
    attempt(worked, "project", lambda: __import__("codelathe.core"))
    return worked
