"""How long to wait for a remote service, and when to ask it again.

Exponential back-off with full jitter; a `Retry-After` header (RFC 9110, section 10.2.3)
counts as a lower bound. Attempts and the time spent waiting are both bounded.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from codelathe.core.errors import LatheError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two parts of an answer, and for a whole answer."""

    connect: float = 10.0
    read: float = 120.0
    total: float = 900.0


@dataclass(frozen=True, slots=True)
class Retries:
    """At most `attempts` tries of a request, `wait` seconds of waiting between them in all."""

    attempts: int = 5
    first: float = 0.5
    longest: float = 20.0
    wait: float = 60.0

    def delay(self, attempt: int, waited: float, after: float | None) -> float | None:
        """Seconds to wait after the failed try number `attempt`, or None to give up."""
        if attempt >= self.attempts:
            return None
        ceiling = min(self.longest, self.first * 2 ** (attempt - 1))
        seconds = random.uniform(ceiling / 2, ceiling)  # noqa: S311 (jitter, not a secret)
        seconds = max(seconds, after or 0.0)
        return seconds if waited + seconds <= self.wait else None


class Transient(Exception):
    """The service may answer when asked again; `error` is what to raise when it does not."""

    def __init__(self, error: LatheError, after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.after = after


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the service asks to wait, None where it does not say."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
