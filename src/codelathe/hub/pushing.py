"""A parcel to a repository of the hub, by its own client: looked at first, then in one commit.

The large files go ahead and are kept by the hub under their hashes, so that a push that broke
off sends only what is missing; nothing shows in the repository before the one commit that
holds everything. If the repository has changed since it was looked at, the hub refuses it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from codelathe.core.errors import (
    InputError,
    RateLimited,
    RejectedKey,
    RemoteError,
    RemoteFailure,
    RemoteTimeout,
)
from codelathe.hub.parcel import Parcel, ParcelFile

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

Change = Literal["new", "changed", "same"]
_TOKENS = "https://huggingface.co/settings/tokens"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parcel goes: a repository, and a branch that is made where it is missing."""

    repository: str
    revision: str = "main"
    private: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a push would do. `commit` is the repository's state, empty where it is not there."""

    place: Place
    exists: bool
    branch: bool
    commit: str
    changes: tuple[tuple[ParcelFile, Change], ...]

    @property
    def needed(self) -> bool:
        """Whether anything is new or changed."""
        return any(change != "same" for _, change in self.changes)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The commit that holds the parcel, and where to see it."""

    commit: str
    address: str


class HubWriter:
    """The hub at `HF_ENDPOINT`, written to with `token`; `bars` lets the client draw progress."""

    def __init__(self, token: str, *, bars: bool = False) -> None:
        self._bars = bars
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from huggingface_hub import HfApi

        endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
        self._api: HfApi = HfApi(endpoint=endpoint, token=token, library_name="codelathe")

    def preview(self, parcel: Parcel, place: Place) -> Preview:
        """What is there, and which files are new, changed or the same.

        Raises:
            InputError: that is no name of a repository, or a public one is to be private.
            RemoteError: the hub refuses, or cannot be reached.
        """
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
        from huggingface_hub.hf_api import RepoFile

        kind = _repo_type(parcel)
        new = _changes(parcel, {})
        if place.repository.count("/") != 1:
            raise _misnamed(place, "it has no owner")
        with _told(place, "look at"):
            try:
                info = self._api.repo_info(
                    place.repository, repo_type=kind, revision=place.revision
                )
                files = {
                    entry.path: entry.lfs.sha256 if entry.lfs else entry.blob_id
                    for entry in self._api.list_repo_tree(
                        place.repository, recursive=True, repo_type=kind, revision=info.sha
                    )
                    if isinstance(entry, RepoFile)
                }
            except RevisionNotFoundError:
                _refuse_public(place, self._api.repo_info(place.repository, repo_type=kind))
                return Preview(place, exists=True, branch=False, commit="", changes=new)
            except RepositoryNotFoundError:
                self._api.whoami()  # a wrong key looks the same
                return Preview(place, exists=False, branch=False, commit="", changes=new)
        _refuse_public(place, info)
        changes = _changes(parcel, files)
        return Preview(place, exists=True, branch=True, commit=info.sha or "", changes=changes)

    def push(self, parcel: Parcel, preview: Preview, message: str) -> Pushed:
        """Send the parcel in one commit on what the preview saw.

        Raises:
            RemoteError: nothing has changed in the repository; the same push goes on from there.
        """
        from huggingface_hub import CommitOperationAdd

        place, kind = preview.place, _repo_type(parcel)
        with _told(place, "push to"), _drawn(self._bars):
            if not preview.exists:
                self._api.create_repo(
                    place.repository, repo_type=kind, private=place.private, exist_ok=True
                )
            if not preview.branch and place.revision != "main":
                self._api.create_branch(
                    place.repository, branch=place.revision, repo_type=kind, exist_ok=True
                )
            made = self._api.create_commit(
                place.repository,
                [
                    CommitOperationAdd(
                        path_in_repo=file.name,
                        path_or_fileobj=str(file.path) if file.path else file.content,
                    )
                    for file in parcel.files
                ],
                commit_message=message,
                repo_type=kind,
                revision=place.revision,
                parent_commit=preview.commit or None,
            )
        return Pushed(made.oid, made.commit_url)


@contextmanager
def _drawn(bars: bool) -> Iterator[None]:
    """Let the client draw its bars, or not, for the time of a push."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    before = are_progress_bars_disabled()
    if not bars:
        disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


