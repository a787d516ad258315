"""Go by the compiler and the linker themselves: no module, no network, no cgo, no `go:embed`.

A test is run by Go's own `testing`; for testify's `assert`, of which HumanEvalPack's tests use
`New` and `Equal`, stands a little code of our own with testify's meaning of equal. As the
benchmark's own harness does, a test's program gets the imports it uses: those that nothing
uses are left out, since the prompt brings them, and a few well-known ones are added.
"""

from __future__ import annotations

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

_RUNTIME_MB = 192
_TESTIFY = "testify/assert"
_ASSERT = """
package main

import (
	"bytes"
	"io"
	"os"
	"reflect"
	"testing"
)

type latheAssert struct{}

type latheAssertions struct{ t *testing.T }

var assert latheAssert

func (latheAssert) New(t *testing.T) latheAssertions { return latheAssertions{t} }

func (latheAssert) Equal(t *testing.T, want, got interface{}, words ...interface{}) bool {
	return latheAssertions{t}.Equal(want, got, words...)
}

func (a latheAssertions) Equal(want, got interface{}, words ...interface{}) bool {
	a.t.Helper()
	if latheSame(want, got) {
		return true
	}
	a.t.Errorf("not equal: expected %#v, got %#v", want, got)
	return false
}

func latheSame(want, got interface{}) bool {
	one, isBytes := want.([]byte)
	if !isBytes {
		return reflect.DeepEqual(want, got)
	}
	other, isBytes := got.([]byte)
	if !isBytes || one == nil || other == nil {
		return isBytes && one == nil && other == nil
	}
	return bytes.Equal(one, other)
}

func latheLast() { io.Copy(os.Stdout, os.Stdin) }
"""
_LAST = "\tif !t.Failed() {\n\t\tlatheLast()\n\t}"
_RUNNER = """
package main

import (
	"testing"

	under "under"
)

func main() {
	all := func(pattern, name string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{"%s", under.%s}}, nil, nil)
}
"""
#: Compiled for the kit where Go comes without compiled libraries (since 1.20).
_LIBRARIES = """bufio bytes cmp container/heap container/list container/ring context crypto/md5
crypto/sha1 crypto/sha256 encoding/base64 encoding/binary encoding/hex encoding/json errors fmt
hash/crc32 hash/fnv io iter maps math math/big math/bits math/cmplx math/rand math/rand/v2 os
reflect regexp runtime runtime/debug slices sort strconv strings sync sync/atomic testing
text/template time unicode unicode/utf8"""
#: Imported where a test's program uses them without saying so, as bigcode's harness does.
_OFTEN = "math strings fmt strconv time bytes regexp sort math/rand crypto/md5"
_CLAUSE = re.compile(r"^package[ \t]+\w+[ \t;]*$", re.MULTILINE)
_IMPORTS = re.compile(
    r"^import\s*(?:\((?P<several>.*?)\)|(?P<one>[\w.]*[ \t]*\"[^\"\n]+\"))",
    re.MULTILINE | re.DOTALL,
)
_IMPORT = re.compile(r"([\w.]*)[ \t]*\"([^\"\n]+)\"")
_TEST = re.compile(r"^func\s+(Test\w*)\s*\(", re.MULTILINE)
_REMARKS = re.compile(r"//[^\n]*|/\*.*?\*/|`[^`]*`|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)


@dataclass(frozen=True)
class Go(Toolchain):
    """Go's compiler and linker."""

    language = "go"
    packages = "golang-go"
    assertion = re.compile("--- FAIL")
    memory = re.compile("out of memory|cannot allocate memory")

    go: str = ""
    tools: str = ""
    compiled: str = ""
    """Where the libraries lie compiled, in releases that have them so."""

    @classmethod
    def find(cls) -> Self:
        """The Go of the path."""
        go = which("go")
        told = ask(go, "env", "GOROOT", "GOTOOLDIR", "GOVERSION").split("\n") if go else []
        if len(told) != 3 or not Path(told[1], "compile").exists():
            raise cls.missing("go")
        root, tools, version = told
        compiled = Path(root, "pkg", Path(tools).name)
        parts = [str(Path(root, name).resolve()) for name in ("src", "pkg", "bin")]
        settings = {"GOROOT": root, "GO111MODULE": "off", "CGO_ENABLED": "0", "GOPROXY": "off"}
        return cls(
            version=f"{version} {Path(tools).name}",
            shown=(root, tools, go, *parts),
            environment=settings | {"GOTOOLCHAIN": "local", "GOMAXPROCS": "2"},
            go=go,
            tools=tools,
            compiled=str(compiled) if (compiled / "fmt.a").exists() else "",
        )

    def kit(self, test: bool) -> Kit | None:
        """The libraries, compiled."""
        del test
        if self.compiled:
            return None
        form = "{{if .Export}}{{.ImportPath}}={{.Export}}{{end}}"
        command = (self.go, "list", "-e", "-export", "-deps", "-f", form, *_LIBRARIES.split())
        places = {"GOCACHE": f"/w/{OUT}", "GOPATH": "/w/path"}
        return Kit({}, (command,), places)

    def finish_kit(self, files: dict[str, bytes], printed: str) -> dict[str, bytes]:
        """Each library by the name it is imported by, as the compiler looks for it."""
        pairs = (line.partition(f"=/w/{OUT}/") for line in printed.split("\n"))
        return {f"{name}.a": files[file] for name, found, file in pairs if found}

    def program(self, code: str, kit: str) -> Build:
        """One file of package main."""
        commands = (self._compile(kit, "main", "main.go"), self._link(kit))
        return Build({"main.go": code}, commands)

    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """The code and the test in one package, and Go's own test runner around it."""
        named = _TEST.search(suite.source)
        if named is None:
            raise LanguageError("the test has no function whose name starts with Test")
        sources = {
            "under.go": _merged(suite.context, code, indented_end(suite.source, _LAST, 1)),
            "assert.go": _ASSERT,
            "main.go": _RUNNER % (named.group(1), named.group(1)),
        }
        under = self._compile(kit, "under", "under.go", "assert.go")
        return Build(sources, (under, self._compile(kit, "main", "main.go"), self._link(kit)))

    def _compile(self, kit: str, name: str, *files: str) -> tuple[str, ...]:
        compiler = (f"{self.tools}/compile", "-complete", "-p", name, "-o", f"{name}.a")
        return (*compiler, "-I", self._libraries(kit), "-I", ".", *files)

    def _link(self, kit: str) -> tuple[str, ...]:
        linker = (f"{self.tools}/link", "-s", "-w", "-o", f"{OUT}/{PROGRAM}")
        return (*linker, "-L", self._libraries(kit), "-L", ".", "main.a")

    def _libraries(self, kit: str) -> str:
        return self.compiled or kit_path(kit)

    def run(self, build: Build, limits: Limits) -> Command:
        """The binary; its collector is told of the limit that the kernel keeps."""
        del build
        data = (limits.memory_mb + _RUNTIME_MB) << 20
        told = {"GOMEMLIMIT": f"{limits.memory_mb}MiB"}
        return Command((PROGRAM,), {"DATA": data}, environment=told, native=True)


def _merged(*parts: str) -> str:
    """One file of several, with one package clause and one list of the imports in use."""
    wanted: dict[tuple[str, str], None] = {}
    bodies = []
    for part in parts:
        for found in _IMPORTS.finditer(part):
            pairs = _IMPORT.findall(found["several"] or found["one"] or "")
            wanted |= dict.fromkeys(pairs)
        bodies.append(_CLAUSE.sub("", _IMPORTS.sub("", part), count=1))
    known = {name or _package(path) for name, path in wanted}
    wanted |= dict.fromkeys(("", path) for path in _OFTEN.split() if _package(path) not in known)
    body = "\n".join(bodies)
    code = _REMARKS.sub(" ", body)
    used = "".join(
        f'\t{name} "{path}"\n'
        for name, path in wanted
        if not path.endswith(_TESTIFY) and _is_used(name or _package(path), code)
    )
    return f"package main\n\nimport (\n{used})\n{body}"


def _package(path: str) -> str:
    """The name that an import brings in: the path's last part, without a version."""
    parts = path.split("/")
    return parts[-2] if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _is_used(name: str, code: str) -> bool:
    return name in ("_", ".") or re.search(rf"\b{re.escape(name)}\s*\.", code) is not None
