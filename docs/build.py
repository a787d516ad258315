"""Write the pages that are made from the program: `docs/reference/cli.md` and `errors.md`.

python docs/build.py            write them
python docs/build.py --check    exit 1 where one is stale
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import click

from codelathe.cli import VERBS, lathe
from codelathe.core import errors

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- made by `make docs` from the program; edit that instead -->\n"


def cli_page() -> str:
    """Every verb's help, as the program prints it."""
    parts = [NOTE, "# Command line\n", "What `--help` says, verb by verb.\n", _help(lathe, "lathe")]
    return "\n".join(parts + [_section(VERBS.load(name), f"lathe {name}") for name in VERBS])


def _section(command: click.Command, path: str) -> str:
    parts = [f"## {path}\n", _help(command, path)]
    if isinstance(command, click.Group):
        parts += [_section(sub, f"{path} {name}") for name, sub in command.commands.items()]
    return "\n".join(parts).replace("\n## " + path + " ", "\n### " + path + " ")


def _help(command: click.Command, path: str) -> str:
    with click.Context(command, info_name=path, max_content_width=96, terminal_width=96) as ctx:
        return f"```text\n{command.get_help(ctx)}\n```\n"


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


def _classes() -> list[type[errors.LatheError]]:
    found = [c for c in vars(errors).values() if inspect.isclass(c)]
    return [c for c in found if issubclass(c, errors.LatheError)]


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]


def main() -> int:
    """Write or check the pages."""
    stale = []
    for name, text in (("cli.md", cli_page()), ("errors.md", errors_page())):
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
