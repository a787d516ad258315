"""Data flow as CodeBLEU sees it: for each variable, which earlier values it comes from.

The method is GraphCodeBERT's (Guo et al. 2021): a walk over the syntax tree that keeps, for each
name, the tokens that may hold its value. `flowrules` tells what the nodes of a language do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from tree_sitter import Node, Point

_T = TypeVar("_T")

COMES, COMPUTED = "comesFrom", "computedFrom"

_STRINGS = frozenset({"string_literal", "string", "character_literal"})

States = dict[str, tuple[int, ...]]
"""The places that may hold the value of each name."""

Rule = Callable[["Walk", "Node", States], States]
"""What a node of one type does to the states; it may change the ones it is given."""

Rules = dict[str, Rule]
"""Node type -> rule; a type without one has its children walked."""

Flow = tuple[str, str, tuple[str, ...]]
"""A normalised flow: the name it ends in, the relation, and the names it comes from."""


class Token(NamedTuple):
    """A leaf of the tree: its number among the leaves, and its text."""

    place: int
    text: str


class Edge(NamedTuple):
    """The name at `place` has its value from `names` at `places`."""

    name: str
    place: int
    relation: str
    names: tuple[str, ...]
    places: tuple[int, ...]

    def joined(self, later: Edge) -> Edge:
        """This edge with the sources of a later one at the same place."""
        return Edge(
            later.name,
            later.place,
            later.relation,
            distinct(self.names + later.names),
            distinct(self.places + later.places),
        )


class Unreadable(Exception):
    """A node lacks a part that the rules count on: the program gives the tree up."""


def distinct(items: Iterable[_T]) -> tuple[_T, ...]:
    """The items without repetitions, in the order in which they first appear."""
    return tuple(dict.fromkeys(items))


def data_flow(root: Node, source: str, rules: Rules) -> list[Flow]:
    """The flows of a program, names replaced by `var_0`, `var_1`... in order of appearance.

    Empty where the tree does not fit the rules: the program then counts no flow at all.
    """
    walk = Walk(source, rules)
    try:
        walk.index(root)
        walk.visit(root, {})
    except (Unreadable, LookupError, RecursionError):
        return []
    return _normalised(_used(walk.edges))


def _used(edges: list[Edge]) -> list[Edge]:
    """One edge a place, of the places that something comes from or goes to."""
    edges = sorted(edges, key=lambda edge: edge.place)
    used = {edge.place for edge in edges if edge.places}
    used.update(place for edge in edges for place in edge.places)
    joined: dict[int, Edge] = {}
    for edge in edges:
        if edge.place in used:
            known = joined.get(edge.place)
            joined[edge.place] = known.joined(edge) if known else edge
    return list(joined.values())


def _normalised(edges: list[Edge]) -> list[Flow]:
    variables: dict[str, str] = {}
    for edge in edges:
        for name in (*edge.names, edge.name):
            variables.setdefault(name, f"var_{len(variables)}")
    return [
        (variables[edge.name], edge.relation, tuple(variables[name] for name in edge.names))
        for edge in edges
    ]


class Walk:
    """One walk over a tree: its leaves by their position, and the edges found so far."""

    def __init__(self, source: str, rules: Rules) -> None:
        self._lines = source.split("\n")
        self._rules = rules
        self._tokens: dict[tuple[int, int], Token] = {}
        self._count = 0
        self.edges: list[Edge] = []

    def index(self, node: Node) -> None:
        """Number the leaves under `node`."""
        if _is_leaf(node):
            text = self._text(node.start_point, node.end_point)
            # Tokens without width may share a position; the last one keeps it.
            self._tokens[node.byte_range] = Token(self._count, text)
            self._count += 1
        else:
            for child in node.children:
                self.index(child)

    def visit(self, node: Node, states: States) -> States:
        """Walk `node` by the rule of its type, or else its children.

        Python's `for` of a comprehension goes before what it feeds.
        """
        if _is_leaf(node):
            return self._leaf(node, states)
        rule = self._rules.get(node.type)
        if rule:
            return rule(self, node, states)
        children = node.children
        if "for_in_clause" in self._rules:
            children = sorted(children, key=_feeds, reverse=True)
        for child in children:
            states = self.visit(child, states)
        return states

    def variables(self, node: Node) -> list[Token]:
        """The leaves under `node` that are not keywords or signs."""
        if _is_leaf(node):
            token = self._tokens[node.byte_range]
            return [] if node.type == token.text else [token]
        return [token for child in node.children for token in self.variables(child)]

    def flow(self, target: Token, relation: str, sources: Iterable[Token]) -> None:
        """Note one edge from all `sources` to `target`."""
        tokens = tuple(sources)
        names = tuple(token.text for token in tokens)
        places = tuple(token.place for token in tokens)
        self.edges.append(Edge(target.text, target.place, relation, names, places))

    def join(self, start: int) -> None:
        """Make one edge of those from `start` on that differ in nothing but their sources."""
        joined: dict[tuple[str, int, str], Edge] = {}
        for edge in self.edges[start:]:
            key = (edge.name, edge.place, edge.relation)
            joined[key] = joined[key].joined(edge) if key in joined else edge
        self.edges[start:] = joined.values()

    def _leaf(self, node: Node, states: States) -> States:
        token = self._tokens[node.byte_range]
        if node.type == token.text:
            return states
        known = states.get(token.text)
        names = () if known is None else (token.text,)
        self.edges.append(Edge(token.text, token.place, COMES, names, known or ()))
        if known is None and node.type == "identifier":
            states[token.text] = (token.place,)
        return states

    def _text(self, start: Point, end: Point) -> str:
        # Columns count bytes and lines are cut by characters, so that text after a letter
        # beyond ASCII is cut too late: the program's own numbers have that in them.
        (row, left), (last, right) = start, end
        if row == last:
            return self._lines[row][left:right]
        middle = self._lines[row + 1 : last]
        return "".join((self._lines[row][left:], *middle, self._lines[last][:right]))


def _is_leaf(node: Node) -> bool:
    return node.type in _STRINGS if node.child_count else node.type != "comment"


def _feeds(node: Node) -> bool:
    return node.type == "for_in_clause"
