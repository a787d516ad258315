"""Candidates in compiled languages and JavaScript: programs, benchmarks' tests, what is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Example, StdioExample, Suite
from codelathe.judge import SandboxJudge, archive, artefacts, languages
from codelathe.judge.process import ProcessSlot
from codelathe.store import folders

LANGUAGES = tuple(languages.TOOLCHAINS)
PATIENT = Limits(seconds=30.0, memory_mb=512)

#: Programs that print twice the integer on standard input.
DOUBLE = {
    "cpp": "#include <iostream>\nint main() { long n; std::cin >> n; std::cout << 2 * n; }",
    "javascript": "console.log(2 * Number(require('fs').readFileSync(0, 'utf8')));",
    "java": """import java.util.Scanner;
public class Twice {
    public static void main(String[] args) {
        System.out.println(2 * new Scanner(System.in).nextLong());
    }
}""",
    "go": 'package main\nimport "fmt"\nfunc main() { var n int; fmt.Scan(&n); fmt.Println(2 * n) }',
    "rust": """fn main() {
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).unwrap();
    println!("{}", 2 * text.trim().parse::<i64>().unwrap());
}""",
}
BROKEN = {
    "cpp": "int main() { return nothing; }",
    "java": "public class Main { public static void main(String[] a) { nothing(); } }",
    "go": "package main\nfunc main() { nothing() }",
    "rust": "fn main() { nothing(); }",
}
EXITS = {
    "cpp": '#include <cstdlib>\n#include <cstdio>\nint main() { puts("1"); exit(3); }',
    "javascript": "console.log('1'); process.exit(3);",
    "java": """public class Main {
    public static void main(String[] a) { System.out.println("1"); System.exit(3); }
}""",
    "go": 'package main\nimport ("fmt"; "os")\nfunc main() { fmt.Println("1"); os.Exit(3) }',
    "rust": 'fn main() { println!("1"); std::process::exit(3); }',
}

#: A function `add`, then a test of it as benchmarks write them.
RIGHT = {
    "cpp": "int add(int a, int b) {\n    return a + b;\n}\n",
    "javascript": "const add = (a, b) => {\n  return a + b;\n}\n",
    "java": "class Solution {\n    int add(int a, int b) {\n        return a + b;\n    }\n}\n",
    "go": "func Add(a int, b int) int {\n    return a + b\n}\n",
    "rust": "fn main(){}\nfn add(a: i32, b: i32) -> i32 {\n    return a + b;\n}\n",
}
TESTS = {
    "cpp": "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (add(1, 2) == 3);\n}\n",
    "javascript": "const testAdd = () => {\n  console.assert(add(1, 2) === 3)\n}\n\ntestAdd()\n",
    "java": """public class Main {
    public static void main(String[] args) {
        if (new Solution().add(1, 2) != 3) {
            throw new AssertionError();
        }
    }
}
""",
    "go": """func TestAdd(t *testing.T) {
    assert := assert.New(t)
    assert.Equal(3, Add(1, 2))
}
""",
    "rust": """
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_add() {
        assert_eq!(add(1, 2), 3);
    }
}
""",
}
#: Code that ends the process well before the test's last statement.
LEAVES = {
    "cpp": "#include <cstdlib>\nint add(int a, int b) { exit(0); }\n",
    "javascript": "const add = (a, b) => { process.exit(0); }\n",
    "java": "class Solution { int add(int a, int b) { System.exit(0); return 0; } }\n",
    "go": 'import "os"\nfunc Add(a int, b int) int { os.Exit(0); return 0 }\n',
    "rust": "fn add(a: i32, b: i32) -> i32 { std::process::exit(0) }\n",
}
SETUP = {
    "go": 'package main\n\nimport (\n    "testing"\n    "strings"\n    "x/testify/assert"\n)\n'
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kits")


@pytest.fixture(autouse=True)
def _one_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built once is built once for all of these tests."""
    monkeypatch.setenv("CODELATHE_HOME", str(home))


@pytest.fixture(scope="module")
def judge() -> Iterator[SandboxJudge]:
    with SandboxJudge(slots=1) as judge:
        if judge.isolation.tier == "B":
            pytest.skip("needs tier A or A-")
        yield judge


