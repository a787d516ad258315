"""Rows of the board from the result files that runs leave in folders.

A result says itself how the model was asked; the protocol's name here tells all of that in
words in which two rows of the same group may not differ.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codelathe.benchmarks.opening import MORE_THAN_BASE
from codelathe.benchmarks.protocols import PROTOCOLS, protocol_document
from codelathe.core.errors import UsageError
from codelathe.evaluation.board.facts import Knowledge, tidy_precision
from codelathe.evaluation.board.row import DAMAGED, BoardRow, Facts, marks, number, rate
from codelathe.evaluation.files import is_there, parsed_line
from codelathe.evaluation.transcript import COMPLETIONS, RESULT, VERDICTS

_OF_SAMPLES = ".result.json"
_VERDICTS = "_verdicts"
_SMALLER = re.compile(r"\b(int8|int4) on \w+$")  # the end of the engine `transformers`' version


@dataclass(frozen=True, slots=True)
class Collected:
    """Rows, and the result files that could not be used, each with the reason."""

    rows: tuple[BoardRow, ...]
    refused: tuple[tuple[Path, str], ...]


def collect(folders: Iterable[Path], knowledge: Knowledge) -> Collected:
    """The rows of all results in `folders` and the folders in them, in the order of their paths.

    Raises:
        UsageError: one of them is no folder.
    """
    rows: list[BoardRow] = []
    refused: list[tuple[Path, str]] = []
    for path in _results(folders):
        try:
            rows.append(_row(path, parsed_line(path.read_bytes()), knowledge))
        except OSError as error:
            refused.append((path, f"cannot be read: {error.strerror}"))
        except DAMAGED as error:
            told = f"no result of lathe: {type(error).__name__} {error}"
            refused.append((path, told))
    return Collected(tuple(rows), tuple(refused))


def _results(folders: Iterable[Path]) -> Iterator[Path]:
    seen = set()
    for folder in folders:
        if not (is_there(folder) and folder.is_dir()):
            raise UsageError(
                f"there is no folder {folder}",
                hint="name folders that lathe evaluate or lathe judge wrote results into",
                field="folders",
            )
        for path in sorted(folder.rglob(f"*{RESULT}")):
            named = path.name == RESULT or path.name.endswith(_OF_SAMPLES)
            if named and _may_be_file(path) and (real := Path(os.path.realpath(path))) not in seen:
                seen.add(real)
                yield path


def _may_be_file(path: Path) -> bool:
    """Whether there is a file, or what cannot be looked at: that is told when it is read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _row(path: Path, result: Mapping[str, Any], knowledge: Knowledge) -> BoardRow:
    signature = result["signature"]
    asked = signature.get("model")
    sha256 = str(asked["sha256"]) if asked else ""
    model = str(asked["name"]) if asked else _stem(path)
    folder = path.parent
    whole = path.name == RESULT and all((folder / f).is_file() for f in (COMPLETIONS, VERDICTS))
    return BoardRow(
        model=model,
        facts=_loaded(signature).or_else(knowledge.facts(model, sha256)),
        benchmark=str(signature["benchmark"]),
        protocol=", ".join([describe(signature), *_of_answers(result, signature)]),
        scores=marks(result["scores"], result["intervals"]),
        origin="run",
        source=str(path),
        problems=number(result["problems"]),
        samples=number(result["samples"]),
        speed=rate(result.get("generation", {}).get("tokens_per_second")),
        date=datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat(),
        data=str(signature["data_sha256"]),
        signature=signature_hash(signature),
        run=str(folder) if asked and whole else "",
    )


def _of_answers(result: Mapping[str, Any], signature: Mapping[str, Any]) -> Iterator[str]:
    """Of which answers a score is, where that is not all of a benchmark as it was asked."""
    problems, samples = number(result["problems"]), number(result["samples"])
    if signature.get("protocol") is None and problems and samples:
        if samples > problems:
            yield f"{samples / problems:.3g} samples"
        if left := number(result.get("unattempted")):
            yield f"only {problems} of {problems + left} problems"
    if unjudged := number(result.get("counts", {}).get("unjudged")):
        yield f"{unjudged} answer{'' if unjudged == 1 else 's'} not judged"


def _loaded(signature: Mapping[str, Any]) -> Facts:
    """What a run says of its model, which its files do not: numbers it was made smaller to."""
    found = _SMALLER.search(str(signature.get("engine", {}).get("version", "")))
    return Facts(precision=tidy_precision(found[1])) if found else Facts()


def _stem(path: Path) -> str:
    """What a samples file was called, of which only the name says whose the samples are."""
    if path.name == RESULT:
        return path.parent.name
    return path.name.removesuffix(_OF_SAMPLES).removesuffix(_VERDICTS)


def signature_hash(signature: Mapping[str, Any]) -> str:
    """The first 12 digits of a signature's SHA-256."""
    text = json.dumps(signature, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]


def describe(signature: Mapping[str, Any]) -> str:
    """How the model was asked and its programs were judged, in words.

    What is as usual is not said: the hardened judge, the benchmark's own time limits, all
    problems, the protocol's own length of answers.
    """
    protocol, parts = signature.get("protocol"), []
    if protocol is None:
        parts.append("samples from elsewhere")
    else:
        usual = PROTOCOLS.get(protocol["name"])
        parts += _of_protocol(protocol, protocol_document(usual) if usual else {})
        parts += _of_sampling(signature["sampling"], protocol)
        if signature["limit"] is not None:
            parts.append(f"the first {signature['limit']} problems")
    if signature["benchmark"] in MORE_THAN_BASE and signature["tests"] == ["base"]:
        parts.append("base tests only")
    if signature["timeout"] is not None:
        parts.append(f"{signature['timeout']:g} s")
    if signature["mode"] != "hardened":
        parts.append(f"judged in mode {signature['mode']}")
    return ", ".join(parts)


def _of_protocol(protocol: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[str]:
    yield f"{protocol['name']} {protocol['version']}"
    if usual.get("version") != protocol["version"]:
        return  # of another release: its number says it all
    for name, value in usual.items():
        if json.dumps(protocol.get(name)) != json.dumps(value):
            changed = protocol.get(name)
            yield f"{name} {changed}" if changed else f"no {name}"


def _of_sampling(sampling: Mapping[str, Any], protocol: Mapping[str, Any]) -> Iterator[str]:
    temperature = sampling["temperature"]
    if temperature == 0:
        yield "greedy"
    else:
        yield "the model's temperature" if temperature is None else f"temperature {temperature:g}"
        if sampling["top_p"] != 1:
            yield f"top-p {sampling['top_p']:g}"
        yield f"{sampling['n']} samples"
    if sampling["max_tokens"] != protocol["max_tokens"]:
        yield f"{sampling['max_tokens']} tokens"
