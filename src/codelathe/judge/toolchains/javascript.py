"""JavaScript by Node.js. Nothing is compiled; `console.assert` throws, as a test needs it to."""

from __future__ import annotations

import re
from typing import Self

from codelathe.core.judging import Limits
from codelathe.core.problem import Suite
from codelathe.judge.toolchains.base import LOADERS, Build, Command, Toolchain, ask, which

_RUNTIME_MB = 512
"""What Node writes to beside its heap: code, stacks, buffers."""

#: Node's own `console.assert` only prints. `js-md5` is the one package that tests ask for.
_BEFORE = """
const assert = require("assert");
console.assert = (value, ...words) => {
  if (!value) throw new assert.AssertionError({ message: words.join(" ") || "assertion failed" });
};
const Module = require("module");
const load = Module._load;
Module._load = function (name, ...rest) {
  if (name !== "js-md5") return load.call(this, name, ...rest);
  return (text) => require("crypto").createHash("md5").update(text).digest("hex");
};
"""
_LAST = """
;{ const fs = require("fs"); fs.writeSync(1, fs.readFileSync(0)); }
"""
_MODULE = re.compile(r"^\s*(import\s+[\w*{\"']|export\s)", re.MULTILINE)


class JavaScript(Toolchain):
    """Node.js."""

    language = "javascript"
    packages = "nodejs"
    assertion = re.compile("AssertionError")
    memory = re.compile("heap out of memory|Array buffer allocation failed|process out of memory")

    @classmethod
    def find(cls) -> Self:
        """Node, wherever the path has it."""
        node = which("node") or which("nodejs")
        version = ask(node, "--version") if node else ""
        if not version:
            raise cls.missing("node")
        return cls(f"node {version}", (node,))

    def program(self, code: str, kit: str) -> Build:
        """A script, or a module where it imports like one."""
        del kit
        name = "main.mjs" if _MODULE.search(code) else "main.js"
        return Build({name: code}, main=name)

    def test(self, code: str, suite: Suite, kit: str) -> Build:
        """One script; what comes before it is loaded from a file of its own."""
        del kit
        script = f"{suite.context}\n{code}\n{suite.source}{_LAST}"
        return Build({"before.js": _BEFORE, "main.js": script}, main="main.js")

    def run(self, build: Build, limits: Limits) -> Command:
        """Node with its heap limited; what is beyond the heap is limited by the kernel."""
        before = ("--require", "./before.js") if "before.js" in build.sources else ()
        heap = f"--max-old-space-size={limits.memory_mb}"
        data = (limits.memory_mb + _RUNTIME_MB) << 20
        node = self.shown[0]
        argv = (node, heap, *before, f"./{build.main}")
        return Command(argv, {"DATA": data}, (*LOADERS, node))
