"""What `lathe doctor` says of the languages that can be judged here."""

from __future__ import annotations

import pytest

from codelathe.cli.doctor import examine
from codelathe.judge import languages


def test_every_language_has_its_compiler_or_how_to_get_it() -> None:
    told = examine()["languages"]
    assert set(told) == set(languages.TOOLCHAINS)
    assert all(bool(about["toolchain"]) != bool(about["fix"]) for about in told.values())


def test_a_missing_compiler_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    languages.toolchain.cache_clear()
    try:
        told = examine()["languages"]["go"]
    finally:
        languages.toolchain.cache_clear()
    assert told == {"toolchain": "", "fix": "apt-get install golang-go"}
