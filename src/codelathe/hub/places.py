"""Folders of this machine that are named in what would be sent: told, since they are private.

Looked at are settings (JSON) and what people wrote beside them, not rows of training data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

#: A setting that is a path, also as a ModelRef; addresses of the web are none.
_PATH = re.compile(r"(?:[\w+-]{2,}:)?(?:file://)?(?:~?/[^/\s]+/|~/|[A-Za-z]:[\\/]|\\\\\w)")
#: In prose only what begins where people keep files.
_IN_PROSE = re.compile(
    r"(?<![\w/.])(?:~|/(?:home|Users|root|tmp|mnt|media|data|work|workspace|srv|opt|var)"
    r"|[A-Za-z]:\\)[\\/][\w.@+~-][^\s`'\"<>|)\]]*"
)
_MOST = 1 << 24
_SHOWN = 3
_SETTINGS, _PROSE = (".json",), (".md", ".toml")
#: Files that people or programs fill with texts of their own.
_VOCABULARIES = ("tokenizer.json", "vocab.json")


class File(Protocol):
    """A file that is sent: its name there, its size, and where its bytes are."""

    @property
    def name(self) -> str:
        """Its path in the repository."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def path(self) -> Path | None:
        """Where it is here, None where `content` holds it."""
        ...

    @property
    def content(self) -> bytes:
        """Its bytes, where it is in no file."""
        ...


def is_place(text: str) -> bool:
    """Whether `text` is a path of this machine, also as a ModelRef."""
    return text.startswith(("/", "~")) or _PATH.match(text) is not None


def named_places(files: Iterable[File]) -> tuple[str, ...]:
    """A note on each file in which folders of this machine are named."""
    notes: list[str] = []
    for file in files:
        if file.name.endswith((*_SETTINGS, *_PROSE)) and file.size <= _MOST:
            if file.name in _VOCABULARIES:
                continue
            data = file.content if file.path is None else file.path.read_bytes()
            notes += places_in(file.name, data.decode("utf-8", "replace"))
    return tuple(notes)


def places_in(name: str, text: object) -> tuple[str, ...]:
    """The note on one file with this text, nothing where there is nothing to say."""
    if not isinstance(text, str):
        return ()
    found = list(dict.fromkeys(_prose(text) if name.endswith(_PROSE) else _settings(text)))
    if not found:
        return ()
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (f"{name} names places on this machine: {', '.join(found[:_SHOWN])}{more}",)


def _prose(text: str) -> Iterator[str]:
    return (match[0].rstrip(".,;:") for match in _IN_PROSE.finditer(text))


def _settings(text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return iter(())
    return (value for value in _strings(document) if _PATH.match(value) and "\n" not in value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
