"""Runs the attacks in compiled languages in one slot, each followed by an honest program.

A program of its own, so that a test run by root can run it as an ordinary user too:

    python tests/judge/programs_zoo.py TIER
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "programs"
SOURCE = Path(__file__).parents[2] / "src"
LANGUAGES = {".cpp": "cpp", ".js": "javascript", ".java": "java", ".go": "go", ".rs": "rust"}
BUILD_SECONDS = 6.0
"""Bombs take all the time there is: here a compiler gets less of it."""

#: Prints what its folder holds beside its own files.
HONEST = {
    "cpp": """#include <dirent.h>
#include <cstdio>
int main() {
    DIR *here = opendir(".");
    while (dirent *e = readdir(here)) if (e->d_name[0] != '.') puts(e->d_name);
    puts("done");
}""",
    "javascript": """const names = require("fs").readdirSync(".").filter((n) => n !== "main.js");
console.log([...names, "done"].join("\\n"));""",
    "java": """import java.io.File;
public class Main {
    public static void main(String[] args) {
        for (String n : new File(".").list()) if (!n.equals("Main.class")) System.out.println(n);
        System.out.println("done");
    }
}""",
    "go": """package main

import (
	"fmt"
	"os"
)

func main() {
	found, _ := os.ReadDir(".")
	for _, e := range found {
		fmt.Println(e.Name())
	}
	fmt.Println("done")
}""",
    "rust": """fn main() {
    for e in std::fs::read_dir(".").unwrap() { println!("{:?}", e.unwrap().file_name()); }
    println!("done");
}""",
}


def metadata(text: str) -> dict[str, str]:
    """The `// name: value` lines at the head of an attack."""
    pairs = (line[3:].split(": ", 1) for line in text.splitlines() if line.startswith("// "))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def attacks() -> dict[str, str]:
    """File name -> code."""
    return {p.name: p.read_text() for p in sorted(FOLDER.iterdir()) if p.suffix in LANGUAGES}


def main(tier: str) -> None:
    from codelathe.core.judging import Candidate, Case, Limits
    from codelathe.core.problem import StdioExample
    from codelathe.judge import SandboxJudge, programs

    programs._BUILD_SECONDS = BUILD_SECONDS

    def cases() -> Iterator[Case]:
        for name, text in attacks().items():
            language = LANGUAGES[Path(name).suffix]
            about = metadata(text)
            limits = Limits(float(about.get("seconds", 20)), memory_mb=256, output_bytes=1 << 16)
            prints = StdioExample("", about.get("prints", "nothing of the kind"))
            yield Case(Candidate(text, language), (prints,), limits)
            honest = Candidate(HONEST[language], language)
            yield Case(honest, (StdioExample("", "done"),), Limits(20.0, 512))

    with SandboxJudge(slots=1, tier=tier) as judge:
        answers = [a[0] for a in judge.judge(cases())]
    results: dict[str, Any] = {}
    for name, attack, after in zip(attacks(), answers[::2], answers[1::2], strict=True):
        results[name] = {
            "status": str(attack.status),
            "got": attack.got,
            "detail": attack.detail,
            "seconds": round(attack.seconds, 3),
            "after": str(after.status),
            "after_detail": f"{after.got} {after.detail}",
        }
    print(json.dumps({"uid": os.getuid(), "results": results}))


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE))
    main(sys.argv[1])
