"""The service run for real on loopback, over scripted engines and a judge that trusts them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn
from anyio import CapacityLimiter

from codelathe.core.errors import LanguageError, LatheError
from codelathe.core.generation import Engine
from codelathe.core.judging import Case, Isolation, Judge, Status, Verdict
from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine
from codelathe.server.app import create_app
from codelathe.server.backends import Backend, standard_backends
from fakes.service import FakeService, running_service

RIGHT = "```python\ndef reverse_string(s):\n    return s[::-1]\n```"
WRONG = "```python\ndef reverse_string(s):\n    return s\n```"
BODY = {
    "prompt": "Write a Python function to reverse a string.",
    "example_inputs": ["'hello'"],
    "example_outputs": ["'olleh'"],
    "language": "Python",
    "max_tokens": 100,
}


class TrustingJudge:
    """Runs candidates in this process: these tests write the candidates themselves."""

    name = "trusting"
    isolation = Isolation("none")

    def __init__(self) -> None:
        self.closed = False

    def judge(self, cases: Iterable[Case]) -> Iterator[tuple[Verdict, ...]]:
        for case in cases:
            candidate = case.candidate
            if candidate.language != "python":
                raise LanguageError(f"no judge for {candidate.language}")
            names: dict[str, Callable[..., object]] = {}
            exec(candidate.code, names)
            verdicts = []
            for example in case.examples:
                got = names[candidate.entry_point](*example.args)
                status = Status.PASSED if got == example.value else Status.FAILED
                verdicts.append(Verdict(status, example.input, example.expected, repr(got)))
            yield tuple(verdicts)

    def close(self) -> None:
        self.closed = True


class ScriptedBackend:
    """A local backend with a given engine, or one from a factory for each request."""

    def __init__(self, engine: Engine | Callable[[], Engine]) -> None:
        self.limiter = CapacityLimiter(1)
        self.closed = False
        self._engine = engine

    @contextmanager
    def engine(self, model: str) -> Iterator[Engine]:
        yield self._engine() if callable(self._engine) else self._engine

    def close(self) -> None:
        self.closed = True


@dataclass
class Running:
    """A running service and a client of it."""

    url: str
    client: httpx2.Client
    server: uvicorn.Server
    judges: list[TrustingJudge] = field(default_factory=list)

    def generate(self, backend: str = "local", **fields: object) -> httpx2.Response:
        return self.client.post(f"/generate-code/{backend}/", json={**BODY, **fields})


@contextmanager
def run_service(backends: dict[str, Backend]) -> Iterator[Running]:
    """The application over `backends` on a free port, stopped with the block."""
    judges: list[TrustingJudge] = []

    def open_judge() -> Judge:
        judges.append(TrustingJudge())
        return judges[-1]

    config = uvicorn.Config(create_app(backends, open_judge), port=0, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with httpx2.Client(base_url=url, timeout=30.0) as client:
        yield Running(url, client, server, judges)
    server.should_exit = True
    thread.join()


Serve = Callable[..., Running]


@pytest.fixture(scope="session")
def standard() -> Iterator[Running]:
    """The three backends, `local` with a script that always answers rightly."""
    script = ScriptedEngine([ScriptedAnswer(RIGHT, repeat=True)])
    with run_service({**standard_backends(), "local": ScriptedBackend(script)}) as running:
        yield running


@pytest.fixture
def serve(standard: Running) -> Iterator[Serve]:
    """`serve()` is the standard service; `serve(answers...)` one with a script for `local`."""
    with ExitStack() as stack:

        def start(*answers: ScriptedAnswer | str | LatheError, **backends: Backend) -> Running:
            if not answers and not backends:
                return standard
            local: Backend = ScriptedBackend(ScriptedEngine(answers))
            every = {**standard_backends(), "local": local, **backends}
            return stack.enter_context(run_service(every))

        yield start


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    """A fake service that both remote backends are pointed at."""
    with running_service() as service:
        monkeypatch.setenv("OPENAI_BASE_URL", service.base_url)
        monkeypatch.setenv("HUGGINGFACE_BASE_URL", service.base_url)
        yield service


@pytest.fixture
def serving() -> Callable[[dict[str, Backend]], AbstractContextManager[Running]]:
    """The service over exactly these backends, as a context."""
    return run_service


@pytest.fixture
def scripted_backend() -> type[ScriptedBackend]:
    """Makes a local backend of an engine."""
    return ScriptedBackend
