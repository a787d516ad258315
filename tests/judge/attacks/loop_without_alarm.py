# row: 8
# bites: hangs
# expect: timeout
# seconds: 0.25
"""A loop that ignores every signal it may."""

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))


def solve(n):
    while True:
        pass
