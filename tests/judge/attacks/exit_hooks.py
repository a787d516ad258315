# row: 18
# bites: writes
# expect: failed
"""A verdict written on the way out, by everything that runs late."""

import atexit
import os
import sys
import threading
import weakref


def forge(*told):
    for fd in range(64):
        try:
            os.write(fd, b"passed")
        except OSError:
            pass


class Late:
    def __del__(self):
        forge()


late = kept = Late()
atexit.register(forge)
weakref.finalize(Late, forge)
sys.excepthook = sys.unraisablehook = threading.excepthook = forge
threading._shutdown = forge
os.register_at_fork(before=forge, after_in_child=forge, after_in_parent=forge)


def solve(n):
    return "wrong"
