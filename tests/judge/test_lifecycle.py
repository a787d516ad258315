"""Starting, ending, interrupting and sharing: what is left behind is nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.core.errors import JudgeError
from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.problem import CallExample
from codelathe.judge import SandboxJudge
from codelathe.judge import slot as slots
from fakes.processes import alive, below, parent, until

LOOP = Case(
    Candidate("def f():\n    while True: pass", entry_point="f"),
    (CallExample("", "1", (), 1),),
    Limits(seconds=60.0),
)


def answering(value: int) -> Case:
    return Case(
        Candidate(f"def f():\n    return {value}", entry_point="f"),
        (CallExample("", str(value), (), value),),
        Limits(seconds=20.0),
    )


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_single_case_starts_a_single_slot() -> None:
    before = below()
    with SandboxJudge(slots=4) as judge:
        list(judge.judge([answering(1)]))
        launchers = {p for p in below() - before if parent(p) == os.getpid()}
        assert len(launchers) == 1


def test_nothing_is_started_before_there_is_work() -> None:
    before = below()
    with SandboxJudge(slots=4):
        assert below() == before


def test_closing_leaves_no_process() -> None:
    before = below()
    judge = SandboxJudge(slots=2)
    list(judge.judge([answering(i) for i in range(20)]))
    started = below() - before
    judge.close()
    assert started
    until(lambda: not alive(started))


def test_closing_leaves_no_descriptor() -> None:
    before = open_descriptors()
    with SandboxJudge(slots=2) as judge:
        list(judge.judge([answering(i) for i in range(20)]))
    assert open_descriptors() == before


def test_closing_twice_is_harmless() -> None:
    judge = SandboxJudge(slots=1)
    list(judge.judge([answering(1)]))
    judge.close()
    judge.close()


def test_a_closed_judge_says_so() -> None:
    judge = SandboxJudge(slots=1)
    judge.close()
    with pytest.raises(JudgeError, match="closed"):
        list(judge.judge([answering(1)]))


def test_ending_the_iteration_early_ends_what_runs() -> None:
    with SandboxJudge(slots=1) as judge:
        answers = judge.judge([answering(1), LOOP])
        next(answers)
        answers.close()
        (verdict,) = next(judge.judge([answering(2)]))
        assert verdict.status is Status.PASSED


def test_nothing_waits_behind_a_loop() -> None:
    seen: list[int] = []

    def cases() -> Iterator[Case]:
        yield LOOP
        for i in range(50):
            seen.append(i)
            yield answering(i)

    with SandboxJudge(slots=2) as judge:
        answers = judge.judge(cases())
        thread = threading.Thread(target=lambda: next(answers, None))
        thread.start()
        until(lambda: len(seen) == 50)
        judge.close()
        thread.join()


def test_cases_are_read_only_as_far_as_there_is_use_for_them() -> None:
    read = 0

    def endless() -> Iterator[Case]:
        nonlocal read
        while True:
            read += 1
            yield answering(read)

    with SandboxJudge(slots=1) as judge:
        answers = judge.judge(endless())
        for _ in range(5):
            next(answers)
        assert read < 20
        answers.close()


def test_a_first_verdict_does_not_wait_for_the_second_case() -> None:
    gate = threading.Event()

    def cases() -> Iterator[Case]:
        yield answering(1)
        yield answering(2)
        gate.wait(60)
        yield answering(3)

    with SandboxJudge(slots=1) as judge:
        answers = judge.judge(cases())
        timer = threading.Timer(0.5, gate.set)
        timer.start()
        first = next(answers)
        assert first[0].status is Status.PASSED
        timer.join()
        assert len(list(answers)) == 2


def test_several_threads_share_the_slots() -> None:
    answers: dict[int, list[str | None]] = {}

    def work(judge: SandboxJudge, offset: int) -> None:
        cases = [answering(offset + i) for i in range(20)]
        answers[offset] = [v.got for (v,) in judge.judge(cases) if v.status is Status.PASSED]

    with SandboxJudge(slots=2) as judge:
        threads = [threading.Thread(target=work, args=(judge, 100 * k)) for k in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {100 * k: [str(100 * k + i) for i in range(20)] for k in range(6)}


def test_closing_ends_the_iterations_of_other_threads() -> None:
    ends: list[type[BaseException] | None] = []

    def work(judge: SandboxJudge) -> None:
        try:
            list(judge.judge([LOOP] * 5))
        except JudgeError as error:
            ends.append(type(error))

    judge = SandboxJudge(slots=1)
    threads = [threading.Thread(target=work, args=(judge,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert judge.isolation
    judge.close()
    for thread in threads:
        thread.join(30)
    assert ends == [JudgeError] * 3


def test_a_candidate_holds_no_descriptor_of_others_however_many_the_parent_has() -> None:
    code = """
