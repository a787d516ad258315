"""Engine `llamacpp`: llama.cpp through xllamacpp, for one stream with quick first words.

llama.cpp's own server runs inside this process and is spoken to over a socket in a
folder that only this user can enter; no network port is opened. The socket rather
than the in-process call, because it has a tokeniser (a prompt is measured before any
work) and because a closed connection cancels an answer even while its prompt is being
read, so Ctrl-C works at once.

Answers are drawn one after another: on CPUs llama.cpp gains nothing from batches, and
several requests at a time are what the engine `openvino` is for. Sampling is exactly
what the Request says: temperature, then top-p; no top-k, no min-p, no penalties.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from codelathe.core.errors import EngineError, ModelFileError
from codelathe.core.generation import (
    Completion,
    EngineInfo,
    FinishReason,
    Request,
    Sampling,
    Watch,
    refuse_unsupported,
)
from codelathe.core.gguf import read_gguf_header
from codelathe.core.spinning import spinning
from codelathe.engines._answer import Answer
from codelathe.engines._prompting import (
    Template,
    check_fit,
    local_info,
    prompt_text,
    usable_cores,
    with_one_bos,
)

_SMALLEST_CONTEXT = 4096
#: Tokens read between two looks at whether the answer is still wanted (about 2 s on two cores).
_PROMPT_BATCH = 256
_TURNS = 300
#: The address of a Unix socket has room for about 100 bytes on every system.
_LONGEST_FOLDER = 80


class LlamaCppEngine:
    """Answers of the GGUF model at `path`, one at a time.

    The model is loaded at the first request (mapped, not copied) and freed by `close`; a
    request after that loads it again. `template` renders chats; without it only plain
    prompts are taken. `cache_dir` is not needed: nothing is converted.

    Raises:
        ModelFileError: the file is no GGUF file, is cut short, or llama.cpp refuses it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        template: Template | None = None,
        cache_dir: str | os.PathLike[str] | None = None,  # noqa: ARG002  # local engines alike
        model: str = "",
    ) -> None:
        self._header = read_gguf_header(path)
        self._template = template
        self._server: _Server | None = None
        self._lock = threading.RLock()
        self._info = local_info("llamacpp", "xllamacpp", self._header, template, model)

    @property
    def info(self) -> EngineInfo:
        """Every feature is honoured, chats only where the model has a template."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield the answers in order, each drawn after the one before it.

        Raises:
            UnsupportedArgument: a chat for a model without a chat template.
            ContextOverflow: prompt and longest answer exceed the model's context.
            ModelFileError: the weights cannot be loaded.
            EngineError: llama.cpp gave up.
        """
        refuse_unsupported(self._info, requests)
        texts = [prompt_text(request, self._template, self._info) for request in requests]
        prompts = [self.tokens(text) for text in texts]
        check_fit(prompts, requests, self._info)
        return self._answers(requests, prompts, watch)

    def close(self) -> None:
        """Free the model, once the answer being drawn has ended."""
        with self._lock:
            if self._server is not None:
                self._server.close()
                self._server = None

    def _answers(
        self, requests: Sequence[Request], prompts: Sequence[list[int]], watch: Watch | None
    ) -> Generator[Completion]:
        for index, (request, prompt) in enumerate(zip(requests, prompts, strict=True)):
            for choice in range(request.n):
                with self._lock:
                    completion = self._answer(index, choice, request.sampling, prompt, watch)
                yield completion

    def _answer(
        self, index: int, choice: int, sampling: Sampling, prompt: list[int], watch: Watch | None
    ) -> Completion:
        begun = time.monotonic()
        server = self._ready(len(prompt) + sampling.max_tokens)
        seed = sampling.seed + choice
        answer = Answer(sampling.stop)
        tokens = 0
        reason: FinishReason | None = None
        # Closed here and not by the collector: while an exception carries this frame about,
        # the connection would stay open and the server wait for its reader.
        with closing(server.stream("/completion", _body(prompt, sampling, seed))) as events:
            for event in events:
                tokens = max(tokens, event.get("tokens_predicted", 0))
                reason = _finish_reason(event)
                grown = answer.add(event.get("content", ""), last=reason is not None)
                if answer.stopped:
                    reason = "stop"
                if grown and watch is not None and watch(index, choice, answer.text):
                    reason = reason or "watch"
                if reason is not None:
                    break
        if reason is None:
            raise EngineError("llama.cpp ended an answer without saying why")
        return Completion(
            request=index,
            choice=choice,
            text=answer.text,
            prompt_tokens=len(prompt),
            completion_tokens=tokens,
            seconds=time.monotonic() - begun,
            finish_reason=reason,
            seed=seed,
            model=self._info.model,
            engine=self._info.name,
        )

    def tokens(self, text: str) -> list[int]:
        """The tokens that the model reads `text` as, BOS included where it wants one."""
        body = {"content": text, "add_special": False, "parse_special": True}
        with self._lock:
            answer = self._ready(0).ask("/tokenize", body)
        return with_one_bos(answer["tokens"], self._header)

    def pieces(self, text: str, *, special: bool = True) -> list[tuple[int, bytes]]:
        """The tokens of `text`, none added, each with the bytes that it stands for.

        With `special`, special tokens are read in `text` as such.
        """
        body = {
            "content": text, "add_special": False, "parse_special": special, "with_pieces": True,
        }  # fmt: skip
        with self._lock:
            answer = self._ready(0).ask("/tokenize", body)
        return [(token["id"], _bytes(token["piece"])) for token in answer["tokens"]]

    def text(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`, special ones included."""
        with self._lock:
            answer = self._ready(0).ask("/detokenize", {"tokens": list(tokens)})
        return str(answer["content"])

    def _ready(self, tokens: int) -> _Server:
        """The server, loaded again with a larger context where `tokens` need it."""
        if self._server is not None and tokens > self._server.context:
            self.close()
        if self._server is None:
            context = max(_SMALLEST_CONTEXT, 1 << (tokens - 1).bit_length() if tokens else 0)
            longest = self._info.context_length or context
            self._server = _Server(self._header.path, min(context, longest))
        return self._server


def _body(prompt: list[int], sampling: Sampling, seed: int) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "stream": True,
        "return_progress": True,  # events while the prompt is read: a gone reader is noticed
        "n_predict": sampling.max_tokens,
        "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
        "top_p": sampling.top_p,
        "samplers": ["temperature", "top_p"],
        "seed": seed % 0xFFFFFFFF,  # the largest of 32 bits means 'random' to llama.cpp
        "repeat_penalty": 1.0,
        "cache_prompt": False,  # a reused prompt rounds differently: a seed would not repeat
    }


def _bytes(piece: str | list[int]) -> bytes:
    """llama.cpp gives text, and numbers where the bytes are not whole characters."""
    return piece.encode() if isinstance(piece, str) else bytes(piece)


def _finish_reason(event: dict[str, Any]) -> FinishReason | None:
    if not event.get("stop"):
        return None
    return "length" if event.get("stop_type") == "limit" else "stop"


class _Server:
    """llama.cpp's server in this process, and the private socket that leads to it."""

    def __init__(self, path: Path, context: int) -> None:
        with spinning(_TURNS):
            import xllamacpp

        self.context = context
        self._folder = _private_folder()
        self._address = f"{self._folder.name}/llama.sock"
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.hostnames = [self._address]
        parameters.n_ctx = context
        parameters.n_batch = parameters.n_ubatch = _PROMPT_BATCH
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = usable_cores()
        parameters.cpuparams_batch.n_threads = usable_cores()
        parameters.cache_ram_mib = 0  # one slot keeps its own prompt; no second copy in memory
        parameters.warmup = False
        parameters.fit_params = False
        parameters.endpoint_slots = False
        parameters.ui = False
        parameters.verbosity = -1

        def load() -> Any:
            native = xllamacpp.Server(parameters)
            self._get("/lora-adapters")  # answered by its loop, hence once that runs
            return native

        try:
            # A server let go before its loop runs never ends. On a thread of its own, Ctrl-C
            # while the weights are read cannot do that: it is loaded, and then let go.
            with ThreadPoolExecutor(1, thread_name_prefix="llama") as loader:
                self._native: Any = loader.submit(load).result()
        except (RuntimeError, ValueError) as error:
            self._folder.cleanup()
            raise ModelFileError(
                f"llama.cpp cannot load {path}: {error}",
                hint="fetch it again (lathe models pull NAME), or name another file",
            ) from None

    def ask(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post `body` and return the JSON answer."""
        connection, response = self._post(route, body)
        try:
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        return answer

    def stream(self, route: str, body: dict[str, Any]) -> Generator[dict[str, Any]]:
        """Post `body` and yield the events. Closing the generator cancels the work."""
        connection, response = self._post(route, body)
        try:
            for line in response:
                if line.startswith(b"data: "):
                    yield _checked(json.loads(line[6:]))
                elif line.startswith(b"error: "):
                    _checked({"error": json.loads(line[7:])})
        finally:
            response.close()
            connection.close()

    def close(self) -> None:
        """Stop the server and free the model."""
        self._native = None  # its destructor ends the loop and joins the thread
        self._folder.cleanup()

    def _get(self, route: str) -> None:
        connection = _Connection(self._address)
        try:
            connection.request("GET", route)
            connection.getresponse().read()
        finally:
            connection.close()

    def _post(
        self, route: str, body: dict[str, Any]
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        connection = _Connection(self._address)
        try:
            connection.request(
                "POST", route, json.dumps(body), {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            if response.status != http.client.OK:
                _checked(json.loads(response.read()))
                raise EngineError(f"llama.cpp answered with status {response.status}")
        except BaseException:
            connection.close()
            raise
        return connection, response


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, address: str) -> None:
        super().__init__("localhost")
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._address)


def _checked(event: dict[str, Any]) -> dict[str, Any]:
    if "error" in event:
        raise EngineError(f"llama.cpp failed: {event['error'].get('message', event['error'])}")
    return event


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    usual = tempfile.gettempdir()
    where = usual if len(os.fsencode(usual)) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108
    return tempfile.TemporaryDirectory(prefix="lathe-", dir=where, ignore_cleanup_errors=True)
