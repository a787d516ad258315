"""Engine `openvino`: OpenVINO GenAI's continuous batching, for many answers at a time.

Every answer is a sequence of its own in one batch that is stepped here, a token for each
at a time, so that each one ends as soon as its `watch`, a stop string or the model says,
and makes room for the next. Answers are yielded as they finish, not in order.

A GGUF file is converted once (`_converted.py`) and kept in the cache folder; a folder in
OpenVINO's own form is loaded as it is. What the settings below cost in speed and change in
quality is in docs/engines.md.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Protocol

from codelathe.core.generation import (
    Completion,
    EngineInfo,
    Request,
    Watch,
    refuse_unsupported,
)
from codelathe.engines._batch import Batch
from codelathe.engines._line import Line
from codelathe.engines._openvino_source import open_source
from codelathe.engines._prompting import Template, check_fit, local_info, prompt_text


class OpenVinoEngine:
    """Answers of the GGUF file at `path`, or the folder in OpenVINO's form, many at a time.

    The model is loaded at the first request and freed by `close`; a request after that
    loads it again. `template` renders chats; without it only plain prompts are taken. The
    converted model is kept under `cache_dir`.

    Raises:
        ModelFileError: the file is no GGUF file, is cut short, or of a kind that OpenVINO's
            reader does not know; the folder lacks a part.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        template: Template | None = None,
        cache_dir: str | os.PathLike[str],
        model: str = "",
    ) -> None:
        self._source = open_source(Path(path))
        self._template = template
        self._cache = Path(cache_dir)
        self._batch: Batch | None = None
        self._lock = threading.RLock()
        self._info = local_info("openvino", "openvino-genai", self._source.header, template, model)

    @property
    def info(self) -> EngineInfo:
        """Every feature is honoured, chats only where the model has a template."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield the answers as they finish.

        Raises:
            UnsupportedArgument: a chat for a model without a chat template.
            ContextOverflow: prompt and longest answer exceed the model's context.
            ModelFileError: the weights cannot be loaded.
            EngineError: OpenVINO gave up.
        """
        refuse_unsupported(self._info, requests)
        texts = [prompt_text(request, self._template, self._info) for request in requests]
        batch = self._ready()
        prompts = [batch.prompt(text) for text in texts]
        check_fit(prompts, requests, self._info)
        waiting = deque(
            Line(index, choice, prompt, request.sampling)
            for index, (request, prompt) in enumerate(zip(requests, prompts, strict=True))
            for choice in range(request.n)
        )
        return self._answers(batch, waiting, watch)

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._batch = None

    def _ready(self) -> Batch:
        with self._lock:
            if self._batch is None:
                self._batch = Batch(self._source, self._cache)
            return self._batch

    def _answers(
        self, batch: Batch, waiting: deque[Line], watch: Watch | None
    ) -> Generator[Completion]:
        running: list[Line] = []
        read: set[int] = set()
        try:
            while waiting or running:
                start_some(batch, waiting, running, read)
                for line in batch.step(running, watch):
                    running.remove(line)
                    read.add(line.request)
                    batch.end(line)
                    yield line.completion(self._info)
        finally:
            for line in running:
                batch.end(line)


class _Rows(Protocol):
    """What of a Batch decides who begins."""

    def admits(self, line: Line) -> bool:
        """Whether there is room."""

    def start(self, line: Line) -> None:
        """Take it in."""


def start_some(batch: _Rows, waiting: deque[Line], running: list[Line], read: set[int]) -> None:
    """Put into the batch what there is room for, unless its prompt is about to be found there.

    `read` are the requests whose prompts were read. What a prompt shares with one of those is
    found again: all of it where it is answered several times, else its beginning. So the very
    first prompt is read by itself, and of every request the first answer begins before the others.
    """
    read.update(line.request for line in running if line.written)
    reading = {line.request for line in running} - read
    later: list[Line] = []
    while waiting and batch.admits(waiting[0]) and (read or not running):
        line = waiting.popleft()
        if line.request in reading:
            later.append(line)
            continue
        batch.start(line)
        running.append(line)
        if line.request not in read:
            reading.add(line.request)
    waiting.extendleft(reversed(later))
