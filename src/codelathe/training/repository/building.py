"""From a repository to a row file: file by file, then commit by commit, counted throughout.

The same repository, options and seed give the same bytes: files come in the order of their
paths, commits from the newest on, and every draw depends on the seed and the content alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from codelathe.core.errors import InputError, MissingDependency
from codelathe.core.judging import Judge
from codelathe.core.language import LANGUAGES
from codelathe.training.repository.choosing import choose_spans, fill_rows, worth_learning
from codelathe.training.repository.edits import MASS, commit_message, edit_rows
from codelathe.training.repository.folder import FolderTree
from codelathe.training.repository.git import Change, Commit, Entry, GitTree, find_git
from codelathe.training.repository.leaving import (
    LARGEST,
    check_path,
    check_text,
    language_of,
    read_text,
)
from codelathe.training.repository.licences import Licences, allowed, is_licence_file
from codelathe.training.repository.options import BuildOptions, Built, LeftOut
from codelathe.training.repository.proving import Proved, prove_functions
from codelathe.training.repository.python import PythonSource
from codelathe.training.repository.rows import Row, function_rows
from codelathe.training.repository.secrets import MASK, Redaction
from codelathe.training.repository.trees import Parse, TreeSource
from codelathe.training.repository.writing import RowFile

Heard = Callable[[str, int, int], None]
"""Is told the stage (`history`, `files`, `commits`), how many are done, and of how many."""

_NO_GRAMMAR = "no grammar"
_MESSAGE = 1 << 16
_ABSENT = {"0"}


def build_rows(
    folder: Path,
    out: Path,
    options: BuildOptions,
    *,
    parse: Parse | None = None,
    judge: Judge | None = None,
    heard: Heard = lambda *_: None,
) -> Built:
    """Write the training rows of the repository at `folder` to `out`, as JSON Lines.

    `parse` takes a source and its language to its tree (tree-sitter's); without it only Python
    gives functions and spans. With a `judge` only those functions become rows that the
    repository's own doctests and tests prove. Where there is no git, files are read as they lie.

    Raises:
        IsolationError: the judge cannot isolate code on this machine.
        InputError: `folder` is no folder, git refuses it, or nothing in it gives a row.
        UsageError: `out` cannot be written.
        DiskFull: there is no room for the rows; what `out` held before is kept.
    """
    if not folder.is_dir():
        told = "is no folder" if folder.exists() else "is not there"
        raise InputError(f"{folder} {told}", hint="name the folder of a repository")
    tree, notes = _open(folder)
    with closing(tree), RowFile(out) as file:
        build = _Build(tree, file, options, parse, heard)
        build.read_history()
        build.choose_files()
        if judge is not None:
            build.prove(judge)
        build.read_files()
        build.read_commits()
        built = build.result(folder, notes)
        if not built.rows:
            raise InputError(
                f"nothing in {folder} gives a training row: {_told(built)}",
                hint="name a folder with source code; docs/data-build.md says what is left out",
            )
        file.keep()
    return built


class _Build:
    """One build: what it has read so far, and what it has counted."""

    def __init__(
        self,
        tree: GitTree | FolderTree,
        file: RowFile,
        options: BuildOptions,
        parse: Parse | None,
        heard: Heard,
    ) -> None:
        self._tree = tree
        self._file = file
        self._options = options
        self._parse = parse
        self._heard = heard
        self._entries = tree.entries()
        self._redact = Redaction(emails=options.emails == "mask")
        self._licences = Licences(())
        self._fit: list[Entry] = []
        self._marked: dict[str, str] = {}
        self._proved: Proved | None = None
        self._times: dict[str, int] = {}
        self._newest: list[Commit] = []
        self._seen: set[bytes] = set()
        self._rows: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._under: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._commits_left_out: Counter[str] = Counter()
        self._without_grammar: set[str] = set()
        self._duplicates = self._dropped = self._masked = 0

    def read_history(self) -> None:
        """When each file was touched last, and the commits to look at."""
        total = self._tree.commits()
        wanted = self._options.commits if "edit" in self._options.kinds else 0
        for number, commit in enumerate(self._tree.history()):
            self._heard("history", number, total)
            for change in commit.changes:
                self._times.setdefault(change.path, commit.time)
            if number < wanted:
                few = commit.touched <= MASS
                changes = tuple(c for c in commit.changes if few and _is_edit(c))
                self._newest.append(
                    Commit(commit.id, commit.time, commit.parents, commit.touched, changes)
                )

    def choose_files(self) -> None:
        """The files to read, as far as their paths tell."""
        self._licences = Licences(self._licence_files())
        self._fit = [entry for entry in self._entries if self._kept(check_entry, entry)]
        self._marked = self._tree.marked([entry.path for entry in self._fit])

    def prove(self, judge: Judge) -> None:
        """Which functions the repository's own tests prove."""
        texts = {}
        for entry in self._fit:
            if language_of(entry.path) == "python":
                with suppress(LeftOut):
                    texts[entry.path] = read_text(self._tree.read(entry, LARGEST), "python")
        self._proved = prove_functions(
            texts, judge, lambda done, total: self._heard("proving", done, total)
        )

    def read_files(self) -> None:
        """The rows of each file."""
        for number, entry in enumerate(self._fit):
            self._heard("files", number, len(self._fit))
            self._kept(self._read_file, entry)

    def read_commits(self) -> None:
        """The rows of each commit."""
        for number, commit in enumerate(self._newest):
            self._heard("commits", number, len(self._newest))
            try:
                self._read_commit(commit)
            except LeftOut as left:
                self._commits_left_out[left.reason] += 1

    def result(self, folder: Path, notes: tuple[str, ...]) -> Built:
        """What was done."""
        if self._without_grammar:
            titles = ", ".join(LANGUAGES[key].title for key in sorted(self._without_grammar))
            notes += (f"{titles}: left out, since their grammars are not installed: "
                      "pip install 'codelathe[metrics]'",)  # fmt: skip
        return Built(
            folder=str(folder),
            out=str(self._file.path),
            commit=self._tree.commit,
            options=self._options,
            rows={kind: self._rows[kind] for kind in self._options.kinds if self._rows[kind]},
            files=len(self._entries),
            read=self._languages.total(),
            languages=_sorted(self._languages),
            licences=_sorted(self._under),
            left_out=_sorted(self._left_out),
            commits=len(self._newest),
            commits_left_out=_sorted(self._commits_left_out),
            duplicates=self._duplicates,
            secrets=self._redact.places,
            dropped=self._dropped,
            masked=self._masked,
            sha256=self._file.sha256,
            proved=None if self._proved is None else len(self._proved.functions),
            failed=0 if self._proved is None else self._proved.failed,
            notes=notes,
        )

    def _kept(self, step: Callable[[Entry], None], entry: Entry) -> bool:
        try:
            step(entry)
        except LeftOut as left:
            self._left_out[left.reason] += 1
            return False
        return True

    def _licence_files(self) -> Iterator[tuple[str, str]]:
        for entry in self._entries:
            if entry.kind == "file" and is_licence_file(entry.path):
                try:
                    data = self._tree.read(entry, LARGEST)
                except LeftOut:
                    continue
                yield entry.path, data.decode("utf-8", "replace")

    def _read_file(self, entry: Entry) -> None:
        data = self._tree.read(entry, LARGEST)
        text, licence = self._checked(entry.path, data)
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if digest in self._seen:
            raise LeftOut("duplicate")
        self._seen.add(digest)
        language = language_of(entry.path)
        source = self._parsed(self._redact(text, entry.path), language)
        self._languages[language] += 1
        self._under[licence] += 1
        time = _iso(self._times.get(entry.path))
        for row in self._file_rows(source, entry.path):
            self._put(row, entry.path, licence, time)

    def _checked(self, path: str, data: bytes) -> tuple[str, str]:
        """The text and licence of a file that may be used."""
        if path in self._marked:
            raise LeftOut(self._marked[path])
        text = read_text(data, language_of(path))
        check_text(text)
        licence = self._licences.of(path, text)
        if self._options.licences and not allowed(licence, self._options.licences):
            raise LeftOut("licence")
        return text, licence

    def _parsed(self, text: str, language: str) -> PythonSource | TreeSource:
        if language == "python":
            return PythonSource(text)
        try:
            if self._parse is not None:
                return TreeSource(text, language, self._parse)
        except MissingDependency:
            pass
        self._without_grammar.add(language)
        raise LeftOut(_NO_GRAMMAR)

    def _file_rows(self, source: PythonSource | TreeSource, path: str) -> Iterator[Row]:
        kinds = self._options.kinds
        if "write" in kinds or "document" in kinds:
            for function in source.functions():
                if worth_learning(function) and self._is_proved(path, function.name):
                    yield from function_rows(function, kinds)
        if "fill" in kinds:
            spans = choose_spans(
                source.spans(), source.data, self._options.spans, self._options.seed
            )
            yield from fill_rows(spans, source.data)

    def _is_proved(self, path: str, name: str) -> bool:
        return self._proved is None or (path, name) in self._proved.functions

    def _read_commit(self, commit: Commit) -> None:
        if commit.parents > 1:
            raise LeftOut("merge")
        if commit.touched > MASS:
            raise LeftOut("mass edit")
        if not commit.changes:
            raise LeftOut("no source code")
        message = commit_message(self._tree.content(commit.id, _MESSAGE))
        message = self._redact(message, f"commit {commit.id[:12]}")
        before = self._rows["edit"]
        for change in commit.changes:
            try:
                self._read_change(commit, change, message)
            except LeftOut:
                continue
        if self._rows["edit"] == before:
            raise LeftOut("no fit edit")

    def _read_change(self, commit: Commit, change: Change, message: str) -> None:
        before, _ = self._checked(change.path, self._tree.content(change.before, LARGEST))
        after, licence = self._checked(change.path, self._tree.content(change.after, LARGEST))
        texts = (self._redact(before, change.path), self._redact(after, change.path))
        for row in edit_rows(message, *texts, language_of(change.path)):
            self._put(row, change.path, licence, _iso(commit.time))

    def _put(self, row: Row, file: str, licence: str, time: str) -> None:
        digest = row.digest
        if digest in self._seen:
            self._duplicates += 1
            return
        self._seen.add(digest)
        if row.holds(MASK):
            if self._options.secrets == "drop":
                self._dropped += 1
                return
            self._masked += 1
        self._file.write(row.line(file, licence, time))
        self._rows[row.kind] += 1


def check_entry(entry: Entry) -> None:
    """Refuse what is no file, or no source code by its path.

    Raises:
        LeftOut: with the reason.
    """
    if entry.kind != "file":
        raise LeftOut(entry.kind)
    check_path(entry.path)


def _open(folder: Path) -> tuple[GitTree | FolderTree, tuple[str, ...]]:
    """The files committed in a repository, or where there is none those of the folder."""
    try:
        commit, prefix = find_git(folder)
        tree = GitTree(folder, commit, prefix)
        if not prefix or tree.entries():
            return tree, tuple(f"{folder}: {note}" for note in tree.notes())
        reason = "nothing in it is committed"
    except LeftOut as left:
        reason = left.reason
    note = f"{folder}: {reason}, so its files are read as they lie, without times and edits"
    return FolderTree(folder), (note,)


def _is_edit(change: Change) -> bool:
    """Whether a file was there before and after, and is source code that is read."""
    if set(change.before) == _ABSENT or set(change.after) == _ABSENT:
        return False
    try:
        check_path(change.path)
    except LeftOut:
        return False
    return True


def _iso(time: int | None) -> str:
    try:
        return "" if time is None else datetime.fromtimestamp(time, UTC).isoformat()
    except (OverflowError, ValueError, OSError):  # a commit may claim any time
        return ""


def _sorted(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first, those alike by name."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _told(built: Built) -> str:
    if not built.files:
        return "it holds no file"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in built.left_out.items())
    files = f"{built.files:,} file{'' if built.files == 1 else 's'}"
    return f"of {files}, {built.read:,} could be read{f'; left out: {reasons}' if reasons else ''}"
