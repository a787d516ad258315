# row: 27
# bites: returns
# expect: failed
# returns: []
"""The working folder filled up."""


def solve(n):
    written = 0
    try:
        for i in range(10_000):
            with open(f"f{i}", "wb") as file:
                written += file.write(bytes(1 << 20))
    except OSError:
        pass
    return ["too much"] if written > (16 << 20) else []
