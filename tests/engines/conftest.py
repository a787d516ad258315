"""A fake service and engines that ask it, impatient enough for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codelathe.core.generation import Engine
from codelathe.engines._remote import Pace
from codelathe.engines._retry import Retries, Timeouts
from codelathe.engines.huggingface import HuggingFaceEngine
from codelathe.engines.openai import OpenAIEngine
from codelathe.engines.secrets import Secret
from fakes.service import FakeService, running_service

KEY = "hf_Secret0123456789abcdef"
PACE = Pace(
    timeouts=Timeouts(connect=5.0, read=10.0, total=20.0),
    retries=Retries(attempts=3, first=0.001, longest=0.002, wait=2.0),
)

MakeEngine = Callable[..., Engine]


@pytest.fixture
def service() -> Iterator[FakeService]:
    with running_service() as running:
        yield running


@pytest.fixture
def openai(service: FakeService) -> Iterator[Callable[..., OpenAIEngine]]:
    made: list[OpenAIEngine] = []

    def make(**timeouts: float) -> OpenAIEngine:
        pace = replace(PACE, timeouts=replace(PACE.timeouts, **timeouts))
        engine = OpenAIEngine("fake-coder", base_url=service.base_url, key=Secret(KEY), pace=pace)
        made.append(engine)
        return engine

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def huggingface(service: FakeService) -> Callable[..., HuggingFaceEngine]:
    def make(address: str = "", **timeouts: float) -> HuggingFaceEngine:
        pace = replace(PACE, timeouts=replace(PACE.timeouts, **timeouts))
        return HuggingFaceEngine(
            "fake-coder", base_url=address or service.base_url, key=Secret(KEY), pace=pace
        )

    return make


@pytest.fixture(params=["openai", "huggingface"])
def remote(request: pytest.FixtureRequest) -> MakeEngine:
    """Makes an engine of either kind."""
    made: MakeEngine = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint of an architecture, made once."""
    from fakes import checkpoints

    made: dict[str, Path] = {}

    def folder(architecture: str) -> Path:
        if architecture not in made:
            where = tmp_path_factory.mktemp(architecture)
            made[architecture] = checkpoints.save(where, architecture)
        return made[architecture]

    return folder
