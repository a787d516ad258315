"""What `lathe tune --from-scratch` does: rows to a tokenizer and a model, and what came out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import Output, printable
from codelathe.cli.tuning import listening, read_rows

if TYPE_CHECKING:
    from codelathe.cli.tuning import Material
    from codelathe.training.recipe import Recipe
    from codelathe.training.scratch.making import Made


def make(recipe: Recipe, output: Output) -> tuple[Made, Material]:
    """Train the new model of a recipe, and show how far it is on standard error; of what.

    Raises:
        LatheError: as of `training.scratch.making.make_from_scratch`.
        KeyboardInterrupt: what was done is kept.
    """
    from codelathe.training.scratch.making import make_from_scratch
    from codelathe.training.tuning import prepare_process
    from codelathe.training.tuning.tuning import require_packages
    from codelathe.wiring import new_model

    require_packages()
    prepare_process()
    material = read_rows(recipe, output)
    with listening(output) as listener:
        try:
            made = make_from_scratch(material.rows, recipe, new_model, listener, material.problems)
        except KeyboardInterrupt:
            output.say(f"what is done is in {printable(recipe.out)}; the same command goes on")
            raise
    return made, material


def show_answers(made: Made) -> None:
    """Where an encoder-decoder's answers are, and how they are scored."""
    for name, path in made.answers.items():
        file = printable(str(path))
        click.echo(f"answers, {name}: {file}")
    if made.answers:
        file = shlex.quote(printable(str(next(iter(made.answers.values())))))
        click.echo(f"lathe evaluate similarity --predictions {file} --references {file}")
