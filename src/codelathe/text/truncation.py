"""Where a base model's answer is cut: before what no longer belongs to the code asked for.

A base model does not end by itself when a function is complete. Published scores cut its
text by rules of their own, which are part of the protocol that a score is of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Truncation:
    """Regular expressions, `^` at the start of any line; the earliest of all matches counts.

    A text is cut before the first match of any of `at_first`, and before the second match of
    any of `at_second`.
    """

    at_first: tuple[str, ...] = ()
    at_second: tuple[str, ...] = ()

    def cut(self, text: str) -> str:
        """`text` up to where the rule ends it."""
        places = [len(text)]
        for pattern in self.at_first:
            places += [match.start() for match in re.finditer(pattern, text, re.MULTILINE)][:1]
        for pattern in self.at_second:
            places += [match.start() for match in re.finditer(pattern, text, re.MULTILINE)][1:2]
        return text[: min(places)]

    def ended(self, text: str) -> bool:
        """Whether nothing that may still follow `text` would be kept; for an engine's watch."""
        return len(self.cut(text)) < len(text)


#: CodeGen's own sampling programs, for HumanEval and for each turn of MTPB (Nijkamp et al. 2022):
#: a second `print` or `def`, a comment, the end of text, a bare string, two empty lines.
CODEGEN = Truncation(
    at_first=("^#", re.escape("<|endoftext|>"), "^'''", '^"""', "\n\n\n"),
    at_second=("^print", "^def"),
)
