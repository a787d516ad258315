# row: 12 35
# bites: unsendable
# expect: output left
"""Values nested so deep that showing them ends the process."""

import json


def solve(n):
    deep = []
    for _ in range(10**5):
        deep = [deep]
    try:
        repr(deep)
    except RecursionError:
        pass
    try:
        json.dumps(deep)
    except RecursionError:
        pass
    return deep
