"""The text of an answer while it grows."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from codelathe.engines._answer import Answer

TEXTS = st.text(alphabet="ab\n", max_size=40)
STOPS = st.lists(st.text(alphabet="ab\n", min_size=1, max_size=4), max_size=3)


def cut(text: str, stops: list[str]) -> str:
    """`text` before the first stop string: the definition."""
    return text[: min((text.find(s) for s in stops if s in text), default=len(text))]


@given(st.lists(TEXTS, max_size=6), STOPS)
def test_an_answer_ends_before_the_first_stop_string_however_it_is_cut_into_pieces(
    pieces: list[str], stops: list[str]
) -> None:
    answer = Answer(stops)
    for index, piece in enumerate(pieces):
        answer.add(piece, last=index == len(pieces) - 1)
        if answer.stopped:
            break
    earliest = min(
        (end for end in range(len("".join(pieces)) + 1) if ends(pieces, stops, end)), default=None
    )
    text = "".join(pieces) if earliest is None else cut("".join(pieces)[:earliest], stops)
    assert answer.text == text


def ends(pieces: list[str], stops: list[str], end: int) -> bool:
    """Whether the pieces up to character `end`, a border of pieces, hold a stop string."""
    borders = {sum(map(len, pieces[:count])) for count in range(len(pieces) + 1)}
    return end in borders and any(s in "".join(pieces)[:end] for s in stops)


@given(TEXTS, STOPS)
def test_what_is_shown_never_has_to_be_taken_back(text: str, stops: list[str]) -> None:
    answer, shown = Answer(stops), [""]
    for character in text:
        answer.add(character)
        shown.append(answer.text)
        if answer.stopped:
            break
    assert all(later.startswith(sooner) for sooner, later in pairwise(shown))


def test_what_may_become_a_stop_string_is_held_back() -> None:
    answer = Answer(["\n```"])
    answer.add("x = 1\n``")
    assert answer.text == "x = 1"


def test_what_was_held_back_is_shown_at_the_end() -> None:
    answer = Answer(["\n```"])
    answer.add("x = 1\n``", last=True)
    assert answer.text == "x = 1\n``"


def test_a_stop_string_across_pieces_is_found() -> None:
    answer = Answer(["END"])
    answer.add("a E")
    answer.add("ND b")
    assert (answer.text, answer.stopped) == ("a ", True)


def test_a_piece_that_shows_nothing_new_says_so() -> None:
    assert not Answer(["END"]).add("EN")
