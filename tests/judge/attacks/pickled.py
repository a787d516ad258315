# row: 35
# bites: unpickled
# expect: failed
"""An answer that runs code where it is unpickled or copied."""

import os


class Bomb:
    def __reduce__(self):
        return os.write, (3, b"passed")

    def __getstate__(self):
        os._exit(0)

    __deepcopy__ = __copy__ = __getstate__


def solve(n):
    return [Bomb()]
