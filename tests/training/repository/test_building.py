"""From a repository to rows: what comes out, what is left out, and that it is the same again."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import DiskFull, InputError, UsageError
from codelathe.metrics.codetree import parse
from codelathe.training.repository.building import build_rows
from codelathe.training.repository.options import BuildOptions, Built
from fakes.repositories import STACK, GitRepository, stack_repository

OUT = Path("rows.jsonl")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return stack_repository(tmp_path / "repo")


def build(folder: Path, **options: Any) -> Built:
    return build_rows(folder, OUT, BuildOptions(**options))


def rows(kind: str = "") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in OUT.read_text().splitlines()]
    return [row for row in found if not kind or row["kind"] == kind]


def code(fenced: str) -> str:
    return fenced.partition("```python\n")[2].rpartition("\n```")[0]


# What rows hold


def test_a_function_is_asked_for_with_its_imports_constants_and_class(
    repository: GitRepository,
) -> None:
    build(repository.folder, kinds=("write",))
    (row,) = (row for row in rows() if "Stack.push" in row["prompt"])
    assert code(row["prompt"]) == (
        "from collections import deque\n\nLIMIT = 10\n\n\nclass Stack(list):\n"
        "    def push(self, thing):\n"
        '        """Put a thing on top, unless the stack is full."""'
    )


def test_a_written_function_is_whole_and_parses(repository: GitRepository) -> None:
    build(repository.folder, kinds=("write",))
    assert len(rows()) == 2
    for row in rows():
        (node,) = ast.parse(code(row["completion"])).body
        assert isinstance(node, ast.FunctionDef)
        assert ast.get_docstring(node)


def test_a_function_to_document_has_no_docstring_and_the_answer_is_it(
    repository: GitRepository,
) -> None:
    build(repository.folder, kinds=("document",))
    (row,) = (row for row in rows() if "`smallest`" in row["prompt"])
    assert row["completion"] == "Give the smallest numbers, in rising order."
    assert '"""' not in row["prompt"]
    ast.parse(code(row["prompt"]))


def test_a_span_with_what_is_around_it_is_the_file_again(repository: GitRepository) -> None:
    build(repository.folder, kinds=("fill",), spans=50)
    assert len(rows()) > 5
    for row in rows():
        assert row["prefix"] + row["middle"] + row["suffix"] == STACK


def test_a_commit_becomes_its_message_and_the_function_before_and_after(
    repository: GitRepository,
) -> None:
    repository.write("shop/stack.py", STACK.replace("return found\n", "return sorted(found)\n"))
    repository.commit("Sort what was found\n\nSigned-off-by: Ann <ann@firm.com>")
    build(repository.folder, kinds=("edit",))
    (row,) = rows()
    asked, answer = (message["content"] for message in row["messages"])
    assert asked.startswith("Sort what was found\n\n```python\ndef smallest(")
    assert "Signed-off-by" not in asked
    assert code(answer) == code(asked).replace("return found", "return sorted(found)")


def test_what_is_no_python_is_edited_by_its_lines(repository: GitRepository) -> None:
    lines = [f"call({n});" for n in range(40)]
    repository.write("a.js", "\n".join(lines))
    repository.commit()
    repository.write("a.js", "\n".join(lines).replace("call(20);", "call(20, true);"))
    repository.commit("Call the twentieth one for real")
    build(repository.folder, kinds=("edit",))
    (row,) = rows()
    block = "\n".join(lines[17:24])
    assert row["messages"][0]["content"].endswith(f"```javascript\n{block}\n```")


def test_a_row_tells_where_it_is_from(repository: GitRepository) -> None:
    build(repository.folder)
    assert {row["kind"] for row in rows()} == {"write", "document", "fill"}
    for row in rows():
        assert row["file"] == row["group"] == "shop/stack.py"
        assert row["licence"] == "MIT"
        assert row["time"] == "2023-11-14T22:14:20+00:00"