import os
def f():
    held = []
    for fd in range(4, 1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        held.append(fd)
    return held
"""
    case = Case(Candidate(code, entry_point="f"), (CallExample("", "[]", (), []),), Limits(20.0))
    mine = [os.dup(0) for _ in range(200)]
    try:
        with SandboxJudge(slots=1) as judge:
            (verdict,) = next(judge.judge([case]))
    finally:
        for fd in mine:
            os.close(fd)
    assert verdict.got == "[]"


def test_a_worn_slot_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "RUNS", 3)
    before, launchers = below(), set[int]()
    with SandboxJudge(slots=1) as judge:
        for (verdict,) in judge.judge(answering(i) for i in range(8)):
            assert verdict.status is Status.PASSED
            launchers |= {p for p in below() - before if parent(p) == os.getpid()}
    assert len(launchers) > 1


def test_a_warden_that_dies_is_replaced() -> None:
    before = below()
    with SandboxJudge(slots=1) as judge:
        list(judge.judge([answering(1)]))
        for pid in below() - before:
            os.kill(pid, signal.SIGKILL)
        (verdict,) = next(judge.judge([answering(2)]))
    assert verdict.status is Status.PASSED


PROGRAM = """
import sys
from codelathe.core.judging import *
from codelathe.core.problem import *
from codelathe.judge import SandboxJudge

loop = "def f():\\n    while True: pass"
case = Case(
    Candidate(loop, entry_point="f"), (CallExample("", "1", (), 1),), Limits(seconds=600.0)
)
judge = SandboxJudge(slots=2)
judge.isolation
print("ready", flush=True)
{body}
"""


def start(body: str, stdin: int | None = None) -> subprocess.Popen[str]:
    source = str(Path(slots.__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM).format(body=body)],
        env={"PYTHONPATH": source},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def running(process: subprocess.Popen[str]) -> set[int]:
    """The processes below a program that judges two loops: two each of launcher, warden, loop."""
    until(lambda: len(below(process.pid)) == 6)
    return below(process.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_the_death_of_the_judging_program(number: int) -> None:
    with start("list(judge.judge([case, case]))") as process:
        found = running(process)
        process.send_signal(number)
        process.wait()
    until(lambda: not alive(found))


def test_an_interrupted_judge_can_go_on() -> None:
    body = """
try:
    list(judge.judge([case, case]))
except KeyboardInterrupt:
    good = Candidate("def f(): return 1", entry_point="f")
    answers = list(judge.judge([Case(good, case.examples)]))
    print(answers[0][0].status, flush=True)
    judge.close()
"""
    with start(body) as process:
        found = running(process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert output == "passed\n"
    until(lambda: not alive(found))


def test_a_judge_goes_on_when_the_machine_has_again_what_it_lacked() -> None:
    body = """
import os, resource
from codelathe.core.errors import IsolationError
from codelathe.judge import slot
slot.RUNS = 1
one = Case(Candidate("f = int", entry_point="f"), (CallExample("", "0", (), 0),))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
kept = [os.dup(0) for _ in range(20)]
def ask():
    try:
        return [v.status.value for (v,) in judge.judge([one] * 4)]
    except IsolationError:
        return "refused"
print(ask(), flush=True)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
asked = ask()
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(asked == ["passed"] * 4, ask(), flush=True)
judge.close()
"""
    with start(body) as process:
        output, _ = process.communicate()
    assert output == f"{['passed'] * 4}\nFalse {['passed'] * 4}\n"


def test_a_fork_of_the_judging_program_that_ends_disturbs_nothing() -> None:
    body = """
import os, time
slow = Candidate("import time\\ndef f():\\n    time.sleep(1)\\n    return 1", entry_point="f")
def cases():
    yield Case(slow, case.examples)
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
print([v.status.value for (v,) in judge.judge(cases())], flush=True)
"""
    with start(body) as process:
        output, _ = process.communicate()
    assert output == "['passed']\n"


def test_a_fork_of_the_judging_program_is_told_that_the_judge_is_not_its_own() -> None:
    body = """
import os
if os.fork() == 0:
    try:
        list(judge.judge([case]))
    except Exception as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""
    with start(body) as process:
        output, _ = process.communicate()
    assert output == "the judge belongs to the process that made it\n"


def test_a_program_that_forgets_to_close_ends_all_the_same() -> None:
    body = """
next(judge.judge([Case(Candidate("f = int", entry_point="f"), case.examples)]))
print("judged", flush=True)
sys.stdin.read()
"""
    with start(body, subprocess.PIPE) as process:
        assert process.stdout.readline() == "judged\n"
        found = below(process.pid)
        assert found
        process.stdin.close()
        assert process.wait(60) == 0
    until(lambda: not alive(found))
