"""A package index of our own: tiny wheels in a folder, or served over HTTP, for the real pip."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fakes.serving import QuietHandler, serving


def write_wheel(folder: Path, name: str, version: str, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, with `members` stored as they are."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def write_parts(folder: Path, data: bytes, parts: int = 3) -> None:
    """`data` as the distributions `fake-part1`, `fake-part2`, ... of version 1.0."""
    step = -(-len(data) // parts)
    for n in range(1, parts + 1):
        piece = data[(n - 1) * step : n * step]
        write_wheel(folder, f"fake-part{n}", "1.0", {f"fake_part{n}/{n:02}.bin": piece})


@dataclass
class FakeIndex:
    """The wheels of `folder` at `address`; each 16 KiB of a wheel takes `drip` seconds."""

    folder: Path
    requests: list[str] = field(default_factory=list)
    drip: float = 0.0
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def wheels(self) -> list[str]:
        """The wheels that were asked for, in order."""
        return [path.rpartition("/")[2] for path in self.requests if path.endswith(".whl")]


@contextmanager
def running_index(folder: Path) -> Iterator[FakeIndex]:
    index = FakeIndex(folder)
    with serving(_Handler, index=index) as index.port:
        yield index


class _Handler(QuietHandler):
    index: FakeIndex

    def do_GET(self) -> None:
        self.index.requests.append(self.path)
        name = self.path.strip("/").rpartition("/")[2]
        wheel = self.index.folder / name
        if wheel.is_file():
            self._send(wheel.read_bytes(), "application/octet-stream", self.index.drip)
            return
        stem = name.replace("-", "_") + "-"
        links = [p.name for p in self.index.folder.glob("*.whl") if p.name.startswith(stem)]
        if not links:
            self.send_error(404)
            return
        page = "".join(f'<a href="/wheels/{link}">{link}</a>' for link in links)
        self._send(f"<!DOCTYPE html><html><body>{page}</body></html>".encode(), "text/html", 0)

    def _send(self, body: bytes, kind: str, drip: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            for at in range(0, len(body), 16384):
                self.wfile.write(body[at : at + 16384])
                self.wfile.flush()
                time.sleep(drip)
