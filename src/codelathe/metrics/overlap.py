"""Exact match, edit similarity and ROUGE-L: a mean over the pairs of one number each.

With several references the best of them counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version

from codelathe.core.errors import MissingDependency
from codelathe.metrics.similarity import References, Row, Settings

_WORD = re.compile(r"[^\W_]+")


class ExactMatch:
    """The share of predictions equal to a reference, blanks and line breaks aside.

    Two texts are equal where they split at white space into the same pieces, as in CodeXGLUE's
    evaluation of line completion (Lu et al. 2021). A row: 1 or 0, then 1.
    """

    signature = "exact-match|blanks:any|version:1"

    def __init__(self, settings: Settings) -> None:
        pass

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        return _best(predictions, references, lambda a, b: float(a.split() == b.split()))

    def scores(self, total: Row) -> Mapping[str, float]:
        """The share of equal pairs."""
        return {"exact-match": total[0] / total[1]}


class EditSimilarity:
    """The mean of 1 - d / (len(a) + len(b)), d the fewest characters to insert and delete.

    This is the 'edit similarity' of CodeXGLUE (Lu et al. 2021), RepoBench and CrossCodeEval:
    `fuzz.ratio`, here as a fraction and not rounded to whole percents, which CodeXGLUE's
    fuzzywuzzy did. A replaced character costs 2, unlike in Levenshtein's distance. Two empty
    texts are equal. A row: the similarity, then 1.
    """

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002 (each metric is made alike)
        try:
            from rapidfuzz.distance import Indel
        except ImportError:
            raise MissingDependency("rapidfuzz", "metrics", "edit similarity") from None
        self._similarity: Callable[[str, str], float] = Indel.normalized_similarity
        self.signature = f"edit-similarity|cost:indel|version:rapidfuzz-{version('rapidfuzz')}"

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        return _best(predictions, references, self._similarity)

    def scores(self, total: Row) -> Mapping[str, float]:
        """The mean similarity."""
        return {"edit-similarity": total[0] / total[1]}


class RougeL:
    """The mean F1 of the longest common subsequence of words (ROUGE-L, Lin 2004).

    Words and measure are those of the `rouge-score` package without stemming: lower case,
    runs of letters and digits, the whole text one sentence. One thing is otherwise: letters
    of all scripts count, where that package drops all but a to z, so that Korean would always
    score 0. A row: F1, then 1.
    """

    def __init__(self, settings: Settings) -> None:  # noqa: ARG002 (each metric is made alike)
        try:
            from rapidfuzz.distance import LCSseq
        except ImportError:
            raise MissingDependency("rapidfuzz", "metrics", "ROUGE-L") from None
        self._common: Callable[[Sequence[str], Sequence[str]], float] = LCSseq.similarity
        self.signature = f"rouge-l|words:letters|stem:no|version:rapidfuzz-{version('rapidfuzz')}"

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        return _best(predictions, references, self._f1)

    def scores(self, total: Row) -> Mapping[str, float]:
        """The mean F1."""
        return {"rouge-l": total[0] / total[1]}

    def _f1(self, prediction: str, reference: str) -> float:
        given, wanted = _WORD.findall(prediction.lower()), _WORD.findall(reference.lower())
        common = self._common(given, wanted)
        return 2 * common / (len(given) + len(wanted)) if common else 0.0


def _best(
    predictions: Sequence[str],
    references: Sequence[References],
    compare: Callable[[str, str], float],
) -> Iterator[Row]:
    for prediction, many in zip(predictions, references, strict=True):
        yield max(compare(prediction, reference) for reference in many), 1.0
