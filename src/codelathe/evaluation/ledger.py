"""A verdicts file that grows row by row, and can be gone on with after any end.

Beside VERDICTS there are, while it is not finished, a journal (its first line says what is
being judged; the others are notes, and rows that were run again) and in the end the result.
A lock of the system on VERDICTS keeps a second process out; it ends with the process that
holds it.

Whenever the process dies, what is on the disk is one of: a journal and a prefix of the rows;
a journal and all rows; a result that has the hash of the rows. A last line that was cut
short is dropped. What is replaced as a whole is written under another name first.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError, UsageError
from codelathe.evaluation.files import (
    append_line,
    differing,
    file_sha256,
    json_line,
    parsed_line,
    read_object,
    replace_file,
    writing,
)
from codelathe.evaluation.growing import GrowingFile
from codelathe.evaluation.rows import Row, parse_row, row_line


class Ledger(GrowingFile):
    """The rows of one run. A context manager; closing it lets others have the file.

    `settings` says what is judged and how, as JSON has it: a run is only gone on with under
    the same. `finished` is the result of a run that is complete, `replaced` what differed
    in a finished run whose rows were thrown away for this one. `count` is the number of
    rows; `notes` are what was noted of this run and of those that it goes on with.
    """

    def __init__(
        self, verdicts: Path, result: Path, settings: Mapping[str, Any], tests: Sequence[str]
    ) -> None:
        """Open or create the files.

        Raises:
            UsageError: VERDICTS is not of this run, and nothing that may be replaced.
            InUse: another process is at it.
            LatheError: it cannot be written.
        """
        self.result = result
        self.finished: Mapping[str, Any] | None = None
        self.replaced: tuple[str, ...] = ()
        self.count = 0
        self._tests = tests
        self._amended: dict[int, int] = {}
        super().__init__(verdicts, settings)

    def _enter(self) -> None:
        """Find out what is there, and make it such that it can be gone on with."""
        if self._journal.exists() and (os.fstat(self._file).st_size or self._begun()):
            self._go_on()
        elif not os.fstat(self._file).st_size:
            self._begin()
        else:
            self._find_result()

    def _begun(self) -> bool:
        """Whether the journal is of this run: then its notes count, also where no row does."""
        with writing(self._journal), self._journal.open("rb") as journal:
            told = parsed_line(journal.readline()).get("run")
        return isinstance(told, dict) and not differing(told, self._settings)

    def _find_result(self) -> None:
        """VERDICTS has rows and no journal: a finished run, this one or another."""
        found = read_object(self.result)
        told = found.get("run")
        if not isinstance(told, dict):
            raise UsageError(
                f"{self.path} exists, and no run of lathe wrote it",
                hint="name another file with --out, or remove it",
                field="out",
            )
        if found.get("verdicts_sha256") != file_sha256(self.path):
            raise UsageError(
                f"{self.path} was changed since it was written",
                hint=f"remove it to judge again: rm {self.path}",
                field="out",
            )
        other = differing(told, self._settings)
        if other:
            self.replaced = other
            self._begin()
        else:
            self.finished = found

    def _begin(self) -> None:
        with writing(self.path):
            os.ftruncate(self._file, 0)
        with writing(self.result):
            self.result.unlink(missing_ok=True)
        self._begin_journal()

    def _go_on(self) -> None:
        offset = 0
        with writing(self._journal), self._journal.open("rb") as journal:
            for line in journal:
                if not line.endswith(b"\n") or not self._take(parsed_line(line), offset):
                    break
                offset += len(line)
        self._continue_journal(offset)
        self.count = sum(1 for _ in self.rows())

    def _take(self, line: Mapping[str, Any], offset: int) -> bool:
        """Take in a line of the journal; False where it is none.

        Raises:
            UsageError: it says that another run was begun.
        """
        if not offset:
            told = line.get("run")
            other = differing(told, self._settings) if isinstance(told, dict) else ("form",)
            if other:
                raise UsageError(
                    f"{self.path} is half done, and with another {', '.join(other)}",
                    hint="run the first command again, or name another file with --out; "
                    f"to begin anew: rm {self.path}",
                    field="out",
                )
        elif "row" in line:
            self._amended[int(line["row"])] = offset
        elif "note" in line:
            self.notes.append(line["note"])
        else:
            return False
        return True

    def rows(self) -> Iterator[Row]:
        """The rows as they stand in VERDICTS, read from its start.

        Raises:
            ProblemError: a line is no row; told with its number.
        """
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield parse_row(json.loads(line), self._tests)
                except (ValueError, RecursionError) as error:
                    raise ProblemError(
                        f"{self.path}, line {number}: {error}",
                        hint=f"remove it to judge again: rm {self.path}",
                    ) from None

    def append(self, row: Row) -> None:
        """Write the next row.

        Raises:
            DiskFull: there is no room; the rows before it are kept.
        """
        append_line(self._file, self.path, row_line(row, self._tests))
        self.count += 1

    def amended(self, index: int) -> bool:
        """Whether the row with this index, from 0, was run again."""
        return index in self._amended

    def amend(self, index: int, row: Row) -> None:
        """Note what a row is to become.

        Raises:
            DiskFull: as of `append`.
        """
        line = json.loads(row_line(row, self._tests))
        offset = os.fstat(self._side).st_size
        append_line(self._side, self._journal, json_line({"row": index, "is": line}))
        self._amended[index] = offset

    def settle(self) -> None:
        """Put the rows that were run again in their places.

        Raises:
            DiskFull: there is no room for a second file; what was done is kept.
        """
        if not self._amended:
            return
        fresh = self.path.with_name(self.path.name + ".new")
        with writing(fresh):
            side = os.open(self._journal, os.O_RDONLY | os.O_CLOEXEC)
            file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                with open(file, "wb", closefd=False) as out:
                    rows = (self._final(i, row, side) for i, row in enumerate(self.rows()))
                    out.writelines(row_line(row, self._tests) for row in rows)
                os.fsync(file)
                fresh.replace(self.path)
            except BaseException:
                os.close(file)
                fresh.unlink(missing_ok=True)
                raise
            finally:
                os.close(side)
        os.close(self._file)
        self._file = file

    def _final(self, index: int, row: Row, side: int) -> Row:
        if row.again is None or index not in self._amended:
            return row
        with open(side, "rb", closefd=False) as journal:
            journal.seek(self._amended[index])
            return parse_row(json.loads(journal.readline())["is"], self._tests)

    def finish(self, document: Mapping[str, Any]) -> None:
        """Write the result: `document`, with what was judged and the hash of the rows.

        Raises:
            DiskFull: there is no room; the same command finishes it later.
        """
        with writing(self.path):
            os.fsync(self._file)
        whole = {**document, "run": self._settings, "verdicts_sha256": file_sha256(self.path)}
        text = json.dumps(whole, indent=2)
        replace_file(self.result, text.encode("ascii") + b"\n")
        self._end_journal()
