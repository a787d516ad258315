# row: 35
# bites: unsendable
# expect: failed
"""Values that are not equal to themselves, or that no encoding can hold."""


def solve(n):
    nan = float("nan")
    return [{nan: 1, -0.0: nan}, "\ud800\udfff", float("-inf"), {(nan,): {nan}}, b"\xff", 1j * nan]
