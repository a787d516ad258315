"""What models are asked, and what is read in their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks import Benchmark, open_benchmark
from codelathe.benchmarks.asking import Asked, ask, ask_again, finished, read
from codelathe.benchmarks.protocols import PROTOCOLS, choose_protocol, protocol_document
from codelathe.core.errors import UnknownName, UnsupportedArgument
from codelathe.core.generation import ALL_FEATURES, Feature, Sampling
from fakes.problems import HUMANEVAL, MBPP, PACK_GO

Write = Callable[[str, Sequence[Mapping[str, Any]]], Path]
CHAT = ALL_FEATURES
BASE: frozenset[Feature] = ALL_FEATURES - {"messages"}
REMOTE: frozenset[Feature] = ALL_FEATURES - {"prompt", "prefill"}


@pytest.fixture
def humaneval(write: Write) -> Benchmark:
    return open_benchmark("humaneval", write("he.jsonl", HUMANEVAL))


@pytest.fixture
def mbpp(write: Write) -> Benchmark:
    shot = {**MBPP[1], "task_id": 2, "text": "A shown one."}
    return open_benchmark("mbpp", write("mbpp.jsonl", [shot, *MBPP[1:]]))


def pack(write: Write, kind: str) -> Benchmark:
    return open_benchmark(f"humanevalpack-{kind}-go", write("go.jsonl", PACK_GO))


def asked(benchmark: Benchmark, features: frozenset[Feature], name: str | None = None) -> Asked:
    protocol = choose_protocol(benchmark, features, name)
    return ask(protocol, benchmark, next(iter(benchmark.tasks.values())), Sampling(9))


def test_a_chat_model_gets_evalplus_words_and_its_answer_is_opened(humaneval: Benchmark) -> None:
    found = asked(humaneval, CHAT)
    (message,) = found.request.messages
    prompt = HUMANEVAL[0]["prompt"].strip()
    assert message.content == (
        "Please provide a self-contained Python script that solves the following problem in a "
        f"markdown code block:\n```\n{prompt}\n```\n"
    )
    assert found.request.prefill.endswith("corresponding tests:\n```python\n")


def test_a_model_whose_answer_cannot_be_opened_gets_the_words_of_evalplus_for_services(
    humaneval: Benchmark,
) -> None:
    protocol = choose_protocol(humaneval, REMOTE)
    found = asked(humaneval, REMOTE)
    assert (protocol.prefill, protocol.stop, found.request.prefill) == (False, (), "")
    assert "```python\n" in found.request.messages[0].content


def test_a_base_model_goes_on_from_the_stripped_prompt(humaneval: Benchmark) -> None:
    request = asked(humaneval, BASE).request
    assert request.prompt == HUMANEVAL[0]["prompt"].strip() + "\n"
    assert "\ndef " in request.sampling.stop


def test_fast_is_evalplus_but_for_its_end() -> None:
    for form in ("chat", "base", "base-mbpp"):
        ours, theirs = (protocol_document(PROTOCOLS[f"{f}-{form}"]) for f in ("fast", "evalplus"))
        differing = {name for name in ours if ours[name] != theirs[name]}
        assert differing == {"name", "until"}


@pytest.mark.parametrize(
    ("features", "name", "chosen"),
    [
        (CHAT, None, "fast-chat"),
        (BASE, None, "fast-base"),
        (CHAT, "evalplus", "evalplus-chat"),
        (BASE, "evalplus", "evalplus-base"),
        (CHAT, "fast-base", "fast-base"),
        (CHAT, "opened-chat", "opened-chat"),
    ],
)
def test_the_form_is_the_models_unless_it_is_named(
    features: frozenset[Feature], name: str | None, chosen: str, humaneval: Benchmark
) -> None:
    assert choose_protocol(humaneval, features, name).name == chosen


def test_a_protocol_of_another_benchmark_is_unknown(humaneval: Benchmark) -> None:
    with pytest.raises(UnknownName):
        choose_protocol(humaneval, CHAT, "pack-chat")


def test_a_base_model_cannot_be_asked_to_chat(humaneval: Benchmark) -> None:
    with pytest.raises(UnsupportedArgument, match="no chat template"):
        choose_protocol(humaneval, BASE, "fast-chat")


def test_a_base_model_sees_three_solved_problems_of_mbpp(mbpp: Benchmark) -> None:
    prompt = asked(mbpp, BASE).request.prompt
    assert prompt.startswith("You are an expert Python programmer, and here is your task: A shown")
    assert prompt.count("[DONE]") == 1
    assert prompt.endswith("[BEGIN]\n")


@pytest.mark.parametrize("text", ["{}\n", "{}\n```\nprose", "```python\n{}\n```\nprose"])
def test_what_follows_a_shot_is_read_without_the_shots(text: str, mbpp: Benchmark) -> None:
    found = asked(mbpp, BASE)
    code = f"def {found.task.problem.entry_point}(x):\n    return 5"
    assert read(choose_protocol(mbpp, BASE), found, text.format(code)) == code


def test_words_are_asked_for_with_their_first_assert_in_a_docstring(mbpp: Benchmark) -> None:
    content = asked(mbpp, CHAT).request.messages[0].content
    assert f'```\n"""\n{MBPP[1]["text"]}\nassert' in content


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(x):\n    return 1\n```\nprose", "def f(x):\n    return 1"),
        ("import math\n\n\ndef f(x):\n    return 1\n\n\nassert f(1)", "def f(x):\n    return 1"),
        ("```python\ndef f(x):\n    return 1\n```", "def f(x):\n    return 1"),
    ],
)
def test_only_the_answers_own_code_is_judged(text: str, code: str, humaneval: Benchmark) -> None:
    found = asked(humaneval, CHAT)
    entry = found.task.problem.entry_point
    protocol = choose_protocol(humaneval, CHAT)
    got = read(protocol, found, text.replace("f(", f"{entry}("))
    assert got.endswith(code.replace("f(", f"{entry}("))
    assert "assert" not in got


def test_a_completion_is_judged_after_its_prompt(humaneval: Benchmark) -> None:
    found = asked(humaneval, BASE)
    code = read(choose_protocol(humaneval, BASE), found, "    return 5\n\n\n```\nprose")
    assert code.startswith(found.request.prompt.rstrip().partition("\n")[0])
    assert code.endswith("    return 5")


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("codegen-base", "    return 5\n# more\n", "    return 5\n"),
        ("codegen-base", "    return 5\n\n\nx", "    return 5"),
        ("codegen-base", "    return 5\nx = 1\n", "    return 5\nx = 1\n"),
        ("codex-base", "    return 5\nx = 1\n", "    return 5\nx = 1\n"),
    ],
)
def test_an_answer_by_codegen_and_codex_is_judged_as_it_is_cut(
    name: str, text: str, kept: str, humaneval: Benchmark
) -> None:
    protocol = choose_protocol(humaneval, BASE, name)
    found = ask(protocol, humaneval, humaneval.tasks["HumanEval/0"], Sampling())
    assert found.request.prompt == HUMANEVAL[0]["prompt"]
    assert read(protocol, found, text) == f"{HUMANEVAL[0]['prompt']}{kept}"


