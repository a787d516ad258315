"""Functions that the repository's own tests prove, run by the judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.judge import SandboxJudge
from codelathe.training.repository.building import build_rows
from codelathe.training.repository.options import BuildOptions
from codelathe.training.repository.proving import Modules, find_examples, prove_functions
from fakes.repositories import GitRepository

FILES = {
    "src/shop/__init__.py": "",
    "src/shop/rates.py": "from . import units\n\ndef rate(n):\n    return units.HALF * n\n",
    "src/shop/units.py": "HALF = 0.5\n",
    "src/shop/prices.py": (
        "from shop.rates import rate\n\n\n"
        'def half(n):\n    """Give the half of it.\n\n    >>> half(4)\n    2.0\n    """\n'
        "    return rate(n)\n\n\n"
        'def wrong(n):\n    """Give the double of it.\n\n    >>> wrong(4)\n    8\n    """\n'
        "    return n\n\n\n"
        'def tested(n):\n    """Give one more than it."""\n    return n + 1\n\n\n'
        'def untested(n):\n    """Give one less than it."""\n    return n - 1\n'
    ),
    "tests/test_prices.py": (
        "from shop.prices import tested, untested\n\n\n"
        "def test_one_more():\n    assert tested(1) == 2\n    assert tested(2) == 3\n\n\n"
        "def test_one_less(number):\n    assert untested(1) == 0\n"
    ),
}


@pytest.fixture(scope="module")
def judge() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as opened:
        yield opened


def test_functions_with_right_doctests_or_tests_are_proved(judge: SandboxJudge) -> None:
    found = prove_functions(FILES, judge)
    path = "src/shop/prices.py"
    assert found.functions == {(path, "half"), (path, "tested")}
    assert found.failed == 1


def test_the_calls_of_a_test_are_read_with_what_they_must_give() -> None:
    examples = find_examples(FILES, Modules(FILES))
    calls = examples["src/shop/prices.py", "tested"]
    assert [(call.args, call.value, call.comparer) for call in calls] == [
        ((1,), 2, "exact"),
        ((2,), 3, "exact"),
    ]


def test_a_test_that_is_given_something_is_not_read() -> None:
    assert ("src/shop/prices.py", "untested") not in find_examples(FILES, Modules(FILES))


PARAMETRIZED = """import pytest
from shop.prices import tested

@pytest.mark.parametrize(("given", "wanted"), [(1, 2), (2, 3), ([], [])])
def test_rows(given, wanted):
    assert tested(given) == wanted

@pytest.mark.parametrize("given", [5])
def test_one(given):
    assert tested(given) == 6

@pytest.mark.parametrize("given", [7])
def test_more(given, fixture):
    assert tested(given) == 8
"""
UNITTEST = """import unittest
from shop.prices import tested

class Tests(unittest.TestCase):
    def test_it(self):
        self.assertEqual(tested(1), 2)
        self.assertEqual(3, tested(2), "so it should")

    def test_that(self):
        self.assertTrue(tested(5))

    @unittest.skip("not now")
    def test_nothing(self):
        self.assertEqual(tested(6), 1)

class Prepared(unittest.TestCase):
    def setUp(self):
        self.n = 1

    def test_it(self):
        self.assertEqual(tested(7), 8)
"""


@pytest.mark.parametrize(
    ("text", "inputs"), [(PARAMETRIZED, ["1", "2", "[]", "5"]), (UNITTEST, ["1", "2", "5"])]
)
def test_parametrized_tests_and_methods_are_read_row_by_row(text: str, inputs: list[str]) -> None:
    files = {**FILES, "tests/test_prices.py": text}
    calls = find_examples(files, Modules(files))["src/shop/prices.py", "tested"]
    assert [call.input for call in calls] == inputs


def test_a_function_that_fails_one_test_is_not_proved(judge: SandboxJudge) -> None:
    more = "from shop.prices import half\ndef test_it():\n    assert half(4) == 3.0\n"
    found = prove_functions({**FILES, "tests/test_more.py": more}, judge)
    assert ("src/shop/prices.py", "half") not in found.functions


def test_modules_without_packages_import_each_other(judge: SandboxJudge) -> None:
    files = {
        "a.py": "import b\ndef f(n):\n    '''>>> f(1)\n    3'''\n    return b.g(n) + 1\n",
        "b.py": "import a\ndef g(n):\n    return n + 1\n",
    }
    assert prove_functions(files, judge).functions == {("a.py", "f")}


def test_what_is_imported_by_an_ambiguous_name_is_not_guessed() -> None:
    modules = Modules({"one/a.py": "", "two/a.py": "", "three/b.py": ""})
    assert modules.find("a", "three/b.py") == ""
    assert modules.find("a", "one/c.py") == "one/a.py"
    assert modules.find("two.a") == "two/a.py"


def test_code_that_reaches_for_files_proves_nothing(judge: SandboxJudge, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("3")
    text = (
        f"def f(n):\n    '''>>> f(1)\n    3'''\n    return int(open('{tmp_path}/secret').read())\n"
    )
    assert prove_functions({"a.py": text}, judge).failed == 1


@pytest.mark.parametrize("value", ["+\n".join("1" * 900), "[\n" * 90 + "]" * 90, "-" * 900 + "1"])
def test_a_test_that_is_too_deep_to_read_proves_nothing(judge: SandboxJudge, value: str) -> None:
    text = f"from a import f\ndef test_f():\n    assert f(1) == ({value})\n"
    found = prove_functions({"a.py": "def f(n):\n    return n\n", "test_a.py": text}, judge)
    assert not found.functions


def test_with_a_judge_only_proved_functions_become_rows(
    judge: SandboxJudge, tmp_path: Path
) -> None:
    repository = GitRepository(tmp_path / "repo")
    for path, text in FILES.items():
        repository.write(path, text)
    repository.commit()
    options = BuildOptions(kinds=("write",))
    built = build_rows(repository.folder, Path("rows.jsonl"), options, judge=judge)
    prompts = [json.loads(line)["prompt"] for line in Path("rows.jsonl").read_text().splitlines()]
    assert sorted(prompt.split("`")[1] for prompt in prompts) == ["half", "tested"]
    assert (built.proved, built.failed) == (2, 1)
