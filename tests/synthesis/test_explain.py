"""Explanations come from the model; what they are about comes from the code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from codelathe.core.errors import ProblemError, UnsupportedArgument, UsageError
from codelathe.core.generation import (
    ALL_FEATURES,
    Completion,
    EngineInfo,
    Feature,
    FinishReason,
    Request,
    Watch,
)
from codelathe.synthesis.explain import Explanation, Question, explain, explanation_document
from codelathe.text.docstrings import write_docstrings
from codelathe.text.passages import Passage

CODE = '''import os


def one(a):
    b = a + 1
    c = b + 1
    d = c + 1
    for x in range(d):
        print(x)


def two():
    """Known."""
    return 2
'''


class Teller:
    """An engine that answers by a function of the prompt, letter by letter."""

    def __init__(
        self,
        *answers: str,
        features: frozenset[Feature] = ALL_FEATURES,
        context: int | None = None,
        finish: FinishReason = "stop",
        reverse: bool = False,
    ) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.finish = finish
        self.reverse = reverse
        self.info = EngineInfo("teller", "told", "1", context, features)

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Iterator[Completion]:
        self.requests += requests
        order = list(enumerate(requests))
        for index, _ in reversed(order) if self.reverse else order:
            text = self.answers[index % len(self.answers)]
            for end in range(1, len(text) + 1):
                if watch is not None and watch(index, 0, text[:end]):
                    text = text[:end]
                    break
            yield Completion(index, 0, text, 10, 5, 0.1, self.finish, 0, "told", 0.0, "teller")

    def close(self) -> None:
        pass


def told(teller: Teller, code: str = CODE, **question: Any) -> Explanation:
    return explain(Question(code, **question), teller)


def test_a_summary_is_the_models_text() -> None:
    assert told(Teller(" It counts.\n")).text == "It counts."


@pytest.mark.parametrize("answer", ['"It counts."', "```\nIt counts.\n```", "```text\nIt counts."])
def test_fences_and_quotes_around_a_text_are_taken_off(answer: str) -> None:
    assert told(Teller(answer)).text == "It counts."


def test_an_announcement_before_the_text_is_left_out() -> None:
    assert told(Teller("Sure, here it is:\n\nIt\ncounts.\n\nMore.")).text == "It counts."


def test_writing_ends_with_the_paragraph() -> None:
    assert told(Teller("It counts.\n\n1. And\n2. more")).completions[0].text == "It counts.\n\n"


def test_a_text_cut_for_length_ends_with_a_whole_sentence() -> None:
    assert told(Teller("It counts. Then it", finish="length")).text == "It counts."


def test_the_model_is_asked_in_the_language_of_the_answer() -> None:
    teller = Teller("설명")
    told(teller, to="ko")
    assert "한국어" in teller.requests[0].messages[0].content


def test_only_the_chosen_lines_are_shown() -> None:
    teller = Teller("x")
    told(teller, lines=Passage(8, 9))
    assert (
        "```python\nfor x in range(d):\n    print(x)\n```" in teller.requests[0].messages[0].content
    )
    assert "import os" not in teller.requests[0].messages[0].content


def test_every_part_of_the_code_is_told_with_its_lines() -> None:
    notes = told(Teller("Does it.\n\nAnd more"), detail="lines").notes
    assert [(n.first, n.last, n.text) for n in notes] == [
        (1, 1, "Does it."),
        (4, 4, "Does it."),
        (5, 7, "Does it."),
        (8, 9, "Does it."),
        (12, 14, "Does it."),
    ]


def test_lines_are_rendered_one_a_part() -> None:
    assert told(Teller("A."), "x = 1\n\n\n\ny = 2\n", detail="lines").text == "1: A.\n5: A."


def test_lines_count_in_the_file_even_where_some_are_chosen() -> None:
    notes = told(Teller("A."), detail="lines", lines=Passage(5, 9)).notes
    assert [(n.first, n.last) for n in notes] == [(5, 7), (8, 9)]


def test_answers_that_come_in_another_order_go_to_their_parts() -> None:
    teller = Teller("A.", "B.", reverse=True)
    assert told(teller, "x = 1\n\n\n\ny = 2\n", detail="lines").text == "1: A.\n5: B."


def test_long_code_is_summed_up_in_pieces_that_fit_the_context() -> None:
    code = "\n\n".join(f"def f{i}():\n    return '{'x' * 200}'" for i in range(12))
    teller = Teller("Says.", context=1024)
    explanation = told(teller, code)
    assert max(len(r.messages[0].content) for r in teller.requests) < 1024
    assert [n.last for n in explanation.notes][-1] == len(code.split("\n"))
    assert len(explanation.text.split("\n")) == len(teller.requests) > 1


def test_code_that_does_not_parse_is_told_by_paragraphs() -> None:
    notes = told(Teller("A."), "def f(:\n  x\n\n\ny\n", detail="lines").notes
    assert [(n.first, n.last) for n in notes] == [(1, 2), (5, 5)]


def test_other_languages_are_told_by_paragraphs() -> None:
    notes = told(Teller("A."), "int x;\nint y;\n\nx++;\n", detail="lines", language="c").notes
    assert [(n.first, n.last) for n in notes] == [(1, 2), (4, 4)]


@pytest.mark.parametrize(
    "answer",
    [
        'Add one.\n"""\n    return a',
        'Add one."""',
        "Add one.",
        "Add one.\n\nReturns:\n    None",
    ],
)
def test_a_docstring_is_read_from_an_answer_that_was_opened(answer: str) -> None:
    (docstring,) = told(Teller(answer), detail="docstring").docstrings
    assert (docstring.name, docstring.line, docstring.text) == ("one", 4, "Add one.")


