"""A tokenizer that anyone can follow: words, single signs, and the special tokens it is given."""

from __future__ import annotations

import re
from collections.abc import Sequence

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QWEN = ("<|im_start|>", "<|im_end|>", "<|endoftext|>",
        "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")  # fmt: skip


class WordTokenizer:
    """Tokens are words with the space before them, and signs; ids are given in order of arrival."""

    def __init__(
        self, specials: Sequence[str] = QWEN, begins: str = "", ends: str = "<|im_end|>"
    ) -> None:
        self._words: list[str] = list(specials)
        self._specials = {text: number for number, text in enumerate(specials)}
        marks = "|".join(map(re.escape, specials))
        plain = r" ?\w+|\s|[^\w\s]"
        self._plain = re.compile(plain)
        self._whole = re.compile(f"{marks}|{plain}" if marks else plain)
        self.begins = self._specials.get(begins)
        self.ends = self._specials.get(ends)

    def encode(self, text: str, *, special: bool = True) -> tuple[list[int], list[tuple[int, int]]]:
        pattern = self._whole if special else self._plain
        found = list(pattern.finditer(text))
        return [self._id(m[0], special=special) for m in found], [m.span() for m in found]

    def special(self, text: str) -> int | None:
        return self._specials.get(text)

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._words[number] for number in ids)

    def _id(self, word: str, *, special: bool) -> int:
        if special and word in self._specials:
            return self._specials[word]
        start = len(self._specials)
        if word not in self._words[start:]:
            self._words.append(word)
        return self._words.index(word, start)
