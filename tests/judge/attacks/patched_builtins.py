# row: 15
# bites: passes
# expect: failed error left tampered
"""Everything that a comparison could rest on, replaced."""

import builtins
import json
import operator


def yes(*args, **kwargs):
    return True


for name in ("all", "any", "isinstance", "type", "len", "repr", "sorted", "hasattr"):
    setattr(builtins, name, yes)
operator.eq = yes
json.dumps = json.loads = lambda *a, **k: "answer-1-not"
builtins.AssertionError = Exception


def solve(n):
    return "wrong"
