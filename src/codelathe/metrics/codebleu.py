"""CodeBLEU: n-grams, keywords, syntax and data flow of two programs (Ren et al. 2020).

Equal, part by part, to the package `codebleu` 0.7.0 on the same grammars, which is CodeXGLUE's
program made to run on grammars from wheels and for more languages. docs/metrics.md tells which
of its oddities are kept, and the two places where ours answers otherwise: the order of names
that a value is merged from, and a data flow of which nothing matches.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple, TypeVar

from codelathe.core.errors import UsageError
from codelathe.metrics.codetree import grammar_version, parse, subtrees, without_comments
from codelathe.metrics.dataflow import Flow, data_flow
from codelathe.metrics.flowrules import RULES
from codelathe.metrics.keywords import KEYWORDS
from codelathe.metrics.similarity import References, Row, Settings

_T = TypeVar("_T")

_ORDERS = (1, 2, 3, 4)
_PLAIN = 0.2
"""The weight of a word that is no keyword."""
_SMALL = 0.1
"""What stands for no match at all in one order (method 1 of Chen and Cherry 2014)."""


_KEPT = 256
"""So many programs are kept as read: a reference often comes back with the next sample."""

Gram = tuple[str, ...]


class Structure(NamedTuple):
    """What a program is made of: its subtrees and its data flows, counted."""

    trees: Counter[bytes]
    flows: Counter[Flow]


Reader = Callable[[str], Structure]


class CodeBleu:
    """CodeBLEU with a quarter of the weight on each of its four parts.

    A row: 1 and the lengths of prediction and nearest reference in words; matched and all
    n-grams of the prediction for n of 1 to 4; the same of the references, weighted; matched
    and all subtrees of the references; matched and all data flows of the references.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.language:
            raise UsageError(
                "CodeBLEU needs the programs' language",
                hint="name it, for example: --language python",
                field="language",
            )
        self._language = settings.language
        grammar = grammar_version(self._language)
        self.signature = f"codebleu|lang:{self._language}|weights:0.25x4|version:{grammar}"

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        read = lru_cache(_KEPT)(self._read)
        for prediction, many in zip(predictions, references, strict=True):
            yield self._row(prediction.strip(), [reference.strip() for reference in many], read)

    def scores(self, total: Row) -> Mapping[str, float]:
        """The weighted mean, and the parts `ngram`, `keyword`, `syntax` and `dataflow`."""
        count, given, wanted, *grams = total
        syntax, all_syntax, flow, all_flow = grams[16:]
        parts = {
            "ngram": _bleu(grams[0:8], given, wanted),
            # The program takes the length of (words, weights) for that of the words: 2.
            "keyword": _bleu(grams[8:16], given, 2 * count),
            "syntax": syntax / all_syntax,
            # Without any flow in the references there is nothing to miss.
            "dataflow": flow / all_flow if all_flow else 1.0,
        }
        return {"codebleu": math.fsum(parts.values()) / len(parts), **parts}

    def _row(self, prediction: str, references: Sequence[str], read: Reader) -> Row:
        words = prediction.split()
        wanted = [reference.split() for reference in references]
        lengths = [len(many) for many in wanted]
        nearest = min(lengths, key=lambda length: (abs(length - len(words)), length))
        grams = [_grams(words, n) for n in _ORDERS]
        theirs = [[_grams(many, n) for n in _ORDERS] for many in wanted]
        return (
            1,
            len(words),
            nearest,
            *_precision(grams, theirs),
            *_recall(grams, theirs, KEYWORDS[self._language]),
            *self._structure(prediction, references, read),
        )

    def _structure(self, prediction: str, references: Sequence[str], read: Reader) -> Row:
        counts = [0, 0, 0, 0]
        for reference in references:
            # Each further reference meets a prediction stripped once more, as in the program.
            prediction = without_comments(prediction, self._language)
            ours, theirs = read(prediction), read(without_comments(reference, self._language))
            counts[0] += sum(n for tree, n in theirs.trees.items() if tree in ours.trees)
            counts[1] += theirs.trees.total()
            counts[2] += _common(theirs.flows, ours.flows)
            counts[3] += theirs.flows.total()
        return tuple(counts)

    def _read(self, source: str) -> Structure:
        root = parse(source, self._language)
        flows = data_flow(root, source, RULES[self._language])
        return Structure(Counter(subtrees(root)), Counter(flows))


def _grams(words: Sequence[str], n: int) -> Counter[Gram]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _common(wanted: Counter[_T], given: Counter[_T]) -> int:
    """How many of `wanted` are in `given`, each as often as in both."""
    return sum(min(n, given[item]) for item, n in wanted.items() if item in given)


def _precision(
    grams: Sequence[Counter[Gram]], references: Sequence[Sequence[Counter[Gram]]]
) -> list[float]:
    """Matched n-grams of the prediction for each n, then all of them (at least 1)."""
    matched = []
    for order, given in enumerate(grams):
        most = reduce(or_, (reference[order] for reference in references))
        matched.append(float(_common(given, most)))
    return matched + [float(max(1, given.total())) for given in grams]


def _recall(
    grams: Sequence[Counter[Gram]],
    references: Sequence[Sequence[Counter[Gram]]],
    keywords: frozenset[str],
) -> list[float]:
    """Matched n-grams of the references for each n, then all; words weighted by importance."""
    matched, everything = [0.0] * len(grams), [0.0] * len(grams)
    for words, *longer in references:
        weights = {gram: 1.0 if gram[0] in keywords else _PLAIN for gram in words}
        given = grams[0]
        matched[0] += sum(min(n, given[gram]) * weights[gram] for gram, n in words.items())
        everything[0] += max(1.0, sum(n * weights[gram] for gram, n in words.items()))
        for order, wanted in enumerate(longer, start=1):
            matched[order] += _common(wanted, grams[order])
            everything[order] += max(1, wanted.total())
    return matched + everything


def _bleu(counts: Sequence[float], given: float, wanted: float) -> float:
    """The geometric mean of the four orders, times the penalty for a short prediction."""
    matched, everything = counts[:4], counts[4:]
    if not matched[0]:
        return 0.0
    shares = [(hits or _SMALL) / of for hits, of in zip(matched, everything, strict=True)]
    penalty = 1.0 if given > wanted else math.exp(1 - wanted / given)
    return penalty * math.exp(math.fsum(map(math.log, shares)) / len(shares))
