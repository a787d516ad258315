"""The table of languages, and what a signature says of them."""

from __future__ import annotations

import os
import re
import sys
import types
from pathlib import Path

import pytest

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.language import LANGUAGES
from codelathe.core.problem import StdioExample, Suite
from codelathe.judge import languages
from codelathe.judge.process import ProcessSlot
from codelathe.judge.programs import ProgramRunner
from codelathe.judge.toolchains.base import Toolchain, indented_end
from codelathe.judge.toolchains.go import _merged

BRACES = "int main() { { a; } }\n"


@pytest.mark.parametrize("language", [*languages.RUNNERS, *languages.TOOLCHAINS])
def test_a_language_of_the_table_is_known_everywhere_by_that_name(language: str) -> None:
    assert language in LANGUAGES


@pytest.mark.parametrize("language", languages.TOOLCHAINS)
def test_a_toolchain_says_which_language_it_is(language: str) -> None:
    made = languages.TOOLCHAINS.load(language)
    assert issubclass(made, Toolchain)
    assert made.language == language


def test_an_unknown_language_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(LanguageError) as caught:
        languages.check("kotlin")
    assert all(name in caught.value.hint for name in ("python", "cpp", "rust"))


def test_each_language_has_slots_of_its_own() -> None:
    found = [x for x in languages.TOOLCHAINS if isinstance(languages.toolchain(x), Toolchain)]
    cases = [Case(Candidate("x", language), (StdioExample("", ""),)) for language in found]
    assert [languages.slot(case) for case in cases] == found


@pytest.mark.parametrize(
    ("code", "test", "kind"),
    [
        ("x = 1", "check()", "python"),
        ("import numpy as np", "check()", "numpy"),
        ("__import__('numpy')", "check()", "numpy"),
        ("x = 1", "import numpy\ncheck()", "numpy"),
        ("x = 1", "def check():\n    from numpy.linalg import det", "numpy"),
        ("x = 1", "import math, numpy as np", "numpy"),
        ("x = 1", "# as numpy.allclose has it\ncheck()", "python"),
        ("x = 1", "import math  # not numpy\ncheck()", "python"),
    ],
)
def test_code_that_names_numpy_and_tests_that_import_it_run_where_it_is_loaded(
    code: str, test: str, kind: str
) -> None:
    pytest.importorskip("numpy")
    assert languages.slot(Case(Candidate(code), (Suite(test),))) == kind


def test_a_signature_says_that_a_test_ran_with_the_candidate() -> None:
    assert "candidate's own process" in languages.facts("go")["decided"]


def test_a_signature_has_nothing_to_add_for_python() -> None:
    assert languages.facts("python") == {}


def test_a_statement_goes_before_the_brace_that_ends_main() -> None:
    assert indented_end(BRACES, "last;", 1) == "int main() { { a; } last;\n}\n"


def test_a_statement_goes_before_an_inner_brace() -> None:
    assert indented_end(BRACES, "last;", 2) == "int main() { { a; last;\n} }\n"


def test_a_test_with_too_few_braces_has_no_last_statement() -> None:
    with pytest.raises(LanguageError):
        indented_end("int x;", "last;", 1)


def test_imports_of_go_are_joined_and_those_in_use_kept() -> None:
    joined = _merged(
        'package main\n\nimport (\n    "math"\n    "os"\n)\n',
        'import "math"\nimport (\n  s "strings"\n)\nvar a = math.Pi + s.Count("os.x", "")',
        "",
    )
    assert joined.count("import") == 1
    assert [line.strip() for line in joined.split("\n")[3:5]] == ['"math"', 's "strings"']


def test_a_well_known_import_of_go_that_is_missing_is_added() -> None:
    assert '"sort"' in _merged("package main", "func f(x []int) { sort.Ints(x) }")


def test_the_language_that_the_page_adds_can_be_judged() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "languages.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    made = types.ModuleType("added")
    sys.modules["added"] = made  # where dataclasses look for it
    try:
        exec(code, made.__dict__)
        found = made.C.find()
    except LanguageError as error:
        pytest.skip(error.message)
    finally:
        del sys.modules["added"]
    right = "int add(int a, int b) {\n    return a + b;\n}\n"
    test = "#include <assert.h>\nint main() {\n    assert(add(1, 2) == 3);\n}\n"
    examples = (Suite(test), Suite(test.replace("3", "4")))
    slot = ProcessSlot("A", sorted(os.sched_getaffinity(0)), found)
    try:
        verdicts = ProgramRunner(slot).run(Case(Candidate(right, "c"), examples, Limits(20.0)))
    finally:
        slot.kill()
    assert [v.status for v in verdicts] == [Status.PASSED, Status.FAILED], verdicts
