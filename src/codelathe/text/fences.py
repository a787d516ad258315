"""Fenced code blocks in Markdown, as models write it.

Follows CommonMark (fenced code blocks), with two licences: a fence may be indented
by any amount, and a block that is never closed runs to the end of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)")


@dataclass(frozen=True, slots=True)
class Fence:
    """An opening fence: its indentation, its mark (three or more of one character), its tag."""

    indent: int
    mark: str
    tag: str

    def closed_by(self, line: str) -> bool:
        """Whether `line` ends the block.

        A fence indented deeper than the opening by four columns is part of the code: it
        stands in a docstring.
        """
        text = line.rstrip()
        bare = text.lstrip()
        deeper = len(text) - len(bare) - self.indent
        return len(bare) >= len(self.mark) and set(bare) == {self.mark[0]} and deeper < 4


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its tag in lower case (`python`, empty if none) and its code."""

    tag: str
    code: str
    closed: bool


def opening_fence(line: str) -> Fence | None:
    """The fence that `line` opens, if it opens one."""
    match = _OPENING.fullmatch(line.rstrip())
    if match is None:
        return None
    words = match["info"].replace("{", " ").replace("}", " ").lower().split()
    tag = words[0].lstrip(".").partition(":")[0] if words else ""
    return Fence(len(match["indent"].expandtabs(4)), match["mark"], tag)


def fenced_blocks(text: str) -> list[Block]:
    """All fenced blocks of `text`, in order, without the fence's own indentation."""
    blocks: list[Block] = []
    fence: Fence | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if fence is None:
            fence, lines = opening_fence(line), []
        elif fence.closed_by(line):
            blocks.append(Block(fence.tag, "\n".join(lines), True))
            fence = None
        else:
            lines.append(_without(line, fence.indent))
    if fence is not None:
        blocks.append(Block(fence.tag, "\n".join(lines), False))
    return blocks


def _without(line: str, indent: int) -> str:
    """`line` less up to `indent` columns of leading spaces."""
    return line[min(indent, len(line) - len(line.lstrip(" "))) :]
