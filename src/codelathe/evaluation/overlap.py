"""The texts of benchmarks, for which training data is looked through before it is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codelathe.benchmarks import open_benchmark
from codelathe.benchmarks.opening import MORE_THAN_BASE
from codelathe.store import Progress, Store


def benchmark_texts(
    names: Sequence[str], store: Store, progress: Progress | None = None
) -> Iterator[tuple[str, str]]:
    """Every problem's id with its prompt, and again with its canonical solution where one is known.

    Raises:
        UnknownName: there is no benchmark of one of the `names`.
        InputError: its data is not as it should be.
        StoreError: its data is nowhere.
    """
    for name in names:
        benchmark = open_benchmark(
            name, store=store, progress=progress, base_only=name in MORE_THAN_BASE
        )
        for id_, task in benchmark.tasks.items():
            yield id_, task.problem.prompt
            if task.canonical:
                yield id_, task.canonical
