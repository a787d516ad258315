"""A hub on loopback that is written to: enough of the Hub's protocol for its real client.

Repositories are made, branches too, the metadata of cards is looked at, large files (LFS) are
uploaded one by one and kept under their hashes, and a commit puts everything in its place.
`spoil` makes the next request to a path fail with a status, or the connection end.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from fakes.serving import QuietHandler, serving

KEY = "hf_WriterKey0123456789abcdefghijkl"
LARGE = (".safetensors", ".gguf", ".png")


@dataclass
class Repository:
    """Branches with their files, and the names of the commits that made them."""

    private: bool = False
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    commits: dict[str, list[str]] = field(default_factory=lambda: {"main": ["0" * 40]})


@dataclass
class WrittenHub:
    """Its repositories (a data set's begins with `datasets/`), uploads, and what was asked."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    spoiled: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spoil(self, path: str, status: int = 0, times: int = 1) -> None:
        """The next `times` requests whose path has `path` in it fail; 0: the connection ends."""
        self.spoiled += [(path, status)] * times

    def asked(self, part: str) -> int:
        """How many requests were sent with `part` in them, as `PUT /upload`."""
        return sum(part in f"{method} {path}" for method, path in self.requests)

    def files(self, name: str, branch: str = "main") -> dict[str, bytes]:
        return self.repositories[name].branches[branch]


@contextmanager
def written_hub() -> Iterator[WrittenHub]:
    hub = WrittenHub()
    with serving(_Handler, hub=hub) as hub.port:
        yield hub


class _Refused(Exception):
    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


class _Handler(QuietHandler):
    hub: WrittenHub

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        body = self._body()
        hub.requests.append((self.command, path))
        for number, (part, status) in enumerate(hub.spoiled):
            if part in path:
                del hub.spoiled[number]
                if status:
                    self._send(status, {"error": "spoiled"})
                else:
                    self.close_connection = True
                    self.connection.close()
                return
        try:
            self._send(200, self._routed(path, body))
        except _Refused as refused:
            self._send(refused.status, {"error": refused.code}, refused.code)

    def _routed(self, path: str, body: bytes) -> Any:
        if path.startswith("/upload/"):
            oid = path.removeprefix("/upload/")
            assert hashlib.sha256(body).hexdigest() == oid
            self.hub.uploads[oid] = body
            return {}
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            raise _Refused(401)
        if path == "/api/whoami-v2":
            return {"name": "me", "type": "user"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if match := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            return self._batch(json.loads(body))
        match = re.fullmatch(
            r"/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree|preupload|commit|branch)/(.+)",
            path if path.count("/") > 4 else f"{path}/revision/main",
        )
        assert match, path
        name = match[2] if match[1] == "models" else f"datasets/{match[2]}"
        if name not in self.hub.repositories:
            raise _Refused(404, "RepoNotFound")
        action = getattr(self, f"_{match[3]}")
        return action(self.hub.repositories[name], match[4], body)

    def _create(self, told: dict[str, Any]) -> dict[str, str]:
        name = f"{told['organization'] or 'me'}/{told['name']}"
        if not name.startswith("me/"):
            raise _Refused(403)
        name = f"datasets/{name}" if told.get("type") == "dataset" else name
        if name in self.hub.repositories:
            raise _Refused(409)
        self.hub.repositories[name] = Repository(private=told.get("visibility") == "private")
        return {"url": f"{self.hub.address}/{name}"}

    def _revision(self, own: Repository, revision: str, body: bytes) -> dict[str, Any]:
        branch = self._branch_of(own, revision)
        told = {"id": "me/x", "sha": own.commits[branch][-1], "siblings": []}
        return {**told, "private": own.private}

    def _tree(self, own: Repository, revision: str, body: bytes) -> list[dict[str, Any]]:
        listed = []
        for path, data in own.branches[self._branch_of(own, revision)].items():
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data)}
            entry["oid"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if path.endswith(LARGE):
                sha256 = hashlib.sha256(data).hexdigest()
                entry["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 134}
            listed.append(entry)
        return listed

    def _branch(self, own: Repository, branch: str, body: bytes) -> dict[str, str]:
        own.branches[branch] = dict(own.branches["main"])
        own.commits[branch] = list(own.commits["main"])
        return {}

    def _preupload(self, own: Repository, revision: str, body: bytes) -> dict[str, Any]:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return {"files": files}

    def _batch(self, told: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for item in told["objects"]:
            answer = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.hub.uploads:
                href = f"{self.hub.address}/upload/{item['oid']}?signature=SIGNED"
                answer["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(answer)
        return {"transfer": "basic", "objects": objects}

    def _commit(self, own: Repository, revision: str, body: bytes) -> dict[str, Any]:
        branch = self._branch_of(own, revision)
        files = dict(own.branches[branch])
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                parent = value.get("parentCommit")
                if parent and parent != own.commits[branch][-1]:
                    raise _Refused(412)
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.hub.uploads[value["oid"]]
        own.branches[branch] = files
        oid = hashlib.sha1(body).hexdigest()
        own.commits[branch].append(oid)
        return {"commitUrl": f"{self.hub.address}/me/x/commit/{oid}", "commitOid": oid}

    def _branch_of(self, own: Repository, revision: str) -> str:
        for branch, commits in own.commits.items():
            if revision in (branch, commits[-1]):
                return branch
        raise _Refused(404, "RevisionNotFound")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, document: Any, code: str = "") -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        self.wfile.write(body)
