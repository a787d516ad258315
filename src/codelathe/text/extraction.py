"""The code in a model's answer.

Answers come fenced, half fenced, bare, amid prose, as a doctest session, cut off, or
as a function's body only. For Python the rules are, in this order:

1. Each fenced block is a candidate, or the whole text if there is no fence. A
   candidate that is no Python is mended: quotes and spaces that only look right,
   prompts (`>>>`), indentation, prose around, a body without its signature; at last
   it is cut back to its last complete top-level statement.
2. The last candidate that defines the entry point (for programs, and while no entry
   point is known, the longest one) wins; earlier blocks that define names it lacks
   are put before it.
3. In a function problem, what follows the function and is not needed by it (tests,
   prints, `if __name__`, comments) is dropped; where the prompt asks for several
   functions or a class, all of them stay.
4. Imports and functions of the prompt that the code uses and lacks are put before it.

For other languages the first two rules apply as far as they need no parser.
Nothing here raises on any text. Text without code gives an empty string.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from itertools import pairwise

from codelathe.core.language import LANGUAGES
from codelathe.core.problem import Problem
from codelathe.text.fences import Block, fenced_blocks, opening_fence
from codelathe.text.signature import (
    asked_name,
    completed,
    functions_of,
    is_test,
    prompt_code,
    stub,
    wants_several,
)
from codelathe.text.syntax import (
    DEFINITIONS,
    Statement,
    missing_names,
    needed_names,
    parses,
    top_level,
)

_PYTHON_TAGS = frozenset({"", "python", "python3", "py", "pycon", "ipython"})
_LOOKALIKES = str.maketrans(
    {
        "\u200b": "", "\u200c": "", "\u200d": "", "\u2060": "", "\ufeff": "", "\u00ad": "",
        "\u00a0": " ", "\u3000": " ", "\u2009": " ", "\u202f": " ",
        "‘": "'", "’": "'", "“": '"', "”": '"',
    }
)  # fmt: skip
_CODE_START = re.compile(r"^(?:def |async def |class |import \w|from [\w.]+ import |@\w)")
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)
_AT_MARGIN = re.compile(r"^[^\s)\]}]", re.MULTILINE)
_TOP_LEVEL = re.compile(r"^[^\s#)\]}]", re.MULTILINE)
#: How much is tried on broken text: fewer times the longer it is.
_MAX_TRIES = 200
_MAX_PARSED = 2_000_000


def extract_code(problem: Problem, text: str, prefill: str = "") -> str:
    """The code in `text`, the answer to `problem`; `prefill` is what opened the answer.

    For a plain completion, `prefill` is the prompt that was completed.
    """
    if opening_fence(text.lstrip().partition("\n")[0]):
        prefill = ""  # the answer opens its fence again
    text = (prefill + text).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    blocks = fenced_blocks(text)
    if problem.language != "python":
        return _foreign_code(problem.language, text, blocks)
    return _Python(problem).extract(text, blocks)


def _foreign_code(language: str, text: str, blocks: list[Block]) -> str:
    if not blocks:
        return text.strip("\n")
    known = LANGUAGES.get(language)
    tags = {"", language, *(known.aliases if known else ())}
    own = [block for block in blocks if block.tag in tags and block.code.strip()]
    return max(own or blocks, key=lambda block: len(block.code)).code.strip("\n")


class _Python:
    """Extraction for one problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._entry = problem.entry_point or asked_name(problem.prompt)

    def extract(self, text: str, blocks: list[Block]) -> str:
        tagged = [block for block in blocks if block.tag in _PYTHON_TAGS]
        sources = [block.code for block in tagged or blocks if block.code.strip()]
        if not blocks:
            sources = [text]
        candidates = [self._mend(source) for source in sources]
        usable = [code for code in candidates if code and (blocks or self._is_code(code))]
        if not usable:
            # Broken code is handed on for the judge to name the error; prose is not.
            return max(sources, key=len, default="").strip("\n") if blocks else ""
        code = self._with_earlier_blocks(usable)
        if not self._problem.program:
            code = self._without_tests(code)
        return self._with_prompt(code)

    def _mend(self, source: str) -> str:
        """`source` made to parse, or an empty string."""
        source = source.strip("\n").rstrip()
        tried = [code for code in dict.fromkeys(r(source) for r in _REPAIRS) if code.strip()]
        for code in tried:
            if parses(code):
                is_body = source[:1].isspace() or not _compiles(code)
                return (is_body and self._under_signature(source)) or code
        for code in tried:
            under = self._under_signature(code)
            if under:
                return under
        # The repaired form that keeps the most code, the plainest repair where equal.
        return max((_longest_python(code) for code in tried), key=len, default="")

    def _under_signature(self, code: str) -> str:
        """The prompt's code with `code` as the body of its last function, or nothing."""
        function = stub(self._problem.prompt)
        if function is None or self._defines_entry(_longest_python(code)):
            return ""
        body, rest = _split_body(code)
        head = prompt_code(self._problem.prompt).rstrip()
        margin = " " * (function.col_offset + 4)
        whole = f"{head}\n{textwrap.indent(textwrap.dedent(body), margin)}\n{rest}".rstrip()
        cut = _cut_back(whole.split("\n"))
        return cut if len(cut) > len(head) else _cut_to_head(whole, head)

    def _is_code(self, code: str) -> bool:
        """Whether unfenced text is code rather than a word or two that happen to parse."""
        nodes = [s.node for s in top_level(code)] if _compiles(code) else []
        if not self._problem.program:
            return any(list(functions_of(n)) or isinstance(n, ast.ClassDef) for n in nodes)
        return any(not _is_word(node) for node in nodes)

    def _defines_entry(self, code: str) -> bool:
        if not self._entry or not _compiles(code):
            return False
        names = [name for s in top_level(code) for name in functions_of(s.node)]
        short = self._entry.rpartition(".")[2]
        return self._entry in names or short in [n.rpartition(".")[2] for n in names]

    def _with_earlier_blocks(self, candidates: list[str]) -> str:
        defining = [i for i, code in enumerate(candidates) if self._defines_entry(code)]
        if defining and not self._problem.program:
            chosen = defining[-1]
        else:
            chosen = max(range(len(candidates)), key=lambda i: (_weight(candidates[i]), i))
        code = candidates[chosen]
        for earlier in reversed(candidates[:chosen]):
            if _provides(earlier, code):
                code = f"{earlier.rstrip()}\n\n\n{code}"
        return code

    def _without_tests(self, code: str) -> str:
        """`code` without what follows the function and is not needed by it."""
        statements = top_level(code) if _compiles(code) else ()
        names = {s: list(functions_of(s.node)) for s in statements}
        short = self._entry.rpartition(".")[2]
        entry = [s for s in statements if short in [n.rpartition(".")[2] for n in names[s]]]
        if wants_several(self._problem.prompt):
            entry = []
        defining = [s for s in statements if isinstance(s.node, DEFINITIONS) or names[s]]
        roots = entry or [s for s in defining if not any(map(is_test, s.binds))]
        if not roots:
            return code
        needed = needed_names(statements, set().union(*(s.binds for s in roots)))
        last = (entry or roots[:1])[-1]
        dropped = [
            s
            for s in statements
            if (s.first > last.last and not s.binds & needed) or _is_main_guard(s.node)
        ]
        return _without(code, statements, dropped)

    def _with_prompt(self, code: str) -> str:
        """`code` after those statements of the prompt that it uses and lacks."""
        given = completed(prompt_code(self._problem.prompt))
        if not given or self._problem.program or not (_compiles(code) and _compiles(given)):
            return code
        missing = missing_names(top_level(code))
        statements = top_level(given)
        target = stub(self._problem.prompt)
        offered = [s for s in statements if target is None or s.last < target.lineno]
        needed = needed_names(offered, missing)
        lines = given.split("\n")
        parts = ["\n".join(lines[s.first - 1 : s.last]) for s in offered if s.binds & needed]
        return "\n".join([*parts, "", "", code]) if missing and parts else code


