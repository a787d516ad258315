"""Engine `transformers`: any checkpoint that the Auto classes know, on GPU or processor.

Decoders (GPT-2, CodeGen, StarCoder2, Qwen2, Llama...) and encoder-decoders (T5, CodeT5+) by
the same calls; a folder of safetensors or a GGUF file, with an adapter on top where one is
given. Answers are rows of one batch that is stepped here, a token for each at a time: a row
leaves as soon as its `watch`, a stop string or the model ends it, and the next one joins.

The loop is our own because `model.generate` can neither let rows go nor take new ones in.
Its greedy text is that of `model.generate`, for which it has tests. What a checkpoint's
generation settings say of sampling is not followed: a Request says all of it.

A prompt is read by an encoder-decoder's encoder; a prefill opens the answer in its decoder.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import ContextOverflow, MissingDependency, ModelFileError
from codelathe.core.generation import (
    ALL_FEATURES,
    Completion,
    EngineInfo,
    Request,
    Watch,
    refuse_unsupported,
)
from codelathe.core.spinning import load_torch
from codelathe.engines._line import Line
from codelathe.engines._prompting import END_TOKENS, Template, check_fit, prompt_text

if TYPE_CHECKING:
    from codelathe.engines._torch_place import Place, Weights
    from codelathe.engines._torch_rows import Prompt, Rows

#: Rows in one batch; on a processor decoding gains little beyond.
_WIDTH = {"cpu": 64, "cuda": 256}
#: Rows that leave before others join, as a part of those at work: joining has a price.
_REFILL = 4
#: Of the memory that is free, how much keys and values may take.
_SHARE = 0.5
#: What a tokenizer decodes an incomplete character to.
_PART = "\N{REPLACEMENT CHARACTER}"
_NEEDS = ("torch", "transformers", "safetensors")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model in memory, with what is read off it once."""

    model: Any
    ends: frozenset[int]
    opening: tuple[int, ...]
    room: int


