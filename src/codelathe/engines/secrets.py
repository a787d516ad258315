"""Keys of remote services: where they are found, and how they are kept out of sight.

A key comes from the environment, or from a `.env` file in the current folder, which
never overrides the environment. It is held in a `Secret`, which shows itself as `***`
and cannot be pickled; text that comes from a service is scrubbed before it is repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from codelathe.core.errors import InputError, MissingKey

_ASSIGNMENT = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*
    (?: '(?P<single>[^']*)'
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | (?P<bare>[^'"\s].*|)
    )\s*(?:(?<=\s)\#.*|(?<=['"])\#.*)?""",
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_KEY_LIKE = re.compile(
    r"(?i:bearer)\s+[^\s\"',;]+"
    r"|\b(?:sk|rk|pk|xai|gsk|or)-[\w*.-]{6,}"
    r"|\b(?:hf|gsk|api_org)_[\w*.-]{6,}",
    re.ASCII,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_MAX_MESSAGE = 400
#: Characters of `.env` that are read: it may come with somebody else's repository.
_MAX_DOTENV = 1 << 16


class Secret:
    """A value that must not be seen. Only `reveal` gives it out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one header it belongs in."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not saved")


def setting(name: str) -> str:
    """The value of `name` in the environment, else in `./.env`, else an empty string.

    Raises:
        InputError: `.env` is there and is not UTF-8 text.
    """
    return os.environ.get(name, "").strip() or _dotenv().get(name, "").strip()


def find_secret(names: tuple[str, ...]) -> Secret | None:
    """The first of `names` that is set.

    Raises:
        InputError: a key has characters that no header can carry.
    """
    for name in names:
        value = setting(name)
        if not value:
            continue
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise InputError(
                f"{name} is set to something that cannot be a key: it has spaces or characters "
                "outside ASCII",
                hint=f"copy the key again: export {name}=...",
            )
        return Secret(value)
    return None


def require_secret(names: tuple[str, ...], service: str) -> Secret:
    """The first of `names` that is set.

    Raises:
        MissingKey: none is set; names the first.
        InputError: a key has characters that no header can carry.
    """
    secret = find_secret(names)
    if secret is None:
        raise MissingKey(names[0], service)
    return secret


def scrub(text: str, *secrets: Secret | None) -> str:
    """A service's own words, fit to be repeated: one short line without keys.

    Takes out the known `secrets`, whatever looks like a key, and control characters
    (terminals obey some of them).
    """
    for secret in secrets:
        if secret is not None:
            text = text.replace(secret.reveal(), "***")
    text = _KEY_LIKE.sub("***", _CONTROL.sub(" ", text[: 20 * _MAX_MESSAGE])).strip()
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def parse_dotenv(text: str) -> dict[str, str]:
    r"""The assignments of a `.env` file; lines of any other form are passed over.

    `NAME=value`, `export NAME=value`, `'as written'`, `"with \n escapes"`; an unquoted
    value ends at ` #`. Nothing is expanded. The last assignment of a name counts.
    """
    values: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            continue
        if match["single"] is not None:
            value = match["single"]
        elif match["double"] is not None:
            value = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match["double"])
        else:
            value = re.split(r"\s#|^#", match["bare"], maxsplit=1)[0].strip()
        values[match["name"]] = value
    return values


def _dotenv() -> Mapping[str, str]:
    try:
        with Path(".env").open(encoding="utf-8") as file:
            return parse_dotenv(file.read(_MAX_DOTENV))
    except UnicodeDecodeError:
        raise InputError("the file .env is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError:
        return {}
