"""Where the data of a benchmark is looked for, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from errno import EACCES
from pathlib import Path

import pytest

from codelathe.benchmarks import open_benchmark
from codelathe.core.errors import (
    ArtefactUnavailable,
    InputError,
    IntegrityError,
    ProblemError,
    UnknownName,
)
from codelathe.store import Store
from codelathe.store.catalogue import load_catalogue
from codelathe.store.hub import HubSource
from codelathe.store.local import LocalSource
from fakes.hub import running_hub
from fakes.problems import HUMANEVAL, MBPP, Write


def store(tmp_path: Path) -> Store:
    """A store that asks nobody."""
    return Store(tmp_path / "home", sources=())


def pin(home: Path, data: bytes, file: str = "mbpp.jsonl", hub: str = "") -> None:
    """Make `data` the published file of MBPP."""
    home.mkdir(exist_ok=True)
    digest = hashlib.sha256(data).hexdigest()
    source = f'hub = {{ repository = "{hub}", file = "data/{file}" }}\n' if hub else ""
    (home / "catalogue.toml").write_text(
        f'[datasets.mbpp]\nfile = "{file}"\nbytes = {len(data)}\nsha256 = "{digest}"\n{source}'
    )


def test_a_file_that_the_user_names_is_used(write: Write, tmp_path: Path) -> None:
    path = write("mine.jsonl", MBPP)
    assert len(open_benchmark("mbpp", path, store=store(tmp_path)).tasks) == 2


def test_its_hash_stands_in_the_benchmark(write: Write, tmp_path: Path) -> None:
    path = write("mine.jsonl", MBPP)
    benchmark = open_benchmark("mbpp", path, store=store(tmp_path))
    assert benchmark.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_details_say_that_it_is_not_the_published_file(write: Write, tmp_path: Path) -> None:
    path = write("mine.jsonl", MBPP)
    benchmark = open_benchmark("mbpp", path, store=store(tmp_path))
    assert benchmark.details["data"] == "not the published file"


def test_the_published_file_needs_no_details(write: Write, tmp_path: Path) -> None:
    path = write("mine.jsonl", MBPP)
    pin(tmp_path / "home", path.read_bytes())
    assert not open_benchmark("mbpp", path, store=store(tmp_path)).details


def test_a_file_of_the_folder_is_used_where_it_is_the_published_one(
    write: Write, folder: Path
) -> None:
    path = write("mbpp.jsonl", MBPP)
    pin(folder / "home", path.read_bytes())
    assert open_benchmark("mbpp", store=store(folder)).tasks


def test_a_file_of_the_folder_with_another_hash_is_refused(write: Write, folder: Path) -> None:
    path = write("mbpp.jsonl", MBPP)
    with pytest.raises(IntegrityError) as caught:
        open_benchmark("mbpp", store=store(folder))
    assert f"--data {path}" in caught.value.hint


def test_the_named_file_goes_before_the_folder(write: Write, folder: Path) -> None:
    write("mbpp.jsonl", MBPP)
    path = write("other.jsonl", MBPP[1:2])
    assert list(open_benchmark("mbpp", path, store=store(folder)).tasks) == ["MBPP/11"]


def test_the_store_is_asked_last(write: Write, tmp_path: Path) -> None:
    content = write("mbpp.jsonl", MBPP).read_bytes()
    home = tmp_path / "home"
    pin(home, content)
    (home / "datasets").mkdir()
    (home / "datasets" / "mbpp.jsonl").write_bytes(content)
    kept = Store(home, sources=(LocalSource((home / "datasets",)),))
    assert open_benchmark("mbpp", store=kept).tasks


def test_the_hub_has_data_sets_apart_from_models(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = write("mbpp.jsonl", MBPP).read_bytes()
    pin(tmp_path / "home", content, hub="someone/mbpp")
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        hub.repositories["datasets/someone/mbpp"] = {"data/mbpp.jsonl": content}
        asked = Store(tmp_path / "home", sources=(HubSource(patience=10.0, pause=0.01),))
        assert open_benchmark("mbpp", store=asked).tasks


def test_absent_data_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ArtefactUnavailable) as caught:
        open_benchmark("mbpp", store=store(tmp_path))
    assert "CODELATHE_DATA is not set" in caught.value.message
    assert "--data FILE" in caught.value.hint


def test_absent_data_that_no_source_has_says_how_to_get_it(folder: Path) -> None:
    with pytest.raises(ArtefactUnavailable) as caught:
        open_benchmark("humaneval+", store=store(folder))
    assert str(folder) in caught.value.message
    assert "evalplus/humanevalplus_release" in caught.value.hint


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        open_benchmark("mbpp", tmp_path / "none.jsonl", store=store(tmp_path))


def test_a_folder_is_no_data_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        open_benchmark("mbpp", tmp_path, store=store(tmp_path))


def test_a_data_folder_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path / "none"))
    with pytest.raises(InputError, match="no folder"):
        open_benchmark("mbpp", store=store(tmp_path))


def test_a_data_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path) -> Iterator[Path]:
        raise PermissionError(EACCES, "Permission denied", str(self))

    monkeypatch.setenv("CODELATHE_DATA", str(tmp_path))
    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(InputError, match=r"cannot read the folder .*: Permission denied"):
        open_benchmark("mbpp", store=store(tmp_path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no problem"),
        (b"\n\n", "no problem"),
        (b'{"task_id": 11}\n', "line 1: lacks 'text'"),
        (b"\n{]\n", "line 2: not JSON"),
        (b"[1]\n", "line 1: not an object"),
        (b"[" * 100_000, "line 1: not JSON"),
        (b'{"text": 1}\n', "line 1: 'text' is not text"),
        (b"\xff\xfe", "not UTF-8"),
        (b"\x1f\x8b\x08\x00", "cannot be unpacked"),
        (gzip.compress(b"{}" * 99)[:-9], "cannot be unpacked"),
    ],
)
def test_a_malformed_file_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "mbpp.jsonl"
    path.write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        open_benchmark("mbpp", path, store=store(tmp_path))
    assert told in caught.value.message


def test_a_number_may_not_be_a_truth_value(write: Write, tmp_path: Path) -> None:
    path = write("mbpp.jsonl", [{**MBPP[1], "task_id": True}])
    with pytest.raises(ProblemError, match="'task_id' is not a whole number"):
        open_benchmark("mbpp", path, store=store(tmp_path))


def test_a_task_may_come_only_once(write: Write, tmp_path: Path) -> None:
    path = write("mbpp.jsonl", [MBPP[1], MBPP[1]])
    with pytest.raises(ProblemError, match="line 2: a second task 11"):
        open_benchmark("mbpp", path, store=store(tmp_path))


def test_a_byte_order_mark_and_empty_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "mbpp.jsonl"
    text = f"\ufeff{json.dumps(MBPP[1])}\r\n\r\n"
    path.write_bytes(text.encode())
    assert open_benchmark("mbpp", path, store=store(tmp_path)).tasks


def test_packed_data_is_known_by_its_content(write: Write, tmp_path: Path) -> None:
    packed = write("data.gz", HUMANEVAL).rename(tmp_path / "data")
    assert open_benchmark("humaneval", packed, store=store(tmp_path)).tasks


def test_an_unknown_benchmark_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        open_benchmark("humanevall")
    assert "humaneval" in caught.value.nearest


@pytest.mark.parametrize("language", ["python", "js", "java", "go", "cpp", "rust"])
def test_every_published_file_that_can_be_fetched_is_pinned(language: str) -> None:
    (artefact,) = load_catalogue().dataset(f"humanevalpack-{language}").artefacts
    assert artefact.hub is not None
    assert artefact.hub.dataset
