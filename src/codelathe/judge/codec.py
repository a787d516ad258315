"""Values as data: tagged JSON, exact types, capped.

Both sides of the sandbox's wall use it: the parent encodes arguments and decodes
what comes back, the candidate's process decodes arguments and encodes what a function
returned. Only built-in and standard types are data. A named tuple or an IntEnum arrives
as the tuple or the int that it is equal to; an instance of a class with an `__eq__` of
its own arrives as `Opaque`, which equals nothing. Decoding builds plain values only, runs
no code of the other side, and raises nothing but `CodecError`.

What is not kept: shared references inside a value, and a defaultdict's factory.

`codec_writing` encodes, `codec_reading` decodes, `codec_kinds` has the caps and what is no data.
Here is the JSON text that both come to.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from codelathe.judge.codec_kinds import CodecError, Iterated, Opaque, TooLarge
from codelathe.judge.codec_reading import LIVE, decode
from codelathe.judge.codec_writing import encode

__all__ = [
    "LIVE", "CodecError", "Iterated", "Opaque", "TooLarge", "decode", "dumps", "encode", "loads",
]  # fmt: skip

_write = json.JSONEncoder(separators=(",", ":")).encode


def dumps(tree: Any) -> bytes:
    """JSON text of an encoded value, or of a frame that holds some."""
    return _write(tree).encode("ascii")


def _no_number(text: str) -> NoReturn:
    raise CodecError(f"a number that is no small integer: {text[:20]}")


def _small_int(text: str) -> int:
    if len(text) > 17:
        raise CodecError("an integer of too many digits")
    return int(text)


_parse = json.JSONDecoder(
    parse_float=_no_number, parse_int=_small_int, parse_constant=_no_number
).decode


def loads(data: bytes) -> Any:
    """The tree in JSON text that anyone may have written.

    Raises:
        CodecError: it is not such text.
    """
    try:
        return _parse(data.decode("ascii"))
    except (ValueError, RecursionError) as e:
        raise CodecError(f"{type(e).__name__}: {e}") from None
