"""The scripted engine: who gets which answer, and what a script may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import EngineError, ModelFileError, RateLimited, RemoteTimeout
from codelathe.core.generation import Message, Request, Sampling
from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine


def texts(engine: ScriptedEngine, *requests: Request) -> list[str]:
    return [c.text for c in engine.generate(requests)]


def chat(text: str, n: int = 1, **sampling: object) -> Request:
    return Request(messages=(Message("user", text),), n=n, sampling=Sampling(**sampling))


def test_answers_are_handed_out_in_order() -> None:
    assert texts(ScriptedEngine(["a", "b", "c"]), chat("x", n=2), chat("y")) == ["a", "b", "c"]


def test_an_answer_waits_for_a_prompt_that_matches() -> None:
    engine = ScriptedEngine([ScriptedAnswer("sorted", match="sort|정렬"), ScriptedAnswer("any")])
    assert texts(engine, chat("reverse"), chat("리스트를 정렬")) == ["any", "sorted"]


def test_a_repeated_answer_is_never_used_up() -> None:
    engine = ScriptedEngine([ScriptedAnswer("again", repeat=True)])
    assert texts(engine, chat("x", n=3)) == ["again"] * 3


def test_a_script_says_when_it_has_run_out() -> None:
    with pytest.raises(EngineError, match=r"no answer left .* 1 given"):
        texts(ScriptedEngine(["a"]), chat("x", n=2))


def test_a_script_fails_with_the_error_it_was_given() -> None:
    error = RateLimited("enough")
    with pytest.raises(RateLimited) as caught:
        texts(ScriptedEngine([error]), chat("x"))
    assert caught.value is error


def test_text_before_an_error_is_shown_to_the_watch() -> None:
    engine = ScriptedEngine([ScriptedAnswer("def f(", error=RemoteTimeout("late"))])
    shown: list[str] = []
    with pytest.raises(RemoteTimeout):
        list(engine.generate([chat("x")], lambda i, c, text: bool(shown.append(text))))
    assert shown[-1] == "def f("


def test_the_same_script_gives_the_same_tokens() -> None:
    counts = [
        [c.completion_tokens for c in ScriptedEngine(["def f(x): return x"]).generate([chat("x")])]
        for _ in range(2)
    ]
    assert counts[0] == counts[1] == [8]


def test_given_token_counts_are_handed_on() -> None:
    [answer] = ScriptedEngine([ScriptedAnswer("a", prompt_tokens=7, completion_tokens=3)]).generate(
        [chat("x")]
    )
    assert (answer.prompt_tokens, answer.completion_tokens) == (7, 3)


def test_a_script_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"text": "둘", "match": "2"}\n\n{"text": "하나"}\n', encoding="utf-8")
    assert texts(ScriptedEngine.from_file(path), chat("1"), chat("2")) == ["하나", "둘"]


def test_an_error_in_a_file_is_named_by_its_class(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text('{"error": "RemoteTimeout", "message": "no answer in 60 s"}\n')
    with pytest.raises(RemoteTimeout, match="no answer in 60 s"):
        texts(ScriptedEngine.from_file(path), chat("x"))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"match": "x"}',
        '{"text": 1}',
        '{"text": "a", "typo": 1}',
        '{"text": "a", "match": "("}',
        '{"error": "NoSuchError"}',
        '{"error": "answer"}',
        '{"error": "MissingDependency"}',
    ],
)
def test_a_line_that_is_no_answer_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    path.write_text(f'{{"text": "fine"}}\n{line}\n')
    with pytest.raises(ModelFileError, match="line 2"):
        ScriptedEngine.from_file(path)


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.jsonl"):
        ScriptedEngine.from_file(tmp_path / "none.jsonl")
