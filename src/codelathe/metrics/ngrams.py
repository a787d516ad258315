"""BLEU and chrF: sacrebleu's own, behind the port of `similarity`.

sacrebleu keeps each segment's statistics and computes a score from their sum, which is just
what a row is. It offers both only under private names; the tests hold the results equal to
its public functions, so that a change there is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from codelathe.core.errors import MissingDependency
from codelathe.metrics.similarity import References, Row, Settings

_SEGMENTS = 1000
"""So many at once: sacrebleu keeps the n-grams of all that it is given."""


class Bleu:
    """BLEU (Papineni et al. 2002), as `sacrebleu.corpus_bleu`.

    4-grams, tokenizer 13a, exponential smoothing; a single pair as `sacrebleu.sentence_bleu`,
    with effective order.

    A row: 1, then the lengths of prediction and nearest reference in tokens, then matched and
    all n-grams for n of 1 to 4.
    """

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002 (each metric is made alike)
        metrics = _sacrebleu("BLEU")
        self._corpus = metrics.BLEU(force=True)
        self._sentence = metrics.BLEU(force=True, effective_order=True)
        self.signature = _signature("bleu", "smooth:exp|tok:13a")

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        return ((1, *row) for row in _statistics(self._corpus, predictions, references))

    def scores(self, total: Row) -> Mapping[str, float]:
        """BLEU as a fraction; sacrebleu prints it times 100."""
        metric = self._sentence if total[0] == 1 else self._corpus
        counts = [int(count) for count in total[1:]]
        return {"bleu": metric._compute_score_from_stats(counts).score / 100}  # noqa: SLF001


class ChrF:
    """chrF2 (Popović 2015), as `sacrebleu.corpus_chrf`.

    Character 1- to 6-grams without spaces, recall twice as heavy as precision.

    A row: for n of 1 to 6 the n-grams of the prediction, of the nearest reference, and matched.
    """

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002 (each metric is made alike)
        self._metric = _sacrebleu("chrF").CHRF()
        self.signature = _signature("chrf", "nc:6|nw:0|beta:2|space:no")

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        return map(tuple, _statistics(self._metric, predictions, references))

    def scores(self, total: Row) -> Mapping[str, float]:
        """The score as a fraction; sacrebleu prints it times 100."""
        return {"chrf": self._metric._compute_score_from_stats(total).score / 100}  # noqa: SLF001


def _sacrebleu(purpose: str) -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise MissingDependency("sacrebleu", "metrics", purpose) from None
    return metrics


def _signature(name: str, settings: str) -> str:
    from sacrebleu import __version__

    return f"{name}|{settings}|version:sacrebleu-{__version__}"


def _statistics(
    metric: Any, predictions: Sequence[str], references: Sequence[References]
) -> Iterator[list[int]]:
    for start in range(0, len(predictions), _SEGMENTS):
        some = slice(start, start + _SEGMENTS)
        # sacrebleu takes the first references of all items, then the second of all, and None
        # where an item has no more.
        streams = list(zip_longest(*references[some]))
        yield from metric._extract_corpus_statistics(list(predictions[some]), streams)  # noqa: SLF001
