"""The board as one HTML file that needs nothing else: no network, no other file.

Everything that anybody but us wrote is data: JSON in elements that are never run, put on the
screen as text. A policy in the page lets only the script and the style run that are in it, by
their hashes. The same rows give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from codelathe import __version__
from codelathe.core.errors import UsageError
from codelathe.evaluation.board.browsing import Room
from codelathe.evaluation.board.choosing import Choice, Group
from codelathe.evaluation.board.row import row_document
from codelathe.evaluation.files import replace_file, writing

_HTML = "name a file that can be written with --html"
_SCRIPTS = ("words.js", "state.js", "table.js", "plots.js", "runs.js", "start.js")
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def write_page(path: Path, groups: Sequence[Group], choice: Choice) -> tuple[str, ...]:
    """Write the page of `groups` to `path`; what had to be left out of it, in words.

    Raises:
        LatheError: the file cannot be written.
    """
    with writing(path, _HTML, "html"):
        # What a link stands for is replaced, and never the link.
        path = Path(os.path.realpath(path))
        if path.is_symlink():
            raise UsageError(f"{path} is a link that leads to itself", hint=_HTML, field="html")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is no ordinary file", hint=_HTML, field="html")
    runs, left_out = _runs(groups)
    page = build_page(groups, choice, runs)
    replace_file(path, page.encode("utf-8"), hint=_HTML, field="html")
    return tuple(left_out)


def build_page(groups: Sequence[Group], choice: Choice, runs: dict[str, dict[str, Any]]) -> str:
    """The page of `groups`; `runs` are those to look into, by their folder."""
    ids = {folder: f"r{number}" for number, folder in enumerate(runs)}
    rows = [
        row_document(replace(ranked.row, protocol=group.protocol, run=ids.get(ranked.row.run, "")))
        for group in groups
        for ranked in group.rows
    ]
    data = {
        "version": __version__,
        "columns": list(choice.columns),
        "sort": choice.sort,
        "rows": rows,
    }
    style = _part("page.css")
    script = "(() => {\n'use strict';\n" + "\n".join(map(_part, _SCRIPTS)) + "})();\n"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    blocks = [_data("board", data), *(_data(ids[folder], run) for folder, run in runs.items())]
    head, body = _part("page.html").split("<!-- policy, style -->\n")
    body, end = body.split("<!-- data, script -->\n")
    return "".join(
        [
            head,
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            f"<style>{style}</style>\n",
            body,
            *blocks,
            f"<script>{script}</script>\n",
            end,
        ]
    )


def _runs(groups: Iterable[Group]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    room, found = Room(), {}
    left_out = []
    for folder in _folders(groups):
        run = room.run(Path(folder))
        if run is None:
            left_out.append(f"{folder} cannot be looked into: its files are damaged")
            continue
        found[folder] = run
        if run["bare"] or run["gone"]:
            left_out.append(
                f"{folder} is too large for the page: {run['bare'] + run['gone']:,} answers "
                "are without their texts"
            )
    return found, left_out


def _folders(groups: Iterable[Group]) -> Iterator[str]:
    named = (ranked.row.run for group in groups for ranked in group.rows)
    yield from dict.fromkeys(folder for folder in named if folder)


@cache
def _part(name: str) -> str:
    return files("codelathe.evaluation.board").joinpath("web", name).read_text("utf-8")


def _data(name: str, value: Any) -> str:
    """A block of data. No text in it can end the block, or be taken for markup."""
    text = json.dumps(value, separators=(",", ":")).translate(_ESCAPED)
    return f'<script type="application/json" id="data-{name}">{text}</script>\n'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
