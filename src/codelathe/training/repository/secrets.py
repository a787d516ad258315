"""Keys, passwords and addresses in source code: found by their shapes, and masked.

Known shapes of keys are found anywhere; a text without a known shape is taken for a secret
where it is assigned to a name such as `password` or `api_token` and looks random. What is
found is replaced in the text and never repeated: only its kind and place are.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable

from codelathe.training.repository.options import SecretPlace

MASK = "REDACTED_BY_LATHE"
EMAIL = "user@example.com"

_SHAPES = (
    ("private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
                    r"[\s\S]{0,20000}?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"),
    ("AWS key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{36,})"),
    ("GitLab token", r"\bglpat-[\w-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[\w-]{10,}"),
    ("Stripe key", r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    ("Google key", r"\bAIza[\w-]{35}"),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b"),
    ("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", r"\bpypi-AgE[\w-]{40,}"),
    ("SendGrid key", r"\bSG\.[\w-]{16,}\.[\w-]{30,}"),
    ("API key", r"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{20,}"),
    ("JWT", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
)  # fmt: skip
_KNOWN = re.compile("|".join(f"(?P<s{i}>{shape})" for i, (_, shape) in enumerate(_SHAPES)))
#: One of these stands in every text that `_KNOWN` finds something in: searching for it is fast.
_MARKS = (
    "PRIVATE KEY", "AKIA", "ASIA", "ABIA", "ACCA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "xox", "k_live_", "k_test_", "AIza", "hf_", "npm_", "pypi-AgE",
    "SG.", "sk-", "eyJ",
)  # fmt: skip
_ADDRESS = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"]{1,64}:)"
                      r"(?P<value>[^\s/:@'\"<>{}$%*]{3,128})(?=@)")  # fmt: skip
#: What examples write where a password would stand.
_WORD_FOR_ONE = re.compile(
    r"(?:user|pass|passw(?:or)?d|pwd|pw|secret|token|key|port|x+|.*(?:example|your).*)\d?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<before>(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|credential)[\w-]{0,40}[\"']?\]?\s{0,4}(?::\s{0,4}[\w.\[\]]{1,30}\s{0,4})?"
    r"(?:=>|:=|=|:)\s{0,4}[bru]{0,2}[\"'])(?P<value>[^\"'\s]{8,256})(?=[\"'])",
    re.IGNORECASE,
)
_NAME_MARKS = re.compile(r"passw|passphrase|secret|token|key|credential", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"example|sample|dummy|fake|placeholder|change|your|xxx|\*\*\*|\.\.\.|todo|test|none|null"
    r"|redacted|[<>{}$%()]|://|^[a-z]+(?:[_.\s-][a-z]+)*$|^[A-Z]+(?:_[A-Z]+)*$",
    re.IGNORECASE,
)
_RANDOM = 3.0
"""Bits a character: words have less, keys have more."""
_EMAIL = re.compile(
    r"(?<![\w.%+-])[A-Za-z0-9][\w.%+-]{0,63}@(?P<host>(?:[A-Za-z0-9-]{1,63}\.){1,5}"
    # Only what is a name of the net: `weights@layer.mean` is a product of matrices.
    r"(?:com|org|net|edu|gov|mil|info|biz|io|dev|app|co|us|de|fr|uk|kr|jp|cn|ru|nl|it|es|pl|se"
    r"|no|fi|dk|ch|at|be|br|ca|au|nz|eu|cz|il|tw|sg))\b(?!\.?\w|\()"
)
_NO_ONE = re.compile(r"(?:^|\.)example\.(?:com|org|net|edu)$", re.IGNORECASE)


class Redaction:
    """Masks secrets in one text after another, and keeps where each was seen first."""

    def __init__(self, *, emails: bool) -> None:
        """`emails`: whether addresses are masked as well."""
        self._emails = emails
        self._places: dict[bytes, SecretPlace] = {}

    @property
    def places(self) -> tuple[SecretPlace, ...]:
        """Each secret once, in the order of finding."""
        return tuple(self._places.values())

    def __call__(self, text: str, file: str) -> str:
        """`text` with a mask in the place of each secret. Code that parsed still does."""

        def mask(kind: str, match: re.Match[str], group: str | int) -> str:
            digest = hashlib.blake2b(match[group].encode(), digest_size=16).digest()
            line = match.string.count("\n", 0, match.start(group)) + 1
            self._places.setdefault(digest, SecretPlace(kind, file, line))
            return MASK

        if any(mark in text for mark in _MARKS):
            text = _KNOWN.sub(lambda m: mask(_SHAPES[(m.lastindex or 1) - 1][0], m, 0), text)
        if "://" in text and "@" in text:
            text = _ADDRESS.sub(
                lambda m: (
                    m[0]
                    if _WORD_FOR_ONE.fullmatch(m["value"])
                    else m["before"] + mask("password in an address", m, "value")
                ),
                text,
            )
        if _NAME_MARKS.search(text):
            text = _NAMED.sub(_named(mask), text)
        if self._emails and "@" in text:
            text = _EMAIL.sub(lambda m: m[0] if _NO_ONE.search(m["host"]) else EMAIL, text)
        return text


def _named(mask: Callable[[str, re.Match[str], str], str]) -> Callable[[re.Match[str]], str]:
    def replaced(match: re.Match[str]) -> str:
        if not looks_random(match["value"]):
            return match[0]
        return match["before"] + mask("value of a secret name", match, "value")

    return replaced


def looks_random(value: str) -> bool:
    """Whether a text is a key rather than a word, a path or a placeholder for one."""
    if MASK in value or _PLACEHOLDER.search(value):
        return False
    counts = Counter(value).values()
    bits = -math.fsum(n / len(value) * math.log2(n / len(value)) for n in counts)
    kinds = (any(map(str.isdigit, value)), any(map(str.isalpha, value)))
    return all(kinds) and bits >= min(_RANDOM, math.log2(len(value)) - 0.5)
