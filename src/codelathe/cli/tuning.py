"""What `lathe tune` does around the loop: rows to documents, and how learning looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.cli.console import Output, printable
from codelathe.cli.verdicts import clock
from codelathe.core.errors import StoreError

if TYPE_CHECKING:
    from codelathe.core.opened import OpenedModel
    from codelathe.store import Progress
    from codelathe.training.data.preparing import Prepared
    from codelathe.training.data.rows import Row
    from codelathe.training.recipe import Recipe
    from codelathe.training.tuning import Listener, Standing, Tuned

_UNCOMPARED = "not_compared_with"
_BETWEEN = 0.2
_BETWEEN_LINES = 10.0


@dataclass(frozen=True, slots=True)
class Material:
    """The rows of a recipe, and the benchmark texts (id, text) that must not be among them.

    `uncompared` are the benchmarks whose texts could not be had.
    """

    rows: Sequence[Row]
    problems: Sequence[tuple[str, str]]
    uncompared: tuple[str, ...]

    def record(self, folder: Path) -> None:
        """Say in the result's `lathe.json` what its rows were not compared with.

        Of a result that is there already: what they were not compared with by any command, since
        they are the same rows, and an overlap would have ended it.

        Raises:
            ModelFileError: the file is damaged.
            DiskFull: there is no room.
        """
        from codelathe.core.lineage import add_details, read_lineage
        from codelathe.training.tuning.folder import disk_errors

        lineage = read_lineage(folder)
        if lineage is None or not (self.problems or self.uncompared):
            return
        before = lineage.details.get(_UNCOMPARED)
        known = before if isinstance(before, list) else self.uncompared
        left = [name for name in self.uncompared if name in known]
        if left != before:
            with disk_errors(folder):
                add_details(folder, {_UNCOMPARED: left})


def prepare_data(recipe: Recipe, output: Output) -> tuple[Prepared, Material]:
    """The documents and the held-out rows of a recipe; what was left out is said.

    Raises:
        InputError: no row can be used, benchmark text is among them, a part would be empty, or
            the loss would count nothing.
        StoreError: a data set or a benchmark cannot be had.
        EngineError: the model's tokenizer cannot be read, or its template does not show turns.
    """
    from codelathe.cli.progress import fetching
    from codelathe.training.data.fitting import parse_policy
    from codelathe.training.data.preparing import Preparation, left_out, prepare
    from codelathe.training.data.rendering import Renderer, Rendering
    from codelathe.training.data.splitting import Shares, parse_by
    from codelathe.wiring import open_text_side

    data = recipe.data
    material = read_rows(recipe, output)
    with fetching(output) as progress:
        side = open_text_side(recipe.model.name, progress)
    length = data.max_length
    if side.context_length is not None and side.context_length < length:
        output.say(
            f"note: data.max_length is {length:,}, and the model's context ends at "
            f"{side.context_length:,} tokens: no document is longer than that"
        )
        length = side.context_length
    try:
        how = Rendering(everything=data.everything, spm=data.spm, seed=data.seed)
        prepared = prepare(
            material.rows,
            Renderer(side.tokenizer, side.template, how, recipe.model.name),
            Preparation(
                max_length=length,
                long=parse_policy(data.long),
                shares=Shares(data.validation, data.test),
                by=parse_by(data.by),
                seed=data.seed,
                near=data.near or None,
                overlap=data.overlap,
            ),
            material.problems,
        )
    finally:
        side.close()
    for note in left_out(prepared, length):
        output.say(f"note: {printable(note)}")
    return prepared, material


def read_rows(recipe: Recipe, output: Output) -> Material:
    """What a recipe's data is; what of the files is left out is said.

    Raises:
        InputError: no row can be used.
        StoreError: a data set or a benchmark cannot be had.
    """
    from codelathe.cli.progress import fetching
    from codelathe.training.data.loading import load_rows, require_rows
    from codelathe.training.data.sources import find_files
    from codelathe.wiring import open_store

    with fetching(output) as progress:
        files = find_files(recipe.data.files, open_store(), progress)
        loaded = load_rows(files, recipe.data.mapping)
        require_rows(loaded)
        problems, uncompared = _problems(recipe, progress)
    for fault in loaded.faults[:3]:
        output.say(f"left out: {printable(fault.source)}, line {fault.line} {fault.message}")
    if len(loaded.faults) > 3:
        output.say(f"left out: {len(loaded.faults) - 3:,} more rows; see them: lathe data check")
    for note in loaded.notes:
        output.say(f"note: {printable(note)}")
    return Material(loaded.rows, problems, uncompared)


def _problems(
    recipe: Recipe, progress: Progress
) -> tuple[Sequence[tuple[str, str]], tuple[str, ...]]:
    """Text of the benchmarks that must not be among the rows, and those that cannot be had."""
    from codelathe.evaluation.overlap import benchmark_texts
    from codelathe.wiring import open_store

    if recipe.data.overlap:
        return (), ()
    found: list[tuple[str, str]] = []
    missing: list[str] = []
    for name in recipe.data.against:
        try:
            found += benchmark_texts([name], open_store(), progress)
        except StoreError as error:
            progress.note(f"rows are not compared with {name}: {error.message}")
            missing.append(name)
    return found, tuple(missing)


def learning(
    start: OpenedModel, prepared: Prepared, recipe: Recipe, out: Path, output: Output
) -> Tuned:
    """Tune, and show how far it is on standard error.

    Raises:
        LatheError: as of `training.tuning.tune`.
        KeyboardInterrupt: what was done is kept.
    """
    from codelathe.training.tuning import tune

    if not output.quiet:
        train, parts = prepared.train.documents, prepared.parts
        output.say(
            f"{len(train):,} documents to learn from, of which the loss counts "
            f"{prepared.supervised:,} tokens; {len(parts.validation):,} rows for the validation "
            f"loss, {len(parts.test):,} held out"
        )
    with listening(output) as listener:
        try:
            return tune(start, prepared, recipe, out, listener)
        except KeyboardInterrupt:
            output.say(f"what is done is in {printable(str(out))}; the same command goes on")
            raise


@contextmanager
def listening(output: Output) -> Iterator[Listener]:
    """Whoever shows on standard error how far a training is."""
    if output.quiet:
        from codelathe.training.tuning import Silence

        yield Silence()
        return
    if not sys.stderr.isatty():
        yield _Lines(output)
        return
    bar = _Bar(output)
    try:
        yield bar
    finally:
        bar.close()


def _told(now: Standing) -> str:
    validation = "" if now.validation is None else f", validation {now.validation:.4f}"
    return (
        f"loss {now.loss:.4f}{validation}, {now.tokens_per_second:,.0f} tokens/s, "
        f"{clock(now.left)} left"
    )


class _Lines:
    """For logs: the first step, the last, and one now and then."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._next = 0.0

    def hear(self, now: Standing) -> None:
        if time.monotonic() >= self._next or now.step == now.steps:
            self._next = time.monotonic() + _BETWEEN_LINES
            self._output.say(f"step {now.step:,}/{now.steps:,} {_told(now)}")

    def say(self, message: str) -> None:
        self._output.say(printable(message))


class _Bar:
    """For a terminal."""

    def __init__(self, output: Output) -> None:
        from codelathe.cli.progress import CountBar

        self._bar = CountBar(output)
        self._next = 0.0

    def hear(self, now: Standing) -> None:
        if time.monotonic() >= self._next or now.step == now.steps:
            self._next = time.monotonic() + _BETWEEN
            self._bar.draw(now.step, now.steps, "step", _told(now))

    def say(self, message: str) -> None:
        self._bar.say(message)

    def close(self) -> None:
        """Take the bar off the screen."""
        self._bar.close()
