"""Rust by rustc: programs optimized, tests as `cargo test` builds them (overflow panics).

HumanEvalPack's programs name three crates. `rand` and `md5` are small stand-ins of our own
with what its tests call; `regex` is the real one where Debian's package of its source is
installed, else a name that nothing can be done with. All three are compiled once, for the kit.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
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
    indented_end,
    kit_path,
    which,
)
from codelathe.judge.toolchains.cpp import driver_files
from codelathe.judge.toolchains.crates import MD5, NO_REGEX, RAND

_EDITION = "2021"
_LIBRARY_MB = 16
_LAST = """
        {
            use ::std::io::{Read, Write};
            let mut word = ::std::vec::Vec::new();
            ::std::io::stdin().read_to_end(&mut word).unwrap();
            ::std::io::stdout().write_all(&word).unwrap();
        }"""
_SOURCES = "/usr/share/cargo/registry"
_TABLES = "age bool case gencat perl script segment"
_UNICODE = ("unicode", *(f"unicode-{table}" for table in _TABLES.split()))
_PACKAGE = "librust-regex-dev"
_USES_REGEX = re.compile(r"\bRegex\s*::|\bregex\s*::\s*(?!Regex\s*;)")


@dataclass(frozen=True)
class Rust(Toolchain):
    """rustc, linked by the C compiler that it finds."""

    language = "rust"
    packages = "rustc gcc"
    assertion = re.compile(r"assertion .*failed")
    memory = re.compile("memory allocation of .* failed")

    sysroot: str = ""
    linker: str = ""
    regex: str = ""
    """The folder of the regex crate's source, empty where it is not installed."""

    @classmethod
    def find(cls) -> Self:
        """The rustc of the path; behind rustup's own command, the toolchain it stands for."""
        sysroot, linker = _sysroot(), which("gcc") or which("cc")
        rustc = f"{sysroot}/bin/rustc"
        version = ask(rustc, "--version") if sysroot else ""
        if not version or not linker:
            raise cls.missing("rustc with a C compiler to link")
        return cls(
            version=f"{version} {platform.machine()}",
            shown=(rustc, f"{sysroot}/lib", *driver_files(linker)),
            # Without /proc a program does not know where it lies, and what lies beside it.
            environment={"LD_ORIGIN_PATH": f"{sysroot}/bin"},
            sysroot=sysroot,
            linker=linker,
            regex=next((str(p) for p in sorted(Path(_SOURCES).glob("regex-1.*"))), ""),
        )

    def kit(self, test: bool) -> Kit | None:
        """The three crates, compiled; a program has none."""
        if not test:
            return None
        sources = {"rand.rs": RAND, "md5.rs": MD5}
        commands = [self._crate("rand", "rand.rs"), self._crate("md5", "md5.rs")]
        if self.regex:
            read, compiled = self._real_regex()
            sources |= read
            commands += compiled
        else:
            sources["regex.rs"] = NO_REGEX
            commands.append(self._crate("regex", "regex.rs"))
        return Kit(sources, tuple(commands))

    def _crate(self, name: str, file: str, *flags: str) -> tuple[str, ...]:
        made = ("--crate-type", "rlib", "--crate-name", name, "--out-dir", OUT, "-L", OUT)
        return (*self._rustc(), *made, "--cap-lints", "allow", *flags, file)

    def _real_regex(self) -> tuple[dict[str, str], list[tuple[str, ...]]]:
        """The crate and those it is made of, from their sources as installed."""
        crates = {
            "memchr": (("std",), ()),
            "aho-corasick": (("std",), ("memchr",)),
            "regex-syntax": (_UNICODE, ()),
            "regex": (("std", *_UNICODE), ("memchr", "aho_corasick", "regex_syntax")),
        }
        sources: dict[str, str] = {}
        commands = []
        for name, (features, below) in crates.items():
            folder = next(iter(sorted(Path(_SOURCES).glob(f"{name}-[0-9]*"))), None)
            if folder is None:
                raise LanguageError(f"no source of {name}", hint=f"apt-get install {_PACKAGE}")
            for path in folder.glob("src/**/*.rs"):
                sources[f"{name}/{path.relative_to(folder)}"] = path.read_text("utf-8")
            flags = [x for f in features for x in ("--cfg", f'feature="{f}"')]
            extern = [x for n in below for x in ("--extern", f"{n}={OUT}/lib{n}.rlib")]
            file = f"{name}/src/lib.rs"
            crate = self._crate(name.replace("-", "_"), file, *flags, *extern)
            commands.append((*crate, "--edition", "2018"))
        return sources, commands

    def _rustc(self) -> tuple[str, ...]:
        rustc = (f"{self.sysroot}/bin/rustc", "--sysroot", self.sysroot, "--color", "never")
        return (*rustc, "-C", f"linker={self.linker}", *_own_linker(self.version))

    def program(self, code: str, kit: str) -> Build:
        """One file, optimized."""
        return self._build(code, kit, "-O")

    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """One file, with the test module in it, compiled as a test."""
        source = f"{suite.context}\n{code}\n{indented_end(suite.source, _LAST, 2)}"
        if not self.regex and _USES_REGEX.search(source):
            raise LanguageError(
                "no regex crate here", hint=f"apt-get install {_PACKAGE}", field="language"
            )
        return self._build(source, kit, "--test")

    def _build(self, source: str, kit: str, *flags: str) -> Build:
        at = kit_path(kit)
        crates = [
            x for n in ("rand", "md5", "regex") for x in ("--extern", f"{n}={at}/lib{n}.rlib")
        ]
        library = ("-L", at, *crates) if "--test" in flags else ()
        made = (
            "-A",
            "warnings",
            "-C",
            "strip=symbols",
            "--edition",
            _EDITION,
            "-o",
            f"{OUT}/{PROGRAM}",
        )
        command = (*self._rustc(), *flags, *library, *made, "main.rs")
        return Build({"main.rs": source}, (command,))

    def run(self, build: Build, limits: Limits) -> Command:
        """The binary, in so much address space."""
        del build
        space = (limits.memory_mb + _LIBRARY_MB) << 20
        return Command((PROGRAM,), {"AS": space}, native=True)


def _sysroot() -> str:
    rustc = which("rustc")
    if not rustc:
        return ""
    if Path(rustc).name != "rustup":
        return ask(rustc, "--print", "sysroot")
    # rustup looks for its toolchains in the home, which may not be where it was installed.
    beside = Path(rustc).parents[2] / ".rustup"
    proxy = str(Path(rustc).parent / "rustc")
    return ask(proxy, "--print", "sysroot") or ask(proxy, "--print", "sysroot", home=str(beside))


def _own_linker(version: str) -> tuple[str, ...]:
    """Rust's own linker asks /proc where it is; the system's does not."""
    numbers = re.search(r"(\d+)\.(\d+)", version)
    new = numbers is not None and (int(numbers[1]), int(numbers[2])) >= (1, 90)
    return ("-C", "linker-features=-lld") if new and platform.machine() == "x86_64" else ()
