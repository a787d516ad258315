"""The base address of a remote service: where it is set, whether it may be used, its key."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from codelathe.core.errors import UsageError
from codelathe.engines.secrets import Secret, find_secret, require_secret, scrub, setting


def find_address(variable: str, keys: tuple[str, ...]) -> str:
    """The address that `variable` names, in the environment or `./.env`; empty where unset.

    The `.env` of a folder may come with somebody else's repository. It must not send a key
    from the environment to an address of its own choice.

    Raises:
        UsageError: the address stands in `.env` and one of `keys` in the environment.
    """
    address = setting(variable)
    if not address or os.environ.get(variable, "").strip():
        return address
    key = next((name for name in keys if os.environ.get(name, "").strip()), None)
    if key is not None and not is_loopback(urlsplit(check_address(address)).hostname or ""):
        raise UsageError(
            f".env sets {variable}, and {key} from the environment would be sent there",
            hint=f"export {variable} if you trust that address, or put its key into .env as well",
        )
    return address


def find_key(variables: tuple[str, ...], host: str, service: str) -> Secret | None:
    """The first of `variables` that is set; a service on this machine may need none.

    Raises:
        MissingKey: none is set, and `host` is elsewhere.
    """
    return find_secret(variables) if is_loopback(host) else require_secret(variables, service)


def check_address(address: str) -> str:
    """`address` without a slash at its end.

    Raises:
        UsageError: not http or https, or with a password in it.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"the base address {_shown(address)!r} is not an http address",
            hint="it looks like http://127.0.0.1:8080/v1",
        )
    if parts.username or parts.password:
        raise UsageError(
            f"the base address of {parts.hostname} has a user name or password in it",
            hint="give the key by its variable instead",
        )
    return address.rstrip("/")


def _shown(address: str) -> str:
    """`address` without what may be a password or a key that was put there by mistake."""
    return scrub(address.rpartition("@")[2])


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
