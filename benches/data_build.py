"""A repository of 100,000 lines to training rows: seconds, peak memory, rows by kind.

The repository is made of this Python's own standard library, in commits of a few files and
then edits of some of its functions, in a temporary folder. `lathe data build` runs in a process
of its own; beside it stands the time in which Python only parses the same files.

    python benches/data_build.py --json data_build.json
    python benches/data_build.py --lines 400000
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

_FILES_A_COMMIT = 5
_RETURN = re.compile(r"^( +)return (\w+)$", re.MULTILINE)
_WHO = {
    f"GIT_{role}_{name}": value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (("NAME", "bench"), ("EMAIL", "bench@example.com"))
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lines", type=int, default=100_000, help="of Python, at least so many")
    parser.add_argument("--edits", type=int, default=300, help="commits that change a function")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "repository"
        lines, files = make_repository(folder, options.lines, options.edits)
        parsing = parse_only(files)
        figures = build(folder, Path(scratch) / "rows.jsonl")
    figures |= {"lines": lines, "files": len(files), "parse_only_seconds": round(parsing, 2)}
    print(
        f"{lines:,} lines in {len(files):,} files and {figures['commits']:,} commits: "
        f"{figures['seconds']:.1f} s, {figures['peak_mib']:.0f} MiB, "
        f"{figures['rows']:,} rows {figures['kinds']}; to parse alone: {parsing:.1f} s"
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def make_repository(folder: Path, wanted: int, edits: int) -> tuple[int, list[Path]]:
    """Commit the library's files until there are enough lines, then edit functions of theirs."""
    folder.mkdir()
    git(folder, "init", "-q")
    library = Path(sysconfig.get_path("stdlib"))
    lines, files = 0, []
    for source in sorted(library.rglob("*.py")):
        relative = source.relative_to(library)
        if "site-packages" in relative.parts or "dist-packages" in relative.parts:
            continue
        data = source.read_bytes()
        lines += data.count(b"\n")
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        files.append(target)
        if len(files) % _FILES_A_COMMIT == 0:
            commit(folder, f"Add {relative.name} and some files beside it")
        if lines >= wanted:
            break
    commit(folder, "Add the last files of the library")
    edit(folder, files, edits)
    return lines, files


def edit(folder: Path, files: list[Path], edits: int) -> None:
    """Each edit gives one `return` of one file a pair of brackets, and is committed."""
    made, before = 0, -1
    while made > before:  # once more through the files, for the next `return` of each
        before = made
        for file in files:
            if made == edits:
                return
            text = file.read_text(encoding="utf-8", errors="surrogateescape")
            changed, count = _RETURN.subn(r"\1return (\2)", text, count=1)
            if count:
                file.write_text(changed, encoding="utf-8", errors="surrogateescape")
                commit(folder, f"Put what {file.name} returns into brackets")
                made += 1


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, **_WHO, "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=environment)


def parse_only(files: list[Path]) -> float:
    """Seconds in which the files are parsed and nothing else is done with them."""
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in files:
            try:
                ast.parse(file.read_bytes())
            except (SyntaxError, ValueError):
                continue
    return time.monotonic() - began


def build(folder: Path, out: Path) -> dict[str, Any]:
    """What one run of the command took and gave. Peak memory is that of its largest process."""
    command = [sys.executable, "-m", "codelathe", "data", "build", str(folder), "--out", str(out)]
    began = time.monotonic()
    process = subprocess.Popen([*command, "--json", "--quiet"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if status:
        sys.exit(f"lathe data build failed: {told}")
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "rows": told["rows"],
        "kinds": told["kinds"],
        "read": told["files"]["read"],
        "left_out": told["files"]["left_out"],
        "commits": told["commits"]["seen"],
        "rows_megabytes": round(out.stat().st_size / 1e6, 1),
    }


if __name__ == "__main__":
    main()
