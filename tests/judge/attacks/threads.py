# row: 19
# tamed: 5000 => 200
# bites: returns
# expect: failed
# returns: []
"""As many threads as there can be."""

import threading


def solve(n):
    threading.stack_size(32768)
    wait = threading.Event()
    started = 0
    try:
        while started < 5000:
            threading.Thread(target=wait.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        pass
    return ["too many"] if started >= 5000 else []
