"""Whose model answers: the names of backends, and the engines behind them.

A remote backend opens an engine for each request, so that a key is read anew and nothing
is kept. The local one keeps its engine, one model at a time, and answers one request at a
time. Its default is `CODELATHE_MODEL`, which may be any file of this machine; a request
may only name models of the store, and nothing is fetched for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol

from anyio import CapacityLimiter

from codelathe.core.errors import ArtefactUnavailable, UsageError
from codelathe.core.generation import Engine
from codelathe.core.modelref import parse_model_ref
from codelathe.engines.secrets import setting
from codelathe.wiring import DEFAULT_MODEL, open_engine, open_store

#: Requests to a remote service that are worked on at a time.
REMOTE_AT_A_TIME = 8


class Backend(Protocol):
    """A source of engines. `limiter` bounds how many requests are worked on at a time."""

    limiter: CapacityLimiter

    def engine(self, model: str) -> AbstractContextManager[Engine]:
        """The engine for `model`, the backend's default where empty; for one request.

        Raises:
            LatheError: there is no such model here, or a key is missing.
        """
        ...

    def close(self) -> None:
        """Free what is kept. Closing twice is harmless."""
        ...


class RemoteBackend:
    """Models behind a service: `scheme` is the ModelRef's, the default may be set by `variable`."""

    def __init__(self, scheme: str, variable: str, default: str) -> None:
        self.limiter = CapacityLimiter(REMOTE_AT_A_TIME)
        self._scheme = scheme
        self._variable = variable
        self._default = default

    @contextmanager
    def engine(self, model: str) -> Iterator[Engine]:
        """An engine of its own for the request."""
        name = model.removeprefix(f"{self._scheme}:") or setting(self._variable) or self._default
        with closing(open_engine(f"{self._scheme}:{name}")) as engine:
            yield engine

    def close(self) -> None:
        """Nothing is kept."""


class LocalBackend:
    """Models of the store, on this machine."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(1)
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._model = ""

    @contextmanager
    def engine(self, model: str) -> Iterator[Engine]:
        """The engine that is kept, opened anew where another model was used last."""
        own = setting("CODELATHE_MODEL") or DEFAULT_MODEL
        model = model or own
        with self._lock:
            if self._engine is None or model != self._model:
                _check_in_place(model, trusted=model == own)
                self._free()
                self._engine, self._model = open_engine(model), model
            yield self._engine

    def close(self) -> None:
        """Free the model, once the request that uses it is over."""
        with self._lock:
            self._free()

    def _free(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _check_in_place(model: str, *, trusted: bool) -> None:
    ref = parse_model_ref(model)
    if ref.remote or (ref.scheme not in ("alias", "hf") and not trusted):
        raise UsageError(
            f"the service answers with models of the store, and {model!r} is not one",
            hint="lathe models list",
            field="model",
        )
    if open_store().locate(ref) is None:
        raise ArtefactUnavailable(
            f"the model {model!r} is not in the store, and the service fetches nothing",
            hint=f"lathe models pull {model}",
            field="model",
        )


def standard_backends() -> dict[str, Backend]:
    """The three backends of the HTTP contract."""
    return {
        "openai": RemoteBackend("openai", "OPENAI_MODEL", "gpt-4.1-mini"),
        "huggingface": RemoteBackend(
            "huggingface", "HUGGINGFACE_MODEL", "Qwen/Qwen2.5-Coder-32B-Instruct"
        ),
        "local": LocalBackend(),
    }
