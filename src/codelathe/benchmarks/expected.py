"""What canonical solutions return: computed once, in the sandbox, and kept in the cache.

A file of the cache holds all tasks of one data file, a line a task. It is named by a hash of
everything that decides what stands in it, and put in place whole; one that cannot be read is
computed again. A value that the judge cannot carry (of millions of items) leaves its input out.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.benchmarks import plain
from codelathe.benchmarks.base import Opening, Values
from codelathe.core.errors import JudgeError, OutputTooLarge, UsageError
from codelathe.core.judging import Candidate, Limits
from codelathe.core.problem import CallExample
from codelathe.judge import codec
from codelathe.store.part import disk_errors

_FORM = "1"  # of the file; to be raised when it changes
_LIMITS = Limits(seconds=600.0, memory_mb=4096, output_bytes=1 << 26)

Timed = tuple[Any, float]
"""A value, and the seconds it took to compute."""
Kept = Timed | None
"""None for an input that is left out."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A solution that is right, and the arguments of each call of it."""

    id: str
    code: str
    entry_point: str
    inputs: Sequence[Sequence[Any]]
    only_whether: bool = False
    """Of what it returns, only counts whether it is None."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What each reference returned, by its id."""

    values: Mapping[str, Sequence[Kept]]

    @property
    def left_out(self) -> str:
        """How many inputs of which tasks are left out, such as `Mbpp/255: 5`; empty if none."""
        counts = ((id_, sum(kept is None for kept in all_)) for id_, all_ in self.values.items())
        return ", ".join(f"{id_}: {count}" for id_, count in counts if count)


def expected_values(references: Sequence[Reference], decided_by: str, opening: Opening) -> Expected:
    """What `references` return; `decided_by` tells apart what else it depends on.

    Raises:
        UsageError: it is not in the cache, and there is nothing to compute it with.
        JudgeError: a solution does not give a value for each call.
        StoreError: the cache cannot be written.
    """
    digest = hashlib.sha256(f"{_FORM}\0{decided_by}".encode()).hexdigest()
    path = opening.store.home / "cache" / "expected" / f"{digest}.jsonl"
    kept = _read(path, references)
    if kept is None:
        if opening.values is None:
            raise UsageError(
                "the expected values of this benchmark are not computed yet, and no judge was "
                "given to compute them",
                hint="pass values=SandboxJudge().values to open_benchmark",
            )
        opening.progress.note(
            f"computing what the {len(references)} canonical solutions of {opening.name} return; "
            "it is kept, so that this is done once"
        )
        lines = list(_computed(references, opening.values))
        kept = _parsed(lines, references)
        _write(path, lines)
    return kept


def _computed(references: Sequence[Reference], values: Values) -> Iterator[str]:
    """A line for each reference; the judge runs as many at a time as it has slots."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        yield from pool.map(lambda reference: _line(reference, values), references)
    finally:
        # An interruption does not wait for what is being computed: closing the judge ends it.
        pool.shutdown(wait=False, cancel_futures=True)


def _line(reference: Reference, values: Values) -> str:
    candidate = Candidate(reference.code, entry_point=reference.entry_point)
    calls = [CallExample("", "", tuple(args), None) for args in reference.inputs]
    try:
        kept = _carried(candidate, calls, values)
    except JudgeError as error:
        raise JudgeError(
            f"the canonical solution of {reference.id} gives no values: {error.message}",
            hint=error.hint,
        ) from None
    if reference.only_whether:
        kept = [timed and (timed[0] is not None, timed[1]) for timed in kept]
    try:
        return plain.dumps([reference.id, kept])
    except TypeError as error:
        raise JudgeError(
            f"the canonical solution of {reference.id} returns what cannot be kept: {error}"
        ) from None


def _carried(candidate: Candidate, calls: Sequence[CallExample], values: Values) -> list[Kept]:
    """The values of `calls`, None for those that are too large."""
    kept: list[Kept] = []
    while len(kept) < len(calls):
        try:
            return kept + list(values(candidate, calls[len(kept) :], _LIMITS))
        except OutputTooLarge as error:
            kept += error.before
        try:
            kept += values(candidate, [calls[len(kept)]], _LIMITS)
        except OutputTooLarge:
            kept.append(None)
    return kept


def _read(path: Path, references: Sequence[Reference]) -> Expected | None:
    """What an earlier run kept, None where there is nothing that can be used."""
    try:
        return _parsed(path.read_bytes().splitlines(), references)
    except (OSError, codec.CodecError, ValueError, TypeError, RecursionError):
        return None


def _parsed(lines: Iterable[str | bytes], references: Sequence[Reference]) -> Expected:
    """Raises CodecError, ValueError or TypeError where the lines are not those of `references`."""
    found: dict[str, Sequence[Kept]] = {}
    for line, reference in zip(lines, references, strict=True):
        id_, kept = plain.loads(line)
        if id_ != reference.id or len(kept) != len(reference.inputs):
            raise ValueError("other tasks than asked for")
        found[id_] = kept
    return Expected(found)


def _write(path: Path, lines: Iterable[str]) -> None:
    """Put the file in place whole, or not at all."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(f"{line}\n".encode("ascii") for line in lines)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
