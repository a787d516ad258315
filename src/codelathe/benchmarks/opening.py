"""Benchmarks by name. Listing them imports none; opening one finds its data and reads it."""

from __future__ import annotations

from pathlib import Path

from codelathe.benchmarks.base import Benchmark, Opening, Values
from codelathe.core.errors import UsageError
from codelathe.core.registry import Registry
from codelathe.store import Progress, Silent, Store

_PACK_KINDS = ("synthesize", "fix", "explain")
_PACK_LANGUAGES = ("python", "js", "java", "go", "cpp", "rust")

BENCHMARKS = Registry(
    "benchmark",
    {
        "humaneval": "codelathe.benchmarks.humaneval:open_humaneval",
        "mbpp": "codelathe.benchmarks.mbpp:open_mbpp",
        "humaneval+": "codelathe.benchmarks.evalplus:open_plus",
        "mbpp+": "codelathe.benchmarks.evalplus:open_plus",
        **{
            f"humanevalpack-{kind}-{language}": "codelathe.benchmarks.humanevalpack:open_pack"
            for kind in _PACK_KINDS
            for language in _PACK_LANGUAGES
        },
    },
)
"""Openers by name; each takes an Opening and gives a Benchmark."""

MORE_THAN_BASE = ("humaneval+", "mbpp+")
"""Benchmarks of which the first test can be asked for alone."""


def open_benchmark(
    name: str,
    data: Path | None = None,
    *,
    values: Values | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    base_only: bool = False,
) -> Benchmark:
    """The benchmark `name`, from the file `data`, the folder `CODELATHE_DATA`, or the store.

    A `name` that is a path (`my.jsonl`) is a benchmark of the user's own: `benchmarks.own`.

    `values` is needed by `humaneval+` and `mbpp+`, whose expected values are what the
    canonical solutions return; they are kept in the store's cache. With `base_only` they have
    the tests of `humaneval` and `mbpp` alone, and prepare only those.

    Raises:
        UnknownName: there is no such benchmark; the hint has the nearest.
        InputError: the data is not as it should be.
        UsageError: `base_only` of a benchmark that has no other tests.
        StoreError: the data is nowhere, or is not the file that the catalogue pins.
    """
    opening = Opening(name, store or Store(), data, values, progress or Silent(), base_only)
    if base_only and name not in MORE_THAN_BASE:
        raise UsageError(
            f"{name} has base tests only",
            hint=f"leave --base-only out, or ask for {' or '.join(MORE_THAN_BASE)}",
            field="base_only",
        )
    if is_own(name):
        from codelathe.benchmarks.own import open_own

        return open_own(opening)
    opened: Benchmark = BENCHMARKS.load(name)(opening)
    return opened


def is_own(name: str) -> bool:
    """Whether `name` is the path of a user's own benchmark rather than one of the table."""
    return name not in BENCHMARKS and ("/" in name or name.endswith((".jsonl", ".jsonl.gz")))
