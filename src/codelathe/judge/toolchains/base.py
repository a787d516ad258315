"""What a language has to tell, so that its programs can be built, run and decided.

A toolchain is found on this machine or says what to install. It turns code into a `Build`
(sources, the commands that compile them) and a built program into a `Command`. It starts
nothing itself and decides nothing.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Self

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Limits
from codelathe.core.problem import Suite
from codelathe.judge.inside.rooms import KITS

_QUERY_SECONDS = 30
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: Where a dynamically linked program's own loader lies: it is started with the program.
LOADERS = (
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
)
PROGRAM = "program"
"""What a build calls the binary it makes."""

OUT = "out"
"""The folder below `/w` whose files a build hands out."""


@dataclass(frozen=True, slots=True)
class Build:
    """Sources by name, and the commands that make a program of them in `out/`.

    Without commands the sources are the program. `main` is what the run command has to know: a
    file, a class.
    """

    sources: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...] = ()
    main: str = ""


@dataclass(frozen=True, slots=True)
class Kit:
    """Files that are built once in a sandbox from trusted sources, and kept.

    They lie at `/kits/FOLDER` in every process slot.
    """

    sources: Mapping[str, str]
    commands: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Command:
    """What a run step becomes: arguments, limits (bytes, by name), programs it may start.

    `native`: the build's binary is run itself, and `argv[0]` is only its name.
    """

    argv: tuple[str, ...]
    limits: Mapping[str, int]
    execute: tuple[str, ...] = LOADERS
    environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    native: bool = False


@dataclass(frozen=True)
class Toolchain(ABC):
    """One language on this machine. A subclass is one language.

    `version` tells this toolchain from any other; `shown` are the files and folders that its
    programs need, beside the system's libraries.
    """

    language: ClassVar[str]
    packages: ClassVar[str]
    """What to install where it is missing, by Debian's names."""
    assertion: ClassVar[re.Pattern[str]]
    """What a failed test leaves in what was printed."""
    memory: ClassVar[re.Pattern[str]]
    """What the end of memory leaves there."""

    version: str
    shown: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    @abstractmethod
    def find(cls) -> Self:
        """The toolchain of this machine.

        Raises:
            LanguageError: it is not installed; the hint says what to install.
        """

    def kit(self, test: bool) -> Kit | None:
        """What is built once for all programs, or for all tests."""
        del test
        return None

    def finish_kit(self, files: dict[str, bytes], printed: str) -> dict[str, bytes]:
        """The kit's files as they are kept; `printed` is what its commands said."""
        del printed
        return files

    @abstractmethod
    def program(self, code: str, kit: str) -> Build:
        """A whole program that reads standard input. `kit` is the kit's folder inside."""

    @abstractmethod
    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """A candidate with a benchmark's own test.

        The last thing the test does when nothing failed must be to copy standard input to
        standard output.

        Raises:
            LanguageError: the test needs what is not installed.
        """

    @abstractmethod
    def run(self, build: Build, limits: Limits) -> Command:
        """The command that runs what `build` made."""

    @classmethod
    def missing(cls, what: str) -> LanguageError:
        """The error for a machine that lacks this toolchain."""
        return LanguageError(
            f"no {what} here to run {cls.language} with",
            hint=f"apt-get install {cls.packages}",
            field="language",
        )


def kit_path(folder: str) -> str:
    """Where a kit lies inside a slot."""
    return f"{KITS}/{folder}"


@functools.cache
def ask(*command: str, home: str = "") -> str:
    """What a tool of this machine, which is trusted, says of itself; empty where it fails."""
    environment = {**os.environ, **({"RUSTUP_HOME": home} if home else {})}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_QUERY_SECONDS,
            stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def which(name: str) -> str:
    """The file that a command really is; empty where there is none."""
    found = shutil.which(name)
    return str(Path(found).resolve()) if found else ""


def chain(path: str) -> list[str]:
    """`path` and, where it is a link, what it leads to, each of them on the way."""
    found = [path]
    while Path(path).is_symlink():
        path = os.path.normpath(Path(path).parent / Path(path).readlink())
        found.append(path)
    return found


def indented_end(test: str, statement: str, depth: int) -> str:
    """`test` with `statement` before the closing brace that is `depth` from its last.

    Raises:
        LanguageError: the test does not end in so many braces.
    """
    at = len(test)
    for _ in range(depth):
        at = test.rindex("}", 0, at) if "}" in test[:at] else -1
        if at < 0:
            raise LanguageError("the test has no last statement: it does not end in a brace")
    return f"{test[:at]}{statement}\n{test[at:]}"
