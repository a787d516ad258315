"""A finished run as it lies in its folder: its result, its rows, and one sample in full."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError, UnknownName
from codelathe.core.judging import Status
from codelathe.evaluation.files import is_there, read_object
from codelathe.evaluation.rows import Row, parse_row
from codelathe.evaluation.transcript import (
    COMPLETIONS,
    RESULT,
    VERDICTS,
    Written,
    parse_written,
)

_HASHES = {VERDICTS: "verdicts_sha256", COMPLETIONS: "completions_sha256"}
"""File of a run -> where its result says what it has to hold."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run and its `result.json`."""

    folder: Path
    result: Mapping[str, Any]

    @property
    def signature(self) -> Mapping[str, Any]:
        """What its scores depend on."""
        found: Mapping[str, Any] = self.result["signature"]
        return found

    @property
    def model(self) -> str:
        """Who was asked."""
        return str(self.signature["model"]["name"])

    def rows(self) -> Iterator[Row]:
        """Its verdicts, in order.

        Raises:
            ProblemError: a line is no row; or behind the last, the file is not what the run left.
        """
        tests = self.signature["tests"]
        for number, line in self._lines(VERDICTS):
            try:
                yield parse_row(json.loads(line), tests)
            except (ValueError, RecursionError) as error:
                raise self._wrong(VERDICTS, number, error) from None

    def completions(self) -> Iterator[Written]:
        """What the model wrote, in the same order.

        Raises:
            ProblemError: as `rows`.
        """
        for number, line in self._lines(COMPLETIONS):
            try:
                yield parse_written(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise self._wrong(COMPLETIONS, number, error) from None

    def rates(self) -> dict[str, float]:
        """The share of its samples that passed, by problem; without what could not be judged."""
        counted: dict[str, list[int]] = {}
        for row in self.rows():
            if row.outcome.status is not Status.UNJUDGED:
                of_task = counted.setdefault(row.task_id, [0, 0])
                of_task[0] += 1
                of_task[1] += row.outcome.status is Status.PASSED
        return {task_id: passed / judged for task_id, (judged, passed) in counted.items()}

    def _lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        read = hashlib.sha256()
        try:
            with (self.folder / name).open("rb") as file:
                for number, line in enumerate(file, 1):
                    read.update(line)
                    yield number, line
        except OSError as error:
            raise ProblemError(f"cannot read {self.folder / name}: {error.strerror}") from None
        if read.hexdigest() != self.result.get(_HASHES[name], read.hexdigest()):
            raise ProblemError(
                f"{self.folder / name} is not what the run left: lines were changed, lost or added",
                hint=f"copy it again from where it was made, or remove {self.folder} and ask again",
            )

    def _wrong(self, name: str, number: int, error: Exception) -> ProblemError:
        return ProblemError(f"{self.folder / name}, line {number}: {error}")


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample in full. `prompt` is what the model was given."""

    prompt: str
    written: Written
    row: Row


def open_run(folder: Path) -> Run:
    """The run in `folder`.

    Raises:
        ProblemError: there is none, it is not finished, or it is something else.
    """
    path = folder.parent if folder.name == RESULT else folder
    result = read_object(path / RESULT)
    if _is_of_run(result):
        return Run(path, result)
    if is_there(path / f"{COMPLETIONS}.journal"):
        raise ProblemError(
            f"the run in {path} is not finished", hint="the command that began it goes on with it"
        )
    raise ProblemError(
        f"{path} holds no run of lathe evaluate",
        hint="lathe evaluate BENCHMARK --out DIR writes one",
    )


def _is_of_run(result: Mapping[str, Any]) -> bool:
    """Whether it says of itself what the result of every run of `lathe evaluate` says."""
    try:
        signature = result["signature"]
        name, n = signature["model"]["name"], signature["sampling"]["n"]
        tests, scores = signature["tests"], result["scores"]
    except (KeyError, TypeError):
        return False
    return (
        isinstance(name, str)
        and isinstance(n, int)
        and isinstance(tests, list)
        and isinstance(scores, dict)
    )


def find_sample(run: Run, task_id: str, sample: int = 0) -> Shown:
    """One sample of a run in full.

    Raises:
        UnknownName: there is no such problem in it; the hint has the nearest.
        ProblemError: there is no such sample, or the files are damaged.
    """
    prompt, ids = "", set()
    for written, row in zip(run.completions(), run.rows(), strict=False):
        ids.add(row.task_id)
        if row.task_id != task_id:
            continue
        prompt = written.prompt or prompt
        if row.sample == sample:
            return Shown(prompt, written, row)
    if task_id not in ids:
        raise UnknownName("problem", task_id, ids, field="task")
    raise ProblemError(f"{task_id} has no sample {sample} in {run.folder}", field="sample")