def test_an_answer_by_codegen_is_over_where_its_rule_cuts_it(humaneval: Benchmark) -> None:
    protocol = choose_protocol(humaneval, BASE, "codegen-base")
    over = finished(protocol, asked(humaneval, BASE))
    assert [over("    return 5\nx = 1\n"), over("    return 5\n#")] == [False, True]


def test_an_answer_by_codex_ends_before_its_stop_strings(humaneval: Benchmark) -> None:
    assert "\n#" in choose_protocol(humaneval, BASE, "codex-base").stop


def test_a_fast_answer_is_over_when_the_function_is_there(humaneval: Benchmark) -> None:
    found = asked(humaneval, BASE)
    over = finished(choose_protocol(humaneval, BASE), found)
    assert [over("    return 5\n"), over("    return 5\n\nx")] == [False, True]


@pytest.mark.parametrize("features", [CHAT, BASE], ids=["chat", "base"])
def test_an_answer_that_is_nested_too_deeply_to_be_looked_into_goes_on(
    features: frozenset[Feature], humaneval: Benchmark
) -> None:
    protocol, found = choose_protocol(humaneval, features), asked(humaneval, features)
    head = "" if found.head else "def double(x):\n"
    text = f"{head}    return twice(x)\n\ny = 1{' + 1' * 1200}\ndef twice(x):\n    return 2 * x\n"
    assert not finished(protocol, found)(text)


