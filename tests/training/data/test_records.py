"""Files of every format become records with their lines, the broken ones too."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import InputError
from codelathe.training.data import records
from codelathe.training.data.records import Record, read_records
from codelathe.training.data.rows import Fault, FaultKind

ROWS = [{"text": "첫째"}, {"text": "둘\n째"}]


def written(data: bytes | str, name: str) -> Path:
    path = Path(name)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(data: bytes | str, name: str = "rows.jsonl") -> list[Record]:
    return list(read_records(written(data, name)))


def kinds(found: list[Record]) -> list[FaultKind | int]:
    return [record.kind if isinstance(record, Fault) else record[0] for record in found]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", lines(ROWS)),
        ("a.json", lines(ROWS)),
        ("a", lines(ROWS)),
        ("bom.jsonl", "\ufeff" + lines(ROWS)),
        ("bom.csv", '\ufefftext\n첫째\n"둘\n째"\n'),
        ("b.json", json.dumps(ROWS, indent=1)),
        ("c.json", json.dumps({"version": 1, "data": ROWS})),
        ("d.json", json.dumps({"text": [row["text"] for row in ROWS]})),
        ("e.csv", 'text\n첫째\n"둘\n째"\n'),
        ("f.tsv", 'text\tid\n첫째\t\n"둘\n째"\t\n'),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_every_format_gives_the_same_rows(name: str, data: str, packed: bool) -> None:
    content = gzip.compress(data.encode()) if packed else data.encode()
    found = read(content, f"{name}.gz" if packed else name)
    assert [record[1] for record in found if not isinstance(record, Fault)] == ROWS


def test_parquet_gives_the_same_rows() -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), buffer)
    assert [record[1] for record in read(buffer.getvalue(), "rows.parquet")] == ROWS


def test_a_parquet_file_that_is_none_is_a_fault() -> None:
    pytest.importorskip("pyarrow", reason="the extra 'train' is not installed")
    assert kinds(read(b"PAR1 nothing", "rows.parquet")) == [FaultKind.DAMAGED]


def test_rows_of_an_array_have_the_lines_where_they_begin() -> None:
    text = '[\n {"text": "a"},\n\n {\n  "text": "b"}, {"text": "c"}\n]\n'
    assert kinds(read(text, "a.json")) == [2, 4, 5]


def test_rows_by_id_have_it_and_their_line() -> None:
    found = read('{\n"x": {"text": "a"},\n"y": {"text": "b", "id": "own"}}', "a.json")
    assert found == [(2, {"id": "x", "text": "a"}), (3, {"id": "own", "text": "b"})]


def test_one_object_that_has_a_form_is_one_row() -> None:
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    assert read(json.dumps(chat, indent=1), "a.json") == [(1, chat)]


def test_the_rows_before_the_place_where_a_document_breaks_off_are_read() -> None:
    found = read('[{"text": "a"},\n{"text": "b"},\n{"text": ', "a.json")
    assert kinds(found) == [1, 2, FaultKind.DAMAGED]


def test_what_follows_a_document_is_a_fault() -> None:
    assert kinds(read('[{"text": "a"}]\nrest', "a.json")) == [1, FaultKind.DAMAGED]


def test_each_broken_line_is_a_fault_and_the_others_are_read() -> None:
    text = b'{"text": "a"}\n{"text": \n\n{"text": "\xff"}\n{"text": "b"}\n'
    assert kinds(read(text)) == [1, FaultKind.DAMAGED, FaultKind.ENCODING, 5]


def test_a_line_that_is_too_long_is_passed_over_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "LINE_BYTES", 50)
    found = read(lines([{"text": "a"}, {"text": "x" * 5000}, {"text": "b"}]))
    assert kinds(found) == [1, FaultKind.TOO_LARGE, 3]
    assert "5,013 bytes" in found[1].message


def test_a_line_of_the_greatest_length_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    row = '{"text": "a"}\n'
    monkeypatch.setattr(records, "LINE_BYTES", len(row))
    assert kinds(read(row * 2)) == [1, 2]


def test_a_row_of_csv_with_too_few_cells_is_a_fault() -> None:
    assert kinds(read("a,b\n1,2\n3\n4,5\n", "a.csv")) == [2, FaultKind.DAMAGED, 4]


def test_bytes_of_csv_that_are_not_utf8_are_a_fault_of_their_row() -> None:
    found = read("text\n값\n".encode() + b"\xb0\xaa\n" + b"ok\n", "a.csv")
    assert kinds(found) == [2, FaultKind.ENCODING, 4]
    assert "0xb0" in found[1].message


def test_a_cut_gzip_file_gives_its_rows_and_then_a_fault() -> None:
    data = gzip.compress(lines([{"text": str(n) * 40} for n in range(5000)]).encode(), 1)
    found = kinds(read(data[: len(data) // 2], "a.jsonl.gz"))
    assert found[0] == 1
    assert found[-1] == FaultKind.DAMAGED


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"", "a.jsonl", "is empty"),
        (b" \n\n", "a.json", "is empty"),
        ("text".encode("utf-16"), "a.jsonl", "UTF-16"),
        (b"hello", "a.txt", "neither JSON"),
    ],
)
def test_a_file_that_cannot_be_rows_is_refused(data: bytes, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(data, name)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="No such file"):
        list(read_records(Path("none.jsonl")))


def test_of_several_lists_of_rows_none_is_taken() -> None:
    with pytest.raises(InputError, match="2 lists of rows: train, test"):
        read(json.dumps({"train": ROWS, "test": ROWS}), "a.json")
