from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelathe.core.errors import UnknownName, UsageError
from codelathe.metrics.intervals import wilson
from codelathe.metrics.similarity import (
    METRICS,
    Encoder,
    References,
    Row,
    Settings,
    default_metrics,
    open_metric,
    resampled,
    score_pairs,
    score_texts,
    summed,
)

pytest.importorskip("sacrebleu", reason="the extra 'metrics' is not installed")
pytest.importorskip("rapidfuzz", reason="the extra 'metrics' is not installed")

LIGHT = default_metrics()
PREDICTIONS = [
    "def add(a, b):\n    return a + b\n",
    "for i in range(10): print(i)",
    "the cat sat",
    "",
    "값 = 더하기(하나, 둘)",
]
REFERENCES = [
    ("def add(x, y):\n    return x + y\n",),
    ("for i in range(10):\n    print(i)", "while True: pass"),
    ("the cat sat on the mat", "a cat sat"),
    ("return None",),
    ("값 = 더하기(하나, 셋)",),
]
texts = st.text(st.characters(codec="utf-8"), max_size=40)


class Share:
    """A metric whose score is known: the share of predictions that say yes."""

    signature = "share|version:1"

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Sequence[Row]:
        return [(float(text == "yes"), 1.0) for text in predictions]

    def scores(self, total: Row) -> Mapping[str, float]:
        return {"share": total[0] / total[1]}


@pytest.mark.parametrize("name", LIGHT)
def test_equal_texts_score_one(name: str) -> None:
    text = "def add(a, b):\n    return a + b"
    (score,) = score_texts([text, "x = 1"], [text, "x = 1"], [name])
    assert score.value == pytest.approx(1.0)


@pytest.mark.parametrize("name", LIGHT)
def test_texts_without_a_common_letter_score_zero(name: str) -> None:
    (score,) = score_texts(["aaaa\tbbbb\taaaa\tbbbb"], ["cccc dddd eeee"], [name])
    assert score.value == 0.0


@pytest.mark.parametrize("name", LIGHT)
@settings(deadline=None, max_examples=50)
@given(prediction=texts, references=st.lists(texts, min_size=1, max_size=3))
def test_a_score_is_a_fraction_for_any_texts(
    name: str, prediction: str, references: list[str]
) -> None:
    metric = open_metric(name)
    (row,) = metric.rows([prediction], [tuple(references)])
    assert 0.0 <= metric.scores(row)[name] <= 1.0 + 1e-12


@pytest.mark.parametrize("name", LIGHT)
def test_the_order_of_the_pairs_does_not_change_the_score(name: str) -> None:
    forwards = score_texts(PREDICTIONS, REFERENCES, [name])[0]
    backwards = score_texts(PREDICTIONS[::-1], REFERENCES[::-1], [name])[0]
    assert backwards.value == pytest.approx(forwards.value)


@pytest.mark.parametrize("name", LIGHT)
def test_the_items_are_in_the_order_of_the_pairs(name: str) -> None:
    score = score_texts(PREDICTIONS, REFERENCES, [name])[0]
    alone = [
        score_texts([p], [r], [name])[0].value for p, r in zip(PREDICTIONS, REFERENCES, strict=True)
    ]
    assert score.items == pytest.approx(alone)


def test_bleu_is_sacrebleus_corpus_bleu() -> None:
    import sacrebleu

    streams = list(zip_longest(*REFERENCES))
    (score,) = score_texts(PREDICTIONS, REFERENCES, ["bleu"])
    assert score.value == sacrebleu.corpus_bleu(PREDICTIONS, streams).score / 100


def test_a_pairs_bleu_is_sacrebleus_sentence_bleu() -> None:
    import sacrebleu

    (score,) = score_texts(PREDICTIONS, REFERENCES, ["bleu"])
    for item, prediction, many in zip(score.items, PREDICTIONS, REFERENCES, strict=True):
        assert item == sacrebleu.sentence_bleu(prediction, many).score / 100


def test_chrf_is_sacrebleus_corpus_chrf() -> None:
    import sacrebleu

    streams = list(zip_longest(*REFERENCES))
    (score,) = score_texts(PREDICTIONS, REFERENCES, ["chrf"])
    assert score.value == sacrebleu.corpus_chrf(PREDICTIONS, streams).score / 100


@pytest.mark.parametrize(
    ("prediction", "references", "f1"),
    # rouge-score 0.1.2, rougeL, no stemmer; several references by score_multi.
    [
        ("the cat sat", ["the cat sat on the mat", "a cat sat"], 0.6666666666666666),
        (
            "quick brown fox jumps over it",
            ["the quick brown fox jumped over the dog"],
            0.5714285714285715,
        ),
        ("def add_two(a, b): return a+b", ["def addTwo(a,b):\n  return b + a"], 0.6666666666666666),
        ("x1 = Foo.bar(2)", ["foo = bar(x1, 2)", "x1"], 0.75),
        ("...", ["return"], 0),
    ],
)
def test_rouge_l_is_the_rouge_score_packages(
    prediction: str, references: list[str], f1: float
) -> None:
    (score,) = score_texts([prediction], [references], ["rouge-l"])
    assert score.value == pytest.approx(f1, abs=1e-12)


