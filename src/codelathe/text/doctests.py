"""Examples that a prompt already holds: doctests, `f(1) => 2`, `Input:` and `Output:`.

Only calls with literal arguments and a literal result count; what cannot be read that
way is left out, since a wrong example would refuse right code. The prompt's text is
read as written, not as Python would read a docstring: in a prompt, `\\n` inside the
quotes of an example means the escape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from codelathe.core.problem import CallExample
from codelathe.text.literals import NotLiteral, call_arguments, parse_literal
from codelathe.text.signature import Function, asked_name, stub
from codelathe.text.syntax import parse_module

_PROMPT = re.compile(r"^\s*>>>\s?(?P<code>.*)$")
_MORE = re.compile(r"^\s*\.\.\.(?: (?P<code>.*))?$")
_QUOTES = re.compile(r"(?:\"\"\"|''').*$")
#: What may stand between a call and its result.
_ARROW = re.compile(
    r"\s*(?:#\s*)?(?:==|===|=>|==>|->|-->|➞|→|⇒|⟶|should (?:return|output|be)|must return"
    r"|(?:it )?returns?|gives|outputs?|yields|is)(?![=>])[: ]*"
)
_AFTER = re.compile(
    r"\s{0,9}(?:[.,;:]?\s{0,9}$|\s[#(\[].*$|[.,;]?\s+(?:because|since|as|and|but)\b.*$)"
)
_BARE = re.compile(r"[-+]?[\w.]+(?:[eE][-+]?\d+)?")
_LABELS = re.compile(
    r"^[ \t]*(?:입력|input)[ \t]*:[ \t]*(?P<input>.+)\n"
    r"\s*(?:출력|output)[ \t]*:[ \t]*(?P<output>.+)$",
    re.IGNORECASE | re.MULTILINE,
)
#: An example on one line, in characters; longer ones are not looked for.
_LONGEST = 1000
#: Calls that are looked at in one prompt.
_MOST = 1000
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def doctest_examples(prompt: str, entry_point: str = "") -> tuple[CallExample, ...]:
    """The examples in `prompt` of calls of `entry_point`, without repetitions.

    An empty `entry_point` stands for the function that the prompt asks for; where it does
    not say, for the only function that its doctests call.
    """
    text = prompt.replace("\r\n", "\n")
    sessions = list(_sessions(text.split("\n")))
    name = entry_point or asked_name(prompt) or _only_called(sessions)
    if not name:
        return ()
    found = [_from_session(name, code, output) for code, output in sessions]
    found += _from_arrows(name.rpartition(".")[2], text)
    found += _from_labels(text, stub(prompt))
    examples: dict[str, CallExample] = {}
    conflicts = set()
    for example in filter(None, found):
        known = examples.setdefault(example.input, example)
        if known.expected != example.expected and known.value != example.value:
            conflicts.add(example.input)
    return tuple(e for e in examples.values() if e.input not in conflicts)


def _sessions(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each `>>>` statement with the text that it prints."""
    index = 0
    while index < len(lines):
        match = _PROMPT.match(lines[index])
        index += 1
        if match is None:
            continue
        code = [match["code"]]
        while index < len(lines) and (more := _MORE.match(lines[index])):
            code.append(more["code"] or "")
            index += 1
        output = []
        while index < len(lines) and lines[index].strip() and not _PROMPT.match(lines[index]):
            line = lines[index]
            index += 1
            ended = _QUOTES.search(line) if _ends_docstring(line) else None
            output.append(line[: ended.start()] if ended else line)
            if ended:
                break
        yield "\n".join(code), "\n".join(output).strip()


def _ends_docstring(line: str) -> bool:
    return line.count('"""') % 2 == 1 or line.count("'''") % 2 == 1


def _only_called(sessions: list[tuple[str, str]]) -> str:
    names = {name for code, _ in sessions if (name := _called(_call(code)))}
    return names.pop() if len(names) == 1 else ""


def _call(code: str) -> ast.Call | None:
    """The call that `code` consists of; `f(x) == y` is read elsewhere."""
    try:
        body = parse_module(code.strip()).body
    except SyntaxError:
        return None
    if len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Call):
        return body[0].value
    return None


