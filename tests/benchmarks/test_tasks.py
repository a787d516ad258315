"""What becomes of the rows of HumanEval, MBPP and HumanEvalPack."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.benchmarks import Benchmark, open_benchmark
from codelathe.core.errors import ProblemError
from fakes.problems import HUMANEVAL, MBPP, PACK_GO, Write


@pytest.fixture
def humaneval(write: Write) -> Benchmark:
    return open_benchmark("humaneval", write("HumanEval.jsonl.gz", HUMANEVAL))


@pytest.fixture
def mbpp(write: Write) -> Benchmark:
    return open_benchmark("mbpp", write("mbpp.jsonl", MBPP))


def run(*sources: str) -> None:
    exec("\n".join(sources), {})


def test_a_canonical_solution_gets_through_its_test(humaneval: Benchmark) -> None:
    for task in humaneval.tasks.values():
        run(task.canonical, task.problem.tests[0].source)


def test_a_wrong_solution_does_not_get_through(humaneval: Benchmark) -> None:
    task = humaneval.tasks["HumanEval/1"]
    with pytest.raises(AssertionError):
        run(task.prefix, "    return x", task.problem.tests[0].source)


def test_a_completion_goes_on_from_the_prompt(humaneval: Benchmark) -> None:
    task = humaneval.tasks["HumanEval/0"]
    assert task.prefix == task.problem.prompt == HUMANEVAL[0]["prompt"]


def test_a_test_of_asserts_is_also_there_as_calls(humaneval: Benchmark) -> None:
    (suite,) = humaneval.tasks["HumanEval/0"].problem.tests
    assert suite.calls is not None
    assert [(call.args, call.value) for call in suite.calls] == [((2,), 4)]


def test_another_test_is_only_a_program(humaneval: Benchmark) -> None:
    assert humaneval.tasks["HumanEval/1"].problem.tests[0].calls is None


def test_a_test_may_use_what_the_prompt_defines(humaneval: Benchmark) -> None:
    assert humaneval.tasks["HumanEval/1"].problem.tests[0].context == HUMANEVAL[1]["prompt"]


@pytest.mark.parametrize("raw", ["HumanEval/1", "humaneval/1", "1", 1, " HumanEval/1 "])
def test_a_task_is_known_by_its_number_and_in_any_case(humaneval: Benchmark, raw: object) -> None:
    assert humaneval.task_id(raw) == "HumanEval/1"


@pytest.mark.parametrize("raw", ["HumanEval/2", "MBPP/1", "", "1.0", 1.0, True, None, [1], "1/"])
def test_what_names_no_task_has_no_id(humaneval: Benchmark, raw: object) -> None:
    assert humaneval.task_id(raw) is None


@pytest.mark.parametrize("test", ["assert double(", f"assert double({'-' * 1500}1)", "\0"])
def test_a_test_that_cannot_be_looked_into_is_a_program_that_is_run(
    test: str, write: Write
) -> None:
    opened = open_benchmark("humaneval", write("he.jsonl", [{**HUMANEVAL[0], "test": test}]))
    (suite,) = opened.tasks["HumanEval/0"].problem.tests
    assert suite.source.startswith(test)
    assert not suite.calls


def test_mbpp_is_its_test_split(mbpp: Benchmark) -> None:
    assert list(mbpp.tasks) == ["MBPP/11", "MBPP/12"]


def test_the_entry_point_is_the_function_that_the_asserts_call(mbpp: Benchmark) -> None:
    assert mbpp.tasks["MBPP/11"].problem.entry_point == "add"


@pytest.mark.parametrize("raw", [11, "11", "MBPP/11", "Mbpp/11"])
def test_mbpp_tasks_have_several_names(mbpp: Benchmark, raw: object) -> None:
    assert mbpp.task_id(raw) == "MBPP/11"


def test_set_up_code_comes_before_the_asserts(mbpp: Benchmark) -> None:
    suite = mbpp.tasks["MBPP/12"].problem.tests[0]
    assert suite.source == "numbers = [1, 2]\nassert total(numbers) == 3"
    assert suite.calls is None


def test_mbpp_solutions_get_through_their_tests(mbpp: Benchmark) -> None:
    for task in mbpp.tasks.values():
        run(task.canonical, task.problem.tests[0].source)


def test_a_file_without_the_test_split_is_refused(write: Write) -> None:
    with pytest.raises(ProblemError, match="11 to 510"):
        open_benchmark("mbpp", write("mbpp.jsonl", MBPP[:1]))


@pytest.mark.parametrize("code", ["x = 1", "def (", "def other(): pass"])
def test_asserts_that_call_nothing_of_the_code_are_refused(write: Write, code: str) -> None:
    with pytest.raises(ProblemError, match="line 1"):
        open_benchmark("mbpp", write("mbpp.jsonl", [{**MBPP[1], "code": code}]))


@pytest.mark.parametrize("kind", ["synthesize", "fix", "explain"])
def test_a_pack_is_in_its_language(write: Write, kind: str) -> None:
    data = write("go.jsonl", PACK_GO)
    task = open_benchmark(f"humanevalpack-{kind}-go", data).tasks["Go/0"]
    assert task.problem.language == "go"


def test_code_is_synthesized_from_the_docstring(write: Write) -> None:
    data = write("go.jsonl", PACK_GO)
    task = open_benchmark("humanevalpack-synthesize-go", data).tasks["Go/0"]
    assert task.prefix == PACK_GO[0]["prompt"]


def test_code_is_repaired_without_the_docstring(write: Write) -> None:
    data = write("go.jsonl", PACK_GO)
    task = open_benchmark("humanevalpack-fix-go", data).tasks["Go/0"]
    assert "Twice" not in task.canonical


def test_the_package_and_imports_of_a_go_test_are_its_context(write: Write) -> None:
    data = write("go.jsonl", PACK_GO)
    (suite,) = open_benchmark("humanevalpack-fix-go", data).tasks["Go/0"].problem.tests
    assert (suite.context, suite.source) == (PACK_GO[0]["test_setup"], PACK_GO[0]["test"])


def test_a_rust_declaration_gets_the_main_that_the_prompt_has(write: Write, tmp_path: Path) -> None:
    data = write("rust.jsonl", [{**PACK_GO[0], "task_id": "Rust/0"}])
    task = open_benchmark("humanevalpack-fix-rust", data).tasks["Rust/0"]
    assert task.prefix.startswith("fn main(){}\n")


def test_a_pack_in_python_has_calls(write: Write) -> None:
    row = {**PACK_GO[0], **HUMANEVAL[0], "task_id": "Python/0", "declaration": "def double(x):\n"}
    row["test"] = "def check(double):\n    assert double(2) == 4\n\ncheck(double)"
    benchmark = open_benchmark("humanevalpack-fix-python", write("python.jsonl", [row]))
    assert benchmark.tasks["Python/0"].problem.tests[0].calls is not None


@pytest.mark.parametrize(
    ("setup", "inside"),
    [("tree = Node(1)", True), ("import math\nnumbers = [math.floor(1)]", False)],
)
def test_a_test_that_uses_what_only_the_candidate_defines_runs_inside_and_says_so(
    write: Write, setup: str, inside: bool
) -> None:
    row = {**MBPP[2], "test_setup_code": setup, "test_list": ["assert total(tree) == 1"]}
    if not inside:
        row["test_list"] = ["assert total(numbers) == 1"]
    benchmark = open_benchmark("mbpp", write("mbpp.jsonl", [row]))
    (suite,) = benchmark.tasks["MBPP/12"].problem.tests
    assert suite.inside is inside
    assert benchmark.details.get("run inside") == ("MBPP/12" if inside else None)
