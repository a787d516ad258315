"""Near duplicates are those that comparing all with all would find."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelathe.core.errors import InputError, UsageError
from codelathe.training.data import duplicates
from codelathe.training.data.duplicates import deduplicate, near_pairs, own_shingles
from codelathe.training.data.minhash import sketch
from codelathe.training.data.overlap import find_overlaps, refuse_overlaps
from codelathe.training.data.rows import Hole, Pair, Row, Text
from codelathe.training.data.shingles import jaccard, shingles


def rows(*texts: str) -> list[Row]:
    return [Row(Text(text), "text", "f", line) for line, text in enumerate(texts, 1)]


def corpus(seed: int, size: int = 60, words: tuple[int, int] = (5, 120)) -> list[str]:
    """Texts, many of them copies of others with a few words changed."""
    draw = random.Random(seed)
    found: list[str] = []
    for _ in range(size):
        if found and draw.random() < 0.6:
            text = draw.choice(found).split()
            for _ in range(draw.randrange(4)):
                text[draw.randrange(len(text))] = f"w{draw.randrange(500)}"
        else:
            text = [f"w{draw.randrange(500)}" for _ in range(draw.randint(*words))]
        found.append(" ".join(text))
    return found


def brute(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    sets = [shingles(text) for text in texts]
    found = ((i, j, jaccard(sets[i], sets[j])) for i, j in combinations(range(len(sets)), 2))
    return [(i, j, likeness) for i, j, likeness in found if likeness >= threshold]


def found(texts: list[str], threshold: float) -> list[tuple[int, int, float]]:
    return sorted(
        (p.first, p.second, p.jaccard) for p in near_pairs(map(shingles, texts), threshold)
    )


@pytest.mark.parametrize("seed", range(6))
def test_at_the_usual_threshold_exactly_the_pairs_of_brute_force_are_found(seed: int) -> None:
    texts = corpus(seed)
    wanted = brute(texts, 0.8)
    assert wanted
    assert found(texts, 0.8) == wanted


def test_at_the_lowest_threshold_nearly_all_pairs_are_found_and_no_other() -> None:
    told = wanted = 0
    for seed in range(6, 12):
        texts = corpus(seed)
        right = brute(texts, 0.6)
        pairs = found(texts, 0.6)
        assert set(pairs) <= set(right)
        told, wanted = told + len(pairs), wanted + len(right)
    assert told >= 0.98 * wanted


def test_short_texts_are_found_as_surely_as_long_ones() -> None:
    texts = corpus(3, 200, words=(1, 14))
    assert found(texts, 0.8) == brute(texts, 0.8)


def test_two_sketches_agree_as_often_as_their_sets_do() -> None:
    draw = random.Random(5)
    agreeing = 0
    for _ in range(40):
        shared = {draw.getrandbits(63) for _ in range(60)}
        one, other = (frozenset({draw.getrandbits(63) for _ in range(20)} | shared) for _ in "ab")
        agreeing += sum(a == b for a, b in zip(sketch(one), sketch(other), strict=True))
    assert agreeing / (40 * 128) == pytest.approx(0.6, abs=0.03)


@given(st.lists(st.text("abc \n(", max_size=30), max_size=12))
@settings(max_examples=60)
def test_what_is_told_is_never_below_the_threshold(texts: list[str]) -> None:
    right = {(i, j) for i, j, _ in brute(texts, 0.7)}
    assert {(first, second) for first, second, _ in found(texts, 0.7)} <= right


def test_white_space_makes_no_difference_to_likeness() -> None:
    assert shingles("def f(x):\n    return x") == shingles("def f( x ): return x")


@pytest.mark.parametrize("threshold", [0.0, 0.59, 1.01])
def test_a_threshold_that_bands_do_not_serve_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError):
        near_pairs([], threshold)


def asked(count: int, long: int = 150) -> list[Row]:
    """Questions that begin alike, as with one system prompt, and say different things then."""
    draw = random.Random(7)
    words = [f"w{n}" for n in range(3000)]
    same = " ".join(draw.choices(words, k=long))
    return [
        Row(
            Pair(f"{same} {' '.join(draw.choices(words, k=20))}", " ".join(draw.choices(words))),
            "prompt", "f", line,
        )
        for line in range(1, count + 1)
    ]  # fmt: skip


def near(rows: list[Row]) -> list[tuple[int, int]]:
    return [(pair.first, pair.second) for pair in near_pairs(own_shingles(rows), 0.6)]


def test_what_many_questions_begin_with_does_not_make_them_alike() -> None:
    data = asked(40)
    assert len(brute([row.text for row in data], 0.6)) == 40 * 39 / 2
    prompt = data[3].text.split("\n")[0]
    again = Row(Pair(f"{prompt} once more", "x"), "prompt", "f", 41)
    assert near([*data, again]) == [(3, 40)]


def test_what_a_few_questions_begin_with_does() -> None:
    assert len(near(asked(16))) == 16 * 15 / 2


def test_what_is_learned_always_counts() -> None:
    data = asked(40)
    answer = " ".join(f"a{n}" for n in range(100))
    alike = [Row(Pair(row.text, answer), "prompt", "f", row.line) for row in data[:20]]
    assert set(combinations(range(20), 2)) <= set(near([*alike, *data[20:]]))


def test_holes_in_one_text_are_alike_however_many_there_are() -> None:
    words = [f"w{n}" for n in range(60)]
    holes = [
        Row(
            Hole(" ".join(words[:at]), " ".join(words[at + 1 :]), words[at]),
            "fill-in-the-middle",
            "f",
            at,
        )
        for at in range(1, 31)
    ]
    assert len(near(holes)) == 30 * 29 / 2


def test_what_most_plain_texts_begin_with_does_not_make_them_alike() -> None:
    assert not near(rows(*(row.text for row in asked(40))))


def test_what_many_rows_have_is_the_same_in_whatever_order_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(duplicates, "_SAMPLE", 30)
    data = asked(60)
    there, back = list(own_shingles(data)), list(own_shingles(data[::-1]))
    assert there == back[::-1] != [shingles(row.text) for row in data]


def test_pairs_that_are_passed_are_not_compared() -> None:
    sets = [shingles("a b c d e f g")] * 3
    pairs = near_pairs(sets, 0.8, lambda second, first: (second, first) == (2, 1))
    assert [(p.first, p.second) for p in pairs] == [(0, 1), (0, 2)]


def test_of_equal_rows_the_first_stays() -> None:
    found = deduplicate(rows("a b", "c d", "a b"))
    assert [row.line for row in found.rows] == [1, 2]
    assert [(gone.line, stays.line) for gone, stays in found.exact] == [(3, 1)]


def test_a_nearly_equal_row_goes_for_the_one_that_stays() -> None:
    words = [f"w{n}" for n in range(100)]
    found = deduplicate(rows(" ".join(words), "other", " ".join([*words[:-1], "x"])))
    assert [(gone.line, stays.line) for gone, stays in found.near] == [(3, 1)]


def test_a_row_is_not_left_out_for_one_that_went() -> None:
    words = [f"w{n}" for n in range(100)]
    one = " ".join(words)
    two = " ".join([*words[:94], *"abcdef"])
    three = " ".join([*words[:88], *"ghijkl", *"abcdef"])
    assert [row.line for row in deduplicate(rows(one, two, three)).rows] == [1, 3]


def test_rows_that_teach_different_things_of_one_text_both_stay() -> None:
    code, doc = (" ".join(f"{kind}{n}" for n in range(60)) for kind in "cd")
    both = [Pair(code, doc), Pair(doc, code), Hole(code, doc, "one"), Hole(code, doc, "two")]
    data = [Row(content, "prompt", "f", line) for line, content in enumerate(both, 1)]
    assert deduplicate(data).rows == tuple(data)


def test_only_equal_rows_go_without_a_threshold() -> None:
    words = " ".join(f"w{n}" for n in range(100))
    assert len(deduplicate(rows(words, f"{words} x", words), threshold=None).rows) == 2


PROBLEM = "return the number of vowels in a word where y counts only at the very end"


def test_a_row_that_holds_a_problems_words_is_told_with_its_id() -> None:
    data = rows("nothing of the kind", f"Task: {PROBLEM.upper()}!")
    (found,) = find_overlaps(
        data, [("P/1", PROBLEM), ("P/2", "another problem of many words here")]
    )
    assert (found.row.line, found.problem) == (2, "P/1")
    assert found.words == "return the number of vowels in a word where y counts only at"


def test_fewer_words_than_a_run_are_no_overlap() -> None:
    assert find_overlaps(rows(" ".join(PROBLEM.split()[:12])), [("P/1", PROBLEM)]) == []


def test_a_short_problem_is_looked_for_whole_and_a_tiny_one_not_at_all() -> None:
    data = rows("write a function that adds two numbers now")
    problems = [("P/1", "a function that adds two numbers"), ("P/2", "adds two numbers")]
    assert [found.problem for found in find_overlaps(data, problems)] == ["P/1"]


def test_a_row_and_a_problem_are_told_once() -> None:
    assert (
        len(find_overlaps(rows(f"{PROBLEM} {PROBLEM}"), [("P/1", PROBLEM), ("P/1", PROBLEM)])) == 1
    )


def test_data_that_holds_a_benchmark_is_refused_with_line_and_problem() -> None:
    found = find_overlaps(rows(PROBLEM), [("P/1", PROBLEM)])
    with pytest.raises(InputError, match="f, line 1: P/1"):
        refuse_overlaps(found)
    refuse_overlaps([])
