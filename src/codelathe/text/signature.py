"""What a prompt says of the function it asks for: code to go on from, and its name."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from codelathe.core.problem import Problem
from codelathe.text.fences import fenced_blocks
from codelathe.text.syntax import (
    DEFINITIONS,
    FUNCTIONS,
    Statement,
    parse_module,
    parses,
    top_level,
)

_CODE_START = re.compile(
    r"^(?:def |async def |class |import |from [\w.]+ import |@\w)", re.MULTILINE
)
_IDENTIFIER = r"([A-Za-z_][A-Za-z0-9_]*)"
_NAMED = re.compile(
    rf"\b{_IDENTIFIER}\("  # called: `solve(n)`
    rf"|\b(?:named|called|function|method) {{1,3}}[`'\"]{_IDENTIFIER}[`'\"]"
    rf"|\b(?:named|called) {{1,3}}{_IDENTIFIER}\b"
    rf"|(?<![A-Za-z0-9_]){_IDENTIFIER}[`'\"]? {{0,3}}(?:이라는|라는)? {{0,3}}함수"
    rf"|[`'\"]{_IDENTIFIER}[`'\"] {{1,3}}(?:function|method)\b"
)
_SEVERAL = re.compile(
    r"\b(?:functions|methods|classes)\b|\balso (?:write|implement|add|define|provide)\b"
    r"|\b(?:implement|write|create|design|define|as)\b[^.\n]{0,40}\bclass\b"
    r"|함수들|(?:두|세|네|여러) ?(?:개의 ?)?함수|함수(?:를|을)? ?(?:두|세|네|여러|\d) ?개|클래스",
    re.IGNORECASE,
)
#: How many lines that might begin code are tried, and how many characters are parsed for it.
_MAX_STARTS = 20
_MAX_PARSED = 1_000_000


Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=8)  # asked several times about the problem at hand
def prompt_code(prompt: str) -> str:
    """The Python that `prompt` consists of, or holds in a fence or at its end; else empty.

    What counts has a function or an import; a function may still lack its body.
    """
    prompt = prompt.replace("\r\n", "\n")
    starts = [match.start() for match in _CODE_START.finditer(prompt)]
    if not starts:
        return ""
    blocks = [block.code for block in fenced_blocks(prompt)]
    tries = min(_MAX_STARTS, _MAX_PARSED // len(prompt) + 1)
    for text in (prompt, *reversed(blocks), *(prompt[start:] for start in starts[:tries])):
        if _CODE_START.search(text) and completed(text) is not None:
            return text.strip("\n")
    return ""


def completed(code: str) -> str | None:
    """`code`, with `pass` put under a last header that has no body; None if it is no Python."""
    code = code.rstrip()
    header = code.rpartition("\n")[2]
    indent = len(header) - len(header.lstrip()) + 4
    return next((c for c in (code, f"{code}\n{' ' * indent}pass") if parses(c)), None)


def stub(prompt: str) -> Function | None:
    """The function at the end of the prompt's code, if it has a signature but no body yet."""
    code = completed(prompt_code(prompt))
    if not code:
        return None
    body = parse_module(code).body
    last = body[-1] if body else None
    while isinstance(last, ast.ClassDef):
        last = last.body[-1]
    if isinstance(last, FUNCTIONS) and all(_says_nothing(s) for s in last.body):
        return last
    return None


def _says_nothing(statement: ast.stmt) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant or isinstance(statement, ast.Pass)


def asked_name(prompt: str) -> str:
    """The function that `prompt` asks for by a signature or by name; empty if it does not say.

    A method is named with its class: `Solution.two_sum`; of several functions asked for,
    the first.
    """
    code = completed(prompt_code(prompt))
    if code:
        names = [name for statement in parse_module(code).body for name in functions_of(statement)]
        if names:
            return names[-1]
    names = list(dict.fromkeys(_mentioned(prompt)))
    return names[0] if len(names) == 1 or (names and wants_several(prompt)) else ""


def wants_several(prompt: str) -> bool:
    """Whether `prompt` asks for more than one function: for several, or for a class."""
    return bool(_SEVERAL.search(prompt)) and stub(prompt) is None


def find_entry_point(problem: Problem, code: str) -> str:
    """The function in `code` that the problem's examples call; empty if there is none.

    In this order: the one that the problem names, the one in the prompt's signature, one
    that the prompt mentions, the last function that no other one uses, the one public
    method of a class.
    """
    wanted = problem.entry_point
    try:
        statements = top_level(code)
    except SyntaxError:
        return wanted
    defined = [name for s in statements for name in functions_of(s.node)]
    if wanted:
        return _matching(wanted, defined) or wanted
    for name in (asked_name(problem.prompt), *_mentioned(problem.prompt)):
        match = _matching(name, defined) if name else ""
        if match:
            return match
    methods = [name for name in defined if "." in name]
    solution = [name for name in methods if name.startswith("Solution.")]
    if len(solution) == 1:
        return solution[0]
    return _unused_function(statements) or (methods[0] if len(methods) == 1 else "")


def functions_of(node: ast.stmt) -> Iterator[str]:
    """The functions that a top-level statement defines, public methods as `Class.method`."""
    if isinstance(node, FUNCTIONS):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.ClassDef):
        methods = [m.name for m in node.body if isinstance(m, FUNCTIONS)]
        yield from (f"{node.name}.{name}" for name in methods if not name.startswith("_"))


def _matching(name: str, defined: list[str]) -> str:
    """`name` among `defined`, or else the one that differs only by being a method or not."""
    if name in defined:
        return name
    short = name.rpartition(".")[2]
    same = [d for d in defined if d.rpartition(".")[2] == short]
    return same[-1] if len(set(same)) == 1 else ""


def _mentioned(prompt: str) -> Iterator[str]:
    for match in _NAMED.finditer(prompt):
        name = next(name for name in match.groups() if name)
        if not (keyword.iskeyword(name) or hasattr(builtins, name)):
            yield name


def is_test(name: str) -> bool:
    """Whether a function of this name tests or runs the solution rather than being it."""
    return name in ("main", "test", "check") or name.startswith(("test_", "check_"))


def _unused_function(statements: tuple[Statement, ...]) -> str:
    functions = [(s, name) for s in statements for name in functions_of(s.node) if "." not in name]
    solving = [pair for pair in functions if not is_test(pair[1])] or functions
    users = [s for s in statements if isinstance(s.node, DEFINITIONS)]
    users = [s for s in users if not any(map(is_test, s.binds))]
    for statement, name in reversed(solving):
        if not any(name in user.uses for user in users if user is not statement):
            return name
    return solving[-1][1] if solving else ""