@pytest.mark.parametrize(
    "answer",
    [
        "Add one.",
        '"""Add one."""',
        '```python\n"""Add one."""\n```',
        '```python\ndef one(a):\n    """Add one."""\n    return a + 1\n```',
        "'''Add one.'''",
        "`Add one.`",
    ],
)
def test_a_docstring_is_read_from_a_chat_answer(answer: str) -> None:
    teller = Teller(answer, features=ALL_FEATURES - {"prefill"})
    (docstring,) = told(teller, detail="docstring").docstrings
    assert docstring.text == "Add one."


def test_writing_ends_with_the_docstring() -> None:
    teller = Teller('Add one."""\n    much more text')
    assert told(teller, detail="docstring").completions[0].text == 'Add one."""'


def test_chosen_functions_get_new_docstrings_even_if_they_have_some() -> None:
    docstrings = told(Teller("New."), detail="docstring", lines=Passage(12, 12)).docstrings
    assert [(d.name, d.text) for d in docstrings] == [("two", "New.")]


def test_the_docstrings_can_be_put_in_place() -> None:
    docstrings = told(Teller("Add\n\nmore."), detail="docstring").docstrings
    assert '"""Add\n\n    more.\n    """\n    b = a + 1' in write_docstrings(CODE, docstrings)


def test_nothing_is_asked_where_all_is_documented() -> None:
    teller = Teller("x")
    assert told(teller, "def f():\n    'd'\n", detail="docstring").docstrings == ()
    assert teller.requests == []


@pytest.mark.parametrize(
    ("code", "question", "said"),
    [
        ("", {}, "empty"),
        (" \n\t\n", {}, "empty"),
        ("x\0y", {}, "NUL"),
        ("x = 1\n", {"lines": Passage(1, 2), "name": "a.py"}, "a.py has 1 line"),
        ("x = 1\n\n\ny\n", {"lines": Passage(2, 3)}, "blank"),
        ("def f(:\n", {"detail": "docstring"}, "line 1"),
        (CODE, {"detail": "docstring", "lines": Passage(5, 6)}, "begins in lines 5-6"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    code: str, question: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProblemError, match=said):
        told(Teller("x"), code, **question)


def test_docstrings_are_for_python_only() -> None:
    with pytest.raises(UsageError, match="not for Go"):
        told(Teller("x"), "func main() {}", detail="docstring", language="go")


@pytest.mark.parametrize("detail", ["summary", "lines", "docstring"])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_is_shown_while_writing_only_grows_into_the_text(detail: Any, reverse: bool) -> None:
    drafts: list[str] = []
    teller = Teller("First words. Then others.", "Other words.", reverse=reverse)
    explanation = explain(Question(CODE, detail), teller, drafts.append)
    assert len(drafts) > 1
    ends = [*drafts, explanation.text]
    assert all(after.startswith(before.rstrip()) for before, after in pairwise(ends))


def test_the_document_is_plain_json() -> None:
    document = explanation_document(told(Teller("A."), detail="lines", to="ko"))
    assert json.loads(json.dumps(document)) == document
    assert document["lines"][0] == {"first": 1, "last": 1, "text": "A."}
    assert document["usage"]["prompt_tokens"] == 50


def test_a_model_that_takes_no_temperature_is_asked_without_one() -> None:
    class Undistracted(Teller):
        def generate(
            self, requests: Sequence[Request], watch: Watch | None = None
        ) -> Iterator[Completion]:
            if any(request.sampling.temperature is not None for request in requests):
                raise UnsupportedArgument("only the default", field="temperature")
            yield from super().generate(requests, watch)

    assert told(Undistracted("It counts.")).text == "It counts."


def test_a_price_that_is_not_known_stays_unknown() -> None:
    class Dear(Teller):
        def generate(self, requests: Any, watch: Any = None) -> Iterator[Completion]:
            from dataclasses import replace

            yield from (replace(c, cost_usd=None) for c in super().generate(requests, watch))

    assert explanation_document(told(Dear("A.")))["usage"]["cost_usd"] is None
