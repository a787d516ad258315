"""`lathe export push`: an adapter, a model, a GGUF file or a data set goes to the hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.core.errors import MissingKey, UsageError

if TYPE_CHECKING:
    from codelathe.hub.parcel import Parcel
    from codelathe.hub.pushing import Preview

_KEYS = ("HF_TOKEN", "HUGGINGFACE_API_KEY")
_CARD_LINES = 24


@click.command(short_help="Send a model or a data set to the hub.")
@click.argument("source", type=PATH, metavar="DIR_OR_FILE")
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Where the repository is made: only you see it.")
@click.option("--dataset", is_flag=True, help="The files are rows, also in a folder.")
@click.option(
    "--revision", default="main", show_default=True, metavar="BRANCH",
    help="The branch; made where it is missing.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask after the preview.")
@output_options
def export_push(
    source: Path,
    repository: str,
    private: bool,
    dataset: bool,
    revision: str,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Send an adapter, a model, a GGUF file or rows to the hub, with a card.

    Shows first what would be sent and what that changes, and asks. Files with keys or passwords
    in them are refused. Everything goes in one commit or not at all; a push that broke off goes on
    with the same command. The key is HF_TOKEN or HUGGINGFACE_API_KEY, from the environment or .env.

    \b
    lathe export push runs/my-tune me/my-tune
    lathe export push my-model.gguf me/my-model-GGUF --private --yes
    lathe export push rows.jsonl me/my-rows --dataset
    """
    output = Output(as_json, quiet)
    from codelathe.cli.push_secrets import refuse_secrets
    from codelathe.hub.parcel import pack
    from codelathe.hub.pushing import HubWriter, Place

    if not yes and (as_json or not sys.stdin.isatty()):
        raise UsageError(
            "nobody is here to be asked", hint="add --yes to send without a question", field="yes"
        )
    parcel = pack(source, dataset=dataset)
    refuse_secrets(parcel)
    hub = HubWriter(_token(), bars=not quiet and sys.stderr.isatty())
    preview = hub.preview(parcel, Place(repository, revision, private))
    if not as_json:
        _show(parcel, preview, output if yes else Output())  # who is asked sees about what
    pushed = None
    if preview.needed:
        if not yes and not click.confirm(f"send to {printable(repository)}?", err=True):
            output.say("nothing was sent")
            return 1
        pushed = hub.push(parcel, preview, f"{parcel.kind} by lathe export push")
    if output.json:
        output.document(_document(parcel, preview, pushed))
    elif not quiet:
        told = f"sent: {pushed.address}" if pushed else "everything is there already: nothing sent"
        click.echo(printable(told))
    return 0


def _token() -> str:
    from codelathe.engines.secrets import find_secret

    secret = find_secret(_KEYS)
    if secret is not None:
        return secret.reveal()
    from huggingface_hub import get_token

    stored = get_token()
    if not stored:
        raise MissingKey(_KEYS[0], "the hub")
    return stored


def _show(parcel: Parcel, preview: Preview, output: Output) -> None:
    """The preview, on standard error: what is sent, what it changes, the card."""
    from codelathe.cli.progress import human_bytes

    place = preview.place
    state = "there already" if preview.exists else f"new{', private' if place.private else ''}"
    output.say(
        f"{parcel.kind} of {len(parcel.files)} files, {human_bytes(parcel.size)}, to "
        f"{printable(place.repository)}@{printable(place.revision)} ({state})"
    )
    for file, change in preview.changes:
        output.say(f"  {change:8} {human_bytes(file.size):>10}  {printable(file.name)}")
    if parcel.left_out:
        output.say(f"  stays here: {printable(', '.join(parcel.left_out))}")
    for note in parcel.notes:
        output.say(f"  note: {printable(note)}")
    output.say(f"  licence: {parcel.licence or 'none stated in the card'}")
    lines = parcel.card.splitlines()
    output.say("  card" + (" (made here):" if parcel.card_made else ":"))
    for line in lines[:_CARD_LINES]:
        output.say(f"    | {printable(line)}")
    if len(lines) > _CARD_LINES:
        output.say(f"    | ... {len(lines) - _CARD_LINES} more lines")


def _document(parcel: Parcel, preview: Preview, pushed: Any) -> dict[str, Any]:
    return {
        "repository": preview.place.repository,
        "revision": preview.place.revision,
        "kind": parcel.kind,
        "licence": parcel.licence,
        "card_made": parcel.card_made,
        "created": not preview.exists,
        "files": [
            {"name": file.name, "bytes": file.size, "change": change}
            for file, change in preview.changes
        ],
        "left_out": list(parcel.left_out),
        "notes": list(parcel.notes),
        "commit": pushed.commit if pushed else preview.commit,
        "address": pushed.address if pushed else "",
        "sent": pushed is not None,
    }