def test_an_answer_by_evalplus_is_over_when_the_model_says_so(humaneval: Benchmark) -> None:
    over = finished(choose_protocol(humaneval, BASE, "evalplus"), asked(humaneval, BASE))
    assert not over("    return 5\n\nx = 1\n\ny")


def test_code_of_braces_is_over_when_they_are_closed(write: Write) -> None:
    benchmark = pack(write, "synthesize")
    found = asked(benchmark, CHAT)
    over = finished(choose_protocol(benchmark, CHAT), found)
    assert [over("    return 2"), over("    return 2\n}\n")] == [False, True]
    assert read(choose_protocol(benchmark, CHAT), found, "    return 2\n}\nfunc x() {}") == (
        f"{PACK_GO[0]['prompt']}    return 2\n}}"
    )


def test_a_repair_is_asked_for_with_the_bug_and_the_tests(write: Write) -> None:
    content = asked(pack(write, "fix"), CHAT).request.messages[0].content
    assert "return 3 * x" in content
    assert "TestDouble" in content
    assert content.endswith("Fix bugs in Double.")


def test_a_whole_answer_gets_the_lines_of_the_head_that_it_lacks(write: Write) -> None:
    rust = {**PACK_GO[0], "declaration": "use md5;\nfn Double(x: i32) -> i32 {\n"}
    benchmark = open_benchmark("humanevalpack-fix-rust", write("rust.jsonl", [rust]))
    found = asked(benchmark, REMOTE)
    code = read(choose_protocol(benchmark, REMOTE), found, "```rust\nfn Double() {}\n```")
    assert code == "fn main(){}\nuse md5;\nfn Double() {}"


def test_who_explains_sees_neither_the_name_nor_the_docstring(write: Write) -> None:
    content = asked(pack(write, "explain"), CHAT).request.messages[0].content
    assert "Double" not in content
    assert "Twice" not in content
    assert "return 2 * x" in content


def test_who_rebuilds_sees_the_explanation_and_not_the_name(write: Write) -> None:
    benchmark = pack(write, "explain")
    protocol, first = choose_protocol(benchmark, CHAT), asked(benchmark, CHAT)
    second = ask_again(protocol, first, "It doubles x.")
    shown = second.request.messages[0].content + second.request.prefill
    assert "It doubles x." in shown
    assert "func Double" not in shown
    assert "2 * x" not in shown


def test_an_explanation_is_cut_to_the_docstrings_length(write: Write) -> None:
    benchmark = pack(write, "explain")
    protocol, first = choose_protocol(benchmark, CHAT), asked(benchmark, CHAT)
    second = ask_again(protocol, first, "y" * 500)
    assert second.request.messages[0].content.count("y") < 70


def test_what_is_rebuilt_gets_its_name_back(write: Write) -> None:
    benchmark = pack(write, "explain")
    protocol, first = choose_protocol(benchmark, CHAT), asked(benchmark, CHAT)
    second = ask_again(protocol, first, "It doubles x.")
    assert "func Double(x int) int {" in read(protocol, second, "    return x + x\n}")


def test_a_base_model_cannot_explain(write: Write) -> None:
    with pytest.raises(UnsupportedArgument, match="chats"):
        choose_protocol(pack(write, "explain"), BASE)
