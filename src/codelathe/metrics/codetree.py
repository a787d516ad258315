"""Programs as syntax trees, by the tree-sitter grammars that the package index carries.

Comments and docstrings are taken out of the text first, the way CodeBLEU's program does it.
"""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from codelathe.core.errors import MissingDependency, UnknownName

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, TreeCursor

GRAMMARS: dict[str, tuple[str, str]] = {
    "python": ("tree-sitter-python", "language"),
    "java": ("tree-sitter-java", "language"),
    "javascript": ("tree-sitter-javascript", "language"),
    "go": ("tree-sitter-go", "language"),
    "c": ("tree-sitter-c", "language"),
    "cpp": ("tree-sitter-cpp", "language"),
    "csharp": ("tree-sitter-c-sharp", "language"),
    "rust": ("tree-sitter-rust", "language"),
    "php": ("tree-sitter-php", "language_php"),
    "ruby": ("tree-sitter-ruby", "language"),
}
"""Language -> the distribution of its grammar, and the function in it that gives the grammar."""

_WRITTEN = 500
"""Up to so many nodes a broken subtree is written out, to be exact."""

_COMMENT_OR_STRING = re.compile(
    r"""//.*?$|/\*.*?\*/|'(?:\\.|[^\\'])*'|"(?:\\.|[^\\"])*\"""", re.DOTALL | re.MULTILINE
)


def grammar_version(language: str) -> str:
    """The distribution and version of the language's grammar, `tree-sitter-go-0.25.0`.

    Raises:
        UnknownName: no grammar is known for the language.
        MissingDependency: its package is not installed.
    """
    _parser(language)
    distribution, _ = GRAMMARS[language]
    return f"{distribution}-{version(distribution)}"


def parse(source: str, language: str) -> Node:
    """The root of the tree; text that is no program has error nodes in it.

    Raises:
        UnknownName: no grammar is known for the language.
        MissingDependency: its package is not installed.
    """
    return _parser(language).parse(source.encode(errors="replace")).root_node


def without_comments(source: str, language: str) -> str:
    """`source` without comments, empty lines and, in Python, docstrings.

    Text that Python cannot split into tokens stays as it is. Python loses every string that
    starts a line or a statement. Ruby is left alone, PHP's `#` comments too.
    """
    if language == "ruby":
        return source
    if language != "python":
        return _without_empty_lines(_COMMENT_OR_STRING.sub(_blank, source))
    try:
        return _without_empty_lines(_python_code(source))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return source


def subtrees(root: Node) -> list[bytes]:
    """A digest of each node that has children: equal where the S-expressions are.

    An S-expression has the types of the named nodes and the fields they fill, not their text.
    Written out for each node it takes time and memory in the square of the depth, which a
    model that repeats itself drives into the thousands; so each digest is made of those of
    the children, in one pass and without recursion.
    """
    cursor = root.walk()
    found: list[bytes] = []
    parts: list[list[bytes]] = [[]]
    while True:
        if cursor.goto_first_child():
            parts.append([])
            continue
        _close(cursor, None, parts[-1], found)
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return found or parts[0]
            inner = parts.pop()
            _close(cursor, inner, parts[-1], found)


def _close(
    cursor: TreeCursor, inner: list[bytes] | None, outer: list[bytes], found: list[bytes]
) -> None:
    """Note the node under the cursor, of which all children have been seen."""
    node = cursor.node
    assert node is not None
    named = node.is_named
    if inner is not None:
        # A missing token may be hidden from the cursor, and is in the S-expression.
        written = node.has_error and node.descendant_count <= _WRITTEN
        digest = _digest(str(node).encode() if written else node.type.encode() + b"".join(inner))
        found.append(digest)
        if not named:
            outer.extend(inner)
            return
    elif node.is_missing or node.is_error:
        digest = _leaf(str(node))
    elif named:
        digest = _leaf(node.type)
    else:
        return
    outer.append((cursor.field_name or "").encode() + b":" + digest)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


@cache
def _leaf(kind: str) -> bytes:
    return _digest(kind.encode())


@cache
def _parser(language: str) -> Parser:
    if language not in GRAMMARS:
        raise UnknownName("language with a syntax tree", language, GRAMMARS, field="language")
    distribution, function = GRAMMARS[language]
    try:
        from tree_sitter import Language, Parser

        module = import_module(distribution.replace("-", "_"))
    except ImportError:
        raise MissingDependency(distribution, "metrics", "a syntax tree") from None
    return Parser(Language(getattr(module, function)()))


def _blank(match: re.Match[str]) -> str:
    text = match.group()
    return " " if text.startswith("/") else text


def _without_empty_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip())


def _python_code(source: str) -> str:
    parts: list[str] = []
    before, line, column = tokenize.INDENT, -1, 0
    for kind, text, (row, start), (end_row, end), _ in tokenize.generate_tokens(
        io.StringIO(source).readline
    ):
        if row > line:
            column = 0
        parts.append(" " * (start - column))
        if kind == tokenize.STRING:
            if start and before not in (tokenize.INDENT, tokenize.NEWLINE):
                parts.append(text)
        elif kind != tokenize.COMMENT:
            parts.append(text)
        before, line, column = kind, end_row, end
    return "".join(parts)
