# row: 16
# bites: passes
# expect: failed error left tampered
"""The modules that the runner uses, replaced where it looks for them."""

import sys
import types


class Everything(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: "answer-1"


for name in list(sys.modules):
    if name not in ("sys", "builtins", "types"):
        sys.modules[name] = Everything(name)


def solve(n):
    return "wrong"
