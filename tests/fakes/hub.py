"""A hub on loopback: enough of the Hugging Face Hub's protocol for its real client.

Listings (`/api/models/REPO/revision/REV`; a data set's is a repository `datasets/REPO`), files
(`/REPO/resolve/REV/FILE`, HEAD and GET with Range) and, with `cdn`, the redirect of large
files to another host. A `Fault` in `hub.faults` spoils one GET of a file's bytes, first in
first out; `hub.refuse` answers everything with one status, `hub.page` with one page.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from fakes.serving import QuietHandler, serving


@dataclass(frozen=True)
class Fault:
    """With a `status`, that answer. Else the body ends after `cut` bytes, `drip` s a piece."""

    status: int = 0
    cut: int | None = None
    drip: float = 0.0


@dataclass
class FakeHub:
    """The hub's content and what was asked of it. Files ending in .json are outside LFS."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refuse: int = 0
    page: bytes = b""
    hang: float = 0.0
    cdn: bool = False
    drip: float = 0.0
    forget_ranges: bool = False
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def commit(self, repository: str) -> str:
        """Changes with the content."""
        files = self.repositories[repository]
        state = "".join(f"{n}{sha256(d)}" for n, d in sorted(files.items()))
        return hashlib.sha1(state.encode()).hexdigest()

    def fetches(self) -> list[str]:
        """The Range headers of the GETs for bytes."""
        return [
            headers.get("range", "")
            for method, path, headers in self.requests
            if method == "GET" and not path.startswith("/api/")
        ]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    hub = FakeHub()
    with serving(_Handler, hub=hub) as hub.port:
        yield hub


class _Handler(QuietHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.hub
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub.requests.append((self.command, path, headers))
        time.sleep(hub.hang)
        if hub.refuse:
            self._send(hub.refuse, b"refused")
        elif hub.page:
            self._send(200, hub.page)
        elif match := re.fullmatch(
            r"/api/(?:models/)?((?:datasets/)?[^/]+/[^/]+)(?:/revision/(.+))?", path
        ):
            self._listing(match[1], match[2] or "main")
        elif match := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(match[1], match[2], match[3])
        elif match := re.fullmatch(r"/cdn/((?:datasets/)?[^/]+/[^/]+)/(.+)", path):
            self._bytes(hub.repositories[match[1]][match[2]], {})
        else:
            self._send(404, b"no such page")

    def _listing(self, repository: str, revision: str) -> None:
        hub = self.hub
        if repository not in hub.repositories:
            self._send(401, b"Invalid username or password.")
            return
        commit = hub.commit(repository)
        if revision not in ("main", commit):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = []
        for name, data in hub.repositories[repository].items():
            sibling: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": "0" * 40}
            if not name.endswith(".json"):
                sibling["lfs"] = {"size": len(data), "sha256": sha256(data), "pointerSize": 134}
            siblings.append(sibling)
        name = repository.removeprefix("datasets/")
        document = {"id": name, "modelId": name, "sha": commit, "siblings": siblings}
        if repository in hub.licences:
            document["cardData"] = {"license": hub.licences[repository]}
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _file(self, repository: str, revision: str, name: str) -> None:
        hub = self.hub
        files = hub.repositories.get(repository)
        if files is None:
            self._send(401, b"", {"X-Error-Message": "Invalid username or password."})
        elif revision not in ("main", hub.commit(repository)):
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif name not in files:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            data = files[name]
            headers = {
                "X-Repo-Commit": hub.commit(repository),
                "X-Linked-Size": str(len(data)),
                "X-Linked-Etag": f'"{sha256(data)}"',
                "ETag": f'"{sha256(data)}"',
            }
            if hub.cdn:
                away = f"http://localhost:{hub.port}/cdn/{repository}/{name}"
                self._send(302, b"", headers | {"Location": away})
            else:
                self._bytes(data, headers)

    def _bytes(self, data: bytes, headers: dict[str, str]) -> None:
        hub = self.hub
        if self.command == "HEAD":
            self._send(200, data, headers)
            return
        fault = hub.faults.popleft() if hub.faults else Fault(drip=hub.drip)
        if fault.status:
            self._send(fault.status, b"fault")
            return
        status, start = 200, 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and not hub.forget_ranges:
            status, start = 206, int(asked[1])
            if start >= len(data):
                self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            headers = headers | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        self._send(status, data[start:], headers, fault)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        fault = fault or Fault()
        body = body[: fault.cut]
        with suppress(OSError):
            for at in range(0, len(body), 16384):
                self.wfile.write(body[at : at + 16384])
                self.wfile.flush()
                time.sleep(fault.drip)
        if fault.cut is not None:
            self.close_connection = True
