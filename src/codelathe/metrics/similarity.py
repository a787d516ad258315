"""How near texts are to reference texts: one port for all similarity metrics.

A metric turns each pair into a row of statistics, and the sum of rows into scores: the same
function gives the corpus's score, each pair's own, and those of the resampled corpora that the
interval is taken from. Rows are kept and summed last (the shape is sacrebleu's).

Nothing here runs code: a program may be near to a right one and wrong, or far and right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from codelathe.core.errors import UnknownName, UsageError
from codelathe.core.language import parse_language
from codelathe.core.registry import Registry
from codelathe.metrics.codetree import GRAMMARS
from codelathe.metrics.intervals import Interval, wilson

Row = tuple[float, ...]
"""One pair's statistics. Rows of one metric are equally long and add up column by column."""

References = tuple[str, ...]
"""The reference answers of one item, at least one."""

METRICS = Registry(
    "metric",
    {
        "bleu": "codelathe.metrics.ngrams:Bleu",
        "chrf": "codelathe.metrics.ngrams:ChrF",
        "rouge-l": "codelathe.metrics.overlap:RougeL",
        "exact-match": "codelathe.metrics.overlap:ExactMatch",
        "edit-similarity": "codelathe.metrics.overlap:EditSimilarity",
        "codebleu": "codelathe.metrics.codebleu:CodeBleu",
        "bertscore": "codelathe.metrics.bertscore:BertScore",
    },
)

_RESAMPLES = 1000
_SEED = 20210707
_EDGE = 0.025


@dataclass(frozen=True, slots=True)
class Encoder:
    """Who turns text into vectors.

    `name` stands in the signature. `folder` has the files and `sha256` says what they are; both
    are empty where `name` is all that is known: a folder, or a hub repository that
    `transformers` finds itself.
    """

    name: str
    folder: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a metric may want to know: the texts' language, and who turns text into vectors.

    `language` is a key of `core.language.LANGUAGES`, empty for prose or where it is not told.
    Without `encoder` the metric chooses one.
    """

    language: str = ""
    encoder: Encoder | None = None


class Metric(Protocol):
    """A similarity metric, made by calling its class with `Settings`."""

    @property
    def signature(self) -> str:
        """What decides the number, as sacrebleu writes it: `name|key:value|...|version:...`."""

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterable[Row]:
        """One row for each prediction, in order, each when it is made."""

    def scores(self, total: Row) -> Mapping[str, float]:
        """The scores of a sum of rows, or of one row alone.

        The metric's own comes first, then its parts. Fractions: 1 for equal texts.
        """


@dataclass(frozen=True, slots=True)
class TextScore:
    """What one metric says of all pairs.

    `value` is the corpus's score with its 95% `interval`; `parts` what it is made of, where a
    metric has parts; `items` each pair's own score, in the order of the pairs.
    """

    name: str
    value: float
    interval: Interval
    parts: Mapping[str, float]
    items: tuple[float, ...]
    signature: str


def open_metric(name: str, settings: Settings | None = None) -> Metric:
    """The metric called `name` in `METRICS`.

    Raises:
        UnknownName: no such metric; the hint has the nearest names.
        UsageError: the settings do not suit the metric.
        MissingDependency: the metric needs a package of an extra.
    """
    metric: Metric = METRICS.load(name)(settings or Settings())
    return metric


def default_metrics(language: str = "") -> tuple[str, ...]:
    """All metrics that need no weights; CodeBLEU only for a language that it can read."""
    return tuple(
        name
        for name in METRICS
        if name != "bertscore" and (name != "codebleu" or language in GRAMMARS)
    )


def choose_metrics(names: Sequence[str], language: str = "") -> tuple[str, ...]:
    """`names`, each once; the default ones where there are none. Nothing is opened yet.

    Raises:
        UnknownName: no such metric; the hint has the nearest names.
    """
    for name in names:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS, field="metrics")
    return tuple(dict.fromkeys(names or default_metrics(language)))


def score_texts(
    predictions: Sequence[str],
    references: Sequence[str | Sequence[str]],
    metrics: Sequence[str] = (),
    *,
    language: str = "",
    encoder: Encoder | None = None,
) -> tuple[TextScore, ...]:
    """Score each prediction against its one or several reference texts.

    `metrics` are names of `METRICS`, `default_metrics` where empty. `language` is any name of
    the texts' programming language. The scores come in the order of `metrics`.

    Raises:
        UsageError: there is nothing to score, the numbers of predictions and references
            differ, or one has no reference.
        UnknownName: no such metric or language.
        MissingDependency: a metric needs a package of an extra.
    """
    given = _checked(predictions, references)
    key = parse_language(language).key if language else ""
    settings = Settings(key, encoder)
    opened = [(name, open_metric(name, settings)) for name in choose_metrics(metrics, key)]
    return tuple(score_pairs(name, metric, predictions, given) for name, metric in opened)


def score_pairs(
    name: str,
    metric: Metric,
    predictions: Sequence[str],
    references: Sequence[References],
    heard: Callable[[int], None] = lambda _: None,
) -> TextScore:
    """What `metric` says of the pairs, of which there is one at least.

    `heard` is told how many are done, as they come.
    """
    rows = []
    for row in metric.rows(predictions, references):
        rows.append(row)
        heard(len(rows))
    value, parts = _split(metric.scores(summed(rows)))
    items = tuple(_split(metric.scores(row))[0] for row in rows)
    interval = resampled(metric, rows, items, value)
    return TextScore(name, value, interval, parts, items, metric.signature)


def _checked(
    predictions: Sequence[str], references: Sequence[str | Sequence[str]]
) -> list[References]:
    if len(predictions) != len(references):
        raise UsageError(
            f"{len(predictions)} predictions and {len(references)} references do not pair up",
            hint="give one line of references for each prediction, in the same order",
        )
    if not predictions:
        raise UsageError("there are no predictions to score")
    given = [(many,) if isinstance(many, str) else tuple(many) for many in references]
    for index, many in enumerate(given):
        if not many:
            raise UsageError(f"prediction {index} has no reference")
    return given


def _split(scores: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    (_, value), *parts = scores.items()
    return value, dict(parts)


def summed(rows: Sequence[Row]) -> Row:
    """The rows added up column by column."""
    return tuple(map(sum, zip(*rows, strict=True)))


def resampled(
    metric: Metric, rows: Sequence[Row], items: Sequence[float], value: float
) -> Interval:
    """The percentile bootstrap of the corpus's score over its pairs, 1,000 resamples.

    The same rows always give the same interval, and all metrics meet the same resamples.
    Where all pairs score alike, or all resamples do, a bootstrap would claim to be certain;
    Wilson's interval of the score as a proportion is given instead, as in `intervals.mean_score`.
    """
    count = len(rows)
    certain = wilson(min(max(value, 0.0), 1.0) * count, count)
    if min(items) == max(items):
        return certain
    import numpy as np

    matrix = np.array(rows, dtype=np.float64)
    draw = np.random.RandomState(_SEED)  # the one generator of numpy whose stream is frozen
    found = []
    for _ in range(_RESAMPLES):
        times = np.bincount(draw.randint(0, count, size=count), minlength=count)
        found.append(_split(metric.scores(tuple((times @ matrix).tolist())))[0])
    found.sort()
    edge = round(_RESAMPLES * _EDGE)
    return (found[edge], found[-1 - edge]) if found[0] < found[-1] else certain
