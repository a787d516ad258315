"""The application: `uvicorn codelathe.server.app:app`, or `lathe serve`.

    POST /generate-code/{backend}/   code for a prompt, and its proof
    POST /explain-code/{backend}/    an explanation of code
    GET  /livez                      the process answers
    GET  /readyz                     code can be judged here

`backend` is `openai`, `huggingface` or `local`. What comes back is the document that the
command line prints with `--json`; an error is a problem document (`server.problems`).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from codelathe import __version__
from codelathe.core.errors import JudgeError, LatheError, UnknownName
from codelathe.core.judging import Judge
from codelathe.core.problem import Problem
from codelathe.server import problems
from codelathe.server.backends import Backend, standard_backends
from codelathe.server.forms import ExplainForm, Form, GenerateForm
from codelathe.server.guard import Guard
from codelathe.server.work import Cancelling, Judges, run, told_by_signals
from codelathe.wiring import open_judge

if TYPE_CHECKING:
    from codelathe.text.explaining import Question

Document = dict[str, Any]


class Service:
    """What the routes work with: backends, judges, and whether the server is to stop."""

    def __init__(self, backends: Mapping[str, Backend], open_judge: Callable[[], Judge]) -> None:
        self.backends = dict(backends)
        self.judges = Judges(open_judge)
        self.stopping = threading.Event()
        self._readiness = CapacityLimiter(1)

    def generate(
        self, problem: Problem, form: GenerateForm, backend: Backend, cancelling: Cancelling
    ) -> Document:
        """Solve `problem`; the document of `lathe generate --json`."""
        from codelathe.synthesis.report import outcome_document
        from codelathe.synthesis.solve import Effort, Listener, solve

        effort = Effort(
            samples=form.n,
            max_tokens=form.max_tokens,
            temperature=form.temperature,
            seed=form.seed,
        )
        listener = Listener(cancelled=cancelling)
        with backend.engine(form.model) as engine, self.judges.lend() as judge:
            return _shown(outcome_document(solve(problem, engine, judge, effort, listener)))

    def explain(
        self, question: Question, form: ExplainForm, backend: Backend, cancelling: Cancelling
    ) -> Document:
        """Answer `question`; the document of `lathe explain --json`."""
        from codelathe.synthesis.explain import explain, explanation_document

        def writing(text: str) -> None:  # noqa: ARG001 (nobody watches it grow)
            cancelling()

        with backend.engine(form.model) as engine:
            return _shown(explanation_document(explain(question, engine, writing)))

    async def ready(self, request: Request) -> Response:
        """200 where candidates can be isolated, 503 where not, saying why."""

        def look(cancelling: Cancelling) -> Document:  # noqa: ARG001 (quick)
            with self.judges.lend() as judge:
                isolation = judge.isolation
            return {"ready": True, "isolation": isolation.tier, "missing": isolation.missing}

        try:
            return _answer(await run(request, self._readiness, self.stopping, look))
        except JudgeError as error:
            return problems.of_error(error)

    async def post(
        self,
        request: Request,
        backend: str,
        form: Form,
        work: Callable[[Any, Any, Backend, Cancelling], Document],
    ) -> Response:
        """`work` on what `form` asks, by the backend of that name; errors become answers."""
        known = self.backends.get(backend)
        if known is None:
            return _unknown_backend(backend, self.backends)
        try:
            # Read on a thread of its own: what cannot be used is told without waiting in line.
            asked = await to_thread.run_sync(form.asked)
            done = await run(
                request, known.limiter, self.stopping, partial(work, asked, form, known)
            )
        except LatheError as error:
            return problems.of_error(error, form.FIELDS)
        return _answer(done)

    def close(self) -> None:
        """End judges and models."""
        self.judges.close()
        for backend in self.backends.values():
            backend.close()


def create_app(
    backends: Mapping[str, Backend] | None = None,
    open_judge: Callable[[], Judge] = open_judge,
) -> FastAPI:
    """The application over `backends` (by default the three of the contract)."""
    service = Service(standard_backends() if backends is None else backends, open_judge)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001
        with told_by_signals(service.stopping):
            yield
        service.stopping.set()
        service.close()

    app = FastAPI(
        title="codelathe",
        version=__version__,
        description="Code that was run and seen to be right, with its proof.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=problems.SafeJSONResponse,
    )
    app.add_middleware(Guard)
    app.add_exception_handler(RequestValidationError, problems.on_invalid)
    app.add_exception_handler(HTTPException, problems.on_http_error)
    app.add_exception_handler(LatheError, problems.on_lathe_error)
    app.add_exception_handler(Exception, problems.on_unexpected)
    _add_routes(app, service)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post("/generate-code/{backend}", include_in_schema=False)
    @app.post("/generate-code/{backend}/", summary="Code for a prompt, and its proof")
    async def generate_code(backend: str, form: GenerateForm, request: Request) -> Response:
        return await service.post(request, backend, form, service.generate)

    @app.post("/explain-code/{backend}", include_in_schema=False)
    @app.post("/explain-code/{backend}/", summary="An explanation of code")
    async def explain_code(backend: str, form: ExplainForm, request: Request) -> Response:
        return await service.post(request, backend, form, service.explain)

    @app.get("/livez", summary="The process answers")
    async def livez() -> Document:
        return {"live": True, "version": __version__}

    @app.get("/readyz", summary="Code can be judged here")
    async def readyz(request: Request) -> Response:
        return await service.ready(request)


def _shown(document: Document) -> Document:
    """`document` with a model that is a file by its name alone."""
    return {**document, "model": problems.without_paths(document["model"])}


def _answer(done: Document | JSONResponse) -> Response:
    return done if isinstance(done, Response) else problems.SafeJSONResponse(done)


def _unknown_backend(name: str, known: Mapping[str, Backend]) -> Response:
    error = UnknownName("backend", name, known, field="backend")
    return problems.problem(
        404,
        "UnknownBackend",
        error.message,
        hint=f"one of {', '.join(sorted(known))}",
        errors=[("backend", error.message)],
    )


app = create_app()
