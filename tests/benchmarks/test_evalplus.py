"""HumanEval+ and MBPP+: expected values that the canonical solutions give, computed once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.benchmarks import Benchmark, open_benchmark, plain
from codelathe.benchmarks.evalplus_inputs import mbpp_arguments
from codelathe.benchmarks.evalplus_program import literal, program
from codelathe.core.errors import JudgeError, OutputTooLarge, ProblemError, UsageError
from codelathe.core.judging import Candidate, Limits
from codelathe.core.problem import CallExample
from codelathe.judge import codec
from codelathe.store import home
from fakes.problems import MBPP_PLUS, Here, Write
from fakes.progress import Heard

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary(max_size=4) | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(categories=["Cs"]), max_size=3)
    | st.integers(1 << 8000, 1 << 8400),
    lambda x: st.lists(x, max_size=3) | st.lists(x, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=2), x, max_size=3)
    | st.frozensets(st.integers(), max_size=3) | st.sets(st.integers(), max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.fixture
def data(write: Write) -> Path:
    return write("MbppPlus.jsonl", MBPP_PLUS)


@pytest.fixture
def benchmark(data: Path, here: Here) -> Benchmark:
    return open_benchmark("mbpp+", data, values=here)


def cached() -> list[Path]:
    return list((home() / "cache" / "expected").iterdir())


def test_a_problem_has_two_tests(benchmark: Benchmark) -> None:
    assert benchmark.tests == ("base", "plus")
    assert [len(task.problem.tests) for task in benchmark.tasks.values()] == [2, 2]


def test_base_only_prepares_the_base_test_alone(data: Path, here: Here) -> None:
    benchmark = open_benchmark("mbpp+", data, values=here, base_only=True)
    assert benchmark.tests == ("base",)
    (base,) = benchmark.tasks["Mbpp/2"].problem.tests
    assert base.calls is not None
    assert len(base.calls) == 1


def test_both_ways_to_open_it_keep_their_values_apart(data: Path, here: Here) -> None:
    open_benchmark("mbpp+", data, values=here, base_only=True)
    assert open_benchmark("mbpp+", data, values=here).tests == ("base", "plus")
    assert len(cached()) == 2


@pytest.mark.parametrize("name", ["mbpp", "humaneval", "mine.jsonl"])
def test_base_only_of_a_benchmark_that_has_nothing_else_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="has base tests only"):
        open_benchmark(name, base_only=True)


def test_the_canonical_solution_says_what_is_expected(benchmark: Benchmark) -> None:
    base, plus = benchmark.tasks["Mbpp/2"].problem.tests
    assert base.calls is not None
    assert plus.calls is not None
    assert [call.value for call in (*base.calls, *plus.calls)] == [(2,), (), (2, 3)]


def test_inputs_have_the_types_that_the_problem_takes(benchmark: Benchmark) -> None:
    (call,) = benchmark.tasks["Mbpp/2"].problem.tests[0].calls or ()
    assert call.args == ((1, 2), (2, 3))
    assert call.input == "(1, 2), (2, 3)"


def test_an_input_is_not_what_the_solution_made_of_it(benchmark: Benchmark) -> None:
    (call,) = benchmark.tasks["Mbpp/8"].problem.tests[0].calls or ()
    assert call.args == ([1, 2],)


def test_a_test_without_inputs_has_no_calls(benchmark: Benchmark) -> None:
    assert benchmark.tasks["Mbpp/8"].problem.tests[1].calls == ()


def test_the_comparer_has_the_problem_and_its_tolerance(benchmark: Benchmark) -> None:
    names = [task.problem.tests[0].comparer for task in benchmark.tasks.values()]
    assert names == ["evalplus:mbpp:similar_elements:0", "evalplus:mbpp:squares:0.0001"]


def test_the_version_of_the_rules_stands_in_the_details(benchmark: Benchmark) -> None:
    assert benchmark.details["comparer"] == "evalplus 0.3.1"


def test_limits_follow_the_time_that_the_solution_took(data: Path) -> None:
    class Slow(Here):
        def __call__(
            self, candidate: Candidate, calls: Sequence[CallExample], limits: Limits
        ) -> list[tuple[Any, float]]:
            return [(value, 3.0) for value, _ in super().__call__(candidate, calls, limits)]

    task = open_benchmark("mbpp+", data, values=Slow()).tasks["Mbpp/2"]
    assert task.problem.tests[0].call_seconds == 12.0
    assert task.limits.seconds == 2 * 12.0 + 1


def test_a_quick_solution_gives_four_seconds_an_input(benchmark: Benchmark) -> None:
    task = benchmark.tasks["Mbpp/2"]
    assert (task.problem.tests[0].call_seconds, task.limits.seconds) == (4.0, 2 * 4.0 + 1)


def test_the_tests_are_programs_that_the_solutions_get_through(benchmark: Benchmark) -> None:
    for task in benchmark.tasks.values():
        for suite in task.problem.tests:
            exec(f"{task.canonical}\n{suite.source}", {})


def test_a_wrong_solution_does_not_get_through_the_program(benchmark: Benchmark) -> None:
    source = benchmark.tasks["Mbpp/8"].problem.tests[0].source
    with pytest.raises(AssertionError, match=r"gave \[1, 2\], not \[1, 4\]"):
        exec(f"def squares(a): return a\n{source}", {})


def test_the_program_leaves_the_candidate_no_names_but_its_own(benchmark: Benchmark) -> None:
    names: dict[str, Any] = {}
    source = benchmark.tasks["Mbpp/2"].problem.tests[0].source
    exec(f"{benchmark.tasks['Mbpp/2'].canonical}\n{source}", names)
    assert names.keys() - {"__builtins__", "__doc__"} == {"similar_elements", "check_evalplus"}


def test_expected_values_are_computed_once(data: Path) -> None:
    here = Here()
    open_benchmark("mbpp+", data, values=here)
    asked = here.asked
    assert open_benchmark("mbpp+", data, values=here).tasks
    assert here.asked == asked == 2


def test_that_they_are_computed_is_told_once(data: Path, here: Here) -> None:
    heard = Heard()
    for _ in range(2):
        open_benchmark("mbpp+", data, values=here, progress=heard)
    assert len(heard.notes) == 1


def test_kept_values_need_no_judge(data: Path, benchmark: Benchmark) -> None:
    assert open_benchmark("mbpp+", data).tasks == benchmark.tasks


def test_values_that_are_not_kept_need_a_judge(data: Path) -> None:
    with pytest.raises(UsageError, match="not computed yet"):
        open_benchmark("mbpp+", data)


def test_other_data_has_other_values(data: Path, benchmark: Benchmark, write: Write) -> None:
    open_benchmark("mbpp+", write("other.jsonl", MBPP_PLUS[:1]), values=Here())
    assert len(cached()) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b'["Mbpp/2",[]]\n', b"\xff", b"[" * 99_999, b"[1,2]\n[3,4]\n"]
)
def test_a_damaged_cache_is_computed_again(
    data: Path, benchmark: Benchmark, here: Here, content: bytes
) -> None:
    (path,) = cached()
    path.write_bytes(content)
    assert open_benchmark("mbpp+", data, values=here).tasks == benchmark.tasks


def test_nothing_is_kept_of_a_computation_that_failed(data: Path) -> None:
    def fails(*_: object) -> list[tuple[Any, float]]:
        raise JudgeError("it raises")

    with pytest.raises(JudgeError, match=r"Mbpp/\d gives no values: it raises"):
        open_benchmark("mbpp+", data, values=fails)
    assert not (home() / "cache").exists()


def test_an_input_whose_value_is_too_large_is_left_out_and_named(data: Path) -> None:
    class Narrow(Here):
        def __call__(
            self, candidate: Candidate, calls: Sequence[CallExample], limits: Limits
        ) -> list[tuple[Any, float]]:
            found: list[tuple[Any, float]] = []
            for timed in super().__call__(candidate, calls, limits):
                if timed[0] == ():
                    raise OutputTooLarge("too large", before=found)
                found.append(timed)
            return found

    benchmark = open_benchmark("mbpp+", data, values=Narrow())
    plus = benchmark.tasks["Mbpp/2"].problem.tests[1]
    assert [call.value for call in plus.calls or ()] == [(2, 3)]
    assert benchmark.details["left out"] == "Mbpp/2: 1"


def test_of_some_problems_only_counts_whether_there_is_an_answer(write: Write, here: Here) -> None:
    row = {
        **MBPP_PLUS[1],
        "entry_point": "check_str",
        "canonical_solution": "import re\ndef check_str(a): return re.match('a', a)\n",
        "base_input": [["ab"], ["b"]],
    }
    benchmark = open_benchmark("mbpp+", write("one.jsonl", [row]), values=here)
    calls = benchmark.tasks["Mbpp/8"].problem.tests[0].calls or ()
    assert [call.value for call in calls] == [True, False]


def test_a_solution_that_returns_no_data_is_told(write: Write, here: Here) -> None:
    row = {**MBPP_PLUS[1], "canonical_solution": "def squares(a): return object()\n"}
    with pytest.raises(JudgeError, match="Mbpp/8 returns what cannot be kept"):
        open_benchmark("mbpp+", write("one.jsonl", [row]), values=here)


@pytest.mark.parametrize(
    "change",
    [
        {"base_input": [1]},
        {"base_input": "x"},
        {"plus_input": {"a": 1}},
        {"atol": None},
        {"atol": -1},
        {"atol": True},
        {"task_id": "Mbpp/2"},
        {"task_id": "Mbpp/124", "base_input": [["x", "y"]]},
        {"task_id": "Mbpp/75", "base_input": [[[]]]},
    ],
)
def test_a_row_of_another_form_is_told_with_its_line(
    write: Write, here: Here, change: dict[str, Any]
) -> None:
    row = {**MBPP_PLUS[1], "base_input": [[1]], **change}
    with pytest.raises(ProblemError, match="line 1"):
        open_benchmark("mbpp+", write("one.jsonl", [row]), values=here)


def test_humaneval_plus_takes_its_inputs_as_they_are(write: Write, here: Here) -> None:
    row = {**MBPP_PLUS[0], "task_id": "HumanEval/2"}
    benchmark = open_benchmark("humaneval+", write("one.jsonl", [row]), values=here)
    (call,) = benchmark.tasks["HumanEval/2"].problem.tests[0].calls or ()
    assert call.args == ([1, 2], [2, 3])


def test_the_newest_version_in_the_folder_is_taken(write: Write, folder: Path, here: Here) -> None:
    for version in ("v0.1.9", "v0.1.10"):
        write(f"HumanEvalPlus-{version}.jsonl", [{**MBPP_PLUS[0], "task_id": f"{version}/1"}])
    write("HumanEvalPlus-Mini-v0.2.0.jsonl", [{**MBPP_PLUS[0], "task_id": "mini/1"}])
    assert list(open_benchmark("humaneval+", values=here).tasks) == ["v0.1.10/1"]


@pytest.mark.parametrize(
    ("task_id", "raw", "read"),
    [
        ("Mbpp/3", [[1]], [[1]]),
        ("Mbpp/2", [[1], [2]], [(1,), (2,)]),
        ("Mbpp/63", [[[1], [2]]], [[(1,), (2,)]]),
        ("Mbpp/75", [[[1]], [2]], [[(1,)], [2]]),
        ("Mbpp/106", [[1], [2]], [[1], (2,)]),
        ("Mbpp/115", [[[1], []]], [[{1}, {}]]),
        ("Mbpp/124", ["1", "2j"], [1.0, 2j]),
        ("Mbpp/252", ["1+2j"], [1 + 2j]),
        ("Mbpp/250", [[1], [2]], [(1,), [2]]),
        ("Mbpp/259", [[[1]], [[2]]], [((1,),), ((2,),)]),
        ("Mbpp/278", [[1, [2]]], [(1, (2,))]),
        ("Mbpp/307", [[1], [2], 3], [(1,), [2], 3]),
        ("Mbpp/722", [{"a": [1]}, 2], [{"a": (1,)}, 2]),
        ("Mbpp/580", [[[1, [2]]]], [((1, (2,)),)]),
        ("mine", [[1]], [[1]]),
    ],
)
def test_json_becomes_what_a_problem_takes(task_id: str, raw: list[Any], read: list[Any]) -> None:
    assert mbpp_arguments(task_id, raw) == read


@given(values)
def test_a_value_is_kept_as_it_is(value: Any) -> None:
    again = plain.loads(plain.dumps(value))
    assert (again, type(again)) == (value, type(value))


@pytest.mark.parametrize(
    "value", [Counter("aab"), deque([1], 2), Decimal("1.50"), Fraction(1, 3), range(3), b"x"]
)
def test_values_of_standard_types_are_kept(value: Any) -> None:
    again = plain.loads(plain.dumps([value]))[0]
    assert (again, type(again)) == (value, type(value))


@pytest.mark.parametrize("text", ['{"t":[1],"s":[1]}', '{"z":1}', '{"x":["z"]}', "{}"])
def test_other_text_is_no_kept_value(text: str) -> None:
    with pytest.raises((ValueError, codec.CodecError)):
        plain.loads(text)


@given(values)
def test_a_literal_means_its_value(value: Any) -> None:
    names = {"inf": float("inf"), "infj": complex(0, float("inf"))}
    assert eval(literal(value), names) == value


@pytest.mark.parametrize("value", [Counter("aab"), deque([1], 2), Decimal("1.5"), {1: 10**5000}])
def test_a_program_can_hold_values_of_standard_types(value: Any) -> None:
    source = program("mbpp", "f", 0, [literal((value,))], [literal(value)])
    exec(f"def f(a): return a\n{source}", {})
