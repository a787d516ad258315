"""`lathe explain`, run through a scripted model."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codelathe.cli import run

CODE = "def one(a):\n    return a + 1\n\n\ndef two():\n    'Known.'\n    return 2\n"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model that says the same to everything."""
    path = tmp_path / "script.jsonl"
    path.write_text(json.dumps({"text": "Adds one.", "repeat": True}), encoding="utf-8")
    return f"scripted:{path}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "code.py"
    path.write_text(CODE, encoding="utf-8")
    return path


def explain(*args: object) -> int:
    return run(["explain", *map(str, args)])


def test_a_summary_goes_to_standard_output(
    file: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(file, "--model", model) == 0
    assert capsys.readouterr().out == "Adds one.\n"


def test_lines_are_told_with_their_numbers(
    file: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(file, "--detail", "lines", "--model", model)
    assert capsys.readouterr().out == "1-2: Adds one.\n5-7: Adds one.\n"


def test_json_is_one_document(file: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    explain(f"{file}:1-2", "--detail", "lines", "--to", "ko", "--model", model, "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == str(file)
    assert document["to"] == "ko"
    assert document["lines"] == [{"first": 1, "last": 2, "text": "Adds one."}]


def test_docstrings_are_shown_and_the_file_left_alone(
    file: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(file, "--detail", "docstring", "--model", model)
    assert capsys.readouterr().out == "one (1):\nAdds one.\n"
    assert file.read_text() == CODE


def test_docstrings_are_written_where_they_are_missing(
    file: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(file, "--detail", "docstring", "--write", "--model", model)
    assert file.read_text() == CODE.replace(
        ":\n    return a", ':\n    """Adds one."""\n    return a'
    )
    assert f"1 docstring written to {file} (+1 line)" in capsys.readouterr().err


def test_a_written_file_keeps_its_mode_its_mark_and_its_line_ends(file: Path, model: str) -> None:
    file.write_bytes(b"\xef\xbb\xbfdef f():\r\n    pass\r\n")
    file.chmod(0o750)
    explain(file, "--detail", "docstring", "--write", "--model", model)
    assert file.read_bytes() == (b'\xef\xbb\xbfdef f():\r\n    """Adds one."""\r\n    pass\r\n')
    assert stat.S_IMODE(file.stat().st_mode) == 0o750


def test_a_file_in_another_encoding_is_kept_in_it(file: Path, model: str) -> None:
    text = "# coding: euc-kr\ndef f():\n    return '가'\n"
    file.write_bytes(text.encode("euc-kr"))
    explain(file, "--detail", "docstring", "--write", "--model", model)
    assert '"""Adds one."""' in file.read_bytes().decode("euc-kr")


def test_a_link_is_followed(file: Path, model: str, tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(file)
    explain(link, "--detail", "docstring", "--write", "--model", model)
    assert link.is_symlink()
    assert '"""Adds one."""' in file.read_text()


def test_nothing_is_left_in_the_folder_but_the_file(file: Path, model: str) -> None:
    before = set(file.parent.iterdir())
    explain(file, "--detail", "docstring", "--write", "--model", model)
    assert set(file.parent.iterdir()) == before


def test_a_character_that_the_encoding_lacks_is_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "korean.jsonl"
    script.write_text(json.dumps({"text": "하나를 더합니다."}), encoding="utf-8")
    data = b"# coding: latin-1\ndef f():\n    pass\n"
    file.write_bytes(data)
    assert explain(file, "--detail", "docstring", "--write", "--model", f"scripted:{script}") == 2
    assert "which has no '하'" in capsys.readouterr().err
    assert file.read_bytes() == data


def test_a_documented_file_needs_no_model(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("def f():\n    'Known.'\n")
    assert explain(file, "--detail", "docstring", "--write", "--model", "scripted:nowhere") == 0
    assert "no function or class without a docstring" in capsys.readouterr().err


def test_standard_input_is_read(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("x = '가'\n".encode())))
    assert explain("-", "--model", model) == 0
    assert capsys.readouterr().out == "Adds one.\n"


def test_the_suffix_tells_the_language(
    tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.go"
    path.write_text("func main() {}\n")
    explain(path, "--model", model, "--json")
    assert json.loads(capsys.readouterr().out)["language"] == "go"


def test_a_name_that_looks_like_a_selection_is_taken_as_a_file_if_there_is_one(
    tmp_path: Path, model: str
) -> None:
    path = tmp_path / "code.py:12"
    path.write_text("x = 1\n")
    assert explain(path, "--model", model) == 0


@pytest.mark.parametrize(
    ("data", "args", "said"),
    [
        (b"", [], "is empty"),
        (b"x\0y", [], "NUL"),
        (b"x = '\xff'\n", [], "not utf-8 text: byte 0xff at 5"),
        (b"def f(:\n", ["--detail", "docstring"], "not Python: line 1"),
        (b"x = 1\n", ["--write"], "--detail is summary"),
        (b"x = 1\n", ["--language", "pyton"], "unknown language"),
        (b"x = 1\n", ["--language", "go", "--detail", "docstring"], "not for Go"),
        (b"x = 1\n", ["--to", "fr"], "fr"),
    ],
)
def test_bad_input_is_exit_2_and_says_what_is_wrong(
    data: bytes, args: list[str], said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(data)
    assert explain(file, *args, "--model", "scripted:nowhere") == 2
    assert said in capsys.readouterr().err
    assert file.read_bytes() == data


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere.py", "cannot read nowhere.py: No such file"),
        ("{}:90", "code.py has 7 lines"),
        ("{}:3-2", "does not name lines"),
        ("{}:3-4", "are blank"),
        (".", "cannot read .: Is a directory"),
    ],
)
def test_a_target_that_is_not_there_is_exit_2(
    target: str, said: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(target.format(file), "--model", "scripted:nowhere") == 2
    assert said in capsys.readouterr().err


def test_a_file_that_changes_meanwhile_is_left_alone(
    file: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from codelathe.cli.explain import read_source, write_source
    from codelathe.core.errors import ProblemError

    source = read_source(file)
    file.write_text("other = 1\n")
    with pytest.raises(ProblemError, match="was changed"):
        write_source(source, "x")
    assert file.read_text() == "other = 1\n"


def test_docstrings_that_cannot_be_written_into_the_file_are_shown(file: Path, model: str) -> None:
    program = (
        "import resource, sys; from codelathe.cli import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        f"sys.exit(run(['explain', {str(file)!r}, '--detail', 'docstring', '--write',"
        f" '--model', {model!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == "one (1):\nAdds one.\n"
    assert "cannot write" in done.stderr
    assert file.read_text() == CODE
    assert not list(file.parent.glob(".code*"))


def test_text_streams_without_repeating_itself(capsys: pytest.CaptureFixture[str]) -> None:
    from codelathe.cli.explain import _Stream

    stream: Any = _Stream()
    for text in ("A", "A b ", "A b c", "other", "A b c d"):
        stream.write(text)
    stream.end("A b c d.")
    assert capsys.readouterr().out == "A b c d.\n"
