"""completions.jsonl: what a model wrote, a row a sample, in the order of problem and sample.

Answers of a batch end in any order. Those that others stand before are kept in a journal
until it is their turn, so that nothing which was written is lost, and the file holds the same
rows in the same order however often the run was interrupted. The journal's first line is what
was asked of whom; it goes when the result is there. A lock keeps a second process out.

While answers come in on one thread, another reads them as samples to judge.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError, UsageError
from codelathe.evaluation.files import (
    append_line,
    file_sha256,
    json_line,
    parsed_line,
    read_object,
    writing,
)
from codelathe.evaluation.growing import GrowingFile
from codelathe.evaluation.samples import Sample
from codelathe.evaluation.signature import differences

COMPLETIONS, VERDICTS, RESULT = "completions.jsonl", "verdicts.jsonl", "result.json"
_POLL = 0.5
STORY = ("generation", "own_solutions_failing", "completions_sha256")
"""What a result says of how its samples came about."""


@dataclass(frozen=True, slots=True)
class Written:
    """One row: the model's own text, the code that was read in it, and what it cost.

    `prompt` is what the model was given, kept with the first sample of each problem.
    `explanation` is the answer before this one, of protocols that have two.
    """

    task_id: str
    sample: int
    completion: str
    solution: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    seed: int | None
    cost_usd: float | None = 0.0
    explanation: str = ""
    prompt: str = ""


_KINDS: dict[type, tuple[str, ...]] = {
    str: ("task_id", "completion", "solution", "finish_reason", "explanation", "prompt"),
    int: ("sample", "prompt_tokens", "completion_tokens"),
}


def written_document(row: Written) -> dict[str, Any]:
    """A row as it stands in the file: what is empty, or costs nothing, is left out."""
    document = asdict(row)
    for name in ("explanation", "prompt"):
        if not document[name]:
            del document[name]
    if row.cost_usd == 0:
        del document["cost_usd"]
    return document


def parse_written(document: Mapping[str, Any]) -> Written:
    """The row that `written_document` wrote.

    Raises:
        ValueError: it is none.
    """
    try:
        row = Written(**document)
    except TypeError:
        raise ValueError("it is no row of completions") from None
    for kind, names in _KINDS.items():
        for name in names:
            if type(value := getattr(row, name)) is not kind:
                raise ValueError(f"it has a {name} that is no {kind.__name__}: {value!r:.60}")
    return row


class Transcript(GrowingFile):
    """The completions of one run in `folder`, and a Source of samples.

    `ids` are the problems, `n` the samples of each. `count` rows are in the file; `written`
    counts those in the journal too. A context manager; closing it lets others have the file.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], ids: Sequence[str], n: int
    ) -> None:
        """Open the file, or make it.

        Raises:
            UsageError: the folder holds a run with other settings, or something else.
            InUse: another process is at it.
            LatheError: it cannot be written.
        """
        self.result = folder / RESULT
        self.count = 0
        self.failure: BaseException | None = None
        self._ids, self._n = ids, n
        self._held: dict[int, bytes] = {}
        self._over = False
        self._grown = threading.Condition()
        # As JSON has them: lists where Python has tuples.
        super().__init__(folder / COMPLETIONS, json.loads(json.dumps(settings)))

    @property
    def total(self) -> int:
        """How many rows there will be."""
        return len(self._ids) * self._n

    @property
    def written(self) -> int:
        """The rows that need not be asked for."""
        return self.count + len(self._held)

    @property
    def counts(self) -> Mapping[str, int]:
        """The samples of each problem."""
        return dict.fromkeys(self._ids, self._n)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The signature has it all."""
        return {}

    def missing(self) -> Iterator[int]:
        """The numbers of the rows that are not written yet, rising; looked up as it goes."""
        for index in range(self.count, self.total):
            if index not in self._held:
                yield index

    def put(self, index: int, row: Written) -> None:
        """Take in a row, in any order.

        Raises:
            DiskFull: there is no room; what was written before is kept.
        """
        document = written_document(row)
        with self._grown:
            if index != self.count:
                append_line(self._side, self._journal, json_line({"row": index, "is": document}))
                self._held[index] = json_line(document)
            else:
                append_line(self._file, self.path, json_line(document))
                self.count += 1
                self._catch_up()
            self._grown.notify_all()

    def end(self, failure: BaseException | None = None) -> None:
        """No more rows will come in this session."""
        with self._grown:
            self.failure, self._over = failure, True
            self._grown.notify_all()

    def rows(self) -> Iterator[Written]:
        """The rows in the file, from the first.

        Raises:
            ProblemError: a line is no row, or not the one that stands there.
        """
        with self.path.open("rb") as file:
            for index, line in enumerate(islice(file, self.count)):
                yield self._parsed(index, line)

    def read(self) -> Iterator[Sample]:
        """The samples there are so far."""
        return map(_sample, self.rows())

    def rounds(self, done: int) -> Iterator[Iterator[Sample]]:
        """The samples after the first `done`, as they come in."""
        with self.path.open("rb") as file:
            for _ in islice(file, done):
                pass
            while (there := self._wait_beyond(done)) > done:
                numbered = enumerate(islice(file, there - done), done)
                yield (_sample(self._parsed(index, line)) for index, line in numbered)
                done = there

    def broken(self, verdicts: Path) -> Exception:
        """Why there are fewer rows than promised: what stopped the model, or a changed file."""
        if isinstance(self.failure, Exception):
            return self.failure
        return ProblemError(
            f"{self.path} and {verdicts} are not of one run",
            hint=f"to judge again: rm {verdicts}; to begin anew, remove the folder",
        )

    def story(self, finished: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Tokens, seconds and reasons of ending, and the hash of the rows.

        The speed is of those tokens whose seconds were noted: not of what a session wrote last
        that was killed.
        """
        if finished is not None:
            return {name: finished[name] for name in STORY}
        tokens, reasons = Counter[str](), Counter[str]()
        costs: list[float | None] = []
        for row in self.rows():
            tokens["prompt"] += row.prompt_tokens
            tokens["completion"] += row.completion_tokens
            reasons[row.finish_reason] += 1
            costs.append(row.cost_usd) if row.cost_usd != 0 else None
        known = [cost for cost in costs if cost is not None]
        seconds, timed = (
            sum(note.get(name, 0) for note in self.notes) for name in ("seconds", "tokens")
        )
        return {
            "generation": {
                "prompt_tokens": tokens["prompt"],
                "completion_tokens": tokens["completion"],
                "seconds": round(seconds, 3),
                "tokens_per_second": round(timed / seconds, 1) if seconds else None,
                "finish_reasons": dict(sorted(reasons.items())),
                "cost_usd": sum(known) if len(known) == len(costs) else None,
            },
            "own_solutions_failing": next(
                (note["failing"] for note in reversed(self.notes) if "failing" in note), {}
            ),
            "completions_sha256": file_sha256(self.path),
        }

    def finish(self) -> None:
        """The result is written: what only an unfinished run needs goes."""
        self._end_journal()

    def _enter(self) -> None:
        """Find out what is there, and make it such that it can be gone on with."""
        there = os.fstat(self._file).st_size
        result = read_object(self.result)
        if self._journal.exists():
            self._go_on()
        elif there:
            self._check(result.get("run"))
            if result.get("completions_sha256") != file_sha256(self.path):
                raise UsageError(
                    f"{self.path} was changed since it was written",
                    hint="name another folder with --out",
                    field="out",
                )
            verdicts = self.path.parent / VERDICTS
            if not verdicts.exists() or not verdicts.stat().st_size:  # to be judged again
                self._begin()
                seconds, speed = (
                    result["generation"][name] or 0 for name in ("seconds", "tokens_per_second")
                )
                self.note({"seconds": seconds, "tokens": seconds * speed})
        elif self.result.exists() or (self.path.parent / VERDICTS).exists():
            self._check(result.get("run"), "completions")
        else:
            self._begin()
        with self.path.open("rb") as file:
            self.count = sum(1 for _ in file)
        with self._grown:
            self._catch_up()

    def _begin(self) -> None:
        self._begin_journal()

    def _check(self, told: Any, missing: str = "") -> None:
        """Refuse a folder that holds another run, or none.

        Raises:
            UsageError: told with what differs.
        """
        folder = self.path.parent
        if not isinstance(told, dict) or missing:
            what = f"a result without its {missing}" if missing else f"{COMPLETIONS} of no run"
            raise UsageError(
                f"{folder} holds {what}", hint="name another folder with --out", field="out"
            )
        other = differences(told, self._settings)
        if other:
            listed = "; ".join(map(str, other[:4])) + ("; ..." if len(other) > 4 else "")
            raise UsageError(
                f"{folder} holds a run with other settings (there and here): {listed}",
                hint="run the first command again, or name another folder with --out",
                field="out",
            )

    def _go_on(self) -> None:
        end = 0
        with writing(self._journal), self._journal.open("rb") as journal:
            for line in journal:
                found = parsed_line(line) if line.endswith(b"\n") else {}
                if not end:
                    self._check(found.get("run"))
                elif "row" in found:
                    self._held[int(found["row"])] = json_line(found["is"])
                elif "note" in found:
                    self.notes.append(found["note"])
                else:
                    break
                end += len(line)
        self._continue_journal(end)

    def _catch_up(self) -> None:
        """Move rows whose turn it is from memory to the file."""
        for index in [i for i in self._held if i < self.count]:
            del self._held[index]
        while (line := self._held.get(self.count)) is not None:
            append_line(self._file, self.path, line)
            del self._held[self.count]
            self.count += 1

    def _wait_beyond(self, done: int) -> int:
        """The number of rows, as soon as there are more than `done` or no more will come."""
        with self._grown:
            # To the end, also where no row is missing: then what it took is noted.
            while self.count <= done and not self._over:
                self._grown.wait(_POLL)
            return self.count

    def _parsed(self, index: int, line: bytes) -> Written:
        try:
            row = parse_written(json.loads(line))
        except ValueError as error:
            raise ProblemError(f"{self.path}, line {index + 1}: {error}") from None
        if (row.task_id, row.sample) != (self._ids[index // self._n], index % self._n):
            raise ProblemError(f"{self.path}, line {index + 1} is not of this run")
        return row


def waiting_in(folder: Path, count: int) -> int:
    """How many answers of an unfinished run wait in its journal behind the first `count` rows."""
    try:
        with (folder / f"{COMPLETIONS}.journal").open("rb") as journal:
            numbers = (parsed_line(line).get("row") for line in journal)
            return sum(isinstance(number, int) and number >= count for number in numbers)
    except OSError:
        return 0


def _sample(row: Written) -> Sample:
    return Sample(row.task_id, row.sample, row.solution)
