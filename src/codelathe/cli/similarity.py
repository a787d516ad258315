"""`lathe evaluate similarity`: any text against reference answers, from several sides."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.cli.progress import Count, counting
from codelathe.core.errors import UsageError
from codelathe.core.language import parse_language

if TYPE_CHECKING:
    from codelathe.evaluation.similarity import Heard, Similarity
    from codelathe.evaluation.texts import TextFile
    from codelathe.metrics.similarity import Settings

_ENCODED = "bertscore"
_SHOWN = 76
"""Characters of a text that is shown, of which so many stand before the first difference:"""
_BEFORE = 20


@click.command(short_help="Score texts by their likeness to others.")
@click.option(
    "--predictions", required=True, type=PATH, metavar="FILE",
    help="The texts to score.",
)  # fmt: skip
@click.option(
    "--references", required=True, type=PATH, metavar="FILE",
    help="The reference answers, a row for each prediction, in the same order.",
)  # fmt: skip
@click.option(
    "--metrics", metavar="NAMES",
    help="Of bleu, chrf, rouge-l, exact-match, edit-similarity, codebleu and bertscore; else "
    "all but bertscore, and codebleu only with --language.",
)  # fmt: skip
@click.option(
    "--language",
    metavar="LANG",
    help="The programs' language, for codebleu and the choice of an encoder.",
)
@click.option(
    "--encoder", metavar="REF",
    help="For bertscore: minilm, a folder or hf:OWNER/REPO; else CodeBERT from the hub, and "
    "minilm where that cannot be reached.",
)  # fmt: skip
@click.option(
    "--worst", type=click.IntRange(min=0), default=5, show_default=True, metavar="N",
    help="How many of the pairs that differ most are shown.",
)  # fmt: skip
@output_options
def similarity(
    predictions: Path,
    references: Path,
    metrics: str | None,
    language: str | None,
    encoder: str | None,
    worst: int,
    as_json: bool,
    quiet: bool,
) -> int:
    """Score texts by their likeness to reference texts, and show the pairs that differ most.

    A FILE is JSON Lines or plain text with one text a line, .gz or not. Of a JSON object the
    first of these fields is read: prediction, solution, completion, text; and of a reference
    references (a list), reference, canonical_solution, solution, text. Nothing is run: a text
    may be near to a right one and wrong.

    \b
    lathe evaluate similarity --predictions answers.txt --references right.txt
    lathe evaluate similarity --predictions completions.jsonl --references problems.jsonl \\
        --metrics codebleu,chrf --language python --worst 10
    lathe evaluate similarity --predictions answers.jsonl --references answers.jsonl \\
        --metrics bertscore --encoder minilm --json
    """
    output = Output(as_json, quiet)
    from codelathe.evaluation.similarity import score_files, similarity_document
    from codelathe.evaluation.texts import read_pairs
    from codelathe.metrics.similarity import choose_metrics

    key = parse_language(language).key if language is not None else ""
    names = choose_metrics(_names(metrics), key)
    if encoder is not None and _ENCODED not in names:
        raise UsageError(
            f"--encoder is for {_ENCODED}, which is not among the metrics",
            hint=f"--metrics {','.join((*names, _ENCODED))}",
            field="encoder",
        )
    files = read_pairs(predictions, references)
    settings, notes = _settings(names, key, encoder, output)
    with counting(output) as count:
        heard = _with_time_left(count)
        found = score_files(files, names, settings, notes=notes, heard=heard)
    if output.json:
        for note in notes:
            output.say(printable(note))
        output.document(similarity_document(found, worst))
    else:
        _show(found, worst)
    return 0


def _names(metrics: str | None) -> list[str]:
    names = re.findall(r"[^\s,]+", (metrics or "").lower())
    if metrics is not None and not names:
        raise UsageError("--metrics names none", hint="--metrics bleu,chrf", field="metrics")
    return names


def _settings(
    names: tuple[str, ...], language: str, encoder: str | None, output: Output
) -> tuple[Settings, tuple[str, ...]]:
    """What the metrics are told, and what is to be said of the encoder."""
    from codelathe.metrics.similarity import Settings, open_metric

    plain = Settings(language)
    if _ENCODED not in names:
        return plain, ()
    for name in names:
        if name != _ENCODED:
            open_metric(name, plain)  # what is wrong is told before an encoder is fetched
    from codelathe.cli.progress import fetching
    from codelathe.wiring import find_encoder

    with fetching(output) as progress:
        found, note = find_encoder(encoder, language, progress)
    return Settings(language, found), (note,) if note else ()


def _with_time_left(count: Count) -> Heard:
    """Tells `count` of pairs, with the time that is left for a metric."""
    from codelathe.cli.verdicts import clock

    began = time.monotonic()

    def hear(metric: str, done: int, total: int) -> None:
        nonlocal began
        now = time.monotonic()
        if not done:
            began = now
        left = f", {clock((now - began) / done * (total - done))} left" if done else ""
        count(metric, done, total, f"pairs{left}")

    return hear


def _show(found: Similarity, worst: int) -> None:
    """Scores with intervals and signatures, then the pairs that differ most."""
    count = len(found.predictions.rows)
    click.echo(
        f"{count:,} pair{'' if count == 1 else 's'}: {_told(found.predictions)} against "
        f"{_told(found.references)}"
    )
    for score in found.scores:
        low, high = score.interval
        value = click.style(f"{score.value:7.2%}", bold=True)
        parts = ", ".join(f"{name} {part:.1%}" for name, part in score.parts.items())
        click.echo(f"  {score.name:<16} {value}   95% in {low:.1%} to {high:.1%}")
        if parts:
            click.echo(f"    {parts}")
    for note in found.notes:
        click.secho(printable(note), fg="yellow")
    click.echo("signatures")
    for score in found.scores:
        click.echo(f"  {printable(score.signature)}")
    _show_worst(found, worst)


def _show_worst(found: Similarity, worst: int) -> None:
    indices = found.worst(worst)
    if not indices:
        if worst:
            click.echo("each prediction is equal to a reference")
        return
    some = "the pair that differs" if len(indices) == 1 else f"the {len(indices)} pairs that differ"
    click.echo(f"{some} most, by the mean of the scores")
    for index in indices:
        ours, theirs = found.predictions.rows[index], found.references.rows[index]
        lines = f"line {ours.line}"
        if theirs.line != ours.line:
            lines += f" and {theirs.line}"
        told = ", ".join(f"{score.name} {score.items[index]:.1%}" for score in found.scores)
        click.echo(f"  {click.style(lines, bold=True)}  {told}")
        _show_texts(ours.texts[0], theirs.texts)


def _show_texts(predicted: str, references: tuple[str, ...]) -> None:
    """Both texts from a little before where they part; of several references the last to part."""
    reference = max(references, key=lambda text: _parting(predicted, text))
    longest = max(len(predicted), len(reference))
    start = max(0, min(_parting(predicted, reference) - _BEFORE, longest - _SHOWN))
    click.echo(f"    predicted  {_shortened(predicted, start)}")
    click.echo(f"    reference  {_shortened(reference, start)}")
    if len(references) > 1:
        click.secho(f"    (one of {len(references)} references)", dim=True)


def _parting(first: str, second: str) -> int:
    """How far two texts are the same."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(second)))


def _shortened(text: str, start: int) -> str:
    """One line of `text`, from the character `start` on."""
    if not text:
        return click.style("(empty)", dim=True)
    line = text[start:].replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    behind = "..." if len(line) > _SHOWN else ""
    return f"{'...' if start else ''}{printable(line[:_SHOWN])}{behind}"


def _told(file: TextFile) -> str:
    return printable(f"{file.path} ({file.field or 'a text a line'})")
