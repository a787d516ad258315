"""C++ by g++. `bits/stdc++.h` is precompiled once; other headers are read as always."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Self

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Limits
from codelathe.core.problem import Suite
from codelathe.judge.toolchains.base import (
    OUT,
    PROGRAM,
    Build,
    Command,
    Kit,
    Toolchain,
    ask,
    chain,
    indented_end,
    kit_path,
    which,
)

FLAGS = ("-std=c++17", "-O2", "-w", "-fmax-errors=3", "-fdiagnostics-color=never")
_LIBRARY_MB = 16
_HEADER = "bits/stdc++.h"
_LAST = """
#include <cstdio>
static void lathe_last() {
    char word[128];
    if (std::fgets(word, sizeof word, stdin)) { std::fputs(word, stdout); std::fflush(stdout); }
}
"""
#: Headers that some tests need, and the packages that have them.
_NEEDS = {"boost/": "libboost-dev", "openssl/": "libssl-dev"}
_INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([\w./+-]+)", re.MULTILINE)


def driver_files(driver: str) -> tuple[str, ...]:
    """What a GCC driver starts and reads, beside the system's libraries."""
    found = [driver, "/usr/include"]
    for tool in ("as", "ld", "collect2", "cc1plus"):
        path = ask(driver, f"-print-prog-name={tool}")
        path = path if path.startswith("/") else which_link(path)
        found += chain(path) if path else []
    return tuple(dict.fromkeys(found))


def which_link(name: str) -> str:
    """Where the path has a command, be it a link."""
    for folder in ("/usr/bin", "/usr/local/bin", "/bin"):
        if Path(folder, name).exists():
            return f"{folder}/{name}"
    return ""


class Cpp(Toolchain):
    """g++."""

    language = "cpp"
    packages = "g++"
    assertion = re.compile("Assertion [`'].*' failed")
    memory = re.compile("std::bad_alloc|std::length_error")

    @classmethod
    def find(cls) -> Self:
        """The g++ of the path."""
        driver = which("g++")
        version = ask(driver, "--version").partition("\n")[0] if driver else ""
        if not version:
            raise cls.missing("g++")
        return cls(f"{version} {platform.machine()}", driver_files(driver))

    def kit(self, test: bool) -> Kit:
        """The header that has all others, compiled with the flags of every program."""
        del test
        source = {"all.h": f"#include <{_HEADER}>\n", f"{OUT}/bits/.keep": ""}
        made = f"{OUT}/{_HEADER}.gch"
        command = (self.shown[0], *FLAGS, "-x", "c++-header", "all.h", "-o", made)
        return Kit(source, (command,))

    def program(self, code: str, kit: str) -> Build:
        """One file."""
        return self._build(code, kit)

    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """One file: the code, then the test, whose `main` ends in one more statement."""
        for header in _INCLUDE.findall(suite.context + code + suite.source):
            package = next((p for start, p in _NEEDS.items() if header.startswith(start)), "")
            if package and not Path("/usr/include", header).exists():
                raise LanguageError(
                    f"no {header} here", hint=f"apt-get install {package}", field="language"
                )
        test = indented_end(suite.source, "    lathe_last();", 1)
        return self._build(f"{suite.context}\n{code}\n{_LAST}\n{test}", kit)

    def _build(self, source: str, kit: str) -> Build:
        libraries = ("-lcrypto",) if "openssl/" in source else ()
        made = ("-o", f"{OUT}/{PROGRAM}", *libraries)
        include = ("-I", kit_path(kit)) if kit else ()
        command = (self.shown[0], *FLAGS, *include, "main.cpp", *made)
        return Build({"main.cpp": source}, (command,))

    def run(self, build: Build, limits: Limits) -> Command:
        """The binary, in so much address space."""
        del build
        space = (limits.memory_mb + _LIBRARY_MB) << 20
        return Command((PROGRAM,), {"AS": space}, native=True)
