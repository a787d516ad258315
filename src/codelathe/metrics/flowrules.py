"""What the nodes of each language do to the flow of data, by GraphCodeBERT's rules.

They are the CodeBLEU program's and rough: names without scopes, `x.y = a + b` paired off piece
by piece in Python, C and C++ by the rules for C#, Rust's function bodies not read at all. Better
rules would give other numbers than those published.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from codelathe.metrics.dataflow import COMES, COMPUTED, Rule, Rules, States, Token, Unreadable, Walk

if TYPE_CHECKING:
    from tree_sitter import Node


def _part(node: Node, field: str) -> Node:
    part = node.child_by_field_name(field)
    if part is None:
        raise Unreadable
    return part


def _define(name_of: Callable[[Node], Node], value_of: Callable[[Node], Node | None]) -> Rule:
    def rule(walk: Walk, node: Node, states: States) -> States:
        names, value = name_of(node), value_of(node)
        if value is None:
            for name in walk.variables(names):
                walk.flow(name, COMES, ())
                states[name.text] = (name.place,)
            return states
        states = walk.visit(value, states)
        _each(walk, walk.variables(names), walk.variables(value), COMES, states)
        return states

    return rule


def _each(
    walk: Walk, targets: list[Token], sources: list[Token], relation: str, states: States
) -> None:
    for target in targets:
        for source in sources:
            walk.flow(target, relation, (source,))
        states[target.text] = (target.place,)


def _assign(walk: Walk, node: Node, states: States) -> States:
    left, right = _part(node, "left"), _part(node, "right")
    states = walk.visit(right, states)
    _each(walk, walk.variables(left), walk.variables(right), COMPUTED, states)
    return states


def _step(walk: Walk, node: Node, states: States) -> States:
    tokens = walk.variables(node)
    _each(walk, tokens, tokens, COMPUTED, states)
    return states


def _pairs(left: Node, right: Node) -> tuple[list[Node], list[Node]]:
    """The targets and values of `a, b = c, d`, or the two sides where they do not pair off."""
    targets = [child for child in left.children if child.type != ","]
    values = [child for child in right.children if child.type != ","]
    if not targets or len(targets) != len(values):
        return [left], [right]
    return targets, values


def _assign_pairs(walk: Walk, targets: list[Node], values: list[Node], states: States) -> States:
    for value in values:
        states = walk.visit(value, states)
    for target, value in zip(targets, values, strict=True):
        sources = walk.variables(value)
        for token in walk.variables(target):
            walk.flow(token, COMPUTED, sources)
            states[token.text] = (token.place,)
    return states


def _assign_python(walk: Walk, node: Node, states: States) -> States:
    right = node.child_by_field_name("right")
    if right is None:  # only a type: x: int
        return states
    return _assign_pairs(walk, *_pairs(_part(node, "left"), right), states)


def _assign_comprehension(walk: Walk, node: Node, states: States) -> States:
    return _assign_pairs(walk, [_part(node, "left")], [node.children[-1]], states)


def _assign_ruby(walk: Walk, node: Node, states: States) -> States:
    return _assign_pairs(walk, *_pairs(_part(node, "left"), _part(node, "right")), states)


def _operate_ruby(walk: Walk, node: Node, states: States) -> States:
    return _assign_pairs(walk, [node.children[0]], [node.children[-1]], states)


def _branch(*arms: str, to_end: bool = True, skipped: bool | None = None) -> Rule:
    """A fork. Each child whose type is in `arms` starts from the states before the fork.

    With `to_end` so do all children after the first such one. `skipped` says whether the
    states before may also hold behind the fork; None: where there is no `else`.
    """

    def rule(walk: Walk, node: Node, states: States) -> States:
        current, ends, forked = dict(states), [], False
        for child in node.children:
            if child.type in arms or (to_end and forked):
                forked = True
                ends.append(walk.visit(child, dict(states)))
            else:
                current = walk.visit(child, current)
        ends.append(current)
        whole = "else" in node.type or any("else" in child.type for child in node.children)
        if skipped or (skipped is None and not whole):
            ends.append(states)
        merged: dict[str, set[int]] = {}
        for end in ends:
            for name, places in end.items():
                merged.setdefault(name, set()).update(places)
        return {name: tuple(sorted(places)) for name, places in merged.items()}

    return rule


def _twice(walk: Walk, node: Node, states: States) -> States:
    start = len(walk.edges)
    for child in node.children * 2:
        states = walk.visit(child, states)
    walk.join(start)
    return states


def _again_after(kind: str, first: str = "") -> Rule:
    """A loop: all children, then once more those behind the first of type `kind`.

    `first` names a field of that child which is walked before them.
    """

    def rule(walk: Walk, node: Node, states: States) -> States:
        start = len(walk.edges)
        for child in node.children:
            states = walk.visit(child, states)
        kinds = [child.type for child in node.children]
        if kind in kinds:
            at = kinds.index(kind)
            part = node.children[at].child_by_field_name(first) if first else None
            again = ([part] if part else []) + node.children[at + 1 :]
            for child in again:
                states = walk.visit(child, states)
        walk.join(start)
        return states

    return rule


def _for_python(walk: Walk, node: Node, states: States) -> States:
    start = len(walk.edges)
    targets, values = _pairs(_part(node, "left"), _part(node, "right"))
    for _ in range(2):
        states = _assign_pairs(walk, targets, values, states)
        if node.children[-1].type == "block":
            states = walk.visit(node.children[-1], states)
    walk.join(start)
    return states


def _for_ruby(walk: Walk, node: Node, states: States) -> States:
    start = len(walk.edges)
    target, value, body = (_part(node, field) for field in ("pattern", "value", "body"))
    for _ in range(2):
        states = _assign_pairs(walk, [target], [value], states)
        states = walk.visit(body, states)
    walk.join(start)
    return states


def _for_each(parts: Callable[[Node], tuple[Node, Node]]) -> Rule:
    """A loop over a collection; `parts` gives the variable and the collection."""

    def rule(walk: Walk, node: Node, states: States) -> States:
        start = len(walk.edges)
        (variable, collection), body = parts(node), _part(node, "body")
        for _ in range(2):
            states = walk.visit(collection, states)
            sources = walk.variables(collection)
            _each(walk, walk.variables(variable), sources, COMPUTED, states)
            states = walk.visit(body, states)
        walk.join(start)
        return states

    return rule


def _named_parts(node: Node) -> tuple[Node, Node]:
    return _part(node, "name"), _part(node, "value")


def _php_parts(node: Node) -> tuple[Node, Node]:
    # The first variable is taken for the collection, also where a key stands between.
    variables = [child for child in node.children if child.type == "variable_name"]
    if len(variables) < 2:
        raise Unreadable
    return variables[1], variables[0]


def _field(name: str) -> Callable[[Node], Node]:
    return lambda node: _part(node, name)


def _perhaps(name: str) -> Callable[[Node], Node | None]:
    return lambda node: node.child_by_field_name(name)


def _child(number: int) -> Callable[[Node], Node]:
    return lambda node: node.children[number]


_NAMED = _define(_field("name"), _perhaps("value"))

_CSHARP: Rules = {
    # The value is the second of two children; grammars of today have three, and no value here.
    "variable_declarator": _define(
        _child(0),
        lambda node: node.children[1] if node.child_count == 2 else None,
    ),
    "assignment_expression": _assign,
    "postfix_unary_expression": _step,
    "if_statement": _branch("if_statement", "else"),
    "for_statement": _again_after("local_variable_declaration"),
    "while_statement": _twice,
}

RULES: dict[str, Rules] = {
    "python": {
        "default_parameter": _NAMED,
        "assignment": _assign_python,
        "augmented_assignment": _assign_python,
        "for_in_clause": _assign_comprehension,
        "if_statement": _branch("elif_clause", "else_clause", to_end=False),
        "for_statement": _for_python,
        "while_statement": _twice,
    },
    "java": {
        "variable_declarator": _NAMED,
        "assignment_expression": _assign,
        "update_expression": _step,
        "if_statement": _branch("if_statement", "else"),
        "for_statement": _again_after("local_variable_declaration"),
        "enhanced_for_statement": _for_each(_named_parts),
        "while_statement": _twice,
    },
    "javascript": {
        "variable_declarator": _NAMED,
        "assignment_pattern": _assign,
        "augmented_assignment_expression": _assign,
        "update_expression": _step,
        "if_statement": _branch("if_statement", "else", skipped=True),
        "for_statement": _again_after("variable_declaration"),
        "while_statement": _twice,
    },
    "go": {
        "var_spec": _NAMED,
        "assignment_statement": _assign,
        "inc_statement": _step,
        "if_statement": _branch("if_statement", "else", skipped=True),
        "for_statement": _again_after("for_clause", "update"),
    },
    "php": {
        "simple_parameter": _define(_field("name"), _perhaps("default_value")),
        "assignment_expression": _assign,
        "augmented_assignment_expression": _assign,
        "update_expression": _step,
        "if_statement": _branch("if_statement", "else_clause", skipped=True),
        "else_clause": _branch("if_statement", "else_clause", skipped=True),
        "for_statement": _again_after("assignment_expression"),
        "foreach_statement": _for_each(_php_parts),
        "while_statement": _twice,
    },
    "ruby": {
        "keyword_parameter": _NAMED,
        "assignment": _assign_ruby,
        "operator_assignment": _operate_ruby,
        **dict.fromkeys(
            ("if", "elsif", "else", "unless", "when"),
            _branch("if", "elsif", "else", "unless", "when", to_end=False),
        ),
        "for": _for_ruby,
        "while_modifier": _twice,
        "until": _twice,
    },
    "rust": {
        "function_item": _define(
            _child(1),
            lambda node: node.children[2] if node.child_count > 2 else None,
        ),
        "assignment_expression": _assign,
        "compound_assignment_expr": _assign,
        "if_expression": _branch("if_expression", "match_expression", "else"),
        "match_expression": _branch("if_expression", "match_expression", "else"),
        "for_expression": _again_after("local_variable_declaration"),
        "while_expression": _twice,
        "loop_expression": _twice,
    },
    "csharp": _CSHARP,
    "c": _CSHARP,
    "cpp": _CSHARP,
}
"""The rules of each language."""
