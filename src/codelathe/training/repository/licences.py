"""Which licence a file is under: its own SPDX line, else the licence file nearest above it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from codelathe.training.repository.leaving import language_of

NONE = "none"
"""No licence file and no SPDX line: nothing says that the code may be used."""
UNKNOWN = "unknown"
"""There is a licence file, with a text that is not known here."""

_FILE = re.compile(r"(un)?licen[cs]e|copying|mit-licen[cs]e", re.IGNORECASE)
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([\w.+() -]+?)\s*(?:\*/|-->|\"|$)", re.MULTILINE)
_HEAD = 3000
_TITLE = 400
_ONLY = re.compile(r"-(only|or-later)$")

#: What stands in the title of a licence, and what anywhere in it; the first that fits counts.
_TITLES: tuple[tuple[str, str], ...] = (
    (r"gnu affero general public license", "AGPL-3.0"),
    (r"gnu lesser general public license version 2\.1", "LGPL-2.1"),
    (r"gnu lesser general public license", "LGPL-3.0"),
    (r"gnu general public license version 2", "GPL-2.0"),
    (r"gnu general public license", "GPL-3.0"),
    (r"apache license,? version 2\.0", "Apache-2.0"),
    (r"mozilla public license,? version 2\.0", "MPL-2.0"),
    (r"eclipse public license - v 2\.0", "EPL-2.0"),
    (r"boost software license", "BSL-1.0"),
    (r"cc0 1\.0 universal", "CC0-1.0"),
    (r"history of the software .{0,99}python was created", "PSF-2.0"),
    (r"this is free and unencumbered software", "Unlicense"),
)
_TEXTS: tuple[tuple[str, str], ...] = (
    (r"python software foundation license version 2", "PSF-2.0"),
    (r"permission is hereby granted, free of charge.*without restriction", "MIT"),
    (r"permission to use, copy, modify, and/?(?:or)? ?distribute.*provided that the", "ISC"),
    (r"permission to use, copy, modify, and/?(?:or)? ?distribute", "0BSD"),
    (r"redistribution and use in source and binary forms.*neither the name", "BSD-3-Clause"),
    (r"redistribution and use in source and binary forms", "BSD-2-Clause"),
    (r"altered source versions must be plainly marked", "Zlib"),
)


def is_licence_file(path: str) -> bool:
    """Whether a file is a licence by its name."""
    return bool(_FILE.match(PurePosixPath(path).name)) and not language_of(path)


def recognised(text: str) -> str:
    """The SPDX name of a licence's text, else `unknown`."""
    if match := _SPDX.search(text[:_HEAD]):
        return match[1].strip()
    plain = " ".join(text[:_HEAD].lower().split())
    for pattern, name in _TITLES:
        if re.search(pattern, plain[:_TITLE]):
            return name
    return next((name for pattern, name in _TEXTS if re.search(pattern, plain)), UNKNOWN)


class Licences:
    """The licence files of a repository by their folders."""

    def __init__(self, files: Iterable[tuple[str, str]]) -> None:
        """Each of `files` is the path of a licence file and its text."""
        found: dict[str, set[str]] = {}
        for path, text in files:
            found.setdefault(str(PurePosixPath(path).parent), set()).add(recognised(text))
        self._by_folder = {folder: " OR ".join(sorted(names)) for folder, names in found.items()}

    def of(self, path: str, text: str) -> str:
        """The licence of the file at `path`: an SPDX expression, `unknown` or `none`."""
        if match := _SPDX.search(text[:_HEAD]):
            return match[1].strip()
        for folder in PurePosixPath(path).parents:
            if str(folder) in self._by_folder:
                return self._by_folder[str(folder)]
        return NONE


def allowed(licence: str, names: Collection[str]) -> bool:
    """Whether an SPDX expression may be used by who accepts `names`.

    `OR` leaves the choice, `AND` asks for both; where brackets mix them, all are asked for.
    `GPL-3.0` stands for `GPL-3.0-only` and `GPL-3.0-or-later` too.
    """
    accepted = {_plain(name) for name in names}
    bracketed = "(" in licence and " AND " in licence.upper()
    expression = licence.replace("(", " ").replace(")", " ").strip()
    separator = r"\s+(?:OR|AND)\s+" if bracketed else r"\s+AND\s+"
    ways = [expression] if bracketed else re.split(r"\s+OR\s+", expression, flags=re.IGNORECASE)
    return any(
        all(_plain(part) in accepted for part in re.split(separator, way, flags=re.IGNORECASE))
        for way in ways
    )


def _plain(name: str) -> str:
    name = re.split(r"\s+WITH\s+", name.strip(), flags=re.IGNORECASE)[0]
    return _ONLY.sub("", name.lower())
