"""Where calibration text comes from, how it is cut, and what is said of text that is no code."""

from __future__ import annotations

import pytest

from codelathe.compression.calibration import (
    Texts,
    code_share,
    cut_windows,
    library_texts,
)
from codelathe.core.errors import InputError

PROSE = (
    "The committee met on Tuesday (as usual) to discuss the budget.\n"
    "Nobody had read the report, which was a pity; it was good.\n"
    "If we wait for the spring, the prices will have risen again.\n"
)
KOREAN = "위원회는 화요일에 모여 예산을 논의하였다.\n아무도 보고서를 읽지 않았다.\n"
GO = (
    "func add(a int, b int) int {\n\treturn a + b\n}\n\n"
    "for i := 0; i < 3; i++ {\n\tfmt.Println(i)\n}\n"
)


def encode(text: str) -> list[int]:
    return list(text.encode())


@pytest.fixture(scope="module")
def library() -> Texts:
    return library_texts()


def test_windows_are_equally_long_and_as_many_as_asked(library: Texts) -> None:
    windows = cut_windows(library, encode, 5, 100, 0)
    assert [len(window) for window in windows.ids] == [100] * 5
    assert not windows.notes


def test_texts_are_parted_by_the_end_token() -> None:
    windows = cut_windows(Texts(("ab" * 20, "cd" * 40), "x"), encode, 1, 100, 300)
    assert windows.ids[0][40] == 300


def test_the_same_python_gives_the_same_passages(library: Texts) -> None:
    assert library_texts() == library


def test_no_passage_is_in_calibration_and_held_out(library: Texts) -> None:
    parts = set(library.texts), set(library_texts("held out").texts)
    assert not parts[0] & parts[1]
    assert min(map(len, parts)) > 100


def test_passages_of_the_library_look_like_code(library: Texts) -> None:
    assert code_share("\n".join(library.texts[:50])) > 0.5


@pytest.mark.parametrize("text", [PROSE, KOREAN])
def test_prose_is_told_of(text: str) -> None:
    windows = cut_windows(Texts((text * 50,), "mail.txt"), encode, 8, 100, None)
    assert [note for note in windows.notes if "lines in mail.txt look like code" in note]


def test_code_in_another_language_is_code() -> None:
    windows = cut_windows(Texts((GO * 50,), "main.go"), encode, 8, 100, None)
    assert not windows.notes


def test_too_little_text_is_told_of() -> None:
    windows = cut_windows(Texts((GO * 4,), "main.go"), encode, 64, 100, None)
    assert len(windows.ids) == 3
    assert "fills 3 of 64 calibration windows" in windows.notes[0]


def test_less_than_one_window_becomes_a_shorter_one() -> None:
    windows = cut_windows(Texts((GO,), "main.go"), encode, 4, 1000, None)
    assert [len(window) for window in windows.ids] == [len(encode(GO))]


@pytest.mark.parametrize("text", ["", "x = 1\n"])
def test_hardly_any_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="too few to calibrate on"):
        cut_windows(Texts((text,), "empty.py"), encode, 64, 512, None)
