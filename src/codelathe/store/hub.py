"""The source `hub`: repositories on the Hugging Face Hub, by its own client.

`HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`, proxies and certificates are the client's.
The bytes are streamed by range request through the client's session into our own
unfinished file, since the client's download functions begin anew after an interruption.

A hub that cannot be reached costs a few seconds once: the first request has a deadline
(name resolution included, which no HTTP timeout covers), and the answer is remembered.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from codelathe.core.errors import IntegrityError, SourceUnreachable, StoreError
from codelathe.store.artefact import Artefact, HubFile, not_carried
from codelathe.store.part import Part
from codelathe.store.progress import Progress
from codelathe.store.shelf import RECORD

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TRUE = {"1", "ON", "YES", "TRUE"}
_RETRIES = 3


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file as the hub lists it; `sha256` is empty for files outside LFS."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit."""

    name: str
    commit: str
    licence: str
    files: tuple[RepositoryFile, ...]


class HubSource:
    """The hub at `HF_ENDPOINT`.

    Seconds: `patience` is the deadline of short requests, `stall` the longest wait for the
    next bytes, `pause` the first wait before another try.
    """

    name = "hub"

    def __init__(self, patience: float = 5.0, stall: float = 30.0, pause: float = 0.5) -> None:
        # Else the client asks the hub for a list, to tell it which program it is run by.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        self._endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        self._patience = patience
        self._stall = stall
        self._pause = pause
        self._down = ""

    def carries(self, artefact: Artefact) -> bool:
        """Whether the catalogue knows a repository for it."""
        return artefact.hub is not None

    def repository(self, name: str, revision: str = "", *, dataset: bool = False) -> Repository:
        """The files of a repository, with sizes and, for LFS files, SHA-256.

        The hub keeps those of data sets apart from those of models.

        Raises:
            SourceUnreachable: no answer, no such repository, or no permission.
        """
        from huggingface_hub import HfApi

        api = HfApi(endpoint=self._endpoint, library_name="codelathe")
        listing = api.dataset_info if dataset else api.model_info
        info = self._ask(
            name,
            lambda: listing(
                name, revision=revision or None, files_metadata=True, timeout=self._patience
            ),
        )
        files = (
            RepositoryFile(s.rfilename, s.size or 0, s.lfs.sha256 if s.lfs else "")
            for s in info.siblings or []
            if _can_be_kept(s.rfilename)
        )
        licence = str(info.card_data.get("license") or "unknown") if info.card_data else "unknown"
        return Repository(name, info.sha or revision, licence, tuple(files))

    def fetch(self, artefact: Artefact, part: Part, progress: Progress) -> None:
        """Append what is missing, by range; a cut stream is gone on with."""
        hub = artefact.hub
        if hub is None:
            raise not_carried(self.name, artefact)
        self._check_offer(hub, artefact)
        progress.advanced(part.size)
        failures = 0
        while True:
            before = part.size
            try:
                self._stream(hub, part, progress)
            except _Broken as broken:
                failures = 0 if part.size > before else failures + 1
                if failures > _RETRIES:
                    raise SourceUnreachable(f"{broken} ({part.size:,} bytes are kept)") from None
                time.sleep(min(self._pause * 2**failures, 8.0))
            else:
                return

    def _check_offer(self, hub: HubFile, artefact: Artefact) -> None:
        """Ask what is there before any byte is fetched: also the test that the hub is up."""
        from huggingface_hub import get_hf_file_metadata

        found = self._ask(
            f"{hub.repository}/{hub.file}",
            lambda: get_hf_file_metadata(
                self._url(hub), timeout=self._patience, endpoint=self._endpoint,
                headers=self._headers(),
            ),
        )  # fmt: skip
        if artefact.bytes and found.size and found.size != artefact.bytes:
            raise IntegrityError(
                f"{hub.repository} has {hub.file} with {found.size:,} bytes, not {artefact.bytes:,}"
            )
        etag = found.etag or ""
        if artefact.sha256 and _SHA256.fullmatch(etag) and etag != artefact.sha256:
            raise IntegrityError(
                f"{hub.repository} has {hub.file} with the SHA-256 {etag}, not {artefact.sha256}"
            )

    def _stream(self, hub: HubFile, part: Part, progress: Progress) -> None:
        """One GET. Raises _Broken where another try may help."""
        import httpx2
        from huggingface_hub import get_session

        headers = self._headers() | {"Accept-Encoding": "identity"}
        if part.size:
            headers["Range"] = f"bytes={part.size}-"
        timeout = httpx2.Timeout(self._stall, connect=self._patience)
        try:
            with get_session().stream(
                "GET", self._url(hub), headers=headers, timeout=timeout
            ) as answer:
                if not self._continues(answer, part, hub):
                    return
                for data in answer.iter_bytes():  # as it arrives: a cut must not cost a chunk
                    part.write(data)
                    progress.advanced(part.size)
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise _Broken(f"the connection broke: {_reason(error)}") from None
        if part.limit is not None and part.size < part.limit:
            raise _Broken(f"the answer ended after {part.size:,} of {part.limit:,} bytes")

    def _continues(self, answer: httpx2.Response, part: Part, hub: HubFile) -> bool:
        """Whether a body follows that belongs at the end of `part`."""
        status = answer.status_code
        if status == 416:
            if part.limit is not None and part.size == part.limit:
                return False
            part.rewind()
            raise _Broken("the server refused to go on and starts anew")
        if status >= 500 or status == 429:
            raise _Broken(f"the server answered {status}")
        if status not in (200, 206):
            raise _refused(status, f"{hub.repository}/{hub.file}")
        start = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        if status == 200 or start is None or int(start[1]) != part.size:
            part.rewind()
            if status == 206:
                raise _Broken("the server answered another range than was asked for")
        return True

    def _url(self, hub: HubFile) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(
            hub.repository,
            hub.file,
            repo_type="dataset" if hub.dataset else None,
            revision=hub.revision or None,
            endpoint=self._endpoint,
        )

    def _headers(self) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # public

        headers: dict[str, str] = build_hf_headers(library_name="codelathe")
        return headers

    def _ask(self, what: str, request: Callable[[], T]) -> T:
        """A short request, under the deadline; its failures become store errors."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

        if os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
            raise SourceUnreachable("HF_HUB_OFFLINE is set")
        if self._down:
            raise SourceUnreachable(self._down)
        for attempt in range(_RETRIES):
            try:
                return _within(self._patience, request)
            except HfHubHTTPError as error:
                status = error.response.status_code
                if status < 500 and status != 429:
                    raise _refused(status, what) from None
                reason = f"the server answered {status}"
                time.sleep(self._pause * 2**attempt)
            except HFValidationError as error:
                raise SourceUnreachable(f"{what} is no repository name: {error}") from None
            except OfflineModeIsEnabled:
                raise SourceUnreachable("HF_HUB_OFFLINE is set") from None
            except (httpx2.TransportError, TimeoutError, OSError) as error:
                self._down = f"not reachable: {_reason(error)}"
                raise SourceUnreachable(self._down) from None
            except (ImportError, ValueError, TypeError, KeyError) as error:
                # A proxy that the client cannot use, or one that answers in the hub's place.
                raise SourceUnreachable(f"gave no usable answer: {_reason(error)}") from None
        raise SourceUnreachable(reason)


def _can_be_kept(name: str) -> bool:
    """Whether a name that the hub gives stays inside its folder, and is not our record's."""
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    return inside and name.isprintable() and name != RECORD


class _Broken(StoreError):
    """A download that stopped and may be gone on with."""


def _refused(status: int, what: str) -> SourceUnreachable:
    if status in (401, 403):
        return SourceUnreachable(
            f"refused {what} ({status}): it does not exist, is private, or its terms must be "
            "accepted first",
            hint="accept the terms on the model's page and set HF_TOKEN",
        )
    if status == 404:
        return SourceUnreachable(f"has no {what} (404)")
    return SourceUnreachable(f"answered {status} for {what}")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _within(seconds: float, request: Callable[[], T]) -> T:
    """The result of `request`, or TimeoutError; a request that hangs is left behind."""
    box: dict[str, Any] = {}

    def run() -> None:
        try:
            box["value"] = request()
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            box["error"] = error

    thread = threading.Thread(target=run, daemon=True, name="codelathe-hub")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if "error" in box:
        raise box["error"]
    value: T = box["value"]
    return value
