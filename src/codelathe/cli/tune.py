"""`lathe tune`: a model learns from one's own rows, by a recipe or by flags."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.options import PATH
from codelathe.core.errors import LatheError, UnknownName, UsageError

if TYPE_CHECKING:
    from codelathe.cli.tuning import Material
    from codelathe.training.data.rows import Row
    from codelathe.training.recipe import Recipe
    from codelathe.training.recipe_reading import RecipeFault
    from codelathe.training.tuning import Tuned

_FAULTY = 2


@click.command(short_help="Tune a model on your own rows.")
@click.argument("recipe", required=False, type=PATH, metavar="[RECIPE.toml]")
@click.option(
    "--model", metavar="REF", help="What is tuned: an alias, a folder, gguf:FILE, adapter:DIR."
)
@click.option(
    "--data", "files", multiple=True, metavar="FILE", help="Rows to learn from; may be repeated."
)
@click.option("--method", metavar="NAME", help="lora, qlora or full.")
@click.option("--out", metavar="DIR", help="Folder for the result; the same command goes on in it.")
@click.option("--epochs", type=float, metavar="N", help="Times over the data.")
@click.option("--steps", type=int, metavar="N", help="Updates of the weights, in place of epochs.")
@click.option("--rows", type=int, metavar="N", help="Rows in a step.")
@click.option("--max-length", type=int, metavar="N", help="Tokens of the longest document.")
@click.option("--lr", type=float, metavar="RATE", help="The highest learning rate.")
@click.option("--seed", type=int, metavar="N", help="Draws weights, the order of rows, dropout.")
@click.option("--precision", metavar="NAME", help="auto, float32, bfloat16 or float16.")
@click.option("--from-scratch", is_flag=True, help="Learn a tokenizer and a new, small model.")
@click.option(
    "--architecture", metavar="NAME", help="Of a new model: llama, gpt2, codegen, encoder-decoder."
)
@click.option("--size", metavar="SIZE", help="Of a new model: parameters, as 10M.")
@click.option("--check", is_flag=True, help="List every fault of the recipe and do no more.")
@output_options
def tune(
    recipe: Path | None,
    check: bool,
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> int:
    """Tune a model on your own rows: LoRA, QLoRA, or all of its weights.

    RECIPE.toml holds the whole configuration (docs/tune.md); flags go over it, and do without it
    for the common things. Rows are what `lathe data build` writes and `lathe data check` reads.
    The same command goes on where it was stopped, and answers at once where it is done. With
    several graphics cards: accelerate launch -m codelathe tune RECIPE.toml

    With --from-scratch, or a recipe with [scratch], a tokenizer and a new model are learned from
    nothing but the rows (docs/from-scratch.md).

    A recipe with [gate] ends with lathe tune gate, and then exit code 3 says that the result was
    refused, or that too few problems were asked to tell.

    \b
    lathe tune --model smollm2-135m --data rows.jsonl --out runs/mine
    lathe tune recipes/lora.toml --check
    lathe tune recipes/qlora.toml --data rows.jsonl --epochs 1 --json
    lathe tune --model adapter:runs/mine --data more.jsonl --out runs/more
    lathe tune --from-scratch --size 10M --data rows.jsonl --out runs/new
    """
    leads = int(os.environ.get("RANK", "0")) == 0
    output = Output(as_json and leads, quiet or not leads)
    document, name = _document(recipe, flags)
    if check:
        return _check(document, name, output)
    from codelathe.training.recipe_reading import parse_recipe

    parsed = parse_recipe(document, name)
    if parsed.scratch is not None:
        return _make(parsed, output, leads=leads)
    if leads and parsed.gate is not None:
        from codelathe.cli.gating import check_gate

        check_gate(parsed.gate, output)
    tuned, held_out, material = _tune(parsed, output)
    if not leads:
        return 0
    material.record(Path(tuned.path))
    del material  # all rows, which would stay beside the models of the gate
    return _end(tuned, held_out, parsed, output)


def _document(path: Path | None, flags: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The recipe's document with the flags over it, and what to call it."""
    from codelathe.training.recipe_reading import load_recipe, overlay

    places = {
        "model": ("model", "name"), "files": ("data", "files"), "method": ("method", "name"),
        "epochs": ("train", "epochs"), "steps": ("train", "steps"), "rows": ("train", "rows"),
        "max_length": ("data", "max_length"), "lr": ("train", "learning_rate"),
        "seed": ("train", "seed"), "precision": ("train", "precision"),
        "architecture": ("scratch", "architecture"), "size": ("scratch", "size"),
    }  # fmt: skip
    said: dict[str, Any] = {"scratch": {}} if flags.pop("from_scratch") else {}
    for flag, value in flags.items():
        if value is None or value == ():
            continue
        if flag == "out":
            said["out"] = value
            continue
        section, key = places[flag]
        said.setdefault(section, {})[key] = list(value) if isinstance(value, tuple) else value
    if path is None and not said:
        raise UsageError(
            "there is neither a recipe nor a flag that says what to tune",
            hint="lathe tune --model smollm2-135m --data rows.jsonl --out runs/mine",
        )
    document = load_recipe(path) if path is not None else {}
    return overlay(document, said), str(path) if path is not None else "the command"


def _check(document: dict[str, Any], name: str, output: Output) -> int:
    from codelathe.training.recipe_reading import check_recipe

    recipe, faults = check_recipe(document)
    faults += _unknown_names(document)
    recipe = None if faults else recipe
    if output.json:
        told = [{"where": f.where, "what": f.what, "hint": f.hint} for f in faults]
        output.document({"recipe": name, "usable": recipe is not None, "faults": told})
    elif recipe is not None:
        click.echo(f"{printable(name)} can be used")
    else:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        click.echo(f"{printable(name)}: {click.style(count, fg='red')}")
        for fault in faults:
            click.echo(f"  {printable(str(fault))}")
    return 0 if recipe is not None else _FAULTY


