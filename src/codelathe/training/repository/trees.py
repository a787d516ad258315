"""Languages other than Python by a syntax tree that is handed in: functions and spans.

The tree comes from tree-sitter, which this room does not import: whoever builds rows hands in
a function that parses. Imports are not looked up for these languages, only a method's class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from codelathe.training.repository.options import LeftOut
from codelathe.training.repository.rows import Function, Span

if TYPE_CHECKING:
    from tree_sitter import Node

Parse = Callable[[str, str], "Node"]
"""Takes a source and its language to the root of its tree; raises MissingDependency."""

_FUNCTIONS = frozenset({
    "function_declaration", "generator_function_declaration", "method_definition",
    "method_declaration", "constructor_declaration", "function_definition", "function_item",
    "arrow_function", "function_expression",
})  # fmt: skip
#: What a function may be wrapped in, its comment standing before the whole.
_WRAPPERS = frozenset({
    "export_statement", "template_declaration", "lexical_declaration", "variable_declaration",
    "variable_declarator",
})  # fmt: skip
_CLASSES = frozenset({
    "class_declaration", "class_specifier", "struct_specifier", "interface_declaration",
    "enum_declaration", "record_declaration", "impl_item", "trait_item", "namespace_definition",
    "mod_item",
})  # fmt: skip
_COMMENTS = frozenset({"comment", "line_comment", "block_comment"})
#: What may stand between a comment and its function.
_PASSED = frozenset({"attribute_item", "access_specifier", "decorator"})
_BLOCKS = frozenset({"block", "statement_block", "compound_statement"})
_STATEMENTS = frozenset({
    "lexical_declaration", "local_variable_declaration", "short_var_declaration",
    "let_declaration", "declaration", "var_declaration",
})  # fmt: skip
_NAMES = frozenset({
    "identifier", "field_identifier", "property_identifier", "qualified_identifier",
    "destructor_name", "operator_name", "type_identifier", "private_property_identifier",
})  # fmt: skip
_LEAD = re.compile(r"^[ \t]*(?:/\*+!?|///?!?|\*+(?!/))?[ \t]?")
#: Strings that may run over lines: taking a margin away would change them.
_LONG_STRINGS = ("`", 'R"', '"""')


class TreeSource:
    """A file of another language, parsed.

    Raises:
        LeftOut: there is no grammar for the language, or the text is none of it.
    """

    def __init__(self, text: str, language: str, parse: Parse) -> None:
        self.language = language
        self.data = text.encode()
        self._root = parse(text, language)
        if self._root.type == "ERROR":
            raise LeftOut("syntax error")

    def functions(self) -> Iterator[Function]:
        """Functions and methods with a comment right above them."""
        waiting: list[tuple[Node, tuple[Node, ...]]] = [(self._root, ())]
        while waiting:
            node, classes = waiting.pop()
            comments: list[Node] = []
            last = 0  # the row that the comments, and attributes behind them, end in
            inner: list[tuple[Node, tuple[Node, ...]]] = []
            for child in node.named_children:
                adjacent = comments and child.start_point[0] - last == 1
                if child.type in _COMMENTS:
                    comments = [*comments, child] if adjacent else [child]
                    last = _last_row(child)
                    continue
                if child.type in _PASSED and adjacent:
                    last = _last_row(child)
                    continue
                function = _unwrapped(child)
                if function is None:
                    held = (*classes, child) if child.type in _CLASSES else classes
                    inner.append((child, held))
                elif adjacent:
                    found = self._function(function, child, comments, classes)
                    if found is not None:
                        yield found
                comments = []
            waiting.extend(reversed(inner))

    def spans(self) -> Iterator[Span]:
        """Statements, expressions, blocks and function bodies; nothing with an error in it."""
        waiting = [(self._root, "")]
        while waiting:
            node, outer = waiting.pop()
            kind = _span_kind(node.type, outer)
            if kind and not node.has_error:
                yield Span(kind, node.start_byte, node.end_byte)
            waiting.extend((child, node.type) for child in node.named_children)

    def _function(
        self, node: Node, outer: Node, comments: list[Node], classes: tuple[Node, ...]
    ) -> Function | None:
        body, name = node.child_by_field_name("body"), self._name(node)
        if body is None or not name or node.has_error:
            return None
        doc = "\n".join(_comment_text(self._text(c.start_byte, c.end_byte)) for c in comments)
        start = self._line_start(outer.start_byte)
        code = self._without_margin(self._text(start, outer.end_byte))
        first = self._line_start(comments[0].start_byte)
        return Function(
            name=name,
            language=self.language,
            context="",
            classes="\n".join(map(self._class_header, classes)),
            header=self._text(first, body.start_byte).rstrip(),
            code=code,
            bare=code,
            doc=doc.strip(),
        )

    def _name(self, node: Node) -> str:
        """The function's own name; a declarator of C++ holds it deeper."""
        at: Node | None = node
        if node.type in ("arrow_function", "function_expression"):
            at = node.parent
        while at is not None and at.type not in _NAMES:
            at = at.child_by_field_name("name") or at.child_by_field_name("declarator")
        return "" if at is None else self._text(at.start_byte, at.end_byte)

    def _class_header(self, node: Node) -> str:
        body = node.child_by_field_name("body")
        end = node.end_byte if body is None else body.start_byte
        return self._text(self._line_start(node.start_byte), end).rstrip() + " {"

    def _line_start(self, offset: int) -> int:
        """Where the line begins, if there is nothing but blanks before."""
        start = self.data.rfind(b"\n", 0, offset) + 1
        return start if not self.data[start:offset].strip() else offset

    def _text(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def _without_margin(self, code: str) -> str:
        margin = code[: len(code) - len(code.lstrip())]
        if any(mark in code for mark in _LONG_STRINGS):
            return code.removeprefix(margin)
        return "\n".join(line.removeprefix(margin) for line in code.split("\n"))


def _unwrapped(node: Node) -> Node | None:
    """The function that a node is, or that it wraps."""
    at: Node | None = node
    while at is not None and at.type in _WRAPPERS:
        inside = [c for c in at.named_children if c.type in _WRAPPERS | _FUNCTIONS]
        at = inside[0] if len(inside) == 1 else None
    return at if at is not None and at.type in _FUNCTIONS else None


def _last_row(node: Node) -> int:
    """The row a node ends in: some comments hold the end of their line."""
    row, column = node.end_point
    return row - 1 if column == 0 else row


def _span_kind(kind: str, outer: str) -> str:
    """What a node of this type is, within one of the type `outer`; empty for none to fill in."""
    if kind in _BLOCKS:
        return "body" if outer in _FUNCTIONS else "block"
    if kind.endswith("_statement") or kind in _STATEMENTS:
        return "statement"
    return "expression" if kind.endswith("_expression") else ""


def _comment_text(comment: str) -> str:
    """What a comment says, without its signs."""
    text = comment.rstrip()
    lines = text.removesuffix("*/").rstrip("* \t").split("\n") if text.endswith("*/") else [text]
    return "\n".join(_LEAD.sub("", line).rstrip() for line in lines).strip("\n")