def run(
    judge: SandboxJudge, language: str, code: str, *examples: Example | Suite, **limits: float
) -> tuple[Verdict, ...]:
    found = languages.toolchain(language)
    if isinstance(found, LanguageError):
        pytest.skip(f"{found.message}; {found.hint}")
    within = Limits(**{"seconds": 30.0, "memory_mb": 512, **limits})  # type: ignore[arg-type]
    (verdicts,) = judge.judge([Case(Candidate(code, language), examples, within)])
    return verdicts


def decided(judge: SandboxJudge, language: str, code: str) -> Verdict:
    """The verdict of the language's test."""
    suite = Suite(TESTS[language], context=SETUP.get(language, ""))
    (verdict,) = run(judge, language, code, suite)
    return verdict


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_is_judged_by_what_it_prints(judge: SandboxJudge, language: str) -> None:
    examples = StdioExample("21\n", "42"), StdioExample("-1\n", "-2"), StdioExample("1\n", "3")
    statuses = [v.status for v in run(judge, language, DOUBLE[language], *examples)]
    assert statuses == [Status.PASSED, Status.PASSED, Status.FAILED]


@pytest.mark.parametrize("language", BROKEN)
def test_code_that_does_not_compile_is_an_error_that_says_where(
    judge: SandboxJudge, language: str
) -> None:
    (verdict,) = run(judge, language, BROKEN[language], StdioExample("", ""))
    assert verdict.status is Status.ERROR
    assert verdict.detail.startswith("does not compile: ")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_that_exits_with_another_code_than_0_is_an_error(
    judge: SandboxJudge, language: str
) -> None:
    (verdict,) = run(judge, language, EXITS[language], StdioExample("", "1"))
    assert verdict.status is Status.ERROR
    assert "exit code 3" in verdict.detail


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_code_is_an_error(judge: SandboxJudge, language: str) -> None:
    (verdict,) = run(judge, language, " \n", StdioExample("", ""))
    assert verdict.status is Status.ERROR


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_right_function_passes_its_test(judge: SandboxJudge, language: str) -> None:
    verdict = decided(judge, language, RIGHT[language])
    assert verdict.status is Status.PASSED, verdict.detail


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_function_fails_its_test(judge: SandboxJudge, language: str) -> None:
    verdict = decided(judge, language, RIGHT[language].replace("a + b", "a - b"))
    assert verdict.status is Status.FAILED, verdict.detail


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_that_leaves_with_exit_code_0_does_not_pass(
    judge: SandboxJudge, language: str
) -> None:
    verdict = decided(judge, language, LEAVES[language])
    assert verdict.status is Status.LEFT, verdict.detail


def test_what_a_failed_test_says_is_shown(judge: SandboxJudge) -> None:
    verdict = decided(judge, "cpp", RIGHT["cpp"].replace("a + b", "a - b"))
    assert "add(1, 2) == 3" in verdict.detail


def test_a_test_without_a_last_statement_is_not_judged(judge: SandboxJudge) -> None:
    (verdict,) = run(judge, "cpp", RIGHT["cpp"], Suite("int x;"))
    assert verdict.status is Status.UNJUDGED


def test_a_module_of_javascript_may_import(judge: SandboxJudge) -> None:
    code = 'import { readFileSync } from "fs";\nconsole.log(readFileSync(0, "utf8").length);'
    (verdict,) = run(judge, "javascript", code, StdioExample("abc", "3"))
    assert verdict.status is Status.PASSED, verdict.detail


def test_java_runs_the_class_that_has_main_in_whatever_package(judge: SandboxJudge) -> None:
    code = """package some.where;
class Other { int x; }
class Program { public static void main(String[] a) { System.out.println(1); } }"""
    (verdict,) = run(judge, "java", code, StdioExample("", "1"))
    assert verdict.status is Status.PASSED, verdict.detail


def test_a_program_of_go_with_an_import_it_does_not_use_does_not_compile(
    judge: SandboxJudge,
) -> None:
    code = 'package main\nimport "os"\nfunc main() {}'
    (verdict,) = run(judge, "go", code, StdioExample("", ""))
    assert verdict.status is Status.ERROR