class TransformersEngine:
    """Answers of the checkpoint folder or GGUF file at `path`, many at a time.

    The model is loaded at the first request and freed by `close`; a request after that
    loads it again. `template` renders chats; without it only plain prompts are taken.
    `adapter` is a PEFT folder on top of it. `precision` is float32, bfloat16, float16, int8,
    int4, or auto: float32 on processors, as stored on GPUs. `pickled` takes weights that are
    stored as pickles, which can run code when read. `cache_dir` is not needed.

    Raises:
        MissingDependency: torch, transformers or, for 8 and 4 bits, bitsandbytes is missing.
        ModelFileError: there is no model, none that is safe to read, or no tokenizer.
        UnsupportedArgument: a precision that these weights cannot have.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        template: Template | None = None,
        cache_dir: str | os.PathLike[str] | None = None,  # noqa: ARG002  # local engines alike
        model: str = "",
        adapter: str | os.PathLike[str] | None = None,
        precision: str = "auto",
        pickled: bool = False,
    ) -> None:
        require_packages("the engine 'transformers'")
        load_torch()
        from codelathe.engines._torch_loading import read_header
        from codelathe.engines._torch_place import Weights, choose_place

        own = Path(adapter) if adapter is not None else None
        self._weights: Weights = Weights(Path(path), own, precision, pickled)
        header = read_header(self._weights)
        self._place: Place = choose_place(self._weights, header)
        self._encoder_decoder = bool(getattr(header, "encoder_decoder", False))
        self._template = template
        self._tokenizer: Any = None
        self._loaded: _Loaded | None = None
        self._lock = threading.RLock()
        versions = ", ".join(f"{name} {version(name)}" for name in ("transformers", "torch"))
        self._info = EngineInfo(
            name="transformers",
            model=model or (own or Path(path)).stem,
            version=f"{versions}, {self._place.numbers} on {self._place.device}",
            context_length=header.context_length,
            features=ALL_FEATURES if template is not None else ALL_FEATURES - {"messages"},
        )

    @property
    def info(self) -> EngineInfo:
        """Every feature is honoured, chats only where the model has a template."""
        return self._info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield the answers as they finish, those to the longest prompts begun first.

        Raises:
            UnsupportedArgument: a chat for a model without a chat template.
            ContextOverflow: prompt and longest answer exceed the model's context; of an
                encoder-decoder, one of the two does. Raised before the weights are loaded.
            ModelFileError: the weights cannot be loaded.
            EngineError: there is too little memory.
        """
        refuse_unsupported(self._info, requests)
        pairs = [self._tokens(request) for request in requests]
        self._check_fit(pairs, requests)
        loaded = self._ready()
        from codelathe.engines._torch_rows import Prompt, open_rows

        prompts = [Prompt(tuple(tokens), (*loaded.opening, *prefill)) for tokens, prefill in pairs]
        self._check_vocabulary(loaded, prompts)
        order = sorted(range(len(requests)), key=lambda index: prompts[index].longest_first)
        waiting = deque(
            Line(index, choice, prompts[index].tokens, requests[index].sampling)
            for index in order
            for choice in range(requests[index].n)
        )
        work = _Work(loaded, open_rows(loaded.model), prompts, self._tokenizer, watch)
        width = _WIDTH.get(self._place.device, _WIDTH["cpu"])
        return (line.completion(self._info) for line in work.run(waiting, width))

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._loaded = None
        if self._place.device == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _tokens(self, request: Request) -> tuple[list[int], list[int]]:
        """What is read, and what opens the answer apart from it (encoder-decoders only)."""
        tokenizer = self._reader()
        if not self._encoder_decoder:
            text = prompt_text(request, self._template, self._info)
            return _with_one_bos(tokenizer, _encode(tokenizer, text)), []
        if request.messages and self._template is not None:
            text = self._template(request.messages)
        else:
            text = request.prompt
        encoded: list[int] = tokenizer(text, add_special_tokens=True)["input_ids"]
        return encoded, _encode(tokenizer, request.prefill)

    def _check_fit(
        self, pairs: Sequence[tuple[list[int], list[int]]], requests: Sequence[Request]
    ) -> None:
        if not self._encoder_decoder:
            check_fit([tokens for tokens, _ in pairs], requests, self._info)
            return
        context = self._info.context_length
        for (tokens, prefill), request in zip(pairs, requests, strict=True):
            answer = 1 + len(prefill) + request.sampling.max_tokens
            if context is not None and max(len(tokens), answer) > context:
                raise ContextOverflow(
                    f"the prompt has {len(tokens)} tokens and the answer up to {answer}, but "
                    f"{self._info.model} reads at most {context} and writes at most {context}",
                    hint=f"shorten the prompt to {context} tokens and --max-tokens to "
                    f"{context - 1 - len(prefill)}",
                    field="prompt" if len(tokens) > context else "max_tokens",
                )

    def _check_vocabulary(self, loaded: _Loaded, prompts: Sequence[Prompt]) -> None:
        known = loaded.model.get_input_embeddings().weight.shape[0]
        largest = max((max(p.tokens + p.opening, default=0) for p in prompts), default=0)
        if largest >= known:
            raise ModelFileError(
                f"the tokenizer of {self._info.model} writes token {largest}, but the model has "
                f"{known}: they do not belong together",
                hint="copy the tokenizer of the model these weights were made from",
            )

    def _reader(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                from codelathe.engines._torch_loading import load_tokenizer

                self._tokenizer = load_tokenizer(self._weights)
            return self._tokenizer

    def _ready(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                from codelathe.engines._torch_loading import (
                    end_tokens,
                    load_model,
                    opening_tokens,
                )

                model = load_model(self._weights, self._place)
                ends = end_tokens(model, self._reader(), END_TOKENS)
                room = _room(model, self._place.device)
                self._loaded = _Loaded(model, ends, tuple(opening_tokens(model)), room)
            return self._loaded


class _Work:
    """The lines of one call, and the rows of the model that write them."""

    def __init__(
        self,
        loaded: _Loaded,
        rows: Rows,
        prompts: Sequence[Prompt],
        tokenizer: Any,
        watch: Watch | None,
    ) -> None:
        self._loaded = loaded
        self._rows = rows
        self._prompts = prompts
        self._tokenizer = tokenizer
        self._watch = watch
        #: Line `i` is row `i`.
        self._running: list[Line] = []

    def run(self, waiting: deque[Line], width: int) -> Generator[Line]:
        """Yield each line when it has ended."""
        while waiting or self._running:
            for line, token in self._drawn(self._joining(waiting, width)):
                self._grow(line, token)
            ended = [line for line in self._running if line.reason is not None]
            if ended:
                self._leave()
            yield from ended

    def _drawn(self, joining: list[Line]) -> list[tuple[Line, int]]:
        """The first token of those that join, or where none does the next of all."""
        from codelathe.engines._torch_drawing import draw
        from codelathe.engines._torch_rows import computing

        with computing(len(self._running) + len(joining)):
            if joining:
                logits = self._rows.join([self._prompts[line.request] for line in joining])
                self._running += joining
            else:
                logits = self._rows.step([line.last for line in self._running])
            lines = joining or self._running
            return list(zip(lines, draw(logits, lines), strict=True))

    def _leave(self) -> None:
        """Take the lines that have ended out of the batch."""
        from codelathe.engines._torch_rows import computing

        order = _order([line.reason is None for line in self._running])
        with computing(len(self._running)):
            self._rows.keep(order)
        self._running = [self._running[row] for row in order]

    def _joining(self, waiting: deque[Line], width: int) -> list[Line]:
        """Those of `waiting` that there is room for, once enough rows are free."""
        free = width - len(self._running)
        if self._running and free < min(len(waiting), max(1, width // _REFILL)):
            return []
        held = sum(line.room for line in self._running)
        joining: list[Line] = []
        taken: list[Prompt] = []
        while waiting and len(joining) < free:
            line, prompt = waiting[0], self._prompts[waiting[0].request]
            held += line.room
            fits = held <= self._loaded.room or not (self._running or joining)
            if not fits or not self._rows.takes(taken, prompt):
                break
            line.begun = time.monotonic()
            joining.append(waiting.popleft())
            taken.append(prompt)
        return joining

    def _grow(self, line: Line, token: int) -> None:
        """Append a token and show the text to the watch."""
        line.take([token], self._loaded.ends)
        if token in self._loaded.ends:
            line.reason = "stop"
        elif line.written == line.sampling.max_tokens:
            line.reason = "length"
        before, after = map(self._text, line.undecoded())
        if after.endswith(_PART):  # of a character whose other bytes are to come, or never do
            after = before if line.reason is None else after.rstrip(_PART)
        line.advance(before, after, self._watch)

    def _text(self, tokens: list[int]) -> str:
        if not tokens:
            return ""
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def _order(alive: Sequence[bool]) -> list[int]:
    """The rows that are alive, each in its place, and the last ones in the places of the gone."""
    count = sum(alive)
    behind = [row for row in range(count, len(alive)) if alive[row]]
    return [row if alive[row] else behind.pop() for row in range(count)]


def require_packages(purpose: str) -> None:
    """See that torch and its like are there, before the first of them is loaded.

    Raises:
        MissingDependency: naming the first that is not.
    """
    for package in _NEEDS:
        if find_spec(package) is None:
            raise MissingDependency(package, "train", purpose)


def _encode(tokenizer: Any, text: str) -> list[int]:
    """The tokens of `text`, special tokens read as such and none added."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens


def _with_one_bos(tokenizer: Any, tokens: list[int]) -> list[int]:
    """`tokens` with one BOS in front where the model wants it, also if the template wrote it."""
    bos = tokenizer.bos_token_id
    wanted = tokenizer("x", add_special_tokens=True)["input_ids"][:1] == [bos]
    if bos is None or not wanted or tokens[:1] == [bos]:
        return tokens
    return [bos, *tokens]


def _room(model: Any, device: str) -> int:
    """The tokens whose keys and values fit into a part of the memory that is free now."""
    config = model.config.get_text_config(decoder=True)
    all_heads = getattr(config, "num_attention_heads", 0)
    if not all_heads:  # recurrent layers: what they keep does not grow with the text
        return sys.maxsize
    heads = getattr(config, "num_key_value_heads", None) or all_heads
    size = getattr(config, "head_dim", None) or getattr(config, "d_kv", None)
    size = size or config.hidden_size // all_heads
    from codelathe.engines._torch_place import free_memory

    token = 2 * config.num_hidden_layers * heads * size * model.dtype.itemsize
    return int(_SHARE * free_memory(device) / token)
