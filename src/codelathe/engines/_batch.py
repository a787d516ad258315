"""OpenVINO GenAI's pipeline, one step at a time, and the answers in its batch.

A `Batch` starts lines, steps all of them by a token, and ends them. Several callers may
share a batch, each with its own lines: whoever steps, steps for all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from codelathe.core.errors import EngineError
from codelathe.core.generation import FinishReason, Watch
from codelathe.engines._line import Line
from codelathe.engines._openvino_source import Source
from codelathe.engines._prompting import END_TOKENS, usable_cores

#: Lines in one batch; decoding gains little beyond.
_WIDTH = 64
#: Tokens in one step, those of prompts included: what two cores' caches hold the better.
_STEP_TOKENS = 256
#: Tokens in a block of the cache of keys and values, on processors.
_BLOCK = 32
#: Tokens, of prompts and answers, that lines may hold between them before others wait.
_ROOM = 65_536
#: OpenVINO's word for why a line ended -> ours.
_REASONS: dict[str, FinishReason] = {"STOP": "stop", "LENGTH": "length"}


class Batch:
    """The loaded model and the lines it is writing.

    Raises:
        ModelFileError: the model cannot be converted or loaded.
    """

    def __init__(self, source: Source, cache: Path) -> None:
        self._lock = threading.Lock()
        load = partial(
            _open_pipeline,
            most=max(_ROOM, source.header.context_length or 0),
            keys="f16" if source.small else "u8",
        )
        self._source = source
        self._pipeline, self._tokenizer = source.load(load, cache)
        self._ends = self._end_tokens()
        self._held = 0
        self._started = 0

    def encode(self, text: str) -> list[int]:
        """The tokens of `text`, special tokens read as such and none added."""
        tokens = self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]
        return [int(token) for token in tokens]

    def prompt(self, text: str) -> list[int]:
        """The tokens of `text` with one BOS in front where the model wants one."""
        return self._source.begun(self.encode(text), self._tokenizer)

    def admits(self, line: Line) -> bool:
        """Whether there is room for `line` now; an empty batch takes any line."""
        with self._lock:
            return self._held == 0 or self._held + line.room <= _ROOM

    def start(self, line: Line) -> None:
        """Put `line` into the batch."""
        import numpy
        import openvino

        line.begun = time.monotonic()
        prompt = openvino.Tensor(numpy.array([line.prompt], dtype=numpy.int64))
        with self._lock:
            self._started += 1
            line.handle = self._pipeline.add_request(self._started, prompt, self._config(line))
            self._held += line.room

    def step(self, lines: Sequence[Line], watch: Watch | None) -> list[Line]:
        """Let every line of the batch grow by a token; return those of `lines` that ended.

        Raises:
            EngineError: OpenVINO failed, or dropped a line.
        """
        with self._lock:
            if not any(line.handle.can_read() for line in lines):
                self._step()
            grown = [line for line in lines if self._read(line)]
        pairs = [line.undecoded() for line in grown]
        before = self._decode([known for known, _ in pairs])
        after = self._decode([more for _, more in pairs])
        for line, known, more in zip(grown, before, after, strict=True):
            line.advance(known, more, watch)
        return [line for line in grown if line.reason is not None]

    def end(self, line: Line) -> None:
        """Take `line` out of the batch, finished or not."""
        with self._lock:
            line.handle.cancel()
            self._held -= line.room
            if self._held == 0 and self._pipeline.has_non_finished_requests():
                self._step()  # forgets the cancelled; with others running their next step does

    def _step(self) -> None:
        try:
            self._pipeline.step()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed: {error}") from None

    def _read(self, line: Line) -> bool:
        if not line.handle.can_read():
            if line.handle.get_status().name not in ("RUNNING", "FINISHED"):
                raise EngineError("OpenVINO dropped an answer: there is no memory for its tokens")
            return False
        for output in line.handle.read().values():
            line.take(output.generated_ids, self._ends)
            line.reason = _REASONS.get(output.finish_reason.name)
        return True

    def _decode(self, tokens: list[list[int]]) -> list[str]:
        if not any(tokens):
            return [""] * len(tokens)
        texts: list[str] = self._tokenizer.decode(tokens)
        return texts

    def _config(self, line: Line) -> Any:
        import openvino_genai

        config = openvino_genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = line.sampling.max_tokens
        config.stop_token_ids = set(self._ends)
        if not line.sampling.greedy:
            config.do_sample = True
            config.temperature = line.sampling.temperature or 1.0
            config.top_p = line.sampling.top_p
            config.rng_seed = line.seed
        return config

    def _end_tokens(self) -> frozenset[int]:
        ends = {int(self._tokenizer.get_eos_token_id()), *self._source.ends}
        for text in END_TOKENS:
            tokens = self.encode(text)
            if len(tokens) == 1:
                ends.add(tokens[0])
        return frozenset(token for token in ends if token >= 0)


def _open_pipeline(folder: Path, most: int, keys: str) -> tuple[Any, Any]:
    """Pipeline and tokenizer, with a cache for the keys and values of `most` tokens.

    `keys` is the precision they are kept in; docs/engines.md has what the settings cost. The
    cache takes memory as it is used. One without a size would be copied each time that it
    grows, and keep every prompt that it has read.
    """
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = -(-most // _BLOCK) + _WIDTH  # a line's last block may be part empty
    scheduler.max_num_seqs = _WIDTH
    scheduler.max_num_batched_tokens = _STEP_TOKENS
    scheduler.enable_prefix_caching = True  # answers to one prompt read it once
    tokenizer = openvino_genai.Tokenizer(folder)
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        folder, tokenizer, scheduler, "CPU",
        INFERENCE_NUM_THREADS=usable_cores(), KV_CACHE_PRECISION=keys,
    )  # fmt: skip
    return pipeline, tokenizer
