"""A registry maps names to `"module:attribute"` strings and imports them when asked.

Tables of engines, verbs and languages are registries of strings, so that listing
them costs no import.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any

from codelathe.core.errors import UnknownName


class Registry(Mapping[str, str]):
    """Names of one kind, each standing for an object that is imported when loaded."""

    def __init__(self, kind: str, targets: Mapping[str, str]) -> None:
        self.kind = kind
        self._targets = dict(targets)

    def load(self, name: str) -> Any:
        """Import and return what `name` stands for.

        Raises:
            UnknownName: `name` is not in the registry; the hint has the nearest names.
        """
        self.check(name)
        module, _, attribute = self._targets[name].partition(":")
        return attrgetter(attribute)(import_module(module))

    def check(self, name: str) -> None:
        """Refuse a name that is not in the registry.

        Raises:
            UnknownName: as of `load`.
        """
        if name not in self._targets:
            raise UnknownName(self.kind, name, self._targets)

    def __getitem__(self, name: str) -> str:
        return self._targets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)
