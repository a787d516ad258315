"""`lathe models`: what there is, what is here, fetching it and removing it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.core.modelref import parse_model_ref

if TYPE_CHECKING:
    from codelathe.store import Listed, LocalModel

_WIDE = 140


@click.group(short_help="List, show, fetch and remove models.")
def models() -> None:
    """Models: what has a name, what is on this machine, fetching and removing.

    A REF is an alias from the list, a path, gguf:PATH, or hf:OWNER/REPO[@REVISION][:FILE].

    \b
    lathe models list
    lathe models pull qwen2.5-coder-1.5b
    """


@models.command("list", short_help="All models that have a name or are here.")
@output_options
def list_(as_json: bool, quiet: bool) -> int:
    """List the models that are here, then those that can be fetched by name.

    A row such as codegen-{2b, 6b}-{multi, mono} stands for every combination. With --json
    each combination is a row of its own.

    \b
    lathe models list
    lathe models list --json
    """
    from codelathe.wiring import open_store

    output = Output(as_json, quiet)
    store = open_store()
    rows = store.models()
    if output.json:
        output.document({"home": str(store.home), "models": [listed_document(r) for r in rows]})
    else:
        _show_list(rows, output)
    return 0


@models.command(short_help="What is known of one model.")
@click.argument("ref")
@output_options
def show(ref: str, as_json: bool, quiet: bool) -> int:
    """Show what is known of the model REF; of one that is here, also what its file says.

    \b
    lathe models show smollm2-135m
    lathe models show ./my-model.gguf
    """
    from codelathe.store import Listed
    from codelathe.wiring import open_store

    output = Output(as_json, quiet)
    parsed = parse_model_ref(ref)
    store = open_store()
    entry = store.catalogue.model(parsed.name) if parsed.scheme == "alias" else None
    local = store.locate(parsed)
    document = listed_document(Listed(str(parsed), entry, local))
    if local is not None and local.format == "gguf":
        document["gguf"] = gguf_document(local)
    if output.json:
        output.document(document)
    else:
        _show_one(document, output)
    return 0


@models.command(short_help="Fetch a model.")
@click.argument("ref")
@output_options
def pull(ref: str, as_json: bool, quiet: bool) -> int:
    """Put the model REF on this machine, and print where it is.

    What is here already is not fetched again; a damaged file is. An interrupted download
    goes on where it stopped: type the same command again.

    \b
    lathe models pull qwen2.5-coder-1.5b
    lathe models pull codegen-2B-mono
    lathe models pull hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:q5_k_m
    """
    from codelathe.cli.progress import fetching
    from codelathe.store import ENCODER, engines_for
    from codelathe.wiring import open_store

    output = Output(as_json, quiet)
    with fetching(output) as progress:
        local = open_store().obtain(parse_model_ref(ref), progress, repair=True)
    if output.json:
        output.document(local_document(local))
        return 0
    if local.type == ENCODER:
        output.say(f"{local.ref} is an encoder: it reads texts, for BERTScore, and writes none")
    elif engines_for(local.format) == ("transformers",):
        output.say(
            f"{printable(local.ref)} is a {local.format} checkpoint: the engine that reads it, "
            "transformers, comes with pip install 'codelathe[train]'"
        )
    click.echo(local.path)
    return 0


@models.command(short_help="Remove a model.")
@click.argument("ref")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output_options
def rm(ref: str, yes: bool, as_json: bool, quiet: bool) -> int:
    """Remove the model REF, what engines made of it, and what is left of its downloads.

    Files of your own, named by a path, are never removed.

    \b
    lathe models rm smollm2-135m
    """
    from codelathe.cli.progress import human_bytes
    from codelathe.wiring import open_store, remove_model

    output = Output(as_json, quiet)
    parsed = parse_model_ref(ref)
    store = open_store()
    size = store.removable(parsed)
    if not (yes or output.json) and sys.stdin.isatty():
        click.confirm(f"remove {parsed} ({human_bytes(size)})?", abort=True, err=True)
    freed = remove_model(parsed)
    if output.json:
        output.document({"name": str(parsed), "freed_bytes": freed})
    else:
        click.echo(f"{parsed}: {human_bytes(freed)} freed")
    return 0


@models.command(short_help="Print where a model is.")
@click.argument("ref")
@click.option("--verify", is_flag=True, help="Hash its files again and compare.")
@output_options
def path(ref: str, verify: bool, as_json: bool, quiet: bool) -> int:
    """Print the file (or the folder of a checkpoint) of the model REF. Fetches nothing.

    \b
    lathe models path qwen2.5-coder-1.5b
    lathe models path qwen2.5-coder-1.5b --verify
    """
    from codelathe.store import not_installed
    from codelathe.wiring import open_store

    output = Output(as_json, quiet)
    parsed = parse_model_ref(ref)
    store = open_store()
    local = store.verify(parsed) if verify else store.locate(parsed)
    if local is None:
        raise not_installed(parsed)
    if output.json:
        output.document(local_document(local) | {"verified": verify})
    else:
        click.echo(local.path)
    return 0


def local_document(local: LocalModel) -> dict[str, Any]:
    """A model on this disk as plain JSON values."""
    from codelathe.store import engines_for

    return {
        "name": local.ref,
        "path": str(local.path),
        "format": local.format,
        "bytes": local.bytes,
        "sha256": local.sha256 or None,
        "licence": local.licence,
        "engines": list(engines_for(local.format, local.type)),
    }


def listed_document(listed: Listed) -> dict[str, Any]:
    """A row of the list as plain JSON values."""
    from codelathe.store import engines_for

    entry, local = listed.entry, listed.installed
    document: dict[str, Any] = {
        "name": listed.name,
        "installed": local is not None,
        "path": None, "format": "unknown", "bytes": None, "sha256": None, "licence": "unknown",
    }  # fmt: skip
    if entry is not None:
        document |= {
            "about": entry.about,
            "parameters": entry.parameters,
            "type": entry.type,
            "languages": entry.languages,
            "licence": entry.licence,
            "format": entry.format,
            "family": entry.family or None,
            "repository": _repository(listed),
        }
        document |= {"bytes": entry.bytes, "sha256": entry.id or None}
    if local is not None:
        licence = document["licence"] if entry is not None else local.licence
        document |= local_document(local) | {"name": listed.name, "licence": licence}
    document["engines"] = list(engines_for(document["format"], entry.type if entry else "unknown"))
    if listed.damage:
        document["damage"] = listed.damage
    return document


def gguf_document(local: LocalModel) -> dict[str, Any]:
    """What a GGUF file says of itself; `quantization` is the share of weights by type."""
    from math import prod

    from codelathe.core.gguf import read_gguf_header

    header = read_gguf_header(local.path)
    weights: Counter[str] = Counter()
    for tensor in header.tensors:
        weights[tensor.type] += prod(tensor.shape)
    return {
        "architecture": header.architecture,
        "parameters": header.parameters,
        "context_length": header.context_length,
        "chat_template": bool(header.chat_template),
        "tensors": len(header.tensors),
        "quantization": {
            kind: round(count / header.parameters, 4) for kind, count in weights.most_common()
        },
    }


def _repository(listed: Listed) -> str | None:
    entry = listed.entry
    hub = entry and (entry.hub or (entry.artefacts[0].hub if entry.artefacts else None))
    return hub.repository if hub else None


def _show_list(rows: tuple[Listed, ...], output: Output) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("model", overflow="fold", min_width=19)
    table.add_column("size", justify="right", no_wrap=True)
    for column in ("type", "licence", "engines"):
        table.add_column(column, overflow="fold")
    here = [row for row in rows if row.installed is not None or row.damage]
    for row in here:
        mark = "[red]✗[/red]" if row.damage else "[green]✓[/green]"
        table.add_row(mark, *(escape(cell) for cell in _cells(row.name, [row])))
    for name, members in _families(row for row in rows if row not in here).items():
        table.add_row("", *(escape(cell) for cell in _cells(name, members)))
    screen = output.screen()
    if not screen.is_terminal:
        screen.width = _WIDE
    screen.print(table)
    for row in here:
        if row.damage:
            output.say(f"{row.name}: {printable(row.damage)}; lathe models pull {row.name}")
    output.say("\n✓ is here. Fetch another: lathe models pull NAME, or hf:OWNER/REPO")


def _families(rows: Iterable[Listed]) -> dict[str, list[Listed]]:
    """Rows by the pattern their name comes from, or by the name where there is none."""
    families: dict[str, list[Listed]] = {}
    for row in rows:
        families.setdefault((row.entry and row.entry.family) or row.name, []).append(row)
    return families


def _cells(name: str, members: list[Listed]) -> Iterator[str]:
    """Name, size, type, licence and engines of one row, all that differ in a list."""
    from codelathe.cli.progress import human_bytes

    documents = [listed_document(member) for member in members]
    yield printable(name)
    yield human_bytes(documents[0]["bytes"]) if documents[0]["bytes"] else ""
    for key in ("type", "licence"):
        yield ", ".join(dict.fromkeys(document.get(key, "") for document in documents))
    yield ", ".join(documents[0]["engines"])


def _show_one(document: dict[str, Any], output: Output) -> None:
    from rich.markup import escape
    from rich.table import Table

    from codelathe.cli.progress import human_bytes

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    gguf = document.pop("gguf", {})
    for key, value in document.items():
        if value not in (None, "", "unknown", []) and key != "installed":
            shown = human_bytes(value) if key == "bytes" else value
            table.add_row(key, escape(printable(_text(shown))))
    for key, value in gguf.items():
        if key == "quantization":
            value = ", ".join(f"{kind} {share:.1%}" for kind, share in value.items())
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
        label = "weights" if key == "parameters" else key.replace("_", " ")
        table.add_row(label, escape(printable(_text(shown))))
    output.screen().print(table)
    if not document["installed"]:
        output.say(f"\nnot here yet: lathe models pull {document['name']}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )
