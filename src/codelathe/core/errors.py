"""Every error codelathe raises on purpose, and how each one is answered.

    LatheError
    ├── InputError                 what the caller wrote cannot be used
    │   ├── UsageError             an option or a combination of options
    │   ├── ProblemError           a prompt, an example, a problem file
    │   ├── ModelRefError          a model reference that does not parse
    │   └── UnknownName            not in a table; carries the nearest names
    ├── InUse                      another process is at the same files
    ├── StoreError                 weights or data could not be put in place
    │   ├── SourceUnreachable      one source did not answer
    │   ├── ArtefactUnavailable    no source could give it
    │   ├── IntegrityError         bytes that are not the pinned ones
    │   └── DiskFull
    ├── EngineError                a model could not answer
    │   ├── UnsupportedArgument    the engine cannot honour an argument
    │   ├── ContextOverflow        the prompt does not fit the context
    │   ├── ModelFileError         weights that cannot be loaded
    │   ├── MissingDependency      a package of an extra is not installed
    │   └── RemoteError            a remote model
    │       ├── MissingKey
    │       ├── RejectedKey
    │       ├── RateLimited
    │       ├── RemoteTimeout
    │       └── RemoteFailure      5xx, cut streams, garbage
    └── JudgeError                 code could not be judged
        ├── OutputTooLarge         a value is more than a judge carries
        ├── IsolationError         this machine cannot isolate code
        └── LanguageError          no judge for this language

An error carries three things: what happened (with the value), the next step to
take (`hint`), and nothing else: no secret, no trace. `ANSWERS` is the one table
that turns a class into an exit code and an HTTP status.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class LatheError(Exception):
    """Base of all errors raised on purpose.

    `message` says what happened, with the value; `hint` is the next command or
    action; `field` names the argument at fault, where there is one.
    """

    def __init__(self, message: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field


class InputError(LatheError):
    """What the caller wrote cannot be used."""


class UsageError(InputError):
    """An option, or a combination of options, makes no sense."""


class ProblemError(InputError):
    """A prompt, an example or a problem file is malformed."""


class ModelRefError(InputError):
    """A model reference does not parse."""


_FEW = 5


class UnknownName(InputError):
    """A name is not in a table. The nearest names go into the hint; all, where they are few."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, also: str = "", field: str = ""
    ) -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name.lower(), choices, n=3, cutoff=0.4)
        few = len(choices) <= _FEW or not near
        hint = f"known: {', '.join(choices)}" if few else f"nearest: {', '.join(near)}"
        super().__init__(
            f"unknown {kind} {name!r}", hint="; ".join(filter(None, [hint, also])), field=field
        )
        self.nearest = tuple(near)


class InUse(LatheError):
    """Another process is at the same files; nothing was changed."""


class StoreError(LatheError):
    """Weights or data could not be put in place."""


class SourceUnreachable(StoreError):
    """One source did not answer; another may."""


class ArtefactUnavailable(StoreError):
    """No source could give an artefact."""


class IntegrityError(StoreError):
    """Bytes differ from the pinned size or SHA-256."""


class DiskFull(StoreError):
    """The disk has too little room; what was fetched is kept."""


class EngineError(LatheError):
    """A model could not answer."""


class UnsupportedArgument(EngineError, InputError):
    """The engine cannot honour an argument, and none is silently ignored."""


class ContextOverflow(EngineError, InputError):
    """Prompt and answer do not fit the model's context."""


class ModelFileError(EngineError):
    """Weights that cannot be loaded: truncated, altered, or of another format."""


class MissingDependency(EngineError):
    """A package of an optional extra is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed",
            hint=f"pip install 'codelathe[{extra}]'",
        )


class RemoteError(EngineError):
    """A remote model could not answer."""


class MissingKey(RemoteError):
    """No API key in the environment or `.env`."""

    def __init__(self, variable: str, service: str) -> None:
        super().__init__(
            f"{service} needs an API key and {variable} is not set",
            hint=f"export {variable}=... or write it into .env",
        )
        self.variable = variable


class RejectedKey(RemoteError):
    """The service refused the API key."""


class RateLimited(RemoteError):
    """The service asked to slow down and went on doing so."""


class RemoteTimeout(RemoteError):
    """The service did not answer in time."""


class RemoteFailure(RemoteError):
    """The service failed, or answered with something that is no answer."""


class JudgeError(LatheError):
    """Code could not be judged."""


class OutputTooLarge(JudgeError):
    """A value that trusted code gives is more than the judge carries.

    `before` holds what its earlier calls gave, each with its seconds.
    """

    def __init__(self, message: str, before: Sequence[tuple[Any, float]] = ()) -> None:
        super().__init__(message)
        self.before = tuple(before)


class IsolationError(JudgeError):
    """This machine cannot isolate code well enough; nothing was run."""


class LanguageError(JudgeError, InputError):
    """No judge runs this language here."""


#: class -> (exit code, HTTP status). The nearest class in the method resolution order counts.
ANSWERS: dict[type[LatheError], tuple[int, int]] = {
    LatheError: (1, 500),
    InputError: (2, 422),
    MissingKey: (1, 503),
    RejectedKey: (1, 502),
    RateLimited: (1, 503),
    RemoteTimeout: (1, 504),
    RemoteFailure: (1, 502),
    RemoteError: (1, 502),
    StoreError: (1, 503),
    MissingDependency: (1, 503),
    IsolationError: (1, 503),
}


def answer(error: LatheError) -> tuple[int, int]:
    """The exit code and the HTTP status for `error`."""
    return next(ANSWERS[cls] for cls in type(error).__mro__ if cls in ANSWERS)
