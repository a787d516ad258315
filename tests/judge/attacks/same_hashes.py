# row: 35
# bites: nothing
# because: it is the parent who would build the set again; the codec has a test
# expect: tampered
"""A set whose members all share a hash: quadratic time for whoever builds it."""


def solve(n):
    prime = (1 << 61) - 1
    return {i * prime for i in range(2000)}
