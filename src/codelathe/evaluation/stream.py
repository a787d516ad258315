"""The stream from jobs to outcomes: in order, each program once, nothing piled up.

Programs are told apart by the SHA-256 of their task and code. A program that was met before
is not run again; it waits, as nothing but an entry of a queue, for what came of the first.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from codelathe.core.judging import Case, Judge
from codelathe.evaluation.rows import Outcome, outcome

Tag = TypeVar("Tag")

_REMEMBERED = 1 << 16
_WAITING = 1 << 14
"""Copies that may wait in a row for one program. The next one is run, to hold memory flat."""


@dataclass(slots=True)
class Seen:
    """A program that was met; what came of it as soon as that is known."""

    outcome: Outcome | None = None


class Memory:
    """The programs met lately, the oldest forgotten first. `copies` counts the others."""

    def __init__(self) -> None:
        self.copies = 0
        self._seen: dict[bytes, Seen] = {}

    def find(self, key: bytes) -> Seen | None:
        """What is known of a program, None where it is new."""
        return self._seen.get(key)

    def add(self, key: bytes) -> Seen:
        """Remember a new program."""
        if len(self._seen) >= _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        seen = self._seen[key] = Seen()
        return seen


@dataclass(frozen=True, slots=True)
class Job(Generic[Tag]):
    """A program to run. The `tag` is the caller's own: it comes back with the outcome."""

    tag: Tag
    case: Case
    key: bytes


def program_key(task_id: str, code: str, run: int = 0) -> bytes:
    """What stands for a program of a task; another `run` of it counts as another."""
    text = f"{run}\0{task_id}\0{code}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).digest()


def outcomes(
    judge: Judge, jobs: Iterable[Job[Tag]], memory: Memory
) -> Iterator[tuple[Tag, Outcome]]:
    """The tag and the outcome of each job, in the order of `jobs`, which is read lazily.

    Raises:
        JudgeError: as `Judge.judge` does.
    """
    queue: deque[tuple[Tag, Seen, bool]] = deque()

    def cases() -> Iterator[Case]:
        waiting = 0
        for job in jobs:
            seen = memory.find(job.key)
            if seen is not None:
                memory.copies += 1
            if seen is not None and waiting < _WAITING:
                waiting += 1
                queue.append((job.tag, seen, False))
            else:
                waiting = 0
                queue.append((job.tag, seen or memory.add(job.key), True))
                yield job.case

    for verdicts in judge.judge(cases()):
        yield from _copies(queue)
        tag, seen, _ = queue.popleft()
        found = outcome(verdicts)
        seen.outcome = seen.outcome or found
        yield tag, found
        yield from _copies(queue)
    yield from _copies(queue)


def _copies(queue: deque[tuple[Tag, Seen, bool]]) -> Iterator[tuple[Tag, Outcome]]:
    """The entries at the head that another program answers for."""
    while queue and not queue[0][2]:
        tag, seen, _ = queue.popleft()
        assert seen.outcome is not None, "the first of its kind stands before it"
        yield tag, seen.outcome
