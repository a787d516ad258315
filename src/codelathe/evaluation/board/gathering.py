"""All rows that a board has: of runs, imported and published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from codelathe.benchmarks import BENCHMARKS
from codelathe.evaluation.board.choosing import Choice, Group, check, chosen, grouped
from codelathe.evaluation.board.collecting import Collected, collect
from codelathe.evaluation.board.facts import Knowledge
from codelathe.evaluation.board.importing import imported_rows
from codelathe.evaluation.board.published import published_rows
from codelathe.evaluation.board.row import BoardRow, known_by
from codelathe.store import Folders, Store


def gather(store: Store, folders: Iterable[Path] = ()) -> Collected:
    """The rows of the runs in the home of `store` and in `folders`, imported, and published.

    Raises:
        UsageError: one of `folders` is none.
        ProblemError: a file of imported rows is damaged.
    """
    home, knowledge = Folders(store.home), Knowledge(store)
    own = [home.runs] if home.runs.is_dir() else []
    collected = collect([*own, *folders], knowledge)
    imported = (known_by(row, knowledge.facts(row.model)) for row in imported_rows(home.board))
    return Collected((*collected.rows, *imported, *published_rows()), collected.refused)


def pick(rows: Sequence[BoardRow], choice: Choice) -> tuple[Group, ...]:
    """The rows that `choice` asks for, in groups, ranked.

    Raises:
        UnknownName: a column, benchmark or type that there is not.
    """
    check(choice, rows, BENCHMARKS)
    return grouped(chosen(rows, choice), choice.sort)