def _refuse_public(place: Place, info: Any) -> None:
    """Refuse to send what is to be private where everybody sees it.

    Raises:
        InputError: the repository is there, and public.
    """
    if place.private and info.private is False:
        raise InputError(
            f"{place.repository} is there already, and everybody can see it",
            hint="name another repository, or leave --private out",
            field="private",
        )


def _misnamed(place: Place, why: str) -> InputError:
    return InputError(
        f"{place.repository} is no name of a repository: {why}",
        hint="OWNER/REPO, with letters, digits, - _ and .",
        field="repository",
    )


def _repo_type(parcel: Parcel) -> str:
    return "dataset" if parcel.dataset else "model"


def _changes(parcel: Parcel, known: dict[str, str]) -> tuple[tuple[ParcelFile, Change], ...]:
    return tuple((file, _change(file, known.get(file.name))) for file in parcel.files)


def _change(file: ParcelFile, known: str | None) -> Change:
    if known is None:
        return "new"
    large = len(known) == hashlib.sha256().digest_size * 2
    return "same" if known == (_sha256(file) if large else _git_sha1(file)) else "changed"


def _sha256(file: ParcelFile) -> str:
    return _fed(hashlib.sha256(), file)


def _git_sha1(file: ParcelFile) -> str:
    """The name that git gives a file's content."""
    digest = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    return _fed(digest, file)


def _fed(digest: hashlib._Hash, file: ParcelFile) -> str:
    if file.path is None:
        digest.update(file.content)
        return digest.hexdigest()
    with file.path.open("rb") as opened:
        while data := opened.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


@contextmanager
def _told(place: Place, doing: str) -> Iterator[None]:
    """The client's failures as ours: what happened, and the next command."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HfHubHTTPError as error:
        raise _refused(error, place, doing) from None
    except HFValidationError as error:
        raise _misnamed(place, _line(error)) from None
    except httpx2.TimeoutException as error:
        raise RemoteTimeout(f"the hub does not answer: {_line(error)}", hint=_AGAIN) from None
    except (httpx2.TransportError, OSError) as error:
        raise RemoteFailure(f"the hub is not reachable: {_line(error)}", hint=_AGAIN) from None
    except RuntimeError as error:  # what the client makes of a failed upload
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _refused(cause, place, doing) from None
        raise RemoteFailure(f"the upload broke off: {_line(cause or error)}", hint=_AGAIN) from None
    except ValueError as error:
        raise RemoteFailure(f"the hub does not take it: {_line(error)}") from None


_AGAIN = (
    "nothing has changed in the repository; run the same command again: what was uploaded "
    "already is not sent twice"
)


def _refused(error: HfHubHTTPError, place: Place, doing: str) -> RemoteError:
    status = error.response.status_code
    where = f"{doing} {place.repository}"
    if status in (401, 403):
        owner = place.repository.partition("/")[0]
        return RejectedKey(
            f"the hub refuses to let this key {where} ({status})",
            hint=f"make one that may write to {owner} ({_TOKENS}), then: export HF_TOKEN=...",
        )
    if status == 429:
        return RateLimited("the hub asks to slow down (429)", hint=f"wait a while; {_AGAIN}")
    if status in (409, 412):
        return RemoteError(
            f"{place.repository} has changed since it was looked at ({status})",
            hint="run the same command again and look at the new preview",
        )
    if status == 404:
        return RemoteError(
            f"the hub has nothing to {where} (404)",
            hint="is the owner's name right? The repository itself is made where it is missing",
        )
    if status == 413:
        return RemoteError(
            f"the hub finds a file too large to {where} (413)",
            hint="export with smaller files (a GGUF of fewer bits), or ask the hub for more room",
        )
    if status >= 500:
        return RemoteFailure(f"the hub failed ({status})", hint=_AGAIN)
    return RemoteError(f"the hub refuses to {where} ({status}): {_line(error)}")


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = lines[0] if lines else type(error).__name__
    return re.sub(r"\?[^\s'\"]+", "", told)[:300]  # addresses to upload to are signed
