"""What the export verbs share: finding what a name stands for, and saying how far they are."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Decorator, Output, printable

if TYPE_CHECKING:
    from codelathe.training.export.exported import Exported
    from codelathe.training.export.merging import Heard, Parts

check_option: Decorator = click.option(
    "--check", "prompts", type=click.IntRange(min=1), default=5, show_default=True, metavar="N",
    help="How many greedy answers are compared.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exportable:
    """A model on this machine: the folder or file of its weights, their hash, its adapter."""

    ref: str
    path: Path
    sha256: str
    parts: Parts | None


def find_model(model: str, output: Output) -> Exportable:
    """What `model` names, fetched where it is missing; nothing is loaded.

    Raises:
        InputError: the reference names nothing, or a service's model.
        StoreError: it cannot be had.
        ModelFileError: an adapter that is none, or was made on other weights than its base's.
    """
    from codelathe.cli.progress import fetching
    from codelathe.training.export.merging import Parts
    from codelathe.wiring import find_weights, model_sha256
    from codelathe.wiring.models import require_base

    with fetching(output) as progress:
        found = find_weights(model, progress)
    own = model_sha256(found.ref)
    if found.adapter is None:
        return Exportable(found.ref, found.path, own, None)
    require_base(found.adapter, found.base)
    parts = Parts(
        found.ref, found.adapter, own.partition(" on ")[0], found.path, str(found.base),
        found.sha256,
    )  # fmt: skip
    return Exportable(found.ref, found.path, own, parts)


@contextmanager
def hearing(output: Output) -> Iterator[Heard]:
    """What a merge or a conversion tells its progress to."""
    from codelathe.cli.progress import counting

    # Looked for by the libraries whether it is needed or not, and loud about what it lacks.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    with counting(output) as count:
        yield lambda stage, done, total: count(stage, done, total)


def show(made: Exported, done: str, what: str) -> None:
    """The export on standard output: what was `done`, the comparison, tensors, how to use it."""
    told = done if made.passed else "not the same model"
    again = " (as it was made before)" if made.again else ""
    click.echo(f"{click.style(told, bold=True)}{again}: {what}")
    _show_check(made.details["check"])
    types = Counter(made.details["tensors"].values())
    stored = ", ".join(f"{count} in {name}" for name, count in types.most_common())
    click.echo(f"  tensors       {sum(types.values())}: {stored}")
    if made.passed:
        click.echo(f"use it: lathe generate ... --model {printable(made.ref)}")
    else:
        click.echo(f"kept, marked as refused: {printable(str(made.path))}")


def _show_check(check: Mapping[str, Any]) -> None:
    if "prompts" in check:
        click.echo(
            f"  greedy texts  {check['equal_texts']} of {check['prompts']} equal, "
            f"{check['equal_tokens']:,} of {check['tokens']:,} tokens"
        )
    if check.get("largest_logit_difference") is not None:
        bounds = check["bounds"]
        click.echo(
            f"  logits        largest difference {check['largest_logit_difference']:.2g} "
            f"(bound {bounds['largest_logit_difference']:g}), KL "
            f"{check['kl_nats_per_token']:.2g} nats a token "
            f"(bound {bounds['kl_nats_per_token']:g})"
        )
    for fault in check["faults"]:
        click.secho(f"  {printable(fault)}", fg="red")
    for engine in check.get("engines", ()):
        click.echo(
            f"  {engine['engine']:12}  {engine['equal_texts']} of {engine['prompts']} greedy texts "
            "are the model's own"
        )


def say_notes(notes: list[str], output: Output) -> None:
    """What there is to know beside, on standard error."""
    for note in notes:
        output.say(f"note: {printable(note)}")
