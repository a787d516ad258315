"""A git repository, read by the `git` program without anything of the repository being run.

What is read is what is committed at HEAD, out of git's own storage: no file of the working
tree is opened, so no filter, hook, text conversion or file system monitor of the repository
comes in. Nothing is written to it and nothing fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from codelathe.core.errors import InputError
from codelathe.training.repository.options import LeftOut

#: Settings of a repository that would have git start a program, or change what it says.
_SETTINGS = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=", "core.pager=cat", "diff.external=", "log.showSignature=false",
    "log.showRoot=true", "diff.orderFile=/dev/null", "protocol.allow=never",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_KINDS = {b"120000": "symlink", b"160000": "submodule"}
_HEADER = 3
"""Words before a content: name, type, size."""
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a repository. `path` is relative to its root, bytes that are no text escaped.

    `key` is what its source reads it by; `kind` is `file`, `symlink` or `submodule`.
    """

    path: str
    key: bytes
    kind: str = "file"


@dataclass(frozen=True, slots=True)
class Change:
    """A file that a commit changed, and its content before and after by git's names."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit with `parents` parents: how many files it touched, and those it modified."""

    id: str
    time: int
    parents: int
    touched: int
    changes: tuple[Change, ...]


def find_git(folder: Path) -> tuple[str, str]:
    """The commit at HEAD, and `folder` relative to the repository's root (`src/` or empty).

    Raises:
        LeftOut: there is no git, no repository, or nothing committed; the reason says which.
        InputError: git will not read a repository of another user.
    """
    if shutil.which("git") is None:
        raise LeftOut("the program git is not installed")
    found = _run(folder, "rev-parse", "--show-prefix")
    told = found.stderr.decode("utf-8", "replace").strip()
    if "dubious ownership" in told:
        raise InputError(
            f"git does not read {folder}: it belongs to another user",
            hint=f"git config --global --add safe.directory {folder.resolve()}",
        )
    if "not a git repository" in told:
        raise LeftOut("it is no git repository")
    if found.returncode:
        raise LeftOut(f"git cannot read it: {told.partition(chr(10))[0]}")
    head = _run(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.returncode:
        raise LeftOut("nothing is committed in it")
    return head.stdout.decode("ascii").strip(), os.fsdecode(found.stdout.removesuffix(b"\n"))


class GitTree:
    """The files committed at `commit` below `prefix`, and the commits before it."""

    def __init__(self, folder: Path, commit: str, prefix: str) -> None:
        self.commit = commit
        self._folder = folder
        self._prefix = os.fsencode(prefix)
        self._objects: subprocess.Popen[bytes] | None = None

    def entries(self) -> list[Entry]:
        """All files, in the order of their paths."""
        found = []
        output = _checked(self._folder, "ls-tree", "-r", "-z", "--full-tree", self.commit)
        for record in output.split(b"\0")[:-1]:
            told, _, name = record.partition(b"\t")
            mode, _, name_of_content = told.split(b" ")
            if name.startswith(self._prefix):
                kind = _KINDS.get(mode, "file")
                found.append(Entry(self._relative(name), name_of_content, kind))
        return sorted(found, key=lambda entry: entry.path)

    def read(self, entry: Entry, limit: int) -> bytes:
        """The content of a file.

        Raises:
            LeftOut: it is longer than `limit` bytes, damaged, or not in this clone.
        """
        return self.content(entry.key.decode("ascii"), limit)

    def content(self, name: str, limit: int) -> bytes:
        """What git holds under `name`, a file's content or a commit; as `read`."""
        process = self._reader()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(name.encode("ascii") + b"\n")
            process.stdin.flush()
            told = process.stdout.readline().split()
            size = int(told[2]) if len(told) == _HEADER else 0
            data = process.stdout.read(size) if size <= limit else _skip(process.stdout, size)
            whole = not told or len(told) < _HEADER or process.stdout.read(1) == b"\n"
        except BrokenPipeError:
            told, whole = [], False
        if not told or not whole:  # git ends where its storage is damaged
            self.close()
        if len(told) < _HEADER or not whole:
            raise LeftOut("unreadable")
        if size > limit:
            raise LeftOut("too large")
        return data

    def marked(self, paths: Sequence[str]) -> dict[str, str]:
        """Which paths `.gitattributes` calls `generated` or `vendored`."""
        with tempfile.TemporaryDirectory() as scratch:
            # Attributes are asked of an index, and the repository's own is not touched.
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            _checked(self._folder, "read-tree", self.commit, extra=index)
            output = _checked(
                self._folder, "check-attr", "--cached", "--stdin", "-z",
                "linguist-generated", "linguist-vendored",
                extra=index, given=b"".join(path.encode() + b"\0" for path in paths),
            )  # fmt: skip
        found = {}
        fields = output.split(b"\0")
        for name, attribute, value in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
            if value in (b"set", b"true"):
                found[name.decode()] = attribute.decode().removeprefix("linguist-")
        return found

    def history(self) -> Iterator[Commit]:
        """All commits that HEAD comes from, the newest first."""
        command = _command(
            self._folder, "log", "-z", "--raw", "--no-abbrev", "--no-renames", "--root",
            "--format=tformat:@%H %ct %P", self.commit,
        )  # fmt: skip
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        ) as process:
            try:
                assert process.stdout is not None
                yield from self._commits(_records(process.stdout))
            finally:
                process.kill()

    def notes(self) -> Iterator[str]:
        """What this clone lacks of the repository."""
        if _run(self._folder, "rev-parse", "--is-shallow-repository").stdout == b"true\n":
            yield "a shallow clone: times and edits go no further back (git fetch --unshallow)"
        if not _run(self._folder, "config", "--get-regexp", r"^remote\..*\.promisor$").returncode:
            yield "a partial clone: what it has not fetched is left out (git fetch --refetch)"

    def commits(self) -> int:
        """How many commits HEAD comes from."""
        return int(_checked(self._folder, "rev-list", "--count", self.commit))

    def close(self) -> None:
        """End the process that contents are read from."""
        if self._objects is not None:
            process, self._objects = self._objects, None
            process.kill()
            for stream in (process.stdin, process.stdout):
                with suppress(OSError):  # a name that was never sent is in the buffer still
                    stream.close() if stream else None
            process.wait()

    def _commits(self, records: Iterator[bytes]) -> Iterator[Commit]:
        head: tuple[str, int, int] | None = None
        changes: list[Change] = []
        touched = 0
        for record in records:
            text = record.lstrip(b"\n")
            if text.startswith(b"@"):
                if head is not None:
                    yield Commit(*head, touched, tuple(changes))
                name, time, *parents = text[1:].decode("ascii").split()
                head, changes, touched = (name, int(time), len(parents)), [], 0
            elif text.startswith(b":"):
                _, mode, before, after, _ = text[1:].split(b" ")
                path = next(records, b"")
                touched += 1
                if path.startswith(self._prefix) and mode not in _KINDS:
                    changes.append(Change(self._relative(path), before.decode(), after.decode()))
        if head is not None:
            yield Commit(*head, touched, tuple(changes))

    def _relative(self, name: bytes) -> str:
        return name.removeprefix(self._prefix).decode("utf-8", "backslashreplace")

    def _reader(self) -> subprocess.Popen[bytes]:
        if self._objects is None:
            self._objects = subprocess.Popen(
                _command(self._folder, "cat-file", "--batch"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=_environment(),
            )  # fmt: skip
        return self._objects


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes, read bit by bit: a history may be long."""
    rest = b""
    while chunk := stream.read(_CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _skip(stream: IO[bytes], count: int) -> bytes:
    while count > 0 and (chunk := stream.read(min(count, _CHUNK))):
        count -= len(chunk)
    return b""


def _command(folder: Path, *arguments: str) -> list[str]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    return ["git", "-C", str(folder), "--no-pager", *settings, *arguments]


def _environment() -> dict[str, str]:
    """Ours without what git would take as orders, such as the folder a hook is run for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | _ENVIRONMENT


def _run(
    folder: Path, *arguments: str, extra: dict[str, str] | None = None, given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        _command(folder, *arguments),
        input=given, capture_output=True, check=False, env=_environment() | (extra or {}),
    )  # fmt: skip


def _checked(
    folder: Path, *arguments: str, extra: dict[str, str] | None = None, given: bytes = b""
) -> bytes:
    done = _run(folder, *arguments, extra=extra, given=given)
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise InputError(
            f"git {arguments[0]} failed in {folder}: {told}", hint=f"git -C {folder} fsck"
        )
    return done.stdout
