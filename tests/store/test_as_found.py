"""References that the catalogue does not pin, and paths of the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import (
    ArtefactUnavailable,
    InputError,
    IntegrityError,
    ModelRefError,
    UnknownName,
)
from codelathe.core.modelref import parse_model_ref
from codelathe.store import LocalModel, Store
from fakes.hub import FakeHub, sha256
from fakes.progress import Heard, Interrupted

GGUF = b"GGUF" + bytes(2000)
REPO = "someone/loose-GGUF"
CHECKPOINT = {
    "README.md": b"hello",
    "config.json": b"{}",
    "model.safetensors": bytes(3000),
    "tokenizer.json": b'{"x": 1}',
}


@pytest.fixture(autouse=True)
def repositories(hub: FakeHub) -> None:
    """A repository of quantizations and one of a checkpoint."""
    hub.repositories[REPO] = {
        "l-q4_k_m.gguf": GGUF, "l-q8_0.gguf": GGUF + b"8", "README.md": b"hello",
    }  # fmt: skip
    hub.repositories["someone/checkpoint"] = dict(CHECKPOINT)
    hub.licences[REPO] = "mit"


def obtain(store: Store, text: str, heard: Heard | None = None) -> LocalModel:
    return store.obtain(parse_model_ref(text), heard)


def test_a_repository_gives_its_default_quantization(store: Store) -> None:
    assert obtain(store, f"hf:{REPO}").path.name == "l-q4_k_m.gguf"


def test_a_quantization_can_be_named(store: Store) -> None:
    assert obtain(store, f"hf:{REPO}:q8_0").path.name == "l-q8_0.gguf"


def test_a_wrong_quantization_lists_what_there_is(store: Store) -> None:
    with pytest.raises(UnknownName) as caught:
        obtain(store, f"hf:{REPO}:q3_x")
    assert "l-q8_0" in caught.value.hint


def test_the_licence_of_a_repository_is_kept(store: Store) -> None:
    assert obtain(store, f"hf:{REPO}").licence == "mit"


def test_that_the_hub_is_trusted_is_said(store: Store, heard: Heard) -> None:
    obtain(store, f"hf:{REPO}", heard)
    assert "trusting the hub" in heard.notes[0]


def test_once_in_place_it_is_found_offline(store: Store, home: Path) -> None:
    first = obtain(store, f"hf:{REPO}")
    assert obtain(Store(home, ()), f"hf:{REPO}") == first


def test_another_quantization_in_place_is_not_the_default_one(store: Store) -> None:
    obtain(store, f"hf:{REPO}:q8_0")
    assert store.locate(parse_model_ref(f"hf:{REPO}")) is None


def test_the_same_file_by_another_reference_is_found_offline(store: Store, home: Path) -> None:
    first = obtain(store, f"hf:{REPO}:q4_k_m")
    assert obtain(Store(home, ()), f"hf:{REPO}:l-q4_k_m.gguf").path == first.path


def test_an_alias_without_a_pin_is_its_repository(store: Store) -> None:
    assert obtain(store, "loose").path == obtain(store, f"hf:{REPO}").path


def test_the_same_bytes_under_two_references_are_kept_once(store: Store, home: Path) -> None:
    obtain(store, f"hf:{REPO}@main")
    obtain(store, f"hf:{REPO}")
    folders = [p for p in (home / "models").iterdir() if not p.name.startswith(".")]
    assert len(folders) == 1


def test_a_removed_model_comes_back_as_it_was(store: Store, hub: FakeHub, heard: Heard) -> None:
    first = obtain(store, f"hf:{REPO}")
    store.remove(parse_model_ref(f"hf:{REPO}"))
    assert obtain(store, f"hf:{REPO}", heard).sha256 == first.sha256
    assert "fetched before" in heard.notes[0]


def test_a_moved_revision_is_not_taken_silently(store: Store, hub: FakeHub) -> None:
    obtain(store, f"hf:{REPO}")
    store.remove(parse_model_ref(f"hf:{REPO}"))
    hub.repositories[REPO]["l-q4_k_m.gguf"] = GGUF + b"other"
    with pytest.raises((ArtefactUnavailable, IntegrityError)) as caught:
        obtain(store, f"hf:{REPO}")
    assert f"hf:{REPO}@main" in caught.value.hint


def test_an_explicit_revision_takes_what_is_there_now(store: Store, hub: FakeHub) -> None:
    obtain(store, f"hf:{REPO}")
    store.remove(parse_model_ref(f"hf:{REPO}"))
    hub.repositories[REPO]["l-q4_k_m.gguf"] = GGUF + b"other"
    assert obtain(store, f"hf:{REPO}@main").sha256 == sha256(GGUF + b"other")


def test_a_checkpoint_is_a_folder_with_all_its_files(store: Store) -> None:
    local = obtain(store, "hf:someone/checkpoint")
    names = {path.name for path in local.path.iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "codelathe.json"}


def test_a_checkpoint_names_its_format(store: Store) -> None:
    assert obtain(store, "hf:someone/checkpoint").format == "safetensors"


def test_an_interrupted_checkpoint_keeps_its_complete_files(store: Store, hub: FakeHub) -> None:
    with pytest.raises(KeyboardInterrupt):
        store.obtain(parse_model_ref("hf:someone/checkpoint"), Interrupted(at=1000))
    hub.requests.clear()
    obtain(store, "hf:someone/checkpoint")
    assert not any("config.json" in path for _, path, _ in hub.requests)


def test_a_repository_that_does_not_exist_is_told(store: Store) -> None:
    with pytest.raises(ArtefactUnavailable, match="someone/nothing"):
        obtain(store, "hf:someone/nothing")


def test_a_model_of_several_files_counts_them_together(store: Store, heard: Heard) -> None:
    obtain(store, "hf:someone/checkpoint", heard)
    size = sum(len(data) for name, data in CHECKPOINT.items() if name != "README.md")
    assert (heard.totals, heard.counts[-1]) == ([size], size)


def test_a_gguf_file_works_by_its_path(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(GGUF)
    assert obtain(store, f"gguf:{tmp_path}/mine.gguf").path == tmp_path / "mine.gguf"


def test_a_folder_with_one_gguf_file_works_by_its_path(store: Store, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine-f16.gguf").write_bytes(GGUF)
    assert obtain(store, str(tmp_path / "m")).path == tmp_path / "m" / "mine-f16.gguf"


def test_a_folder_with_a_checkpoint_works_by_its_path(store: Store, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    local = obtain(store, str(tmp_path))
    assert (local.path, local.format) == (tmp_path, "safetensors")


def test_a_path_to_nothing_is_told_with_the_reference_that_was_meant(store: Store) -> None:
    with pytest.raises(ModelRefError) as caught:
        obtain(store, "someone/checkpoint")
    assert "hf:someone/checkpoint" in caught.value.hint


def test_a_file_that_is_no_gguf_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"PK\3\4")
    with pytest.raises(ModelRefError, match="not a GGUF"):
        obtain(store, str(tmp_path / "mine.gguf"))


def test_an_empty_folder_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelRefError):
        obtain(store, str(tmp_path / "empty"))


def test_a_local_entry_of_ones_own_catalogue_is_used_in_place(home: Path) -> None:
    (home / "mine.gguf").write_bytes(GGUF)
    with (home / "catalogue.toml").open("a") as file:
        file.write('[models.mine]\nlocal = "mine.gguf"\n')
    assert obtain(Store(home), "mine").path == home / "mine.gguf"


def test_a_path_in_the_home_of_nobody_is_told(store: Store) -> None:
    with pytest.raises(InputError, match="nobody"):
        obtain(store, "~no-such-user-here/model.gguf")


def test_a_home_in_the_home_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODELATHE_HOME", "~no-such-user-here/store")
    with pytest.raises(InputError, match="nobody"):
        Store()


def test_a_path_that_cannot_be_read_is_told(store: Store) -> None:
    with pytest.raises(ModelRefError, match="too long"):
        obtain(store, f"./{'x' * 5000}.gguf")


def test_a_reference_longer_than_a_file_name_may_be_can_be_fetched(
    store: Store, hub: FakeHub
) -> None:
    file = f"{'l' * 200}.gguf"
    hub.repositories["someone/long"] = {file: GGUF}
    assert obtain(store, f"hf:someone/long:{file}").path.name == file


@pytest.mark.parametrize("name", ["codelathe.json", "a\0b.json", "a\x1b[31m.json"])
def test_a_file_that_cannot_be_kept_is_left_out(store: Store, hub: FakeHub, name: str) -> None:
    hub.repositories["someone/odd"] = {**CHECKPOINT, name: b"{}"}
    size = sum(len(data) for file, data in CHECKPOINT.items() if file != "README.md")
    assert obtain(store, "hf:someone/odd").bytes == size
    assert store.verify(parse_model_ref("hf:someone/odd"))