def test_the_time_is_that_of_the_last_commit_that_touched_the_file(
    repository: GitRepository,
) -> None:
    repository.write("other.py", "x = 1\n")
    repository.commit()
    build(repository.folder, kinds=("write",))
    assert {row["time"] for row in rows()} == {"2023-11-14T22:14:20+00:00"}


def test_every_row_has_an_id_of_its_own(repository: GitRepository) -> None:
    build(repository.folder, spans=50)
    assert len({row["id"] for row in rows()}) == len(rows())


# The same again


def test_the_same_build_gives_the_same_bytes(repository: GitRepository) -> None:
    first = build(repository.folder, spans=20)
    before = OUT.read_bytes()
    assert build(repository.folder, spans=20).sha256 == first.sha256
    assert OUT.read_bytes() == before


def test_another_seed_draws_other_spans(repository: GitRepository) -> None:
    build(repository.folder, kinds=("fill",), spans=10, seed=1)
    before = OUT.read_bytes()
    build(repository.folder, kinds=("fill",), spans=10, seed=2)
    assert OUT.read_bytes() != before


def test_a_clone_gives_the_same_bytes(repository: GitRepository, tmp_path: Path) -> None:
    first = build(repository.folder)
    subprocess.run(
        ["git", "clone", "-q", "--bare", repository.folder, tmp_path / "bare"], check=True
    )
    assert build(tmp_path / "bare").sha256 == first.sha256


def test_repetitions_are_left_out(repository: GitRepository) -> None:
    repository.write("copy.py", STACK + "\n# the same functions again\n")
    repository.commit()
    built = build(repository.folder, kinds=("write", "document"))
    assert (len(rows()), built.duplicates) == (4, 4)


def test_a_part_of_a_repository_gives_its_own_files_only(repository: GitRepository) -> None:
    repository.write("other.py", STACK.replace("smallest", "least"))
    repository.commit()
    build(repository.folder / "shop")
    assert {row["file"] for row in rows()} == {"stack.py"}


def test_what_is_not_committed_is_not_read(repository: GitRepository) -> None:
    repository.write("shop/stack.py", STACK.replace("smallest", "least"))
    build(repository.folder, kinds=("write",))
    assert not any("least" in row["prompt"] for row in rows())


# What is left out


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("vendor/a.py", STACK, "vendored"),
        ("node_modules/x/a.js", "f();", "vendored"),
        ("api_pb2.py", STACK, "generated"),
        ("a.py", "# Generated by protoc. DO NOT EDIT.\n" + STACK, "generated"),
        ("a.min.js", "f()", "minified"),
        ("a.js", "f();" * 3000, "minified"),
        ("package-lock.json", "{}", "lock file"),
        ("notes.txt", "hello", "no source code"),
        ("a.py", "def f(:\n", "syntax error"),
        ("a.py", "print 'two'\n", "syntax error"),
        ("a.py", "(\n" * 5000, "syntax error"),
        ("a.py", "", "empty"),
        ("a.py", " \n\t\n", "empty"),
        ("a.py", b"x = '\xe9'\n", "encoding"),
        ("a.py", b"# coding: klingon\nx = 1\n", "encoding"),
        ("a.py", b"# coding: rot13\nx = 1\n", "encoding"),
        ("a.js", "f('값')".encode("euc-kr"), "encoding"),
        ("a.py", b"x = 1\0\n", "binary"),
        ("a.py", "x = 1\n" * 90_000, "too large"),
        ("a.js", "f();\n", "no grammar"),
        ("copy.py", STACK, "duplicate"),
    ],
)
def test_a_file_that_does_not_fit_is_left_out_and_counted(
    repository: GitRepository, path: str, content: str | bytes, reason: str
) -> None:
    before = build(repository.folder, kinds=("write",))
    repository.write(path, content)
    repository.commit()
    built = build(repository.folder, kinds=("write",))
    assert built.left_out[reason] == before.left_out.get(reason, 0) + 1
    assert built.read == 1