def _called(call: ast.Call | None) -> str:
    """The name of the function called: `f` in `f(1)`, and in `Solution().f(1)`."""
    function = call.func if call else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _from_session(name: str, code: str, output: str) -> CallExample | None:
    if not output and "=" not in code:
        return None  # it printed nothing: None, or the example is not finished
    call = _call(code)
    if call is not None and _called(call) == name.rpartition(".")[2]:
        return _example(code.strip(), call, output)
    # `>>> f(1) == 2` with True under it
    found = _from_arrows(name.rpartition(".")[2], code) if output == "True" else []
    return found[0] if len(found) == 1 else None


def _from_arrows(name: str, text: str) -> list[CallExample]:
    """Examples such as `f([1, 2]) => 3`, each on one line."""
    found = []
    calls = re.finditer(rf"(?<![\w.]){re.escape(name)}\(", text)
    for match in islice(calls, _MOST):
        line = text[match.start() : match.start() + _LONGEST].partition("\n")[0]
        end = _balanced(line, len(name))
        arrow = _ARROW.match(line, end) if end else None
        if arrow is None:
            continue
        literal = _leading_literal(line[arrow.end() :])
        example = _example(line[:end], _call(line[:end]), literal) if literal else None
        if example is not None:
            found.append(example)
    return found


def _from_labels(text: str, function: Function | None) -> list[CallExample]:
    """Examples in the form `Input: a = [1, 2], b = 3`, and on the next line `Output: 4`.

    The names are those of the arguments, in their order; without a signature in the
    prompt it is not sure that a function with these arguments is asked for.
    """
    if function is None:
        return []
    count = len([a for a in function.args.args if a.arg != "self"])
    found = []
    for match in _LABELS.finditer(text):
        try:
            call = _call(f"_({match['input']})")
            args, kwargs = call_arguments(call) if call else ((), {})
            value = parse_literal(match["output"].partition("#")[0])
        except NotLiteral:
            continue
        values = (*args, *kwargs.values())
        if call and len(values) == count:
            written = ", ".join(map(repr, values))
            output = match["output"].partition("#")[0].strip()
            found.append(CallExample(written, output, values, value))
    return found


def _example(source: str, call: ast.Call | None, output: str) -> CallExample | None:
    if call is None:
        return None
    try:
        args, kwargs = call_arguments(call)
        value = parse_literal(output)
    except NotLiteral:
        return None
    called = ast.get_source_segment(source, call.func) or ""
    whole = ast.get_source_segment(source, call) or ""
    written = whole[len(called) :].strip()[1:-1].strip()
    return CallExample(written, output.strip(), args, value, kwargs)


def _leading_literal(text: str) -> str:
    """The literal at the start of `text`, if only a remark follows it."""
    if text[:1] in _PAIRS:
        end = _balanced(text, 0)
    elif text[:1] in ("'", '"'):
        end = _closing_quote(text, 0)
    else:
        match = _BARE.match(text)
        end = len(match[0].rstrip(".")) if match else 0
    text = _QUOTES.sub("", text) if text[:3] not in ('"""', "'''") else ""
    return text[:end] if end and _AFTER.match(text, end) else ""


def _balanced(line: str, start: int) -> int:
    """The index after the bracket that closes the one at `start`; 0 if there is none."""
    waiting: list[str] = []
    index = start
    while index < len(line):
        character = line[index]
        if character in "'\"":
            index = _closing_quote(line, index) or len(line)
            continue
        if character in _PAIRS:
            waiting.append(_PAIRS[character])
        elif waiting and character == waiting[-1]:
            waiting.pop()
            if not waiting:
                return index + 1
        index += 1
    return 0


def _closing_quote(line: str, start: int) -> int:
    """The index after the quote that closes the one at `start`; 0 if there is none."""
    index = start + 1
    while index < len(line):
        if line[index] == "\\":
            index += 1
        elif line[index] == line[start]:
            return index + 1
        index += 1
    return 0
