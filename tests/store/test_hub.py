"""The hub on its bad days."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.core.errors import IntegrityError, SourceUnreachable
from codelathe.store import Silent
from codelathe.store.artefact import Artefact, HubFile
from codelathe.store.hub import HubSource
from codelathe.store.part import Part
from fakes.hub import FakeHub, Fault, sha256


@pytest.fixture
def artefact(hub: FakeHub) -> Artefact:
    data = hub.repositories["someone/tiny"]["tiny.gguf"]
    place = HubFile("someone/tiny", "", "tiny.gguf")
    return Artefact("tiny.gguf", len(data), sha256(data), place)


@pytest.fixture
def source(hub: FakeHub) -> HubSource:
    return HubSource(patience=10.0, stall=5.0, pause=0.01)


def fetch(source: HubSource, artefact: Artefact, path: Path) -> bytes:
    with Part(path, artefact.bytes) as part:
        source.fetch(artefact, part, Silent())
    return path.read_bytes()


def test_a_cut_stream_is_gone_on_with_where_it_ended(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.faults.append(Fault(cut=300_000))
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256
    assert hub.fetches() == ["", "bytes=300000-"]


def test_what_an_earlier_run_kept_is_not_fetched_again(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    (tmp_path / "part").write_bytes(hub.repositories["someone/tiny"]["tiny.gguf"][:400_000])
    fetch(source, artefact, tmp_path / "part")
    assert hub.fetches() == ["bytes=400000-"]


def test_a_server_that_knows_no_ranges_still_gives_the_right_file(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.forget_ranges = True
    (tmp_path / "part").write_bytes(b"x" * 1000)
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256


def test_a_passing_server_error_is_tried_again(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.faults.extend([Fault(status=500), Fault(status=503)])
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256


def test_a_stream_that_is_always_cut_at_once_is_given_up(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.faults.extend([Fault(cut=0)] * 20)
    with pytest.raises(SourceUnreachable):
        fetch(source, artefact, tmp_path / "part")


def test_many_cuts_with_progress_between_them_are_not_given_up(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.faults.extend([Fault(cut=70_000)] * 12)
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256


def test_a_stream_that_stalls_is_gone_on_with(
    hub: FakeHub, artefact: Artefact, tmp_path: Path
) -> None:
    hub.faults.append(Fault(drip=1.0))
    source = HubSource(patience=2.0, stall=0.2, pause=0.01)
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_names_its_status(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path, status: int
) -> None:
    hub.refuse = status
    with pytest.raises(SourceUnreachable, match=str(status)):
        fetch(source, artefact, tmp_path / "part")


def test_a_repository_that_is_closed_to_us_is_told_with_the_token_to_set(
    hub: FakeHub, source: HubSource
) -> None:
    with pytest.raises(SourceUnreachable) as caught:
        source.repository("someone/secret")
    assert "HF_TOKEN" in caught.value.hint


def test_other_bytes_are_noticed_before_any_is_fetched(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.repositories["someone/tiny"]["tiny.gguf"] = bytes(artefact.bytes or 0)
    with pytest.raises(IntegrityError):
        fetch(source, artefact, tmp_path / "part")
    assert hub.fetches() == []


def test_a_hub_that_does_not_answer_is_asked_once(
    hub: FakeHub, artefact: Artefact, tmp_path: Path
) -> None:
    hub.hang = 1.0
    source = HubSource(patience=0.1)
    for _ in range(3):
        with pytest.raises(SourceUnreachable, match="not reachable"):
            fetch(source, artefact, tmp_path / "part")
    assert len(hub.requests) <= 1


def test_nobody_at_the_address_is_told_at_once(
    artefact: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(SourceUnreachable, match="not reachable"):
            fetch(HubSource(), artefact, tmp_path / "part")


def test_offline_means_no_request(
    hub: FakeHub,
    source: HubSource,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SourceUnreachable, match="HF_HUB_OFFLINE"):
        fetch(source, artefact, tmp_path / "part")
    assert hub.requests == []


def test_the_token_goes_to_the_hub(
    hub: FakeHub,
    source: HubSource,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(source, artefact, tmp_path / "part")
    assert {h.get("authorization") for _, _, h in hub.requests} == {"Bearer hf_secret"}


def test_the_token_does_not_follow_a_redirect_to_another_host(
    hub: FakeHub,
    source: HubSource,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.cdn = True
    assert sha256(fetch(source, artefact, tmp_path / "part")) == artefact.sha256
    away = [h for _, path, h in hub.requests if path.startswith("/cdn/")]
    assert [h.get("authorization") for h in away] == [None]


def test_a_range_follows_a_redirect(
    hub: FakeHub, source: HubSource, artefact: Artefact, tmp_path: Path
) -> None:
    hub.cdn = True
    hub.faults.append(Fault(cut=300_000))
    fetch(source, artefact, tmp_path / "part")
    away = [h.get("range") for _, path, h in hub.requests if path.startswith("/cdn/")]
    assert away == [None, "bytes=300000-"]


def test_a_listing_has_sizes_hashes_commit_and_licence(hub: FakeHub, source: HubSource) -> None:
    hub.repositories["a/b"] = {"config.json": b"{}", "model.safetensors": b"12345"}
    hub.licences["a/b"] = "mit"
    found = source.repository("a/b")
    assert (found.commit, found.licence) == (hub.commit("a/b"), "mit")
    assert [(f.name, f.bytes, f.sha256) for f in found.files] == [
        ("config.json", 2, ""),
        ("model.safetensors", 5, sha256(b"12345")),
    ]


def test_a_name_that_leads_out_of_the_folder_is_not_listed(hub: FakeHub, source: HubSource) -> None:
    hub.repositories["a/b"] = {"../x.gguf": b"1", "/x.gguf": b"2", "in/x.gguf": b"3"}
    assert [f.name for f in source.repository("a/b").files] == ["in/x.gguf"]


def test_a_revision_that_does_not_exist_is_told(hub: FakeHub, source: HubSource) -> None:
    with pytest.raises(SourceUnreachable, match="404"):
        source.repository("someone/tiny", "no-such-branch")


def test_what_is_no_repository_name_is_told(hub: FakeHub, source: HubSource) -> None:
    with pytest.raises(SourceUnreachable):
        source.repository("a--b/..c")


@pytest.mark.parametrize("name", ["../..", "a/b/c", "a--b/c", "x" * 300 + "/y"])
def test_a_name_that_no_repository_has_is_told(
    source: HubSource, tmp_path: Path, name: str
) -> None:
    artefact = Artefact("a.gguf", 9, "0" * 64, HubFile(name, "", "a.gguf"))
    with pytest.raises(SourceUnreachable):
        fetch(source, artefact, tmp_path / "part")
    with pytest.raises(SourceUnreachable):
        source.repository(name)


def test_a_page_in_place_of_the_hubs_answer_is_no_answer(hub: FakeHub, source: HubSource) -> None:
    hub.page = b"<html>Please log in to this network</html>"
    with pytest.raises(SourceUnreachable, match="no usable answer"):
        source.repository("someone/tiny")


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import close_session

    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:9")
    close_session()
    with pytest.raises(SourceUnreachable, match="proxy"):
        HubSource().repository("someone/tiny")
    close_session()


def test_nothing_is_asked_of_the_hub_but_the_model(hub: FakeHub, tmp_path: Path) -> None:
    program = "from codelathe.store.hub import HubSource; HubSource().repository('someone/tiny')"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert [path for _, path, _ in hub.requests] == ["/api/models/someone/tiny"]