def test_gitattributes_say_what_is_generated_or_vendored(repository: GitRepository) -> None:
    repository.write(
        ".gitattributes", "made/*.py linguist-generated\nlib/** linguist-vendored=true\n"
    )
    repository.write("made/a.py", "x = 1\n")
    repository.write("lib/deep/b.py", "y = 1\n")
    repository.commit()
    built = build(repository.folder)
    assert (built.left_out["generated"], built.left_out["vendored"]) == (1, 1)


def test_links_are_not_followed(repository: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(STACK.replace("smallest", "outside"))
    (repository.folder / "link.py").symlink_to(tmp_path / "outside.py")
    repository.commit()
    built = build(repository.folder, kinds=("write",))
    assert built.left_out["symlink"] == 1
    assert not any("outside" in row["prompt"] for row in rows())


def test_submodules_are_left_out(repository: GitRepository, tmp_path: Path) -> None:
    inner = stack_repository(tmp_path / "inner")
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.folder), "sub"
    )
    repository.commit()
    assert build(repository.folder).left_out["submodule"] == 1


@pytest.mark.parametrize("message", ["wip", "Update", "x" * 2000])
def test_messages_that_say_nothing_are_left_out(repository: GitRepository, message: str) -> None:
    repository.write("shop/stack.py", STACK.replace("return found", "return [*found]"))
    repository.commit(message)
    assert build(repository.folder).commits_left_out["message"] == 1


def test_merges_and_mass_edits_are_left_out(repository: GitRepository) -> None:
    for number in range(11):
        repository.write(f"m{number}.py", f"x = {number}\n")
    repository.commit("Add many files at once here")
    repository.git("checkout", "-q", "-b", "side", "HEAD~1")
    repository.write("side.py", "x = 1\n")
    repository.commit("Add a file on the side")
    repository.git("merge", "-q", "--no-edit", "main")
    left_out = build(repository.folder).commits_left_out
    assert (left_out["merge"], left_out["mass edit"]) == (1, 1)


def test_only_so_many_commits_are_looked_at(repository: GitRepository) -> None:
    for text in ("found)\n", "list(found))\n"):
        repository.write("shop/stack.py", STACK.replace("return found\n", f"return sorted({text}"))
        repository.commit(f"Return them as {text}")
    build(repository.folder, kinds=("edit",), commits=1)
    assert len(rows()) == 1


# Licences


def test_only_files_under_an_allowed_licence_are_read(repository: GitRepository) -> None:
    repository.write("gpl.py", "# SPDX-License-Identifier: GPL-3.0-only\nx = 1\n")
    repository.commit()
    built = build(repository.folder, licences=("mit",))
    assert built.licences == {"MIT": 1}
    assert built.left_out["licence"] == 1


def test_the_nearest_licence_file_counts(repository: GitRepository) -> None:
    repository.write("part/COPYING", "This is free and unencumbered software released into")
    repository.write("part/deep/a.py", "x = 1\n")
    repository.commit()
    assert build(repository.folder).licences == {"MIT": 1, "Unlicense": 1}


def test_code_without_a_licence_is_said_to_have_none(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "bare")
    repository.write("a.py", STACK)
    repository.commit()
    assert build(repository.folder).licences == {"none": 1}


# Secrets

KEY = "AKIA" + "Q3EXZ7MVTL2PWN4K"
LEAKING = STACK.replace('print("found"', f'print("{KEY}"')


def test_rows_with_a_secret_are_dropped_and_counted(repository: GitRepository) -> None:
    repository.write("shop/stack.py", LEAKING)
    repository.commit()
    built = build(repository.folder, spans=30)
    assert KEY not in OUT.read_text()
    assert built.dropped > 0
    assert "`smallest`" not in OUT.read_text()


