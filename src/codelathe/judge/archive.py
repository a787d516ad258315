"""Several files as one run of bytes, on their way into a process slot and out of one.

Four bytes of length, then JSON `[[name, size], ...]`, then the files' bytes one after
another. Both sides use it; what comes out of a sandbox is checked as bytes of a stranger:
names are relative and plain, sizes add up. Nothing here touches a file system.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

_HEAD = 4
_HEADER_BYTES = 1 << 20


class ArchiveError(ValueError):
    """Bytes that are no archive."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """`files` by name, as one run of bytes."""
    return b"".join([header({name: len(data) for name, data in files.items()}), *files.values()])


def header(sizes: Mapping[str, int]) -> bytes:
    """What stands before the bytes of files of these sizes."""
    text = json.dumps(list(sizes.items())).encode()
    return len(text).to_bytes(_HEAD) + text


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of an archive.

    Raises:
        ArchiveError: it is none, or names a file outside of the folder it is unpacked in.
    """
    size = int.from_bytes(data[:_HEAD])
    start = _HEAD + size
    if len(data) < start or size > _HEADER_BYTES:
        raise ArchiveError(f"an archive of {len(data)} bytes with a header of {size}")
    files = {}
    for name, length in _entries(data[_HEAD:start]):
        files[name] = data[start : start + length]
        start += length
    if start != len(data):
        raise ArchiveError(f"an archive of {len(data)} bytes that says it has {start}")
    return files


def _entries(text: bytes) -> list[tuple[str, int]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise ArchiveError(f"a header that is none: {e}") from e
    if type(found) is not list:
        raise ArchiveError("a header that is no list")
    return [_entry(pair) for pair in found]


def _entry(pair: object) -> tuple[str, int]:
    if type(pair) is not list or len(pair) != 2:
        raise ArchiveError(f"not a name and a size: {pair!r:.100}")
    name, size = pair
    if type(name) is not str or type(size) is not int or size < 0:
        raise ArchiveError(f"not a name and a size: {pair!r:.100}")
    parts = name.split("/")
    if "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise ArchiveError(f"a name that leads elsewhere: {name!r:.100}")
    return name, size
