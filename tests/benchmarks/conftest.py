"""Files of made-up problems."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from fakes.problems import Here, Row, Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows as JSON Lines, packed where the name says so; the file's path."""

    def written(name: str, rows: Iterable[Row]) -> Path:
        path = tmp_path / name
        content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return written


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that CODELATHE_DATA names, where `write` puts its files."""
    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def here() -> Here:
    return Here()
