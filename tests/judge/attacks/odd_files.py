# row: 26 27
# returns: []
# unshown: sparse, device
# expect: failed
"""Files that hurt whoever looks at them afterwards."""

import os


def solve(n):
    made = []
    attempt(made, "sparse", lambda: os.truncate(os.open("s", os.O_CREAT | os.O_RDWR), 1 << 50))
    attempt(made, "device", lambda: os.mknod("c", 0o20600, os.makedev(1, 3)))
    attempt(made, "fifo", lambda: os.mkfifo("p"))
    attempt(made, "attribute", lambda: os.setxattr(".", "user.x", b"x"))
    attempt(
        made, "lease", lambda: os.open(".", os.O_TMPFILE | os.O_RDWR) and system_call(73, 32)(0, 2)
    )
    return made
