"""Texts against reference texts, out of two files: scored from several sides, pair by pair.

Nothing is run here. How near a text is to a right one says nothing of whether it is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codelathe.evaluation.texts import TextFile
from codelathe.metrics.similarity import Settings, TextScore, open_metric, score_pairs

Heard = Callable[[str, int, int], None]
"""Is told the metric's name, how many pairs it has scored, and how many there are."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """What the metrics say of two files. `notes` is what a reader of the scores has to know."""

    predictions: TextFile
    references: TextFile
    language: str
    scores: tuple[TextScore, ...]
    notes: tuple[str, ...] = ()

    def mean(self, pair: int) -> float:
        """The mean of a pair's scores over the metrics."""
        return math.fsum(score.items[pair] for score in self.scores) / len(self.scores)

    def worst(self, count: int) -> list[int]:
        """The `count` pairs that differ most: lowest mean first, none of equal texts."""
        pairs = zip(self.predictions.rows, self.references.rows, strict=True)
        unequal = [
            (self.mean(index), index)
            for index, (ours, theirs) in enumerate(pairs)
            if ours.texts[0] not in theirs.texts
        ]
        return [index for _, index in sorted(unequal)[:count]]


def score_files(
    files: tuple[TextFile, TextFile],
    names: Sequence[str],
    settings: Settings,
    *,
    notes: tuple[str, ...] = (),
    heard: Heard = lambda *_: None,
) -> Similarity:
    """Score the predictions against the references by each of the metrics `names`.

    All metrics are opened before the first one scores.

    Raises:
        UnknownName: no such metric.
        UsageError: the settings do not suit a metric.
        MissingDependency: a metric needs a package of an extra.
        ArtefactUnavailable: the encoder cannot be loaded.
    """
    predictions = [row.texts[0] for row in files[0].rows]
    references = [row.texts for row in files[1].rows]
    metrics = [(name, open_metric(name, settings)) for name in names]
    scores = []
    for name, metric in metrics:

        def told(done: int, name: str = name) -> None:
            heard(name, done, len(predictions))

        told(0)
        scores.append(score_pairs(name, metric, predictions, references, told))
    return Similarity(*files, settings.language, tuple(scores), notes)


def similarity_document(found: Similarity, worst: int) -> dict[str, Any]:
    """The whole as plain JSON values: the scores, every pair's, and the `worst` pairs' texts."""
    return {
        "predictions": _file_document(found.predictions),
        "references": _file_document(found.references),
        "language": found.language or None,
        "count": len(found.predictions.rows),
        "scores": {score.name: score.value for score in found.scores},
        "intervals": {score.name: list(score.interval) for score in found.scores},
        "parts": {score.name: dict(score.parts) for score in found.scores if score.parts},
        "signatures": {score.name: score.signature for score in found.scores},
        "notes": list(found.notes),
        "pairs": [_pair_document(found, index) for index in range(len(found.predictions.rows))],
        "worst": [
            _pair_document(found, index)
            | {
                "prediction": found.predictions.rows[index].texts[0],
                "references": list(found.references.rows[index].texts),
            }
            for index in found.worst(worst)
        ],
    }


def _file_document(file: TextFile) -> dict[str, Any]:
    return {"file": str(file.path), "field": file.field or None, "sha256": file.sha256}


def _pair_document(found: Similarity, index: int) -> dict[str, Any]:
    return {
        "prediction_line": found.predictions.rows[index].line,
        "reference_line": found.references.rows[index].line,
        "scores": {score.name: score.items[index] for score in found.scores},
        "mean": found.mean(index),
    }