def test_rust_has_the_crates_that_tests_name(judge: SandboxJudge) -> None:
    code = (
        "use rand::Rng;\nuse regex::Regex;\nuse md5;\n"
        "fn add(a: i32, b: i32) -> i32 {\n"
        '    let digest = format!("{:x}", md5::compute(b"abc"));\n'
        '    assert_eq!(digest, "900150983cd24fb0d6963f7d28e17f72");\n'
        "    let n: i32 = rand::thread_rng().gen_range(5, 7);\n"
        "    assert!(n == 5 || n == 6);\n    a + b\n}\n"
    )
    verdict = decided(judge, "rust", code)
    assert verdict.status is Status.PASSED, verdict.detail


def test_examples_that_call_a_function_are_refused_with_what_to_do(judge: SandboxJudge) -> None:
    with pytest.raises(LanguageError) as caught:
        run(judge, "javascript", "function f(x) { return x; }", CallExample("1", "1", (1,), 1))
    assert "--stdin-program" in caught.value.hint


def test_a_missing_toolchain_leaves_the_case_unjudged(
    judge: SandboxJudge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    languages.toolchain.cache_clear()
    try:
        case = Case(Candidate(DOUBLE["go"], "go"), (StdioExample("1", "2"),), PATIENT)
        ((verdict,),) = judge.judge([case])
    finally:
        languages.toolchain.cache_clear()
    assert verdict.status is Status.UNJUDGED
    assert "apt-get install golang-go" in verdict.detail


def test_programs_are_judged_without_landlock_too() -> None:
    with SandboxJudge(slots=1, tier="A-") as judge:
        (verdict,) = run(judge, "javascript", DOUBLE["javascript"], StdioExample("3", "6"))
    assert verdict.status is Status.PASSED, verdict.detail


def test_tier_b_refuses_languages_that_are_compiled() -> None:
    found = languages.toolchain("javascript")
    if isinstance(found, LanguageError):
        pytest.skip(found.message)
    with pytest.raises(LanguageError) as caught:
        ProcessSlot("B", sorted(os.sched_getaffinity(0)), found)
    assert "lathe doctor" in caught.value.hint


def test_a_program_is_compiled_once(judge: SandboxJudge, home: Path) -> None:
    code = DOUBLE["go"] + "\n// compiled once"
    (first,) = run(judge, "go", code, StdioExample("1", "2"))
    kept = {path: path.stat().st_ino for path in home.glob("cache/programs/*/*")}
    (second,) = run(judge, "go", code, StdioExample("1", "2"))
    assert first.status is second.status is Status.PASSED
    assert {path: path.stat().st_ino for path in home.glob("cache/programs/*/*")} == kept


def test_the_nonce_is_in_nothing_that_is_kept(home: Path, judge: SandboxJudge) -> None:
    """One in it would make two programs of one."""
    before = set(home.glob("cache/programs/*/*"))
    decided(judge, "cpp", RIGHT["cpp"] + "// kept\n")
    kept = set(home.glob("cache/programs/*/*"))
    assert kept > before
    decided(judge, "cpp", RIGHT["cpp"] + "// kept\n")
    assert set(home.glob("cache/programs/*/*")) == kept


def test_programs_unused_for_longest_are_let_go() -> None:
    names = [artefacts.key("tidy", number) for number in range(3)]
    for age, name in enumerate(names):
        artefacts.keep_program(name, b"x" * 100)
        os.utime(artefacts._program(name), (9e9 - age, 9e9 - age))
    artefacts.tidy(250)
    assert [artefacts.read_program(name) is not None for name in names] == [True, True, False]


def test_the_home_is_the_stores() -> None:
    assert artefacts._home() == folders.home()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x05[]",
        b"\0\0\0\x02[]x",
        *(
            len(head).to_bytes(4) + head + b"x"
            for head in (
                b'[["../x", 1]]', b'[["/x", 1]]', b'[["a//b", 1]]', b'[["x", -1]]', b'[["x", 2]]',
                b'[["x"]]', b"[1]", b"{}", b"[", b'[["x", 1.0]]', b'[["a\\u0000", 1]]',
            )
        ),
    ],
)  # fmt: skip
def test_bytes_that_are_no_archive_are_refused(data: bytes) -> None:
    with pytest.raises(archive.ArchiveError):
        archive.unpack(data)


def test_an_archive_comes_back_as_it_was() -> None:
    files = {"a": b"", "b/c d": b"\0\xff", "é": b"x" * 1000}
    assert archive.unpack(archive.pack(files)) == files