def _as_is(source: str) -> str:
    return source


def _dedented(source: str) -> str:
    return textwrap.dedent(source)


def _without_prompts(source: str) -> str:
    """A doctest session without its prompts and without what it printed."""
    lines = [line.strip("\n") for line in textwrap.dedent(source).split("\n")]
    if not any(line.startswith(">>>") for line in lines):
        return ""
    return "\n".join(line[4:] for line in lines if line.startswith((">>>", "...")))


def _plain_characters(source: str) -> str:
    """Without zero-width characters, with straight quotes and ordinary spaces."""
    return textwrap.dedent(source.translate(_LOOKALIKES))


def _narrow_tabs(source: str) -> str:
    return _with_tabs(source, 4)


def _wide_tabs(source: str) -> str:
    return _with_tabs(source, 8)


def _with_tabs(source: str, width: int) -> str:
    """Indented with spaces only, a tab reaching to the next multiple of `width`."""
    plain = source.translate(_LOOKALIKES)
    return textwrap.dedent(_INDENTATION.sub(lambda m: m[0].expandtabs(width), plain))


def _split_body(code: str) -> tuple[str, str]:
    """A function's body, and what follows it at the margin.

    Where the first line lacks its indentation, since the answer went on right after the
    prompt's own, it gets that of the following lines.
    """
    first, _, rest = code.partition("\n")
    if first[:1].isspace():
        end = _AT_MARGIN.search(code)
        return (code[: end.start()], code[end.start() :]) if end else (code, "")
    margins = [len(line) - len(line.lstrip()) for line in rest.split("\n") if line.strip()]
    if margins and 0 not in margins and not first.rstrip().endswith(":"):
        return " " * min(margins) + code, ""
    return code, ""


