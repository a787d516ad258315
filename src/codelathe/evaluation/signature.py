"""A signature: everything a score depends on beside the samples themselves.

Two scores can be compared where their signatures say the same.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from codelathe import __version__
from codelathe.benchmarks.base import Benchmark
from codelathe.core.judging import Isolation, Limits
from codelathe.judge.languages import facts

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom samples were asked of, and how: all that completions depend on.

    `protocol` as `protocol_document` has it; a `temperature` of None is the model's own, a
    `seed` of None one that nobody chose. `limit`: only so many problems, the data's first.
    """

    model: str
    model_sha256: str
    engine: str
    engine_version: str
    protocol: Mapping[str, Any]
    n: int
    temperature: float | None
    top_p: float
    max_tokens: int
    seed: int | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Signature:
    """Benchmark and data, how it was judged and in what isolation, and on what machine.

    `details` are the benchmark's own further facts, such as the version of its comparer.
    Wall `seconds` and the other limits are given as least and most over the tasks;
    `timeout` is the limit in seconds that was asked for in place of theirs. `asking` is there
    where the samples were made here too.
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
    asking: Asking | None = None


def sign(
    benchmark: Benchmark, mode: str, timeout: float | None, asking: Asking | None = None
) -> Signature:
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
        asking=asking,
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
        **({} if signature.asking is None else _asking_document(signature.asking)),
    }


def _asking_document(asking: Asking) -> dict[str, Any]:
    return {
        "model": {"name": asking.model, "sha256": asking.model_sha256},
        "engine": {"name": asking.engine, "version": asking.engine_version},
        "protocol": dict(asking.protocol),
        "sampling": {
            "n": asking.n,
            "temperature": asking.temperature,
            "top_p": asking.top_p,
            "max_tokens": asking.max_tokens,
            "seed": asking.seed,
        },
        "limit": asking.limit,
    }


def _ranges(limits: Iterable[Limits]) -> dict[str, tuple[float, float]]:
    distinct = set(limits)
    return {
        name: (min(values), max(values))
        for name in ("seconds", "memory_mb", "output_bytes")
        if (values := [getattr(x, name) for x in distinct])
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two signatures do not have the same: `protocol.name`, and the two."""

    name: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.first)} and {_short(self.second)}"


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Where two signatures, as JSON has them, differ; a dotted name for what is nested."""
    found: list[Difference] = []
    for name in dict.fromkeys([*first, *second]):
        one, two = first.get(name), second.get(name)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            nested = differences(one, two)
            found += (Difference(f"{name}.{d.name}", d.first, d.second) for d in nested)
        elif one != two:
            found.append(Difference(name, one, two))
    return tuple(found)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
