"""Where keys are found, and that they are not seen again."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from codelathe.core.errors import InputError, MissingKey
from codelathe.engines.secrets import Secret, find_secret, parse_dotenv, require_secret, scrub

NAMES = ("OPENAI_API_KEY",)


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda s: f"{[s]!s}", "%s".__mod__])
def test_a_secret_shows_itself_as_stars(show) -> None:
    assert "visible" not in show(Secret("visible"))


@pytest.mark.parametrize("save", [pickle.dumps, copy.deepcopy])
def test_a_secret_cannot_be_saved(save) -> None:
    with pytest.raises(TypeError):
        save(Secret("visible"))


def test_a_key_is_found_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " sk-1 ")
    assert require_secret(NAMES, "OpenAI").reveal() == "sk-1"


def test_a_key_is_found_in_a_dotenv_file() -> None:
    Path(".env").write_text('OPENAI_API_KEY="sk-2"\n')
    assert require_secret(NAMES, "OpenAI").reveal() == "sk-2"


def test_the_environment_wins_over_a_dotenv_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_API_KEY=sk-2\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert require_secret(NAMES, "OpenAI").reveal() == "sk-1"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert find_secret(NAMES) is None


def test_a_missing_key_names_the_variable() -> None:
    with pytest.raises(MissingKey, match="OPENAI_API_KEY is not set"):
        require_secret(NAMES, "OpenAI")


@pytest.mark.parametrize("value", ["sk 1", "열쇠", "sk-1\nX: y"])
def test_a_value_that_no_header_can_carry_is_refused_unseen(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(InputError) as caught:
        find_secret(NAMES)
    assert value not in str(caught.value)


def test_a_dotenv_file_that_is_no_text_is_named() -> None:
    Path(".env").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"\.env"):
        find_secret(NAMES)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("export K=v", "v"),
        ("  K = v  ", "v"),
        ("K=v # note", "v"),
        ("K=v#1", "v#1"),
        ("K='a # b'", "a # b"),
        ("K='a\\n' # note", "a\\n"),
        ('K="a\\n\\"b\\""', 'a\n"b"'),
        ("K=", ""),
        ("K= # note", ""),
        ("\ufeffK=v", "v"),
        ("K=a=b", "a=b"),
        ("K=1\nK=2", "2"),
        ("K=v\r", "v"),
    ],
)
def test_a_dotenv_line_is_read(line: str, value: str) -> None:
    assert parse_dotenv(line) == {"K": value}


@pytest.mark.parametrize("line", ["# K=v", "K", "1K=v", "K='open", 'K="a" b', ""])
def test_a_line_of_another_form_is_passed_over(line: str) -> None:
    assert parse_dotenv(line) == {}


def test_a_long_line_is_read_in_one_pass() -> None:
    value = "v" + " " * 60_000 + "'"  # a pattern that looks back at each blank needs a minute
    assert parse_dotenv(f"K={value}") == {"K": value}


def test_a_dotenv_file_without_end_is_not_read_to_its_end() -> None:
    Path(".env").symlink_to("/dev/zero")
    assert find_secret(NAMES) is None


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-abcdef123456",
        "Bearer abc.def-ghi",
        "bearer  token123",
        "hf_ABCDEFGHIJKLMN",
        "sk-proj-a1b2***z9",
    ],
)
def test_what_looks_like_a_key_is_scrubbed(text: str) -> None:
    assert "***" in scrub(text)
    assert text.split()[-1] not in scrub(text)


def test_a_known_secret_is_scrubbed_whatever_it_looks_like() -> None:
    assert scrub("your key is plain", Secret("plain")) == "your key is ***"


def test_control_characters_of_a_service_do_not_reach_a_terminal() -> None:
    assert scrub("a\x1b[31mb\r\nc\x9b2J") == "a [31mb c 2J"


def test_a_long_message_is_cut() -> None:
    assert len(scrub("x" * 10_000)) == 400
