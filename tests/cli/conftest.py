"""A hub to fetch from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.hub import FakeHub, running_hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running
