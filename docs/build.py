"""Write the pages in `docs/reference` that are made from the program.

python docs/build.py            write them
python docs/build.py --check    exit 1 where one is stale
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import click

import codelathe
from codelathe.cli import VERBS, lathe
from codelathe.core import errors
from codelathe.training.recipe import Limits, Recipe
from codelathe.training.recipe_reading import section_of

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- made by `make docs` from the program; edit that instead -->\n"


def cli_page() -> str:
    """Every verb's help, as the program prints it."""
    parts = [NOTE, "# Command line\n", "What `--help` says, verb by verb.\n", _help(lathe, "lathe")]
    return "\n".join(parts + [_section(VERBS.load(name), f"lathe {name}") for name in VERBS])


def _section(command: click.Command, path: str) -> str:
    parts = [f"{'#' * len(path.split())} {path}\n", _help(command, path)]
    if isinstance(command, click.Group):
        parts += [
            _section(sub, f"{path} {name}")
            for name, sub in command.commands.items()
            if not sub.hidden
        ]
    return "\n".join(parts)


def _help(command: click.Command, path: str) -> str:
    with click.Context(command, info_name=path, max_content_width=96, terminal_width=96) as ctx:
        return f"```text\n{command.get_help(ctx)}\n```\n"


def api_page() -> str:
    """Every public name with its signature and docstring."""
    names = sorted((n for n in codelathe.__all__ if n != "__version__"), key=str.lower)
    return "\n".join(
        [
            NOTE,
            "# From Python\n",
            "All names that `import codelathe` offers. Errors are raised as [these](errors.md).\n",
            *(_entry(name, getattr(codelathe, name)) for name in names),
        ]
    )


def _entry(name: str, thing: object) -> str:
    told = inspect.getdoc(thing) or ""
    kind = "class" if inspect.isclass(thing) else "def"
    return (
        f"## {name}\n\n```python\n{kind} {name}{_signature(thing)}\n```\n\n```text\n{told}\n```\n"
    )


def _signature(thing: object) -> str:
    """The parameters, where a caller gives any: errors, ports and enumerations have none."""
    if inspect.isclass(thing) and not is_dataclass(thing):
        return ""
    signature = inspect.signature(thing)  # type: ignore[arg-type]
    lines = [f"    {_parameter(p)}," for p in signature.parameters.values()]
    back = "" if inspect.isclass(thing) else f" -> {signature.return_annotation}"
    return "(\n" + "\n".join(lines) + f"\n){back}" if lines else f"(){back}"


def _parameter(parameter: inspect.Parameter) -> str:
    """As it is written, but for defaults that have no short form: those are left as `...`."""
    text = f"{parameter.name}: {parameter.annotation}"
    if parameter.default is parameter.empty:
        return text
    plain = isinstance(parameter.default, str | int | float | tuple | None)
    return f"{text} = {parameter.default!r}" if plain else f"{text} = ..."


def errors_page() -> str:
    """The error tree with what each means for the shell and for HTTP."""
    rows = [
        f"| `{cls.__name__}` | {_first_line(cls)} | {code} | {status} |"
        for cls, (code, status) in ((c, errors.answer(c.__new__(c))) for c in _classes())
    ]
    return "\n".join(
        [
            NOTE,
            "# Errors\n",
            "Every error says what happened, with the value, and the next step. Exit codes "
            "that are no error: 3 (done but not proved) and 130 (interrupted, what was "
            "finished is kept).\n",
            "| error | means | exit code | HTTP status |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def recipe_page() -> str:
    """Every field of a recipe: what it means, what it may be, what it is where nobody says."""
    return "\n".join(
        [
            NOTE,
            "# Recipes\n",
            "The fields of a recipe for [`lathe tune`](../tune.md), as TOML has them: "
            "`train.steps` stands as `steps` under `[train]`.\n",
            "| field | is | may be | else |",
            "|---|---|---|---|",
            *_fields(Recipe, ""),
            "",
        ]
    )


def _fields(cls: type, section: str) -> list[str]:
    rows = []
    for one in fields(cls):
        part = section_of(get_type_hints(cls)[one.name])
        if part is not None:
            rows += _fields(part, f"{one.name}.")
            continue
        limits = one.metadata["limits"]
        rows.append(
            f"| `{section}{one.name}` | {limits.told} | {_range(limits)} | {_default(one)} |"
        )
    return rows


def _range(limits: Limits) -> str:
    bounds = (
        ("from", limits.low), ("above", limits.above), ("to", limits.high), ("below", limits.below)
    )  # fmt: skip
    told = (f"{word} {bound:.10g}" for word, bound in bounds if bound is not None)
    return ", ".join(limits.choices) or " ".join(told)


def _default(one: Field[Any]) -> str:
    value = one.default if one.default is not MISSING else one.default_factory()  # type: ignore[misc]
    if value is None or value in ("", (), {}):
        return ""
    if isinstance(value, tuple):
        return f"`{', '.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{str(value).lower()}`"


def _classes() -> list[type[errors.LatheError]]:
    found = [c for c in vars(errors).values() if inspect.isclass(c)]
    return [c for c in found if issubclass(c, errors.LatheError)]


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def main() -> int:
    """Write or check the pages."""
    stale = []
    pages = {
        "cli.md": cli_page(), "api.md": api_page(), "errors.md": errors_page(),
        "recipe.md": recipe_page(),
    }  # fmt: skip
    for name, text in pages.items():
        path = FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(str(path.relative_to(FOLDER.parent.parent)))
    if stale:
        print(f"stale: {', '.join(stale)}; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