def _compiles(code: str) -> bool:
    """Whether it is a module: `return` at the top parses, and does not compile."""
    try:
        top_level(code)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "<answer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def _weight(code: str) -> int:
    return len(code.strip())


def _is_word(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call)


def _provides(earlier: str, code: str) -> bool:
    """Whether `earlier` binds a name that `code` uses and lacks."""
    if not (_compiles(earlier) and _compiles(code)):
        return False
    missing = missing_names(top_level(code))
    return any(s.binds & missing for s in top_level(earlier))


def _is_main_guard(node: ast.stmt) -> bool:
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Compare)):
        return False
    return isinstance(node.test.left, ast.Name) and node.test.left.id == "__name__"


def _without(code: str, statements: tuple[Statement, ...], dropped: list[Statement]) -> str:
    """`code` less the lines of `dropped`, and less comments right above them or at the end."""
    lines = code.split("\n")
    kept_lines = {n for s in statements if s not in dropped for n in range(s.first, s.last + 1)}
    ends = [0, *(s.last for s in statements)]
    kept: list[str] = []
    for statement, (before, _) in zip(statements, pairwise(ends), strict=True):
        if statement not in dropped or statement.first in kept_lines:
            kept.extend(lines[max(before, 0) : statement.last])
    return "\n".join(kept).strip("\n")


def _longest_python(source: str) -> str:
    """The most that parses: from a line that begins code, down to a complete statement."""
    lines = source.split("\n")
    starts = [0, *(i for i, line in enumerate(lines) if _CODE_START.match(line))]
    for start in list(dict.fromkeys(starts))[: _tries(source)]:
        code = _cut_back(lines[start:])
        if any(not _is_word(s.node) for s in (top_level(code) if _compiles(code) else ())):
            return code
    return ""


def _cut_back(lines: list[str]) -> str:
    """The longest run of whole top-level statements from the first line on."""
    for _ in range(_tries("\n".join(lines))):
        source = "\n".join(lines).rstrip()
        if not source:
            break
        line = _error_line(source)
        if line is None:
            return source
        end = min(line, len(lines)) - 1
        while end > 0 and not _TOP_LEVEL.match(lines[end]):
            end -= 1
        lines = lines[:end]
    return ""


def _tries(source: str) -> int:
    return min(_MAX_TRIES, _MAX_PARSED // (len(source) + 1) + 1)


def _error_line(source: str) -> int | None:
    try:
        top_level(source)
    except SyntaxError as error:
        return error.lineno or 1
    return None


def _cut_to_head(whole: str, head: str) -> str:
    """`whole` cut at its end, line by line, while more than `head` is left; else nothing."""
    lines = whole.split("\n")
    least = head.count("\n") + 1
    for end in range(len(lines) - 1, max(least, len(lines) - _tries(whole)), -1):
        code = "\n".join(lines[:end]).rstrip()
        if parses(code):
            return code
    return ""


_REPAIRS = (
    _as_is,
    _dedented,
    _without_prompts,
    _plain_characters,
    _narrow_tabs,
    _wide_tabs,
)
