"""Names become judges and benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.wiring.models import open_store

if TYPE_CHECKING:
    from codelathe.benchmarks import Benchmark
    from codelathe.judge import SandboxJudge
    from codelathe.store import Progress


def open_judge(mode: str = "hardened", workers: int | None = None) -> SandboxJudge:
    """The judge of this machine; its processes start with the first case.

    Raises:
        UsageError: there is no such mode, or `workers`, where given, is below 1.
    """
    from codelathe.judge import SandboxJudge

    return SandboxJudge(workers, mode=mode)


def open_benchmark(
    name: str,
    data: Path | None,
    judge: SandboxJudge,
    progress: Progress | None = None,
    *,
    base_only: bool = False,
) -> Benchmark:
    """The benchmark `name`, from the file `data` where given.

    `judge` runs canonical solutions for those whose expected values are not in the data.
    `base_only` leaves out the tests that a `+` benchmark adds.

    Raises:
        UnknownName: there is no such benchmark.
        UsageError: `base_only` of one that adds none.
        InputError: the data is not as it should be.
        StoreError: the data is nowhere, or not the pinned file.
    """
    from codelathe.benchmarks import open_benchmark

    return open_benchmark(
        name,
        data,
        values=judge.values,
        store=open_store(),
        progress=progress,
        base_only=base_only,
    )
