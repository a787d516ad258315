"""Rows that were held out of training, as a benchmark of one's own.

A row counts that carries what judges it: `tests` and the `entry_point` they call. Its prompt is
asked as it stands in the row, by the protocol `verbatim`: what a model was trained on, it is
tested on.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from codelathe.evaluation.files import json_line, replace_file, writing
from codelathe.training.data.rows import Chat, Pair, Row

#: The file's name beside a result.
HELD_OUT = "held-out.jsonl"
PROTOCOL = "verbatim"


def write_held_out(rows: Iterable[Row], folder: Path) -> int:
    """Write the problems among `rows` into `folder`, and how many there are.

    Without any no file is written, and one that was there goes.

    Raises:
        DiskFull: there is no room.
        UsageError: the folder cannot be written.
    """
    problems: dict[str, bytes] = {}
    for row in rows:
        prompt, about = _prompt(row), row.about
        if prompt.strip() and about.tests:
            id_ = row.name if row.name not in problems else f"{row.source}:{row.line}"
            problems[id_] = json_line(
                {
                    "id": id_,
                    "prompt": prompt,
                    "entry_point": about.entry_point,
                    "tests": about.tests,
                }
            )
    path = folder / HELD_OUT
    if problems:
        replace_file(path, b"".join(problems.values()))
    else:
        with writing(path):
            path.unlink(missing_ok=True)
    return len(problems)


def _prompt(row: Row) -> str:
    """What is asked; of chats only of those with one question and nothing before it."""
    content = row.content
    if isinstance(content, Pair):
        return content.prompt
    if isinstance(content, Chat) and [m.role for m in content.messages] == ["user", "assistant"]:
        return content.messages[0].content
    return ""
