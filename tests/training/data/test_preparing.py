"""From rows to documents, with everything told that was left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import InputError, ModelFileError
from codelathe.text.chat import compile_chat_template
from codelathe.training.data.checking import count_repeats, measure
from codelathe.training.data.loading import Loaded, load_rows, require_rows
from codelathe.training.data.preparing import Preparation, prepare
from codelathe.training.data.rendering import Renderer
from codelathe.training.data.rows import FaultKind, Row
from codelathe.training.data.splitting import Shares
from fakes.tokens import CHATML, WordTokenizer

#: Refuses a system turn, as some models' templates do.
STRICT = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
)
SYSTEM = {
    "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
    ]
}  # fmt: skip


def load(*documents: Any, **mapping: str) -> Loaded:
    path = Path("rows.jsonl")
    path.write_text("".join(f"{json.dumps(document)}\n" for document in documents))
    return load_rows([path], mapping)


def answers(count: int, words: int = 3) -> tuple[Row, ...]:
    texts = (" ".join(f"w{n}x{word}" for word in range(words)) for n in range(count))
    return load(*({"prompt": f"q{n}", "completion": text} for n, text in enumerate(texts))).rows


def renderer(template: str = CHATML) -> Renderer:
    return Renderer(WordTokenizer(), compile_chat_template(template))


def test_all_faults_are_kept_with_their_lines_and_counted_by_kind() -> None:
    found = load({"text": "a"}, {}, {"text": ""}, {"text": 1}, {"text": "b"}, {})
    assert [(f.line, f.kind) for f in found.faults] == [
        (2, FaultKind.NO_FORM), (3, FaultKind.EMPTY), (4, FaultKind.WRONG_TYPE),
        (6, FaultKind.NO_FORM),
    ]  # fmt: skip
    assert found.fault_counts[FaultKind.NO_FORM] == 2


def test_mixed_forms_unread_fields_and_few_rows_are_said() -> None:
    notes = load({"text": "a", "stars": 1}, {"prompt": "a", "completion": "b", "text": "c"}).notes
    assert notes == (
        "forms are mixed: prompt 1, text 1",
        "1 row also fits the form text, which is not read",
        "fields that are not read: stars (1)",
        "2 rows can be used: few to learn from, fewer to test on",
    )


def test_data_of_which_nothing_can_be_used_is_refused_with_its_first_faults() -> None:
    with pytest.raises(InputError, match=r"rows\.jsonl, line 1 has 'a'"):
        require_rows(load({"a": 1}))


def test_rows_that_a_template_refuses_are_told_one_by_one() -> None:
    found = measure(load(SYSTEM, {"prompt": "a", "completion": "b"}).rows, renderer(STRICT))
    assert [(refused.row.line, "no system" in refused.why) for refused in found.refused] == [
        (1, True)
    ]
    assert found.rows == 1


def test_rows_over_the_limit_are_told_with_their_length() -> None:
    found = measure(answers(3, words=20), renderer(), limit=30)
    assert [(row.line, size) for row, size in found.too_long] == [
        (row, found.longest) for row in (1, 2, 3)
    ]


def test_repeats_are_counted() -> None:
    rows = load({"text": "a b"}, {"text": "a b"}, {"text": "c"}).rows
    assert count_repeats(rows).exact == 1


def test_prepared_rows_are_deduplicated_split_rendered_and_fitted() -> None:
    rows = answers(40)
    found = prepare([*rows, rows[0]], renderer(), Preparation(max_length=64))
    assert len(found.duplicates.exact) == 1
    parts = found.parts.train, found.parts.validation, found.parts.test
    assert [len(part) for part in parts] == [36, 2, 2]
    assert len(found.train.documents) == 36
    assert found.supervised == sum(document.supervised for document in found.train.documents)


def test_benchmark_text_is_refused_unless_it_is_allowed() -> None:
    text = " ".join(f"word{n}" for n in range(20))
    rows = [*answers(40), *load({"text": text}).rows]
    how = Preparation(max_length=64)
    with pytest.raises(InputError, match="P/7"):
        prepare(rows, renderer(), how, [("P/7", text)])
    allowed = prepare(rows, renderer(), Preparation(max_length=64, overlap=True), [("P/7", text)])
    assert [overlap.problem for overlap in allowed.overlaps] == ["P/7"]


def test_a_run_that_would_learn_nothing_is_refused() -> None:
    how = Preparation(max_length=4, shares=Shares(0, 0))
    with pytest.raises(InputError, match="count no token"):
        prepare(answers(8), renderer(), how)


def test_a_template_that_hides_the_answers_is_refused_before_anything_starts() -> None:
    hides = renderer("{% for m in messages %}{{ m.role }}{% endfor %}")
    with pytest.raises(ModelFileError):
        prepare(answers(40), hides, Preparation(max_length=64))
