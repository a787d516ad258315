"""Programs whose answer may depend on chance, on time, or on the order of a set.

Told by what the text mentions, without running it: a program that is taken for one of
these costs two more runs, and one that is missed is judged as it came. An order that varies is
one of text in a set, which follows the hash seed of the process.
"""

from __future__ import annotations

import re

_MODULES = (
    "random", "secrets", "uuid", "time", "datetime", "threading", "asyncio",
    "concurrent", "multiprocessing", "queue", "signal", "gc", "weakref",
)  # fmt: skip
_MENTIONS = re.compile(
    rf"\b(?:import|from)\s+(?:\w+\s*,\s*)*(?:{'|'.join(_MODULES)})\b"
    r"|\b(?:id|hash|object|urandom|getpid|perf_counter)\s*\("
    r"|\b(?:np|numpy)\.random\b"
    r"|\b(?:list|tuple|next|iter|enumerate|zip|join|str|repr|map|filter)\(\s*(?:frozen)?set\("
    r"|\bin\s+(?:frozen)?set\(|\*\s*(?:frozen)?set\("
)
#: Apart, since it is looked for from the line's first `set(` alone: lines may have no end.
_POPS = re.compile(r"^(?:(?!\bset\()[^\n])*+\bset\([^\n]*\)\.pop\(", re.MULTILINE)


def depends_on_chance(code: str) -> bool:
    """Whether `code` mentions something that may answer differently each time."""
    return bool(_MENTIONS.search(code) or _POPS.search(code))
