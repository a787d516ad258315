"""What a service may send: no redirect, nothing compressed, no endless line, nothing unheard.

A hook for responses of the HTTP client, since one of the two engines leaves the reading to
a library, which takes all that comes. It acts where `listening` named a call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from codelathe.engines._chunks import Garbled

if TYPE_CHECKING:
    import httpx2

#: What a client says that wants no compression; a few kB could else become gigabytes.
PLAIN = {"Accept-Encoding": "identity"}
_MAX_LINE = 1 << 20
_MAX_REFUSAL = 1 << 16

_ended: ContextVar[threading.Event] = ContextVar("ended")


@contextmanager
def listening(ended: threading.Event) -> Iterator[None]:
    """Guard what this thread receives in the block; nothing more once `ended` is set."""
    token = _ended.set(ended)
    try:
        yield
    finally:
        _ended.reset(token)


def guard(response: httpx2.Response) -> None:
    """Bound the body of `response`, which has not been read yet.

    Raises:
        Garbled: it leads elsewhere (a prompt is for the address that was named), or is
            compressed although that was not wanted.
    """
    from httpx2 import SyncByteStream

    ended = _ended.get(None)
    if ended is None:
        return
    request, headers = response.request, response.headers
    if request.method == "POST" and response.has_redirect_location:
        raise Garbled(f"it leads to another address, {headers['location']}, which is not followed")
    plain = request.headers.get("accept-encoding") == "identity"
    if plain and headers.get("content-encoding", "identity") != "identity":
        raise Garbled(f"it is compressed ({headers['content-encoding']})")
    whole = response.stream
    assert isinstance(whole, SyncByteStream), "both engines ask synchronously"
    end = whole.close
    pieces = _lines(whole, ended) if response.is_success else _start(whole)

    class Guarded(SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return pieces

        def close(self) -> None:
            end()

    response.stream = Guarded()


def _lines(pieces: Iterable[bytes], ended: threading.Event) -> Iterator[bytes]:
    """`pieces` until `ended` is set."""
    line = 0
    for piece in pieces:
        if ended.is_set():
            return
        line = line + len(piece) if b"\n" not in piece else len(piece) - piece.rindex(b"\n")
        if line > _MAX_LINE:
            raise Garbled(f"one event of more than {_MAX_LINE:,} bytes")
        yield piece


def _start(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The first of `pieces`: enough of a refusal to see why."""
    size = 0
    for piece in pieces:
        yield piece
        size += len(piece)
        if size > _MAX_REFUSAL:
            return
