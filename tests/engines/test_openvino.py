"""Engine `openvino`: what the contract suite does not show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codelathe.core.errors import ContextOverflow, ModelFileError
from codelathe.core.generation import Request, Sampling
from codelathe.core.gguf import GgufHeader, Tensor
from codelathe.engines._converted import unreadable
from codelathe.engines.llamacpp import LlamaCppEngine
from codelathe.engines.openvino import OpenVinoEngine

PROMPTS = (
    "def fibonacci(n):\n",
    "import math\n\ndef area(r):\n",
    "class Stack:\n",
    "# 두 수의 합\n",
)
TEXTS = (
    "<|im_start|>user\n안녕하세요? 파이썬 함수 🫠<|im_end|>\n<|im_start|>assistant\n",
    "  leading spaces\n\n\n\tand tabs 1234567 don't é ½ \u200b",
    "no<|special|>token <|im_start|",
    "x " * 9_000,
)


def greedy(prompt: str, tokens: int = 24) -> Request:
    return Request(prompt=prompt, sampling=Sampling(max_tokens=tokens))


def header(
    architecture: str = "qwen2", tensor: str = "Q4_K", tokenizer: str = "gpt2"
) -> GgufHeader:
    metadata = {"general.architecture": architecture, "tokenizer.ggml.model": tokenizer}
    return GgufHeader(Path("m.gguf"), 3, metadata, (Tensor("t", (32, 1), tensor, 0, 18),), 0)


def test_a_known_kind_of_model_is_readable() -> None:
    assert unreadable(header()) == ""


@pytest.mark.parametrize(
    ("unknown", "named"),
    [
        (header(architecture="starcoder2"), "starcoder2"),
        (header(tensor="Q5_K"), "Q5_K"),
        (header(tokenizer="llama"), "llama"),
    ],
)
def test_what_the_reader_does_not_know_is_named(unknown: GgufHeader, named: str) -> None:
    assert named in unreadable(unknown)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def engine(smollm2_path: Path, cache: Path) -> Iterator[OpenVinoEngine]:
    opened = OpenVinoEngine(smollm2_path, cache_dir=cache)
    yield opened
    opened.close()


@pytest.mark.model
def test_both_engines_read_a_text_as_the_same_tokens(
    engine: OpenVinoEngine, smollm2_path: Path
) -> None:
    other = LlamaCppEngine(smollm2_path)
    try:
        assert [engine._ready().encode(t) for t in TEXTS] == [other.tokens(t) for t in TEXTS]
    finally:
        other.close()


@pytest.mark.model
def test_the_same_batch_on_a_fresh_engine_gives_the_same_texts(engine: OpenVinoEngine) -> None:
    sampling = Sampling(max_tokens=24, temperature=0.8, top_p=0.95, seed=7)
    drawn = Request(prompt=PROMPTS[0], n=2, sampling=sampling)
    runs = []
    for _ in range(2):
        engine.close()
        batch = engine.generate([*map(greedy, PROMPTS), drawn])
        runs.append({(c.request, c.choice): c.text for c in batch})
    assert runs[0] == runs[1]


@pytest.mark.model
def test_choices_of_one_request_are_drawn_with_seeds_of_their_own(engine: OpenVinoEngine) -> None:
    sampling = Sampling(max_tokens=24, temperature=1.0, seed=7)
    batch = list(engine.generate([Request(prompt=PROMPTS[0], n=3, sampling=sampling)]))
    assert len({c.text for c in batch}) == 3


@pytest.mark.model
def test_more_requests_than_fit_are_all_answered(engine: OpenVinoEngine) -> None:
    request = Request(prompt=PROMPTS[0], sampling=Sampling(max_tokens=8000, stop=("\n",)))
    assert len(list(engine.generate([request] * 9))) == 9


@pytest.mark.model
def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(
    engine: OpenVinoEngine,
) -> None:
    with pytest.raises(ContextOverflow, match=r"40001 tokens .* context of 8192"):
        engine.generate([Request(prompt="x " * 40_000)])


@pytest.mark.model
def test_the_model_prints_nothing_while_it_works(
    engine: OpenVinoEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    engine.close()
    list(engine.generate([greedy(PROMPTS[0])]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_a_second_engine_uses_what_the_first_one_converted(
    engine: OpenVinoEngine, smollm2_path: Path, cache: Path
) -> None:
    list(engine.generate([greedy(PROMPTS[0], 1)]))
    [made] = cache.glob("openvino/*/openvino_model.bin")
    before = made.stat().st_mtime_ns
    again = OpenVinoEngine(smollm2_path, cache_dir=cache)
    list(again.generate([greedy(PROMPTS[0], 1)]))
    again.close()
    assert made.stat().st_mtime_ns == before


@pytest.mark.model
def test_a_damaged_converted_model_is_made_anew(
    engine: OpenVinoEngine, smollm2_path: Path, cache: Path
) -> None:
    engine.close()
    [before] = engine.generate([greedy(PROMPTS[0])])
    engine.close()
    [made] = cache.glob("openvino/*/openvino_model.bin")
    with made.open("r+b") as file:
        file.truncate(1000)
    [after] = engine.generate([greedy(PROMPTS[0])])
    assert after.text == before.text


@pytest.mark.model
def test_a_file_that_the_reader_gives_up_on_is_an_error_and_leaves_nothing(
    smollm2_path: Path, tmp_path: Path
) -> None:
    altered = tmp_path / "altered.gguf"
    name = b"blk.7.attn_q.weight"
    altered.write_bytes(smollm2_path.read_bytes().replace(name, b"blk.7.attn_x.weight", 1))
    with pytest.raises(ModelFileError, match="OpenVINO cannot convert"):
        OpenVinoEngine(altered, cache_dir=tmp_path / "cache").generate([greedy("x")])
    assert [p.suffix for p in (tmp_path / "cache" / "openvino").iterdir()] == [".lock"]
