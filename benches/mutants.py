"""Mutants of a canonical solution: programs that differ from it in one place of its tree."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from typing import Any

MUTANTS = 5
#: Operators and what a mutation makes of them.
OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.FloorDiv,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class _Mutation(ast.NodeTransformer):
    """Makes the `at`-th change that can be made, and counts how many there are."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0

    def _here(self) -> bool:
        self.count += 1
        return self.count - 1 == self.at

    def visit(self, node: ast.AST) -> Any:
        node = self.generic_visit(node)
        if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OPERATORS:
            if self._here():
                node.op = OPERATORS[type(node.op)]()
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
            if self._here():
                node.ops[0] = OPERATORS[type(node.ops[0])]()
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool, str):
            if self._here():
                return ast.Constant(changed(node.value))
        elif isinstance(node, ast.Return) and node.value is not None:
            if self._here():
                node.value = ast.Tuple([node.value], ast.Load())
        elif isinstance(node, ast.If | ast.While) and self._here():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return node


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + "x" if isinstance(value, str) else value + 1


def mutants(problem: dict[str, Any], benchmark: str) -> Iterator[str]:
    """Distinct programs that differ from the canonical one in one place of the solution."""
    head = problem["prompt"] if benchmark == "humaneval" else ""
    tree = ast.parse(head + problem["canonical_solution"])
    whole = [n for n in tree.body if getattr(n, "name", "") == problem["entry_point"]][-1]
    counter = _Mutation(-1)
    counter.visit(copy.deepcopy(whole))
    places = list(range(counter.count))
    random.Random(problem["task_id"]).shuffle(places)
    found: dict[str, None] = {}
    for place in places:
        made = ast.unparse(ast.fix_missing_locations(_Mutation(place).visit(copy.deepcopy(whole))))
        found.setdefault(made)
        if len(found) == MUTANTS:
            break
    extra = ("return None", "raise ValueError(1)", "return 0", "pass", "return [1]")
    first = ast.unparse(whole).split("\n", 1)[0]
    for line in extra[: MUTANTS - len(found)]:
        found.setdefault(f"{first}\n    {line}")
    # A completion goes on from a prompt that ends in an open function; what follows replaces it.
    lead = "    pass\n\n" if benchmark == "humaneval" else context(tree, whole)
    yield from (f"{lead}{text}\n" for text in found)


def context(tree: ast.Module, whole: ast.AST) -> str:
    rest = [ast.unparse(node) for node in tree.body if node is not whole]
    return "\n".join(rest) + "\n"