def test_a_masked_secret_leaves_its_row(repository: GitRepository) -> None:
    repository.write("shop/stack.py", LEAKING)
    repository.commit()
    built = build(repository.folder, secrets="mask", kinds=("write",))
    assert KEY not in OUT.read_text()
    assert built.masked == 1
    assert "`smallest`" in OUT.read_text()


def test_the_summary_tells_the_place_of_a_secret_and_never_the_secret(
    repository: GitRepository,
) -> None:
    repository.write("shop/stack.py", LEAKING)
    repository.commit()
    told = build(repository.folder).document()
    line = LEAKING[: LEAKING.index(KEY)].count("\n") + 1
    assert told["secrets"]["places"] == [{"kind": "AWS key", "file": "shop/stack.py", "line": line}]
    assert KEY not in json.dumps(told)


def test_a_secret_that_was_taken_out_later_does_not_come_in_by_its_commit(
    repository: GitRepository,
) -> None:
    repository.write("shop/stack.py", LEAKING)
    repository.commit("Say which key was found")
    repository.write("shop/stack.py", STACK)
    repository.commit("Do not say which key was found")
    built = build(repository.folder, kinds=("edit", "write"))
    assert KEY not in OUT.read_text()
    assert built.dropped == 2


# What cannot be read or written


def test_a_folder_without_git_is_read_as_it_lies(tmp_path: Path) -> None:
    (tmp_path / "plain" / ".venv").mkdir(parents=True)
    (tmp_path / "plain" / "a.py").write_text(STACK)
    (tmp_path / "plain" / ".venv" / "b.py").write_text(STACK.replace("smallest", "least"))
    os.mkfifo(tmp_path / "plain" / "pipe.py")
    built = build(tmp_path / "plain")
    assert "no git repository" in built.notes[0]
    assert built.left_out == {"unreadable": 1}
    assert {row["file"] for row in rows()} == {"a.py"}
    assert not any("time" in row for row in rows())


def test_a_repository_without_a_commit_is_read_as_it_lies(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "new")
    repository.write("a.py", STACK)
    built = build(repository.folder)
    assert "nothing is committed" in built.notes[0]
    assert built.rows["write"] == 2


def test_a_machine_without_git_reads_the_folder(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in build(repository.folder).notes[0]


@pytest.mark.parametrize("content", [None, "# nothing here\n"])
def test_a_repository_that_gives_no_row_is_refused_and_leaves_no_file(
    tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "empty").mkdir()
    if content:
        (tmp_path / "empty" / "a.py").write_text(content)
    with pytest.raises(InputError, match="gives a training row"):
        build(tmp_path / "empty")
    assert not list(Path().iterdir())


@pytest.mark.parametrize("path", ["absent", "a file"])
def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "a file").write_text("x")
    with pytest.raises(InputError, match=r"is (no folder|not there)"):
        build(tmp_path / path)


def test_an_output_that_is_a_folder_or_device_is_refused(repository: GitRepository) -> None:
    for path in (Path(), Path("/dev/null")):
        with pytest.raises(UsageError):
            build_rows(repository.folder, path, BuildOptions())
    assert Path("/dev/null").is_char_device()


