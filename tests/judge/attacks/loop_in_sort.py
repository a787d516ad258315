# row: 6 9
# bites: hangs
# seconds: 0.25
# expect: timeout
"""A comparison that swallows what interrupts it."""


class Evil:
    def __lt__(self, other):
        try:
            while True:
                pass
        except BaseException:
            return self < other


def solve(n):
    while True:
        try:
            sorted([Evil(), Evil()])
        except BaseException:
            pass
