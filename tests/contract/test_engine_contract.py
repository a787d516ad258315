"""What every engine promises, shown on each of them.

The scripted engine and the two remote ones answer a text that is known; the two for GGUF
files run SmolLM2 for real, `transformers` tiny checkpoints of each kind. No claim depends on
what a model says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from codelathe.core.errors import UnsupportedArgument
from codelathe.core.generation import (
    ALL_FEATURES,
    Completion,
    Engine,
    Feature,
    Message,
    Request,
    Sampling,
)
from fakes.service import running_service

ANSWER = '''def add(a, b):
    """두 수를 더한 값을 돌려준다."""
    total = a + b
    return total


def subtract(a, b):
    """The difference of two numbers."""
    difference = a - b
    return difference
'''
CHAT = (Message("user", "Write a long Python module with many functions."),)
KOREAN = (Message("user", "두 수를 더하는 파이썬 함수를 작성하고 설명해 주세요."),)
SHORT = Sampling(max_tokens=24)


@contextmanager
def scripted(request: pytest.FixtureRequest) -> Iterator[Engine]:
    from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine

    yield ScriptedEngine([ScriptedAnswer(ANSWER, repeat=True)])


@contextmanager
def openai(request: pytest.FixtureRequest) -> Iterator[Engine]:
    from codelathe.engines.openai import OpenAIEngine

    with running_service() as service:
        service.answer = lambda prompt, body: ANSWER
        yield OpenAIEngine("fake-coder", base_url=service.base_url)


@contextmanager
def huggingface(request: pytest.FixtureRequest) -> Iterator[Engine]:
    from codelathe.engines.huggingface import HuggingFaceEngine

    with running_service() as service:
        service.answer = lambda prompt, body: ANSWER
        yield HuggingFaceEngine("fake-coder", base_url=service.base_url)


def chat_template(path: Path) -> Callable[..., str]:
    from codelathe.core.gguf import read_gguf_header
    from codelathe.text.chat import compile_chat_template

    return compile_chat_template(read_gguf_header(path).chat_template)


@contextmanager
def llamacpp(request: pytest.FixtureRequest) -> Iterator[Engine]:
    path: Path = request.getfixturevalue("smollm2_path")
    from codelathe.engines.llamacpp import LlamaCppEngine

    yield LlamaCppEngine(path, template=chat_template(path))


@contextmanager
def openvino(request: pytest.FixtureRequest) -> Iterator[Engine]:
    path: Path = request.getfixturevalue("smollm2_path")
    from codelathe.engines.openvino import OpenVinoEngine

    cache = request.getfixturevalue("tmp_path_factory").mktemp("openvino")
    yield OpenVinoEngine(path, template=chat_template(path), cache_dir=cache)


@contextmanager
def tiny_checkpoint(request: pytest.FixtureRequest, architecture: str) -> Iterator[Engine]:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from codelathe.engines.transformers import TransformersEngine
    from codelathe.text.chat import compile_chat_template
    from fakes import checkpoints

    folder = request.getfixturevalue("tmp_path_factory").mktemp(architecture)
    checkpoints.save(folder, architecture, seed=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads would wait for each other longer than they work
    try:
        template = compile_chat_template(checkpoints.CHAT_TEMPLATE)
        yield TransformersEngine(folder, template=template)
    finally:
        torch.set_num_threads(threads)


@contextmanager
def transformers_decoder(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with tiny_checkpoint(request, "qwen2") as engine:
        yield engine


@contextmanager
def transformers_encoder_decoder(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with tiny_checkpoint(request, "t5") as engine:
        yield engine


@pytest.fixture(
    scope="module",
    params=[
        scripted,
        openai,
        huggingface,
        transformers_decoder,
        transformers_encoder_decoder,
        pytest.param(llamacpp, marks=pytest.mark.model),
        pytest.param(openvino, marks=pytest.mark.model),
    ],
    ids=lambda open_engine: open_engine.__name__,
)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with request.param(request) as opened:
        yield opened
        opened.close()
        opened.close()  # closing twice is harmless


def ask(engine: Engine, *requests: Request) -> list[Completion]:
    """The completions in the order of their requests and choices."""
    return sorted(engine.generate(requests), key=lambda c: (c.request, c.choice))


def test_each_request_gets_as_many_answers_as_it_asks_for(engine: Engine) -> None:
    answers = ask(
        engine,
        Request(messages=CHAT, n=2, sampling=SHORT),
        Request(messages=KOREAN, sampling=SHORT),
    )
    assert [(a.request, a.choice) for a in answers] == [(0, 0), (0, 1), (1, 0)]


def test_no_requests_give_no_answers(engine: Engine) -> None:
    assert ask(engine) == []


def test_an_answer_ends_at_the_token_limit(engine: Engine) -> None:
    [answer] = ask(engine, Request(messages=CHAT, sampling=Sampling(max_tokens=3)))
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 3)


def test_tokens_and_seconds_are_counted(engine: Engine) -> None:
    [answer] = ask(engine, Request(messages=CHAT, sampling=SHORT))
    assert min(answer.prompt_tokens, answer.completion_tokens, answer.seconds) > 0


def test_an_answer_says_which_engine_and_model_gave_it(engine: Engine) -> None:
    [answer] = ask(engine, Request(messages=CHAT, sampling=SHORT))
    assert (answer.engine, answer.model) == (engine.info.name, engine.info.model)


def test_greedy_answers_are_the_same_each_time(engine: Engine) -> None:
    request = Request(messages=CHAT, sampling=SHORT)
    assert ask(engine, request)[0].text == ask(engine, request)[0].text


def test_sampled_answers_repeat_with_their_seed(engine: Engine) -> None:
    request = Request(messages=CHAT, sampling=Sampling(24, temperature=0.8, top_p=0.9, seed=11))
    assert ask(engine, request)[0].text == ask(engine, request)[0].text


def test_weights_left_to_themselves_draw_at_a_temperature_of_one(engine: Engine) -> None:
    by_itself, at_one = (
        Request(messages=CHAT, sampling=Sampling(12, temperature=t, seed=5)) for t in (None, 1.0)
    )
    assert ask(engine, by_itself)[0].text == ask(engine, at_one)[0].text


def test_each_choice_has_a_seed_of_its_own(engine: Engine) -> None:
    sampling = Sampling(8, temperature=0.8, seed=11)
    answers = ask(engine, Request(messages=CHAT, n=3, sampling=sampling))
    assert [a.seed for a in answers] == [11, 12, 13]


def test_the_watch_sees_each_answer_grow_to_its_end(engine: Engine) -> None:
    seen: dict[tuple[int, int], list[str]] = {}

    def watch(index: int, choice: int, text: str) -> bool:
        seen.setdefault((index, choice), []).append(text)
        return False

    request = Request(messages=CHAT, n=2, sampling=SHORT)
    answers = list(engine.generate([request], watch))
    assert len(answers) == 2
    for answer in answers:
        shown = seen[answer.request, answer.choice]
        assert shown[-1] == answer.text
        assert all(b.startswith(a) for a, b in pairwise(shown))


def test_the_watch_ends_one_answer_and_not_the_others(engine: Engine) -> None:
    request = Request(messages=CHAT, n=2, sampling=SHORT)
    answers = engine.generate([request, request], lambda i, c, text: (i, c) == (0, 1) and text > "")
    ended = [(a.request, a.choice) for a in answers if a.finish_reason == "watch"]
    assert ended == [(0, 1)]


def test_an_exception_of_the_watch_comes_through(engine: Engine) -> None:
    def watch(index: int, choice: int, text: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(engine.generate([Request(messages=CHAT, n=2, sampling=SHORT)], watch))


def test_an_engine_answers_again_after_its_iterator_was_closed(engine: Engine) -> None:
    answers = engine.generate([Request(messages=CHAT, n=3, sampling=SHORT)])
    next(answers)
    answers.close()
    assert len(ask(engine, Request(messages=CHAT, sampling=SHORT))) == 1


def test_an_answer_is_cut_exactly_before_its_stop_string(engine: Engine) -> None:
    [free] = ask(engine, Request(messages=CHAT, sampling=SHORT))
    stop = free.text[len(free.text) // 2 :][:3]
    [cut] = ask(engine, Request(messages=CHAT, sampling=Sampling(24, stop=(stop,))))
    assert cut.text == free.text.partition(stop)[0]
    assert cut.finish_reason == "stop"


def test_no_part_of_a_stop_string_is_shown(engine: Engine) -> None:
    [free] = ask(engine, Request(messages=CHAT, sampling=SHORT))
    stop = free.text[len(free.text) // 2 :][:6]
    before = free.text.partition(stop)[0]
    shown: list[str] = []
    request = Request(messages=CHAT, sampling=Sampling(24, stop=(stop,)))
    list(engine.generate([request], lambda i, c, text: bool(shown.append(text))))
    assert all(before.startswith(text) for text in shown)


def test_many_stop_strings_are_all_honoured(engine: Engine) -> None:
    [free] = ask(engine, Request(messages=CHAT, sampling=SHORT))
    stops = ("\x01", "\x02", "\x03", "\x04", free.text[len(free.text) // 2 :][:3])
    [cut] = ask(engine, Request(messages=CHAT, sampling=Sampling(24, stop=stops)))
    assert cut.text == free.text.partition(stops[-1])[0]


def test_korean_text_is_whole(engine: Engine) -> None:
    [answer] = ask(engine, Request(messages=KOREAN, sampling=Sampling(max_tokens=64)))
    assert answer.text.encode("utf-8").decode("utf-8") == answer.text


def test_what_an_engine_cannot_honour_is_refused_by_name(engine: Engine) -> None:
    asked: dict[Feature, Request] = {
        "messages": Request(messages=CHAT),
        "prompt": Request(prompt="def f():"),
        "prefill": Request(messages=CHAT, prefill="```python\n"),
        "temperature": Request(messages=CHAT),
        "top_p": Request(messages=CHAT, sampling=Sampling(temperature=1.0, top_p=0.5)),
        "seed": Request(messages=CHAT, sampling=Sampling(temperature=1.0, seed=1)),
        "stop": Request(messages=CHAT, sampling=Sampling(stop=("x",))),
    }
    refused = set()
    for feature in ALL_FEATURES - engine.info.features:
        with pytest.raises(UnsupportedArgument) as caught:
            list(engine.generate([asked[feature]]))
        refused.add(caught.value.field)
    assert refused == ALL_FEATURES - engine.info.features