def test_a_full_disk_is_told_and_keeps_what_was_there(repository: GitRepository) -> None:
    resource = pytest.importorskip("resource")
    OUT.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(DiskFull):
            build(repository.folder, spans=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert OUT.read_text() == "before"
    assert list(Path().iterdir()) == [OUT]


def test_an_interrupted_build_leaves_what_was_there(repository: GitRepository) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "files":
            raise KeyboardInterrupt

    OUT.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        build_rows(repository.folder, OUT, BuildOptions(), heard=interrupt)
    assert OUT.read_text() == "before"
    assert list(Path().iterdir()) == [OUT]


def test_a_damaged_object_leaves_its_file_out(repository: GitRepository) -> None:
    repository.write("z.py", "x = 1\n")
    repository.commit()
    name = repository.git("rev-parse", "HEAD:z.py")
    file = repository.folder / ".git/objects" / name[:2] / name[2:]
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    built = build(repository.folder)
    assert built.left_out["unreadable"] == 1
    assert built.read == 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("deep.js", "{\n" * 40_000 + "}\n" * 40_000),
        ("deep.js", "/*" + "*" * 4000 + "\n" * 90 + "*/\nfunction f() {}\n" * 50),
        ("deep.cpp", "namespace a {\n" * 20_000),
        ("deep.py", "class A(" + "a +\n" * 900 + "a):\n  def f(): return 1\n"),
        ("deep.py", "x = a" + "\\\n.b" * 900 + "\n"),
        ("deep.py", "".join(" " * n + "if x:\n" for n in range(95)) + " " * 95 + "y"),
        ("deep.py", "#" + "token" * 900 + "\nx = 1\n"),
        ("deep.py", "# " + "a@" * 2000 + "\nx = 1\n"),
    ],
)  # fmt: skip
def test_a_file_made_to_hurt_does_not_keep_the_others_from_being_read(
    repository: GitRepository, path: str, content: str
) -> None:
    repository.write(path, content)
    repository.commit()
    built = build_rows(repository.folder, OUT, BuildOptions(), parse=parse)
    assert built.rows["write"] == 2


def test_a_shallow_clone_says_that_its_history_is_cut(
    repository: GitRepository, tmp_path: Path
) -> None:
    repository.write("more.py", STACK.replace("smallest", "least"))
    repository.commit()
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", repository.folder.as_uri(), tmp_path / "cut"],
        check=True,
    )
    assert "shallow clone" in build(tmp_path / "cut").notes[0]


# Nothing of the repository is run


def test_no_program_that_a_repository_names_is_started(
    repository: GitRepository, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {witness}\ncat\n")
    program.chmod(0o755)
    for setting in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.x.textconv",
        "diff.x.command", "filter.x.smudge", "filter.x.clean", "filter.x.process",
        "core.alternateRefsCommand", "gpg.program", "credential.helper", "core.editor",
    ):  # fmt: skip
        repository.git("config", setting, str(program))
    repository.git("config", "core.hooksPath", str(tmp_path))
    repository.git("config", "log.showSignature", "true")
    repository.write(".gitattributes", "*.py filter=x diff=x\n")
    repository.git("-c", "filter.x.clean=", "-c", "filter.x.process=", "-c", "core.fsmonitor=false",
                   "add", ".gitattributes")  # fmt: skip
    repository.git("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={tmp_path / 'none'}",
                   "commit", "-q", "-m", "Ask for programs")  # fmt: skip
    for name in ("post-index-change", "post-checkout", "reference-transaction"):
        (tmp_path / name).write_text(program.read_text())
        (tmp_path / name).chmod(0o755)
    witness.unlink(missing_ok=True)
    assert build(repository.folder).rows
    assert not witness.exists()


def test_a_repository_is_left_as_it_was(repository: GitRepository) -> None:
    def state() -> dict[str, tuple[int, int]]:
        files = [(path, path.stat()) for path in repository.folder.rglob("*")]
        return {str(path): (told.st_mtime_ns, told.st_size) for path, told in files}

    before = state()
    build(repository.folder)
    assert state() == before


def test_what_git_is_told_by_the_environment_does_not_lead_elsewhere(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stack_repository(tmp_path / "other")
    other.git("commit", "-q", "--amend", "-m", "Be another commit")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    built = build(repository.folder)
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_WORK_TREE")
    assert built.commit == repository.git("rev-parse", "HEAD")


def test_names_that_are_no_text_do_not_break_the_rows(repository: GitRepository) -> None:
    name = os.fsdecode(b"caf\xe9 \n.py")
    (repository.folder / name).write_text(STACK.replace("smallest", "least"))
    repository.commit()
    build(repository.folder, kinds=("write",))
    assert "caf\\xe9 \n.py" in {row["file"] for row in rows()}
