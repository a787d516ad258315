"""Reference rows: scores that others published, with their source, from `published.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from codelathe.evaluation.board.facts import facts_of_name
from codelathe.evaluation.board.row import UNKNOWN, BoardRow, Facts, widest


@cache
def published_rows() -> tuple[BoardRow, ...]:
    """All of them, in the order of the file."""
    text = files("codelathe.evaluation.board").joinpath("published.toml").read_text("utf-8")
    return tuple(row for table in tomllib.loads(text)["table"] for row in _rows(table))


def _rows(table: Mapping[str, Any]) -> Iterator[BoardRow]:
    told = Facts(table.get("type", UNKNOWN), table.get("precision", UNKNOWN))
    for model, percent in table["scores"].items():
        scored = zip(table["metrics"], percent, strict=True)
        yield BoardRow(
            model=model,
            facts=told.or_else(facts_of_name(model)),
            benchmark=table["benchmark"],
            protocol=table["protocol"],
            scores={name: widest(value / 100, table["problems"]) for name, value in scored},
            origin="published",
            source=table["source"],
            problems=table["problems"],
            date=table["date"],
        )
