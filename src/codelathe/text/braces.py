"""Where code in a language of braces ends, told by counting them.

No parser: strings, characters and comments are skipped as C, C++, Java, JavaScript, Go and
Rust write them, and all else is looked at brace by brace.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)"
    r'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`'
    r"|'(?:\\[^\n]{1,9}?|[^'\\\n])'"  # a character; a lone ' begins a lifetime in Rust
    r"|[{}]",
    re.DOTALL,
)
_SCRIPT_STRING = re.compile(r"'(?:\\.|[^'\\\n])*'")


def closing_brace(head: str, text: str, language: str = "") -> int | None:
    """Where in `text` the blocks that `head` opened are closed: the index after the brace.

    None while they are not, and where `head` opens none.
    """
    token = _TOKEN
    if language in ("javascript", "typescript"):
        token = re.compile(f"{_SCRIPT_STRING.pattern}|{_TOKEN.pattern}", re.DOTALL)
    depth = sum({"{": 1, "}": -1}.get(found[0], 0) for found in token.finditer(head))
    if depth <= 0:
        return None
    for found in token.finditer(text):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return None