def test_rouge_l_reads_korean_words() -> None:
    (score,) = score_texts(["두 수를 더한다"], ["두 수를 곱한다"], ["rouge-l"])
    assert score.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("prediction", "reference", "similarity"),
    [("kitten", "sitting", 1 - 5 / 13), ("abc", "", 0.0), ("", "", 1.0), ("ab", "ba", 0.5)],
)
def test_edit_similarity_counts_characters_to_insert_and_delete(
    prediction: str, reference: str, similarity: float
) -> None:
    (score,) = score_texts([prediction], [reference], ["edit-similarity"])
    assert score.value == pytest.approx(similarity)


def test_an_exact_match_may_differ_in_blanks() -> None:
    (score,) = score_texts(["a  =\tb\n", "a=b"], ["a = b", "a = b"], ["exact-match"])
    assert score.items == (1.0, 0.0)


@pytest.mark.parametrize("name", ["exact-match", "edit-similarity", "rouge-l", "chrf"])
def test_the_best_reference_counts(name: str) -> None:
    (score,) = score_texts(["return a + b"], [["pass", "return a + b", "x"]], [name])
    assert score.value == pytest.approx(1.0)


def test_an_interval_narrows_with_the_number_of_pairs() -> None:
    few = score_texts(PREDICTIONS * 4, REFERENCES * 4, ["edit-similarity"])[0].interval
    many = score_texts(PREDICTIONS * 64, REFERENCES * 64, ["edit-similarity"])[0].interval
    assert many[1] - many[0] == pytest.approx((few[1] - few[0]) / 4, rel=0.2)


def test_an_interval_of_a_share_is_near_wilsons() -> None:
    rows: list[Row] = [(float(i < 240), 1.0) for i in range(400)]
    interval = resampled(Share(), rows, [row[0] for row in rows], 0.6)
    assert interval == pytest.approx(wilson(240, 400), abs=0.005)


def test_where_all_resamples_score_alike_the_interval_still_has_a_width() -> None:
    # Alone `yes` is equal to its reference; in a corpus texts so short have no 4-grams.
    (bleu,) = score_texts(["yes", "no"], ["yes", "well"], ["bleu"])
    assert (bleu.value, bleu.items) == (0.0, pytest.approx((1.0, 0.0)))
    assert bleu.interval == wilson(0, 2)


def test_the_same_pairs_give_the_same_interval() -> None:
    assert score_texts(PREDICTIONS, REFERENCES) == score_texts(PREDICTIONS, REFERENCES)


def test_pairs_that_all_score_alike_are_not_called_certain() -> None:
    (score,) = score_texts(["x"] * 10, ["x"] * 10, ["exact-match"])
    assert score.interval == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_rows_add_up_column_by_column() -> None:
    assert summed([(1, 2.5), (3, 4.0)]) == (4, 6.5)


@pytest.mark.parametrize("name", METRICS)
def test_what_the_table_names_is_there(name: str) -> None:
    assert METRICS.load(name).__module__ == METRICS[name].partition(":")[0]


def test_each_signature_starts_with_the_name_and_tells_a_version() -> None:
    for name in LIGHT:
        signature = open_metric(name).signature
        assert signature.startswith(f"{name}|")
        assert "|version:" in signature


def test_codebleu_is_no_default_where_no_language_is_told() -> None:
    assert "codebleu" not in default_metrics()
    assert "codebleu" in default_metrics("python")


def test_an_unknown_metric_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName) as caught:
        score_texts(["a"], ["a"], ["codeblue"])
    assert "codebleu" in caught.value.hint


def test_an_unknown_metric_is_refused_before_any_is_opened() -> None:
    with pytest.raises(UnknownName):
        score_texts(["a"], ["a"], ["bertscore", "blue"], encoder=Encoder("/nowhere"))


def test_codebleu_is_no_default_for_a_language_that_it_cannot_read() -> None:
    assert "codebleu" not in default_metrics("sql")


def test_each_pair_is_told_when_it_is_scored() -> None:
    told: list[int] = []
    score_pairs("share", Share(), ["yes", "no", "yes"], [("",)] * 3, told.append)
    assert told == [1, 2, 3]


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_more_pairs_than_are_read_at_once_score_as_they_do_together(name: str) -> None:
    few, many = ((PREDICTIONS * n, REFERENCES * n) for n in (1, 300))
    alone, together = score_texts(*few, [name])[0], score_texts(*many, [name])[0]
    assert together.items == alone.items * 300


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UnknownName):
        score_texts(["a"], ["a"], ["bleu"], language="cobolt")


@pytest.mark.parametrize(
    ("predictions", "references"),
    [([], []), (["a"], ["a", "b"]), (["a", "b"], ["a", ()])],
)
def test_what_does_not_pair_up_is_refused(
    predictions: list[str], references: list[str | tuple[str, ...]]
) -> None:
    with pytest.raises(UsageError):
        score_texts(predictions, references)


def test_codebleu_without_a_language_is_refused() -> None:
    with pytest.raises(UsageError):
        open_metric("codebleu", Settings())
