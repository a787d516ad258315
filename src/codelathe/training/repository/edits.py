"""What commits say and do: a message, and code before and after.

Of a Python file each function that changed, of any other the lines that changed with some
around them. Merges, mass edits and messages that say nothing are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from codelathe.training.repository.options import LeftOut
from codelathe.training.repository.python import PythonSource
from codelathe.training.repository.rows import Row, edit_row

#: Files that one commit may touch, and functions that it may change in one of them.
MASS = 10
_FUNCTIONS = 5
_AROUND = 3
_LINES = 60
_SIZE = 5000
_MESSAGE = range(12, 1500)
_WORDS = 3
_TRAILER = re.compile(
    r"^(?:[A-Z][a-z]+(?:-[A-Za-z]+)*-by|Cc|Change-Id|git-svn-id|Reviewed-on|Commit-Queue"
    r"|GitOrigin-RevId|PiperOrigin-RevId|X-\S+):.*$\n?",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_EMPTY_SUBJECT = re.compile(
    r"^(?:merge|wip\b|fixup!|squash!|bump version|revert \")", re.IGNORECASE
)


def commit_message(content: bytes) -> str:
    """What a commit says, without the lines that programs and reviewers add.

    Raises:
        LeftOut: it says too little, or is longer than a message.
    """
    head, _, body = content.partition(b"\n\n")
    encoding = next(
        (line[9:].decode("ascii", "replace") for line in head.split(b"\n")
         if line.startswith(b"encoding ")), "utf-8",
    )  # fmt: skip
    try:
        text = body.decode(encoding)
        text.encode()
    except (LookupError, UnicodeError, ValueError):
        raise LeftOut("message") from None
    text = _TRAILER.sub("", text.replace("\r\n", "\n")).strip()
    words = _WORD.findall(text)
    if len(text) not in _MESSAGE or len(words) < _WORDS or _EMPTY_SUBJECT.match(text):
        raise LeftOut("message")
    return text


def edit_rows(message: str, before: str, after: str, language: str) -> Iterator[Row]:
    """The rows of one file that a commit changed; none where the change is too wide."""
    parts = _function_parts(before, after) if language == "python" else []
    for old, new in parts or _line_parts(before, after):
        if old.strip() and new.strip() and old != new and len(old) + len(new) <= _SIZE:
            yield edit_row(message, old, new, language)


def _function_parts(before: str, after: str) -> list[tuple[str, str]]:
    """The functions that both have and that differ; none where there are too many."""
    try:
        old, new = PythonSource(before), PythonSource(after)
    except LeftOut:
        return []
    now = new.named()
    both = [(node, now[name]) for name, node in old.named().items() if name in now]
    found = [pair for pair in both if old.written(pair[0]) != new.written(pair[1])]
    if len(found) > _FUNCTIONS:
        return []
    return [(old.moved(first), new.moved(second)) for first, second in found]


def _line_parts(before: str, after: str) -> list[tuple[str, str]]:
    """From the first line that differs to the last, with some lines around."""
    old, new = before.split("\n"), after.split("\n")
    same = _common(old, new)
    tail = _common(old[same:][::-1], new[same:][::-1])
    start, end = max(0, same - _AROUND), max(0, tail - _AROUND)
    parts = old[start : len(old) - end], new[start : len(new) - end]
    if max(map(len, parts)) > _LINES:
        return []
    return [("\n".join(parts[0]), "\n".join(parts[1]))]


def _common(first: list[str], second: list[str]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))
