"""A model's answers, asked for in batches on a thread of their own.

All that is missing is given to the engine at once, some thousand answers at a time, so that
it can fill its batch. Each sample has a seed of its own, made of the run's seed, the problem
and the sample's number: which answers were asked together, or in an earlier session, has no
part in it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from codelathe.benchmarks.asking import Asked, Finished, ask, ask_again, finished, read
from codelathe.benchmarks.base import Benchmark, Task
from codelathe.benchmarks.protocols import Protocol
from codelathe.core.generation import Completion, Engine, Request, Sampling
from codelathe.evaluation.growing import NOTED
from codelathe.evaluation.transcript import Transcript, Written

_TOGETHER = 4096
_SEEDS = 1 << 30


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is asked: `n` samples for each of `tasks`, by a protocol. `sampling` has no stops.

    `seeded` says that the engine draws by the seed it is given.
    """

    benchmark: Benchmark
    tasks: Sequence[Task]
    protocol: Protocol
    sampling: Sampling
    n: int
    seeded: bool = True

    def place(self, index: int) -> tuple[Task, int]:
        """The task and the number of the sample that a row stands for."""
        return self.tasks[index // self.n], index % self.n

    def seed(self, task: Task, sample: int) -> int:
        """The seed of a sample; 0 where nothing is drawn, or the engine draws by itself."""
        if self.sampling.greedy or not self.seeded:
            return 0
        text = f"{self.sampling.seed}\0{task.problem.id}".encode()
        first = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
        return 1 + first % _SEEDS + sample


@dataclass(slots=True)
class Pace:
    """How far writing has come in this session; `tokens` counts steps of answers, as they grow."""

    answers: int = 0
    tokens: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """Since the first answer was asked for."""
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0


@dataclass(frozen=True, slots=True)
class _Group:
    """Samples of one task that are asked for in one request: rows `first`, `first` + 1, ...

    `before` is the answer that a second request was made of.
    """

    first: int
    count: int
    asked: Asked
    before: Completion | None = None


class Generation:
    """Writes what `transcript` misses. `start` it, and `stop` it at the end in any case."""

    def __init__(
        self,
        assignment: Assignment,
        engine: Engine,
        transcript: Transcript,
        pace: Pace,
        grown: Callable[[], None] = lambda: None,
    ) -> None:
        self.pace = pace
        self._assignment = assignment
        self._engine = engine
        self._transcript = transcript
        self._grown = grown
        self._noted = 0.0
        self._tokens = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="codelathe-generation", daemon=True)

    def start(self) -> None:
        """Begin. What goes wrong is kept in `transcript.failure`."""
        self._thread.start()

    def stop(self, patience: float = 20.0) -> None:
        """End what is being written, and wait for that for `patience` seconds."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            self._write_all()
        except _Stopped:
            pass
        except Exception as error:  # noqa: BLE001 (told by whoever waits for the rows)
            failure = error
        self.pace.ended = time.monotonic()
        try:
            self._note_pace()
            self._engine.close()
        except Exception as error:  # noqa: BLE001 (a full disk, say)
            failure = failure or error
        self._transcript.end(failure)

    def _note_pace(self) -> None:
        """Keep the seconds since the last note, and the tokens that were written in them."""
        seconds = round(self.pace.seconds - self._noted, 3)
        self._transcript.note({"seconds": seconds, "tokens": self._tokens})
        self._noted += seconds
        self._tokens = 0

    def _write_all(self) -> None:
        missing = self._transcript.missing()
        while chunk := list(islice(missing, _TOGETHER)):
            groups = list(self._grouped(chunk))
            self.pace.began = self.pace.began or time.monotonic()
            if self._assignment.protocol.steps > 1:
                groups = self._explained(groups)
            for group, completion in self._answers(groups, self._assignment.protocol.steps):
                self._put(group, completion)

    def _grouped(self, rows: Sequence[int]) -> Iterator[_Group]:
        """Consecutive rows of a task as one group."""
        start = 0
        for end in range(1, len(rows) + 1):
            whole = end == len(rows) or rows[end] != rows[end - 1] + 1
            if whole or rows[end] % self._assignment.n == 0:
                yield self._group(rows[start], end - start)
                start = end

    def _group(self, first: int, count: int) -> _Group:
        task, sample = self._assignment.place(first)
        seed = self._assignment.seed(task, sample)
        sampling = replace(self._assignment.sampling, seed=seed)
        asked = ask(self._assignment.protocol, self._assignment.benchmark, task, sampling)
        return _Group(first, count, replace(asked, request=replace(asked.request, n=count)))

    def _explained(self, groups: Sequence[_Group]) -> list[_Group]:
        """The second requests, one a sample, made of the answers to the first."""
        found: dict[int, _Group] = {}
        for group, completion in self._answers(groups, 1):
            task, sample = self._assignment.place(group.first + completion.choice)
            seed = self._assignment.seed(task, sample)
            sampling = replace(group.asked.request.sampling, seed=seed)
            single = replace(group.asked.request, n=1, sampling=sampling)
            before = replace(group.asked, request=single)
            again = ask_again(self._assignment.protocol, before, completion.text)
            index = group.first + completion.choice
            found[index] = _Group(index, 1, again, completion)
        return [found[index] for index in sorted(found)]

    def _answers(self, groups: Sequence[_Group], step: int) -> Iterator[tuple[_Group, Completion]]:
        requests: list[Request] = [group.asked.request for group in groups]
        over: dict[tuple[int, int], Finished] = {}

        def watch(request: int, choice: int, text: str) -> bool:
            if self._stopped.is_set():
                raise _Stopped
            self.pace.tokens += 1
            if not self.pace.tokens % 64:
                self._grown()
            known = over.get((request, choice))
            if known is None:
                known = finished(self._assignment.protocol, groups[request].asked, step=step)
                over[request, choice] = known
            return known(text)

        with closing(self._engine.generate(requests, watch)) as completions:
            for completion in completions:
                over.pop((completion.request, completion.choice), None)
                yield groups[completion.request], completion
                if self._stopped.is_set():
                    raise _Stopped

    def _put(self, group: _Group, completion: Completion) -> None:
        index = group.first + completion.choice
        task, sample = self._assignment.place(index)
        answers = [completion] if group.before is None else [group.before, completion]
        costs = [c.cost_usd for c in answers if c.cost_usd is not None]
        row = Written(
            task_id=task.problem.id,
            sample=sample,
            completion=completion.text,
            solution=read(self._assignment.protocol, group.asked, completion.text),
            prompt_tokens=sum(c.prompt_tokens for c in answers),
            completion_tokens=sum(c.completion_tokens for c in answers),
            finish_reason=completion.finish_reason,
            seed=self._assignment.seed(task, sample) or None,
            cost_usd=sum(costs) if len(costs) == len(answers) else None,
            explanation="" if group.before is None else group.before.text,
            prompt=_shown(group.asked.request) if sample == 0 else "",
        )
        self.pace.answers += 1
        self._transcript.put(index, row)
        self._tokens += row.completion_tokens
        if self.pace.seconds - self._noted >= NOTED:
            self._note_pace()
        self._grown()


class _Stopped(Exception):
    """Nobody waits for the answers any more."""


def _shown(request: Request) -> str:
    """A request as text: what is asked, and how the answer was opened for the model."""
    asked = request.prompt or "\n\n".join(m.content for m in request.messages)
    return f"{asked}\n\n[answer begins]\n{request.prefill}" if request.prefill else asked
