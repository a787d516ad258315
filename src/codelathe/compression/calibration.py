"""Text by which a model is measured while it is compressed: code, unless somebody hands in other.

The default needs no network and no benchmark: passages of this Python's own standard library,
half of its files for calibration and the other half, by the hash of what they hold, held out
for perplexity. Texts become windows of equally many tokens, as the pruning papers take them.
"""

from __future__ import annotations

import hashlib
import random
import re
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codelathe.core.errors import InputError
from codelathe.core.opened import OpenedModel
from codelathe.hub.card import named

#: Tokens of a window; a model that places fewer gets windows of its own length.
WINDOW = 512
#: Fewer tokens than this are no calibration at all.
_LEAST = 64
#: Of the windows that were asked for, fewer than this share are told of.
_ENOUGH = 0.5
_CODE_ENOUGH = 0.3
#: Characters of a passage: a file gives one, so that many files are heard.
_PASSAGE = 2400
_PASSED = frozenset({"site-packages", "dist-packages", "test", "tests", "lib2to3", "idlelib"})
_BEGINS = re.compile(r"^(?:async def|def|class) ", re.MULTILINE)
#: What code has in a line and prose hardly ever.
_CODE = re.compile(
    r"[;{}\[\]]\s*(?://.*|#.*)?$|^\s*(?:[}\])@#]|//|/\*|\*/|import\b|from \S+ import|return\b"
    r"|(?:async )?def \w|class \w+[(:{]|(?:if|for|while|elif|else|try|with|except)\b.*[:{]\s*$)"
    r"|\w\(.*\)|[\w\])]\s*(?:[-+*/|&]?=|==|!=|:=|->|=>)\s*\S|::|&&|\|\|"
)

Part = Literal["calibration", "held out"]
Encode = Callable[[str], Sequence[int]]
"""Takes a text to tokens, nothing added."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Rows of tokens, all equally long; what they were cut from, and what is doubtful of it."""

    ids: tuple[tuple[int, ...], ...]
    source: str
    notes: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """The tokens of all windows."""
        return sum(map(len, self.ids))

    @property
    def sha256(self) -> str:
        """The SHA-256 of the tokens."""
        return hashlib.sha256(repr(self.ids).encode("ascii")).hexdigest()

    def document(self) -> dict[str, Any]:
        """What a model was calibrated on, as JSON has it."""
        return {
            "source": self.source,
            "windows": len(self.ids),
            "length": len(self.ids[0]),
            "sha256": self.sha256,
        }


def calibration_words(told: Mapping[str, Any]) -> str:
    """`Windows.document` as a card has it: of a file only its name, its folder is nobody's."""
    return f"{told['windows']} x {told['length']} tokens: {named(told['source'])}"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in the order in which they are taken, and where they come from."""

    texts: tuple[str, ...]
    source: str


def library_texts(part: Part = "calibration", seed: int = 0) -> Texts:
    """A passage of each file of the running Python's standard library, in drawn order.

    A passage begins at a function or class of the top level and has up to 2,400 characters.
    The same Python and seed give the same passages; no file is in both parts.

    Raises:
        InputError: this Python has no library in source code.
    """
    root = Path(sysconfig.get_path("stdlib"))
    drawn = random.Random(seed)  # noqa: S311 (which passages, not a secret)
    files = [text for path in _library_files(root) if _part(text := _read(path)) == part]
    drawn.shuffle(files)
    passages = [passage for text in files if (passage := _passage(text, drawn))]
    if not passages:
        raise InputError(
            f"there is no Python library in source code in {root} to calibrate on",
            hint="name code of your own: --calibration FILE",
            field="calibration",
        )
    version = sysconfig.get_python_version()
    return Texts(tuple(passages), f"standard library of Python {version} ({part} half)")


def cut_windows(texts: Texts, encode: Encode, count: int, length: int, end: int | None) -> Windows:
    """The first `count` windows of `length` tokens of the texts joined, `end` behind each text.

    Where there is less text than one window, that is one shorter window.

    Raises:
        InputError: there are fewer than 64 tokens.
    """
    wanted = count * length
    ids: list[int] = []
    heard: list[str] = []
    for text in texts.texts:
        if len(ids) >= wanted:
            break
        ids += encode(text)
        ids += [] if end is None else [end]
        heard.append(text)
    if len(ids) < min(_LEAST, wanted):
        raise InputError(
            f"{texts.source} has {len(ids)} tokens: too few to calibrate on",
            hint="name a larger file with --calibration, or leave it out for the standard library",
            field="calibration",
        )
    size = min(length, len(ids))
    starts = range(0, min(len(ids), wanted) - size + 1, size)
    windows = tuple(tuple(ids[start : start + size]) for start in starts)
    return Windows(windows, texts.source, tuple(_notes(texts, heard, windows, count)))


def model_windows(opened: OpenedModel, texts: Texts, count: int, length: int = WINDOW) -> Windows:
    """The texts in a model's tokens, in windows that it has places for; see `cut_windows`.

    Raises:
        InputError: there are fewer than 64 tokens.
    """

    def encode(text: str) -> Sequence[int]:
        ids: list[int] = opened.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    config = opened.model.config.get_text_config()
    placed = getattr(config, "max_position_embeddings", None) or length
    return cut_windows(texts, encode, count, min(length, placed), opened.tokenizer.eos_token_id)


def code_share(text: str) -> float:
    """The share of a text's lines, blank ones aside, that look like code of any language."""
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(bool(_CODE.search(line)) for line in lines) / len(lines) if lines else 0.0


def _notes(
    texts: Texts, heard: Sequence[str], windows: Sequence[Sequence[int]], count: int
) -> Iterator[str]:
    if len(windows) < count * _ENOUGH:
        tokens = sum(map(len, windows))
        yield (
            f"{texts.source} fills {len(windows)} of {count} calibration windows "
            f"({tokens:,} tokens): what the model does is seen less well"
        )
    share = code_share("\n".join(heard))
    if share < _CODE_ENOUGH:
        yield (
            f"{share:.0%} of the lines in {texts.source} look like code: a model calibrated on "
            "other text forgets how to write code"
        )


def _library_files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*.py")):
        folders = path.relative_to(root).parts[:-1]
        if not _PASSED.intersection(folders) and not any(f.startswith("config-") for f in folders):
            yield path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _part(text: str) -> Part:
    held = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % 2
    return "held out" if held else "calibration"


def _passage(text: str, drawn: random.Random) -> str:
    """Some of a file, from a definition on; empty where it has none."""
    starts = [match.start() for match in _BEGINS.finditer(text)]
    if not starts:
        return ""
    start = drawn.choice(starts)
    whole = text[start : start + _PASSAGE]
    return whole[: whole.rfind("\n") + 1]
