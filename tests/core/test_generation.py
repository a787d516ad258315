from __future__ import annotations

import pytest

from codelathe.core.errors import UnsupportedArgument, UsageError
from codelathe.core.generation import (
    ALL_FEATURES,
    EngineInfo,
    Feature,
    Message,
    Request,
    Sampling,
    refuse_unsupported,
)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"stop": ("",)}, "stop"),
    ],
)
def test_sampling_that_makes_no_sense_is_refused_by_field(values: dict, name: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError) as caught:
        Sampling(**values)
    assert caught.value.field == name


def test_only_temperature_zero_is_greedy() -> None:
    assert [Sampling(temperature=t).greedy for t in (0, 0.0, 0.5, None)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_temperature_left_to_the_model_is_refused_by_no_engine() -> None:
    info = EngineInfo("e", "m", "1", None, features=ALL_FEATURES - {"temperature"})
    refuse_unsupported(info, [Request(prompt="x", sampling=Sampling(temperature=None))])


def test_a_request_is_either_a_chat_or_a_plain_prompt() -> None:
    with pytest.raises(UsageError):
        Request()
    with pytest.raises(UsageError):
        Request(messages=(Message("user", "a"),), prompt="b")


@pytest.mark.parametrize(
    ("request_", "feature"),
    [
        (Request(prompt="x"), "prompt"),
        (Request(messages=(Message("user", "x"),)), "messages"),
        (Request(prompt="x", prefill="y"), "prefill"),
        (Request(prompt="x", sampling=Sampling(stop=("a",))), "stop"),
        (Request(prompt="x", sampling=Sampling(temperature=0.5)), "temperature"),
        (Request(prompt="x", sampling=Sampling(temperature=0.5, top_p=0.9)), "top_p"),
        (Request(prompt="x", sampling=Sampling(temperature=0.5, seed=7)), "seed"),
    ],
)
def test_what_an_engine_cannot_honour_is_refused_by_name(
    request_: Request, feature: Feature
) -> None:
    able = EngineInfo("x", "m", "1", None, ALL_FEATURES)
    unable = EngineInfo("x", "m", "1", None, ALL_FEATURES - {feature})
    refuse_unsupported(able, [request_])
    with pytest.raises(UnsupportedArgument) as caught:
        refuse_unsupported(unable, [request_])
    assert caught.value.field == feature
