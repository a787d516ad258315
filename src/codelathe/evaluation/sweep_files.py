"""What a sweep leaves beside its rows: pictures, a board of its runs, and the advice."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codelathe.core.errors import MissingDependency
from codelathe.evaluation.board.choosing import DEFAULT_COLUMNS, Choice, grouped
from codelathe.evaluation.board.collecting import collect
from codelathe.evaluation.board.facts import Knowledge
from codelathe.evaluation.board.page import write_page
from codelathe.evaluation.board.row import BoardRow
from codelathe.evaluation.sweep import Swept, keep, swept_document
from codelathe.evaluation.sweep_budget import Advice, Budget, advice_document
from codelathe.evaluation.sweep_plot import draw_sweep
from codelathe.store import Store

BOARD = "board.html"
_COLUMNS = (*DEFAULT_COLUMNS[:5], "bytes", *DEFAULT_COLUMNS[5:])


def require_pictures() -> None:
    """See that what draws is installed, before hours of work.

    Raises:
        MissingDependency: it is not.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependency("matplotlib", "compress", "a sweep's pictures")


def finish(swept: Swept, budget: Budget, advice: Advice | None, store: Store) -> dict[str, Any]:
    """Draw, write the board, and put the advice into `sweep.json`; all of it as JSON has it.

    Raises:
        DiskFull: there is no room.
        UsageError: a file cannot be written.
    """
    name = swept.asked.benchmark.rpartition("/")[2]
    pictures = draw_sweep(swept.rows, swept.folder, name)
    rows = [_short(row) for row in collect([swept.folder], Knowledge(store)).rows]
    write_page(swept.folder / BOARD, grouped(rows), Choice(columns=_COLUMNS))
    document = {
        **swept_document(swept),
        "pictures": [str(path) for path in pictures],
        "board": str(swept.folder / BOARD),
        "recommendation": None if advice is None else advice_document(advice, budget),
    }
    keep(swept.folder, document)
    return document


def _short(row: BoardRow) -> BoardRow:
    """The row with the last part of a path for its name: the page may be for others' eyes."""
    return replace(row, model=Path(row.model).name) if row.model.startswith("/") else row
