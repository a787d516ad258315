"""Where the address of a service is found, and that a file cannot misuse a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import UsageError
from codelathe.engines._address import check_address, find_address

KEYS = ("OPENAI_API_KEY",)


def find() -> str:
    return find_address("OPENAI_BASE_URL", KEYS)


def test_no_address_is_none() -> None:
    assert find() == ""


def test_a_file_may_name_address_and_key() -> None:
    Path(".env").write_text("OPENAI_BASE_URL=https://models.example/v1\nOPENAI_API_KEY=sk-1\n")
    assert find() == "https://models.example/v1"


def test_a_file_may_not_send_a_key_of_the_environment_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("OPENAI_BASE_URL=https://evil.example/v1\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    with pytest.raises(UsageError, match="OPENAI_API_KEY from the environment"):
        find()


def test_the_environment_may_name_any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1")
    assert find() == "https://models.example/v1"


def test_a_file_may_name_an_address_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OPENAI_BASE_URL=http://127.0.0.1:8080/v1\n")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    assert find() == "http://127.0.0.1:8080/v1"


@pytest.mark.parametrize("address", ["sk-proj-Secret01", "me:Secret01@host/v1", "me@Secret01@host"])
def test_a_key_in_place_of_an_address_is_not_shown(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_address(address)
    assert "Secret01" not in str(caught.value)
