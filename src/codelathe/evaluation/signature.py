"""A signature: everything a score depends on beside the samples themselves.

Two scores can be compared where their signatures say the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from codelathe import __version__
from codelathe.benchmarks.base import Benchmark
from codelathe.core.judging import Isolation, Limits
from codelathe.judge.languages import facts


@dataclass(frozen=True, slots=True)
class Signature:
    """Benchmark and data, how it was judged and in what isolation, and on what machine.

    `details` are the benchmark's own further facts, such as the version of its comparer.
    Wall `seconds` and the other limits are given as least and most over the tasks;
    `timeout` is the limit in seconds that was asked for in place of theirs.
    """

    benchmark: str
    data_sha256: str
    tests: tuple[str, ...]
    mode: str
    limits: Mapping[str, tuple[float, float]]
    timeout: float | None
    isolation: str
    missing: tuple[str, ...]
    details: Mapping[str, str]
    python: str = field(default_factory=lambda: ".".join(map(str, sys.version_info[:3])))
    machine: str = field(default_factory=lambda: os.uname().machine)
    codelathe: str = __version__


def sign(benchmark: Benchmark, mode: str, timeout: float | None) -> Signature:
    """The signature of `benchmark` judged in `mode`; its isolation is not known yet."""
    return Signature(
        benchmark=benchmark.name,
        data_sha256=benchmark.sha256,
        tests=benchmark.tests,
        mode=mode,
        limits=_ranges(limits_of(t.limits, timeout) for t in benchmark.tasks.values()),
        timeout=timeout,
        isolation="",
        missing=(),
        details={**benchmark.details, **_of_languages(benchmark)},
    )


def _of_languages(benchmark: Benchmark) -> dict[str, str]:
    """What is to be said of how other languages than Python are judged."""
    spoken = {t.problem.language for t in benchmark.tasks.values()}
    return {name: fact for one in sorted(spoken) for name, fact in facts(one).items()}


def isolated(signature: Signature, isolation: Isolation) -> Signature:
    """`signature` with the isolation that was in force."""
    return replace(signature, isolation=isolation.tier, missing=isolation.missing)


def limits_of(limits: Limits, timeout: float | None) -> Limits:
    """A task's limits, with the seconds that were asked for in place of its own."""
    return limits if timeout is None else replace(limits, seconds=timeout)


def signature_document(signature: Signature) -> dict[str, Any]:
    """A signature as JSON has it; a limit that is the same for all tasks as one number."""
    return {
        "benchmark": signature.benchmark,
        "data_sha256": signature.data_sha256,
        "tests": list(signature.tests),
        "mode": signature.mode,
        "limits": {
            name: least if least == most else [least, most]
            for name, (least, most) in signature.limits.items()
        },
        "timeout": signature.timeout,
        "isolation": signature.isolation,
        "missing": list(signature.missing),
        "details": dict(signature.details),
        "python": signature.python,
        "machine": signature.machine,
        "codelathe": signature.codelathe,
    }


def _ranges(limits: Iterable[Limits]) -> dict[str, tuple[float, float]]:
    distinct = set(limits)
    return {
        name: (min(values), max(values))
        for name in ("seconds", "memory_mb", "output_bytes")
        if (values := [getattr(x, name) for x in distinct])
    }
