"""What is measured of an engine, with one that is made up."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from codelathe.core.generation import Completion, EngineInfo, Request
from codelathe.engines.scripted import ScriptedEngine
from codelathe.evaluation.measuring import ROUNDS, measure

TEXTS = [f"text {i} " * 200 for i in range(20)]


class Slow:
    """Takes `reading` seconds for a prompt of 100 tokens, `writing` for each token."""

    def __init__(self, reading: float = 0.01, writing: float = 0.002, *, most: int = 64) -> None:
        self.reading, self.writing, self.most = reading, writing, most
        self.prompts: list[str] = []
        self.closed = False
        self.info: EngineInfo = ScriptedEngine([]).info

    def generate(self, requests: Sequence[Request], watch: Any = None) -> Generator[Completion]:
        for request in requests:
            self.prompts.append(request.prompt)
            tokens = min(request.sampling.max_tokens, self.most)
            time.sleep(self.reading + tokens * self.writing)
            yield Completion(0, 0, "x", 100, tokens, 0.0, "length", 0, "slow")

    def close(self) -> None:
        self.closed = True


def test_reading_is_told_apart_from_writing() -> None:
    found = measure(lambda: Slow(0.05, 0.002), TEXTS)
    assert found.prompt_speed is not None
    assert found.decode_speed is not None
    assert found.prompt_speed <= 100 / 0.052
    assert 50 < found.decode_speed < 1500


def test_a_disturbed_prompt_makes_writing_no_faster() -> None:
    class Disturbed(Slow):
        """Prompts that are timed alone take ten times as long, but for one."""

        def generate(self, requests: Sequence[Request], watch: Any = None) -> Any:
            alone = requests[0].sampling.max_tokens == 1
            self.reading = 0.1 if alone and len(self.prompts) != 4 else 0.02
            return super().generate(requests, watch)

    found = measure(lambda: Disturbed(0.02, 0.002), TEXTS)
    assert found.decode_speed is not None
    assert found.decode_speed < 1000


def test_answers_that_end_at_once_make_a_model_no_faster() -> None:
    class Short(Slow):
        """Ends after two tokens; one long prompt is read faster than any that is timed alone."""

        def generate(self, requests: Sequence[Request], watch: Any = None) -> Any:
            timed = requests[0].sampling.max_tokens > 2
            self.reading = 0.0915 if timed and len(self.prompts) == 9 else 0.1
            return super().generate(requests, watch)

    found = measure(lambda: Short(0.1, 0.01, most=2), TEXTS)
    assert found.decode_speed is not None
    assert found.decode_speed < 200


def test_no_prompt_is_asked_twice() -> None:
    engine = Slow(0, 0)
    measure(lambda: engine, TEXTS)
    assert len(engine.prompts) == len(set(engine.prompts)) == 2 + 2 * ROUNDS


def test_a_model_that_writes_nothing_has_no_speed_of_writing() -> None:
    assert measure(lambda: Slow(most=1), TEXTS).decode_speed is None


def test_prompts_fit_into_a_short_context() -> None:
    engine = Slow(0, 0)
    engine.info = replace(engine.info, context_length=160)
    measure(lambda: engine, TEXTS)
    assert max(map(len, engine.prompts)) <= 160 - 40


def test_the_time_to_load_is_that_of_opening_and_a_first_token() -> None:
    def opener() -> Slow:
        time.sleep(0.1)
        return Slow()

    assert measure(opener, TEXTS).load_seconds >= 0.1


def test_the_engine_is_closed_and_its_memory_told() -> None:
    engine = Slow(0, 0)
    found = measure(lambda: engine, TEXTS)
    assert engine.closed
    assert found.peak_bytes > 5_000_000
