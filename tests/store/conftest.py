"""A hub, an index and a home of our own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.store import Store
from codelathe.store.hub import HubSource
from codelathe.store.index import IndexSource
from codelathe.store.local import LocalSource
from fakes.hub import FakeHub, running_hub, sha256
from fakes.packages import FakeIndex, running_index, write_parts
from fakes.progress import Heard

DATA = b"GGUF" + random.Random(7).randbytes(999_996)
CATALOGUE = """
[models.tiny]
parameters = "1M"
licence = "MIT"
format = "gguf"
file = "tiny.gguf"
bytes = {size}
sha256 = "{sha256}"
hub = {{ repository = "someone/tiny" }}

[models.tiny.index]
distribution = "fake-part{{n}}"
version = "1.0"
member = "fake_part{{n}}/{{n:02}}.bin"
parts = 2

[models.loose]
licence = "MIT"
format = "gguf"
hub = {{ repository = "someone/loose-GGUF" }}

[datasets.rows]
licence = "MIT"
file = "rows.jsonl"
bytes = 6
sha256 = "{rows}"
"""
ROWS = b"a\nb\nc\n"


@pytest.fixture
def data() -> bytes:
    """The model `tiny`."""
    return DATA


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub that has the model `tiny`."""
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        running.repositories["someone/tiny"] = {"tiny.gguf": DATA}
        yield running


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeIndex]:
    """An index that has the model `tiny` in two parts."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_parts(folder, DATA, 2)
    with running_index(folder) as running:
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", running.address)
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose catalogue has `tiny`, `loose` and the data set `rows`."""
    folder = tmp_path / "home"
    folder.mkdir()
    text = CATALOGUE.format(size=len(DATA), sha256=sha256(DATA), rows=sha256(ROWS))
    (folder / "catalogue.toml").write_text(text)
    monkeypatch.setenv("CODELATHE_HOME", str(folder))
    return folder


@pytest.fixture
def store(home: Path, hub: FakeHub) -> Store:
    """A store with the usual sources, made quick."""
    drops = (home / "models", home / "datasets")
    return Store(home, (LocalSource(drops), HubSource(patience=10.0, pause=0.01), IndexSource()))
