"""When an answer holds all the code that was asked for, so that its writing can end.

Models go on after the function: tests, examples of use, explanations. Watching for the
function's end more than halves the tokens. For Python functions an answer is complete
when a new top-level line begins and

- it closes the code's fence, or
- the entry point is defined, with everything it uses, directly or not (but not where the
  prompt asks for several functions), or
- something is defined and the line starts what is no part of a solution: a print, an
  assertion, `if __name__`, a comment that heads tests, prose.

Lines inside brackets or strings are no top-level lines. Programs, and languages other
than Python, end only with their fence: what belongs to a program cannot be told.
"""

from __future__ import annotations

import re
import textwrap

from codelathe.core.generation import Watch
from codelathe.core.problem import Problem
from codelathe.text.fences import Fence, opening_fence
from codelathe.text.signature import asked_name, functions_of, wants_several
from codelathe.text.syntax import Statement, parses, top_level, unresolved_names

_OPENED = Fence(0, "```", "python")
_CODE_LINE = re.compile(r"(?:def|class|async def|import|@\w|from [\w.]+ import)\b")
_DEFINITION = re.compile(r"^(?:async )?def |^class |^\w+ *= *lambda\b", re.MULTILINE)
_NO_SOLUTION = re.compile(
    r"print\(|assert |if __name__\b|>>>"
    r"|# *(?:(?:example|sample) (?:usage|use|of)|usage|tests? (?:cases?|the|code|your)|unit tests?"
    r"|testing|driver|(?:사용 )?(?:예시|예제)|테스트|사용 ?법)",
    re.IGNORECASE,
)
_HEADING = re.compile(r"# *(?:tests?|examples?|check|output|demo)\W*", re.IGNORECASE)
_PROSE = re.compile(r"(?:[A-Z][\w']*|[\uac00-\ud7a3]+) [\w'`,]+ [\w'`,]+")
_CLOSERS = ")]}"
_CLAUSES = ("elif", "else", "except", "finally")
_WORD = re.compile(r"\w*")
_NOT_CODE = frozenset({"bash", "sh", "shell", "console", "text", "txt", "plaintext", "output"})


def completion_watch(problem: Problem, opened: bool, head: str = "") -> Watch:
    """A watch for an engine that ends each answer to `problem` when it is complete.

    `opened` says that the answer begins inside code (a prefill opened the fence, or a
    base model goes on from code); `head` is the code it goes on from.
    """
    answers: dict[tuple[int, int], FunctionComplete] = {}

    def watch(request: int, choice: int, text: str) -> bool:
        answer = answers.get((request, choice))
        if answer is None:
            answer = answers[request, choice] = FunctionComplete(problem, opened)
        return answer(head + text)

    return watch


class FunctionComplete:
    """The state of watching one answer. Call it with the whole answer each time it has grown.

    Work is done only where a new line begins at the margin. Once true, it stays true.
    """

    def __init__(self, problem: Problem, opened: bool) -> None:
        self._python = problem.language == "python"
        self._function = self._python and not problem.program
        self._entry = problem.entry_point or asked_name(problem.prompt)
        self._several = wants_several(problem.prompt)
        self._fence: Fence | None = _OPENED if opened else None
        self._start: int | None = 0 if opened else None
        self._line = 0
        self._looked = -1
        self._done = False

    def __call__(self, text: str) -> bool:
        """Whether `text` holds the whole solution."""
        while not self._done:
            end = text.find("\n", self._line)
            if end < 0:
                self._done = self._looks_complete(text, text[self._line :], ended=False)
                break
            self._done = self._looks_complete(text, text[self._line : end], ended=True)
            self._after(text[self._line : end], end)
        return self._done

    def _after(self, line: str, end: int) -> None:
        """Go on to the next line, into the code if this one opened it."""
        if self._start is None:
            self._fence = opening_fence(line)
            if self._fence is not None:
                self._start = end + 1
            elif self._python and _CODE_LINE.match(line):
                self._start = self._line
        self._line = end + 1

    def _looks_complete(self, text: str, line: str, ended: bool) -> bool:
        if self._start is None or not line.strip():
            return False
        if self._fence is not None and self._fence.closed_by(line):
            return self._closes(text[self._start : self._line])
        if not self._function or line[0].isspace() or _goes_on(line):
            return False
        return self._is_past_end(text[self._start : self._line], line, ended)

    def _closes(self, code: str) -> bool:
        """Whether the block that ends here is the solution; if not, the next one may be."""
        tag = self._fence.tag if self._fence else ""
        complete = bool(code.strip()) and tag not in _NOT_CODE
        if self._function:
            complete = complete and self._may_be_whole(textwrap.dedent(code))
        if not complete:
            self._start = self._fence = None
        return complete

    def _may_be_whole(self, code: str) -> bool:
        """Whether a block defines something, and not only what the entry point needs."""
        names = {part for name in _definitions(code) for part in name.split(".")}
        other = names and self._entry and not names & set(self._entry.split("."))
        return bool(_DEFINITION.search(code)) and (self._several or not other)

    def _is_past_end(self, code: str, line: str, ended: bool) -> bool:
        """Whether `code` is all that is wanted, now that `line` begins at the margin."""
        first_look, self._looked = self._looked != self._line, self._line
        # A comment at the margin may stand in the middle of a function.
        known = self._entry and not self._several
        if first_look and known and line[0] != "#" and self._resolved(code):
            return True
        begins_other = bool(_NO_SOLUTION.match(line)) or (ended and _is_no_code(line))
        return begins_other and bool(_definitions(code))

    def _resolved(self, code: str) -> bool:
        """Whether `code` is whole, and has the entry point and all that it uses."""
        try:
            statements = top_level(code)
        except SyntaxError:
            return False
        if self._entry not in _names(statements):
            return False
        short = self._entry.partition(".")[0]
        return not unresolved_names(statements, [short])


def _definitions(code: str) -> list[str]:
    """The functions that `code` defines; none if it is cut short."""
    try:
        return _names(top_level(code))
    except SyntaxError:
        return []


def _names(statements: tuple[Statement, ...]) -> list[str]:
    return [name for s in statements for name in functions_of(s.node)]


def _goes_on(line: str) -> bool:
    """Whether a line at the margin is the middle of a statement, or may become that."""
    word = _WORD.findall(line)[0]
    if word == line:
        return any(clause.startswith(word) for clause in _CLAUSES)
    return line[0] in _CLOSERS or word in _CLAUSES


def _is_no_code(line: str) -> bool:
    """Whether a whole line at the margin heads tests, or is prose."""
    return bool(_HEADING.fullmatch(line) or (_PROSE.match(line) and not parses(line)))