def _unknown_names(document: dict[str, Any]) -> Iterator[RecipeFault]:
    """Models and benchmarks of a recipe that nobody knows; where a name should be, it may lack."""
    from codelathe.benchmarks.opening import BENCHMARKS, is_own
    from codelathe.core.modelref import parse_model_ref
    from codelathe.training.recipe_reading import RecipeFault
    from codelathe.wiring import open_store

    for place, name in _names(document):
        try:
            if place == "model.name":
                if (ref := parse_model_ref(name)).scheme == "alias":
                    open_store().catalogue.model(ref.name)
            elif not is_own(name):
                BENCHMARKS.check(name)
            elif not Path(name).expanduser().is_file():
                yield RecipeFault(place, f"{name} is no file")
        except UnknownName as error:
            yield RecipeFault(place, error.message, error.hint)
        except LatheError:
            continue  # a reference that does not parse is told already


def _names(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The names in a document, each with its place."""
    for section, key in (("model", "name"), ("data", "against"), ("gate", "general")):
        part = document.get(section)
        found = part.get(key) if isinstance(part, dict) else None
        for name in [found] if isinstance(found, str) else found or ():
            if isinstance(name, str) and name:
                yield f"{section}.{key}", name


def _tune(recipe: Recipe, output: Output) -> tuple[Tuned, tuple[Row, ...], Material]:
    """Prepare, and tune unless that is done; with the rows that were held out, and all of them.

    Raises:
        LatheError: as of each of its parts.
    """
    from codelathe.cli.progress import fetching
    from codelathe.cli.tuning import learning, prepare_data
    from codelathe.core.spinning import load_torch
    from codelathe.training.tuning import finished, identify, prepare_process
    from codelathe.training.tuning.tuning import require_packages
    from codelathe.wiring import base_sha256, open_checkpoint

    require_packages()
    prepare_process()
    prepared, material = prepare_data(recipe, output)
    out = Path(recipe.out).expanduser()
    with fetching(output) as progress:
        base = base_sha256(recipe.model.name, progress)
        identity = identify(recipe, base, prepared, _adapter(recipe.model.name))
        if (done := finished(out, identity)) is not None:
            output.say(f"{printable(str(out))} is done already")
            return done, prepared.parts.test, material
        load_torch()
        from codelathe.training.tuning._torch_place import (
            choose_precision,
            loading_precision,
            take_own_card,
        )

        take_own_card()
        loaded_in = loading_precision(recipe, choose_precision(recipe))
        start = open_checkpoint(recipe.model.name, loaded_in, progress)
    with ExitStack() as stack:
        stack.callback(start.text.close)
        tuned = learning(start, prepared, recipe, out, output)
    return tuned, prepared.parts.test, material


def _adapter(name: str) -> Path | None:
    """The folder of the adapter that is gone on from, where the model is one."""
    from codelathe.core.modelref import parse_model_ref

    ref = parse_model_ref(name)
    return Path(ref.name).expanduser() if ref.scheme == "adapter" else None


def _end(tuned: Tuned, held_out: tuple[Row, ...], recipe: Recipe, output: Output) -> int:
    """Say what came out, and put it through the gate where the recipe has one."""
    from codelathe.evaluation.held_out import write_held_out

    folder = Path(tuned.path)
    write_held_out(held_out, folder)
    if recipe.gate is None:
        _show(tuned, output)
        return 0
    from codelathe.cli.gating import gate_exit, run_gate, show_gated
    from codelathe.evaluation.gate_files import gated_document
    from codelathe.training.tuning.memory import release_memory

    if not output.json:
        _show(tuned, output)
    release_memory()  # else what was tuned stays beside the models of the gate
    gated = run_gate(folder, recipe.gate, output)
    if output.json:
        output.document({**tuned.document(), "gate": gated_document(gated)})
    else:
        show_gated(gated)
    return gate_exit(gated)


def _make(recipe: Recipe, output: Output, *, leads: bool) -> int:
    """Train a new model, and say what came out."""
    from codelathe.cli.scratching import make, show_answers

    made, material = make(recipe, output)
    if leads:
        material.record(Path(made.tuned.path))
    if output.json:
        output.document(made.document())
    elif leads:
        _show(made.tuned, output, "explain FILE" if made.answers else "generate PROMPT")
        show_answers(made)
    return 0


def _show(tuned: Tuned, output: Output, use: str = "generate PROMPT") -> None:
    """The losses and the speed; the last line says how the result is used."""
    if output.json:
        output.document(tuned.document())
        return
    from codelathe.cli.progress import human_bytes

    before, after = tuned.validation_before, tuned.validation
    if before is not None and after is not None:
        click.echo(f"validation loss {before:.4f} before, {click.style(f'{after:.4f}', bold=True)}")
    if tuned.best is not None and tuned.best.step != tuned.steps:
        click.echo(f"the lowest was {tuned.best.validation:.4f}, after step {tuned.best.step:,}")
    click.echo(
        f"training loss {tuned.loss:.4f} after {tuned.steps:,} steps: {tuned.tokens:,} tokens, of "
        f"which the loss counted {tuned.supervised:,}"
    )
    click.echo(
        f"{tuned.tokens_per_second:,.0f} tokens/s, {tuned.seconds:,.0f} s, at most "
        f"{human_bytes(tuned.peak_memory)} of memory"
    )
    click.echo(f"lathe {use} --model {shlex.quote(printable(tuned.ref))}")
