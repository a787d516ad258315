"""Java by the JDK's javac, started from an archive of its own classes, and java.

A class data archive halves what javac takes to start: it is made once, by compiling one
trusted file. A compiler that stays running would be faster still, but all candidates would
pass through one process; here each has its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

from codelathe.core.judging import Limits
from codelathe.core.problem import Suite
from codelathe.judge.toolchains.base import (
    LOADERS,
    OUT,
    Build,
    Command,
    Kit,
    Toolchain,
    indented_end,
    kit_path,
    which,
)

_COMPILER_MB = 512
_RUNTIME_MB = 512
"""What the virtual machine writes to beside its heap: code, metadata, stacks, its own work."""
_ARCHIVE = "javac.jsa"
_COMMON = (
    *("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=/w"),
    *("-Xlog:disable", "-Xlog:all=warning:stderr"),  # its warnings are not the program's output
)
_QUICK = ("-XX:TieredStopAtLevel=1", *_COMMON, f"-Xmx{_COMPILER_MB}m", "-Xshare:auto")
_JAVAC = ("-m", "jdk.compiler/com.sun.tools.javac.Main", "-proc:none", "-nowarn", "-Xmaxerrs", "3")
_ENCODING = ("-encoding", "UTF-8")
_LAST = """
        try {
            System.out.write(System.in.readAllBytes());
            System.out.flush();
        } catch (java.io.IOException e) {
            throw new RuntimeException(e);
        }"""
_TRUSTED = """
import java.util.*;
import java.util.function.*;
import java.util.stream.*;

public class Main {
    record Pair<A, B>(A first, B second) {}

    static <T extends Comparable<T>> List<T> sorted(Collection<T> values) {
        return values.stream().sorted().collect(Collectors.toList());
    }

    public static void main(String[] args) {
        Scanner input = new Scanner(System.in);
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i < 10; i++) counts.merge("k" + i % 3, i, Integer::sum);
        StringBuilder text = new StringBuilder();
        for (Map.Entry<String, Integer> e : counts.entrySet()) text.append(e.getKey()).append(',');
        Function<Integer, Integer> twice = x -> 2 * x;
        switch (args.length) { case 0: text.append(twice.apply(2)); break; default: break; }
        try { assert input != null : text; } catch (RuntimeException e) { throw e; }
        System.out.println(sorted(counts.keySet()) + text.toString() + new Pair<>(1, "a"));
    }
}
"""
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_PUBLIC = re.compile(r"^\s*public\s+(?:final\s+|abstract\s+)*class\s+(\w+)", re.MULTILINE)
_CLASS = re.compile(r"\b(?:class|enum|record|interface)\s+(\w+)")
_MAIN = re.compile(r"\bstatic\s+(?:final\s+)?void\s+main\s*\(|\bvoid\s+static\s+main\s*\(")


class Java(Toolchain):
    """A JDK."""

    language = "java"
    packages = "openjdk-17-jdk-headless"
    assertion = re.compile(r"java\.lang\.AssertionError")
    memory = re.compile(r"java\.lang\.OutOfMemoryError|os::commit_memory")

    @classmethod
    def find(cls) -> Self:
        """The JDK whose javac the path has."""
        javac = which("javac")
        java = str(Path(javac).parent / "java") if javac else ""
        home = str(Path(javac).parents[1]) if javac else ""
        release = Path(home, "release")  # quicker than to ask it
        if not javac or not release.is_file():
            raise cls.missing("javac")
        version = " ".join(
            re.findall(r"^\w*VERSION\w*=\"(.*)\"", release.read_text(), re.MULTILINE)
        )
        settings = [str(path) for path in Path("/etc").glob("java-*") if path.is_dir()]
        # Without /proc a program does not know where it lies, and what lies beside it.
        origin = {"LD_ORIGIN_PATH": f"{home}/bin"}
        return cls(f"javac {version} {home}", (java, home, *settings), origin)

    def kit(self, test: bool) -> Kit:
        """The archive of the classes that javac loads."""
        del test
        dump = (self.shown[0], *_QUICK, f"-XX:ArchiveClassesAtExit={OUT}/{_ARCHIVE}")
        command = (*dump, *_JAVAC, *_ENCODING, "-d", ".", "Main.java")
        return Kit({"Main.java": _TRUSTED}, (command,))

    def program(self, code: str, kit: str) -> Build:
        """One file, of the name that its public class demands."""
        public = _PUBLIC.search(code)
        name = public.group(1) if public else "Main"
        return self._build(f"{name}.java", code, _main_class(code), kit)

    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """One file: the code, then the test, whose `Main.main` ends in one more statement."""
        test = indented_end(suite.source, _LAST, 2)
        return self._build("Main.java", f"{suite.context}\n{code}\n{test}", "Main", kit)

    def _build(self, name: str, source: str, main: str, kit: str) -> Build:
        archive = (f"-XX:SharedArchiveFile={kit_path(kit)}/{_ARCHIVE}",) if kit else ()
        javac = (self.shown[0], *_QUICK, *archive, *_JAVAC, *_ENCODING)
        return Build({name: source}, ((*javac, "-d", OUT, name),), main=main)

    def run(self, build: Build, limits: Limits) -> Command:
        """The virtual machine with its heap limited, the rest of it by the kernel."""
        data = (limits.memory_mb + _RUNTIME_MB) << 20
        heap = (f"-Xmx{limits.memory_mb}m", f"-XX:MaxDirectMemorySize={limits.memory_mb}m")
        seed = "-Djava.security.egd=file:/dev/urandom"
        java = self.shown[0]
        argv = (java, *_COMMON, *heap, seed, "-Xshare:auto", "-ea", "-cp", ".", build.main)
        return Command(argv, {"DATA": data}, (*LOADERS, java))


def _main_class(code: str) -> str:
    """The class whose `main` is the program: the last one that begins before it."""
    package = _PACKAGE.search(code)
    prefix = f"{package.group(1)}." if package else ""
    public = _PUBLIC.search(code)
    found = _MAIN.search(code)
    before = [m.group(1) for m in _CLASS.finditer(code) if found and m.start() < found.start()]
    if public and (not before or public.group(1) in before):
        return prefix + public.group(1)
    return prefix + (before[-1] if before else "Main")
