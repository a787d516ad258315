"""Reading what a user names: a file, or standard input by "-"."""

from __future__ import annotations

import sys
from pathlib import Path

from codelathe.core.errors import ProblemError

STANDARD_INPUT = Path("-")


def read_text(path: Path) -> str:
    """The UTF-8 text of `path`, a byte order mark removed.

    Raises:
        ProblemError: it cannot be read, or is not UTF-8 (with the byte and its place).
    """
    name = "standard input" if path == STANDARD_INPUT else str(path)
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ProblemError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ProblemError(
            f"{name} is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}",
            hint="save it as UTF-8, for example: iconv -f EUC-KR -t UTF-8",
        ) from None
