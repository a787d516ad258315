"""A judge that finds in the code what it is to say, and a benchmark for it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from codelathe.benchmarks.base import Benchmark, Task
from codelathe.core.judging import Case, Isolation, Limits, Status, Verdict
from codelathe.core.problem import Problem, Suite

AHEAD = 4


class Told:
    """Code ends in `# passed`: so be it. `# passed failed` fails when it is run again.

    `timeout!` is a timeout that came of a busy machine. `ran` has all code in the order of
    the cases. A few cases are read ahead, as of judges that run several at a time.
    """

    name = "hardened"

    def __init__(self, pause: float = 0.0, stop_at: int = -1, tier: str = "A") -> None:
        self.ran: list[str] = []
        self.isolation = Isolation(tier)
        self.waiting = 0
        self._times = Counter[str]()
        self._pause = pause
        self.stop_at = stop_at

    def judge(self, cases: Iterable[Case]) -> Iterator[tuple[Verdict, ...]]:
        source, ahead = iter(cases), deque[Case]()
        while True:
            while len(ahead) < AHEAD and (case := next(source, None)):
                ahead.append(case)
            self.waiting = max(self.waiting, len(ahead))
            if not ahead:
                return
            yield self._verdicts(ahead.popleft())

    def close(self) -> None:
        """Nothing to end."""

    def _verdicts(self, case: Case) -> tuple[Verdict, ...]:
        code = case.candidate.code
        if len(self.ran) == self.stop_at:
            raise KeyboardInterrupt
        self.ran.append(code)
        if self._pause:
            time.sleep(self._pause)
        words = code.rpartition("#")[2].split()
        word = words[min(self._times[code], len(words) - 1)]
        self._times[code] += 1
        parts = word.split("/")
        return tuple(
            Verdict(Status(part.rstrip("!")), seconds=0.5, starved=part.endswith("!"))
            for part in parts * (len(case.examples) if len(parts) == 1 else 1)
        )


def made_up(problems: int = 3, tests: tuple[str, ...] = ("base",), name: str = "toy") -> Benchmark:
    """Tasks `Toy/0`, `Toy/1`...; a completion goes on from a line of comment."""
    suites = tuple(Suite(f"test {t}") for t in tests)
    tasks = {
        f"Toy/{i}": Task(
            Problem("f", id=f"Toy/{i}", entry_point="f", tests=suites),
            canonical="# passed",
            limits=Limits(seconds=3.0),
            prefix=f"# problem {i}\n",
        )
        for i in range(problems)
    }
    return Benchmark(name, tasks, sha256="5" * 64, licence="CC0", tests=tests)
