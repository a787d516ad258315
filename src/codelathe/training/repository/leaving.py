"""Which files give no rows, by path and by content: generated, vendored, minified, not text."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import PurePosixPath

from codelathe.training.repository.options import LeftOut

LANGUAGE_OF = {
    ".py": "python", ".pyw": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".java": "java", ".go": "go", ".rs": "rust", ".c": "c",
    ".cpp": "cpp", ".cc": "cpp", ".cxx": "cpp", ".hpp": "cpp", ".hh": "cpp", ".hxx": "cpp",
    ".h": "cpp",
}  # fmt: skip
#: A file of more bytes is data or an amalgamation; its tree would take the memory.
LARGEST = 500_000

_VENDORED = frozenset({
    "node_modules", "bower_components", "vendor", "vendors", "vendored", "_vendor", "_vendored",
    "third_party", "third-party", "thirdparty", "3rdparty", "external", "externals", "extern",
    "godeps", "pods", "carthage", "site-packages", "dist-packages", "jspm_packages", "dist",
})  # fmt: skip
_GENERATED = re.compile(
    r"(_pb2(_grpc)?\.pyi?|\.pb(\.\w+)?\.(go|cc|h|js)|_pb\.js|\.pb2\.py"
    r"|[._-]generated\.\w+|[._]gen\.\w+|^zz_generated\b.*|^(parser|parse|lex|yacc)tab\.py"
    r"|^moc_.*\.cpp|^qrc_.*\.\w+|_rc\.py|^_version\.py|_string\.go|\.yy\.c|\.tab\.[ch])$",
    re.IGNORECASE,
)
_MINIFIED = re.compile(r"[.-](min|bundle)\.\w+$", re.IGNORECASE)
_LOCK = re.compile(
    r"(\.lock|\.lockb|^package-lock\.json|^npm-shrinkwrap\.json|^pnpm-lock\.yaml|^go\.sum"
    r"|^gopkg\.lock)$",
    re.IGNORECASE,
)
_HEADER_LINES = 15
_COMMENT = re.compile(r"\s*(#|//|/?\*|--|;|<!--|\"\"\"|''')")
_HEADER = re.compile(
    r"@generated\b|\bauto(?:matically)?[- ]?generated\b|\bgenerated (?:by|from|with|using)\b"
    r"|\bdo not (?:edit|modify)\b|\bmachine[- ]generated\b",
    re.IGNORECASE,
)
_LONGEST_LINE = 5000
_MEAN_LINE = 160
_NEWLINES = re.compile(r"\r\n?")


def language_of(path: str) -> str:
    """The language of a file by its name, empty where it is none that is read."""
    return LANGUAGE_OF.get(PurePosixPath(path).suffix.lower(), "")


def check_path(path: str) -> None:
    """Refuse a file by its path.

    Raises:
        LeftOut: it is vendored, generated, minified, a lock file, or no source code.
    """
    *folders, name = path.split("/")
    if any(folder.lower() in _VENDORED for folder in folders):
        raise LeftOut("vendored")
    if _LOCK.search(name):
        raise LeftOut("lock file")
    if _MINIFIED.search(name):
        raise LeftOut("minified")
    if _GENERATED.search(name):
        raise LeftOut("generated")
    if not language_of(path):
        raise LeftOut("no source code")


def read_text(data: bytes, language: str) -> str:
    """The text of a source file, its line ends as in Python: `\\n`.

    Python may name its own encoding (PEP 263); everything else is UTF-8.

    Raises:
        LeftOut: it is empty, binary, or of another encoding.
    """
    if b"\0" in data:
        raise LeftOut("binary")
    try:
        encoding = "utf-8-sig"
        if language == "python":
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        text.encode()  # some encodings give half a surrogate pair
    except (UnicodeError, LookupError, SyntaxError, ValueError):
        raise LeftOut("encoding") from None
    if not text.strip():
        raise LeftOut("empty")
    return _NEWLINES.sub("\n", text)


def check_text(text: str) -> None:
    """Refuse a file by what it says of itself, and by its lines.

    Raises:
        LeftOut: it is generated or minified.
    """
    lines = text.split("\n")
    for line in lines[:_HEADER_LINES]:
        if _COMMENT.match(line) and _HEADER.search(line):
            raise LeftOut("generated")
    longest = max(map(len, lines))
    if longest > _LONGEST_LINE or len(text) / len(lines) > _MEAN_LINE:
        raise LeftOut("minified")
