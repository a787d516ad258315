"""A hub to write to, and something to send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.hub_writing import WrittenHub, written_hub
from fakes.tuned import tuned_adapter, use_hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[WrittenHub]:
    with written_hub() as running:
        use_hub(running.address, monkeypatch)
        yield running


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return tuned_adapter(tmp_path / "my-tune")
