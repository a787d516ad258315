"""The gate as `lathe tune` ends with it and `lathe tune gate` runs it again: parts, screen, end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import NOT_PROVED, Output, printable
from codelathe.cli.judging import start
from codelathe.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from codelathe.benchmarks import Benchmark
    from codelathe.evaluation.frontier import Frontier
    from codelathe.evaluation.gate import Opened, Part, Shift
    from codelathe.evaluation.gate_files import Gated
    from codelathe.evaluation.gating import Tuned
    from codelathe.judge import SandboxJudge
    from codelathe.training.recipe import GatePart

_ENGINE = "transformers"
_COLOURS = {"passed": "green", "refused": "red", "could not tell": "yellow"}


def check_gate(gate: GatePart, output: Output) -> None:
    """See that what a gate will ask is there, before a tuning spends hours.

    Raises:
        LatheError: a benchmark's data, or the file of one's own, cannot be had or read.
    """
    with _judge(None) as judge:
        _parts(gate, None, judge, output)


def run_gate(folder: Path, gate: GatePart, output: Output, workers: int | None = None) -> Gated:
    """Put the result in `folder` through the gate.

    Raises:
        LatheError: a model could not answer, or code not be judged; the same call goes on.
    """
    from codelathe.cli.progress import fetching
    from codelathe.cli.running import running
    from codelathe.evaluation.evaluating import Hearing
    from codelathe.evaluation.gate import Bench, Opened
    from codelathe.evaluation.gating import Terms, put_through
    from codelathe.wiring import cache_folder, model_sha256, open_engine, runs_folder

    tuned = find_tuned(folder)

    def opener(model: str) -> Opened:
        with fetching(output) as progress:
            return Opened(open_engine(model, _ENGINE, progress), model_sha256(model))

    with _judge(workers) as judge, running(output) as hearing:

        def heard(stage: str) -> Hearing:
            output.say(f"gate: {stage}")
            return hearing

        parts = _parts(gate, folder, judge, output)
        bench = Bench(parts, opener, judge, runs_folder(), cache_folder("canonical"), heard)
        terms = Terms(gate.tolerance / 100, gate.attempts, asdict(gate))
        try:
            return put_through(tuned, bench, terms)
        except KeyboardInterrupt:
            output.say("what was asked is kept; the same command goes on")
            raise


def find_tuned(folder: Path) -> Tuned:
    """The result in `folder`, and what it was made of.

    Raises:
        InputError: there is none, or nothing says what it was made of.
        ModelFileError: a file of it is damaged.
    """
    from codelathe.core.checkpoint import ADAPTER_CONFIG, CONFIG, read_adapter_header
    from codelathe.core.lineage import read_lineage
    from codelathe.evaluation.gating import Tuned
    from codelathe.wiring import base_of

    lineage = read_lineage(folder)
    made_of = "" if lineage is None else lineage.parent or lineage.base
    if (folder / ADAPTER_CONFIG).is_file():
        base = str(base_of(read_adapter_header(folder)))
        return Tuned(folder, f"adapter:{folder}", made_of or base, base)
    if not (folder / CONFIG).is_file():
        raise InputError(
            f"{folder} holds no result of lathe tune",
            hint="name the folder that a tuning wrote: its --out",
            field="dir",
        )
    if not made_of:
        raise InputError(
            f"nothing in {folder} says what it was made of: it has no lathe.json",
            hint="evaluate both models, then: lathe compare RUN RUN",
            field="dir",
        )
    return Tuned(folder, str(folder.resolve()), made_of, None)


def gate_exit(gated: Gated) -> int:
    """The exit code: 0 only where it passed."""
    return 0 if gated.outcome == "passed" else NOT_PROVED


@contextmanager
def _judge(workers: int | None) -> Iterator[SandboxJudge]:
    from codelathe.wiring import open_judge

    with closing(open_judge(workers=workers)) as judge:
        start(judge)
        yield judge


def _parts(gate: GatePart, folder: Path | None, judge: SandboxJudge, output: Output) -> list[Part]:
    """What is asked. Without a `folder`, what can be known before there is a result."""
    from codelathe.cli.progress import fetching
    from codelathe.evaluation.evaluating import Wish
    from codelathe.evaluation.gate import Part, every
    from codelathe.evaluation.held_out import HELD_OUT, PROTOCOL
    from codelathe.training.recipe import TEST_PART
    from codelathe.wiring import open_benchmark

    def opened(name: str) -> Benchmark:
        with fetching(output) as progress:
            return open_benchmark(name, None, judge, progress)

    parts = []
    wish = Wish(n=gate.samples, max_tokens=gate.max_tokens)
    held_out = None if folder is None else folder / HELD_OUT
    if gate.own != TEST_PART:
        parts.append(Part("own", opened(str(_own_file(gate.own))), wish))
    elif held_out is not None and held_out.is_file():
        parts.append(Part("own", opened(str(held_out)), replace(wish, protocol=PROTOCOL)))
    elif held_out is not None:
        output.say(
            "gate: no held-out row of one question has tests and an entry_point, so nothing says "
            "what was learned: docs/gate.md"
        )
    general = every(opened(gate.general), gate.every)
    return [*parts, Part("general", general, wish)]


def _own_file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise UsageError(
            f"{name} is no problem file: its name does not end in .jsonl",
            hint="docs/evaluate.md, A benchmark of your own",
            field="own",
        )
    return path


def show_gated(gated: Gated) -> None:
    """What came of it, on standard output."""
    for shift in gated.judged.shifts:
        _show_shift(shift)
    told = _told(gated)
    colour = _COLOURS[str(gated.outcome)]
    click.echo(f"gate: {click.style(str(gated.outcome), fg=colour, bold=True)}{told}")
    if gated.frontier is not None:
        _show_frontier(gated, gated.frontier)
    click.echo(printable(f"all of it: {gated.folder / 'gate.json'}"))


def _show_shift(shift: Shift) -> None:
    low, high = (f"{edge * 100:+.1f}" for edge in shift.interval)
    value = click.style(f"{shift.change * 100:+.1f} points", bold=True)
    click.echo(
        f"{shift.part:<8} {shift.before.value:7.2%} -> {shift.after.value:7.2%}  {value}, "
        f"95% in {low} to {high}  ({shift.benchmark}, {shift.problems} problems)"
    )
    drop = "shown" if shift.outcome == "refused" else "not shown"
    gain = "shown" if shift.gained else "not shown"
    click.echo(
        f"         lost {len(shift.lost)}, won {len(shift.won)}: a drop is {drop} "
        f"(p = {shift.drop_p:.3g}), a gain is {gain} (p = {shift.gain_p:.3g})"
    )
    if shift.unjudged:
        click.echo(f"         {shift.unjudged} more could not be judged: the sandbox itself failed")
    if shift.part == "general":
        click.echo(
            f"         with 95% confidence the drop is at most {shift.bound * 100:.1f} points; "
            f"at most {shift.margin * 100:.1f} is no harm"
        )
        click.echo(
            "         the model before passed too few for any drop to be shown"
            if shift.seen is None
            else f"         a drop of {shift.seen * 100:.0f} points would be shown 4 times of 5"
        )


def _told(gated: Gated) -> str:
    if gated.outcome == "passed":
        return ""
    if gated.outcome == "refused":
        worse = " and ".join(s.part for s in gated.judged.shifts if s.outcome == "refused")
        return f", {worse} problems got worse; the result is kept, and marked"
    return printable(
        ": no drop is shown, but too few problems were asked to exclude one that matters\n"
        f"ask more: lathe tune gate {shlex.quote(str(gated.folder))} --every 1, or --samples 5"
    )


def _show_frontier(gated: Gated, frontier: Frontier) -> None:
    click.echo("         tried        own   general")
    for point in frontier.points:
        own = "      -" if point.judged.shift("own") is None else f"{point.own:7.2%}"
        click.echo(
            f"         {point.attempt.label:<10}{own}   {point.general:7.2%}  "
            f"{point.judged.outcome}"
        )
    if frontier.best is None:
        click.echo("none of them is shown to keep what the model before could do")
    else:
        click.echo(printable(f"may be used in its place: {frontier.best.attempt.model}"))
    picture = gated.folder / "gate" / "frontier.png"
    if picture.is_file():
        click.echo(printable(f"a picture: {picture}"))
