"""What a model takes and gives on this machine: load time, peak memory, tokens a second.

To be called in a process of its own (`core.fresh`), so that the peak is this model's alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from codelathe.core.fresh import peak_memory
from codelathe.core.generation import Completion, Engine, Request, Sampling

ROUNDS = 5
#: Tokens of a timed answer, and characters of a prompt: about 300 tokens of code.
_ANSWER, _PROMPT = 64, 900
#: Tokens of an answer that one round's time can be told from.
_ENOUGH = 32
#: Of a short context, what the answer may take.
_SHARE = 4
_SPARE = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """`load_seconds` is from nothing to a first token, `peak_bytes` what was held at most.

    Speeds are in tokens a second, in one stream; None where nothing was written to time.
    """

    engine: str
    version: str
    load_seconds: float
    peak_bytes: int
    prompt_speed: float | None
    decode_speed: float | None


def measure(opener: Callable[[], Engine], texts: Iterable[str]) -> Measured:
    """Open an engine, read prompts and write greedy answers; the best of five rounds.

    What else the machine does can only slow a round down, so the best is the nearest to the truth.

    `texts` are what prompts are cut from: each is used once, since engines remember prompts.

    Raises:
        EngineError: the model could not be loaded, or not answer.
    """
    began = time.monotonic()
    with closing(opener()) as engine:
        _ask(engine, "def f(x):", 1)
        loaded = time.monotonic() - began
        context = engine.info.context_length or _PROMPT + _ANSWER + _SPARE
        tokens = min(_ANSWER, max(2, context // _SHARE))
        prompts = _prompts(texts, min(_PROMPT, max(1, context - tokens - _SPARE)))
        _ask(engine, next(prompts), 2)  # what is made at the first prompt of that size
        read = [_ask(engine, next(prompts), 1) for _ in range(ROUNDS)]
        written = [_ask(engine, next(prompts), tokens) for _ in range(ROUNDS)]
        version = engine.info.version
        name = engine.info.name
    reading = max(answer.prompt_tokens / seconds for answer, seconds in read)
    return Measured(
        engine=name,
        version=version,
        load_seconds=round(loaded, 3),
        peak_bytes=peak_memory(),
        prompt_speed=round(reading, 2),
        decode_speed=_writing(written, reading),
    )


def _prompts(texts: Iterable[str], length: int) -> Iterator[str]:
    yield from (text[:length] for text in texts if len(text) >= length)


def _writing(rounds: Iterable[tuple[Completion, float]], reading: float) -> float | None:
    """The best speed of writing; off each answer's time goes the least that its prompt can take.

    Of answers that end at once little is left then but what reading varies by: the best of these
    would be the one with the least left, so that all are taken together.
    """
    told = [
        (answer.completion_tokens - 1, seconds - answer.prompt_tokens / reading)
        for answer, seconds in rounds
    ]
    long = [(tokens, left) for tokens, left in told if tokens >= _ENOUGH and left > 0]
    if long:
        tokens, left = max(long, key=lambda one: one[0] / one[1])
    else:
        tokens, left = sum(tokens for tokens, _ in told), sum(left for _, left in told)
    return round(tokens / left, 2) if tokens > 0 and left > 0 else None


def _ask(engine: Engine, prompt: str, tokens: int) -> tuple[Completion, float]:
    request = Request(prompt=prompt, sampling=Sampling(max_tokens=tokens))
    began = time.monotonic()
    (answer,) = engine.generate([request])
    return answer, time.monotonic() - began
