"""CodeBLEU: n-grams, keywords, syntax and data flow of two programs (Ren et al. 2020).

Equal to the CodeBLEU program on the same grammars, part by part: that of CodeXGLUE
(code-to-code translation) where it can be run, and `codebleu` 0.7.0, which is its port to
wheels and more languages. docs/metrics.md tells which of its oddities are kept, and the two
places where ours answers otherwise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from codelathe.core.errors import UsageError
from codelathe.metrics.codetree import grammar_version, parse, subtrees, without_comments
from codelathe.metrics.dataflow import Flow, data_flow
from codelathe.metrics.flowrules import RULES
from codelathe.metrics.keywords import KEYWORDS
from codelathe.metrics.similarity import References, Row, Settings

_ORDERS = (1, 2, 3, 4)
_PLAIN = 0.2
"""The weight of a word that is no keyword."""
_SMALL = 0.1
"""What stands for no match at all in one order (method 1 of Chen and Cherry 2014)."""


class CodeBleu:
    """CodeBLEU with a quarter of the weight on each of its four parts.

    A row: 1 and the lengths of prediction and nearest reference in words; matched and all
    n-grams of the prediction for n of 1 to 4; the same of the references, weighted; matched
    and all subtrees of the references; matched and all data flows of the references.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.language:
            raise UsageError("CodeBLEU needs the programs' language", hint="name the language")
        self._language = settings.language
        grammar = grammar_version(self._language)
        self.signature = f"codebleu|lang:{self._language}|weights:0.25x4|version:{grammar}"

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Sequence[Row]:
        """One row for each prediction."""
        return [
            self._row(prediction.strip(), [reference.strip() for reference in many])
            for prediction, many in zip(predictions, references, strict=True)
        ]

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

    def _row(self, prediction: str, references: Sequence[str]) -> Row:
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
            *self._structure(prediction, references),
        )

    def _structure(self, prediction: str, references: Sequence[str]) -> Row:
        counts = [0, 0, 0, 0]
        for reference in references:
            # Each further reference meets a prediction stripped once more, as in the program.
            prediction = without_comments(prediction, self._language)
            trees, flows = self._read(prediction)
            wanted_trees, wanted_flows = self._read(without_comments(reference, self._language))
            known = set(trees)
            counts[0] += sum(tree in known for tree in wanted_trees)
            counts[1] += len(wanted_trees)
            counts[2] += (Counter(flows) & Counter(wanted_flows)).total()
            counts[3] += len(wanted_flows)
        return tuple(counts)

    def _read(self, source: str) -> tuple[list[str], list[Flow]]:
        root = parse(source, self._language)
        return subtrees(root), data_flow(root, source, RULES[self._language])


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


Grams = Sequence[Counter[tuple[str, ...]]]


def _precision(grams: Grams, references: Sequence[Grams]) -> list[float]:
    """Matched n-grams of the prediction for each n, then all of them (at least 1)."""
    matched = []
    for order, given in enumerate(grams):
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= reference[order] & given
        matched.append(float(most.total()))
    return matched + [float(max(1, given.total())) for given in grams]


def _recall(grams: Grams, references: Sequence[Grams], keywords: frozenset[str]) -> list[float]:
    """Matched n-grams of the references for each n, then all; words weighted by importance."""

    def weight(counts: Counter[tuple[str, ...]], order: int) -> float:
        if order:
            return counts.total()
        plain = sum(count for (word,), count in counts.items() if word not in keywords)
        return counts.total() - plain + _PLAIN * plain

    matched, everything = [0.0] * len(_ORDERS), [0.0] * len(_ORDERS)
    for reference in references:
        for order, wanted in enumerate(reference):
            matched[order] += weight(wanted & grams[order], order)
            everything[order] += max(1.0, weight(wanted, order))
    return matched + everything


def _bleu(counts: Sequence[float], given: float, wanted: float) -> float:
    """The geometric mean of the four orders, times the penalty for a short prediction."""
    matched, everything = counts[:4], counts[4:]
    if not matched[0]:
        return 0.0
    shares = [(hits or _SMALL) / of for hits, of in zip(matched, everything, strict=True)]
    penalty = 1.0 if given > wanted else math.exp(1 - wanted / given)
    return penalty * math.exp(math.fsum(map(math.log, shares)) / len(shares))
