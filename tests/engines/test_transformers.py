"""Engine `transformers` on tiny checkpoints of each architecture, beside `model.generate`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from codelathe.core.checkpoint import AdapterHeader, read_checkpoint_header  # noqa: E402
from codelathe.core.errors import (  # noqa: E402
    ContextOverflow,
    EngineError,
    MissingDependency,
    ModelFileError,
    UnknownName,
    UnsupportedArgument,
)
from codelathe.core.generation import Completion, Message, Request, Sampling  # noqa: E402
from codelathe.engines import transformers as engine_module  # noqa: E402
from codelathe.engines.transformers import TransformersEngine  # noqa: E402
from fakes import checkpoints  # noqa: E402

PROMPTS = (
    "def add(a, b):",
    "x",
    "class Stack:\n    def push(self, item):\n        self",
    "import math\n",
    "for i in range(10): # 두 수",
    "return",
)
ALL = checkpoints.DECODERS + checkpoints.ENCODER_DECODERS
TOKENS = 20

Checkpoint = Callable[[str], Path]


pytestmark = pytest.mark.usefixtures("one_thread")


def greedy(prompt: str, tokens: int = TOKENS, **more: Any) -> Request:
    return Request(prompt=prompt, sampling=Sampling(max_tokens=tokens), **more)


def texts(engine: TransformersEngine, *requests: Request) -> list[str]:
    answers = sorted(engine.generate(requests), key=lambda c: (c.request, c.choice))
    return [answer.text for answer in answers]


def generated(folder: Path, prompt: str, tokens: int = TOKENS, model: Any = None) -> str:
    """What `model.generate` writes, with nothing asked for but greedy decoding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if model is None:
        config = transformers.AutoConfig.from_pretrained(folder)
        auto = (
            transformers.AutoModelForSeq2SeqLM
            if config.is_encoder_decoder
            else transformers.AutoModelForCausalLM
        )
        model = auto.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
    written = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
        pad_token_id=0,
    )[0]  # fmt: skip
    start = 1 if model.config.is_encoder_decoder else ids.shape[1]
    text: str = tokenizer.decode(written[start:], skip_special_tokens=True)
    return text.rstrip("\ufffd")


@pytest.mark.parametrize("architecture", ALL)
def test_greedy_text_is_that_of_generate(checkpoint: Checkpoint, architecture: str) -> None:
    folder = checkpoint(architecture)
    assert texts(TransformersEngine(folder), greedy(PROMPTS[0])) == [generated(folder, PROMPTS[0])]


@pytest.mark.parametrize("architecture", ALL)
def test_greedy_texts_of_a_padded_batch_are_those_of_generate_one_by_one(
    checkpoint: Checkpoint, architecture: str
) -> None:
    folder = checkpoint(architecture)
    batch = texts(TransformersEngine(folder), *map(greedy, PROMPTS))
    assert batch == [generated(folder, prompt) for prompt in PROMPTS]


@pytest.mark.parametrize("architecture", ["gpt2", "starcoder2", "llama", "bloom", "t5"])
def test_rows_that_leave_and_join_change_no_other_row(
    checkpoint: Checkpoint, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine_module._WIDTH, "cpu", 3)
    lengths = (3, 17, 6, 20, 1, 9)
    requests = [greedy(p, n) for p, n in zip(PROMPTS, lengths, strict=True)]
    engine = TransformersEngine(checkpoint(architecture))
    assert texts(engine, *requests) == [texts(engine, request)[0] for request in requests]


def test_long_runs_outgrow_their_buffers_unseen(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.engines import _torch_cache

    folder = checkpoint("qwen2")
    before = texts(TransformersEngine(folder), *(greedy(p, 90) for p in PROMPTS))
    monkeypatch.setattr(_torch_cache, "_SPARE", 1)
    assert texts(TransformersEngine(folder), *(greedy(p, 90) for p in PROMPTS)) == before


def test_prompts_read_in_several_passes_give_the_same_texts(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.engines import _torch_rows

    engine = TransformersEngine(checkpoint("llama"))
    before = texts(engine, *map(greedy, PROMPTS))
    monkeypatch.setattr(_torch_rows, "_READ", 8)
    assert texts(engine, *map(greedy, PROMPTS)) == before


def test_little_room_is_no_reason_to_leave_a_request_out(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TransformersEngine(checkpoint("llama"))
    before = texts(engine, *map(greedy, PROMPTS))
    monkeypatch.setattr(engine_module, "_SHARE", 1e-12)
    engine.close()
    assert texts(engine, *map(greedy, PROMPTS)) == before


@pytest.mark.parametrize("architecture", ["gpt2", "t5"])
def test_a_row_is_drawn_alike_in_any_company(checkpoint: Checkpoint, architecture: str) -> None:
    engine = TransformersEngine(checkpoint(architecture))
    sampling = Sampling(max_tokens=TOKENS, temperature=0.9, top_p=0.8, seed=7)
    drawn = Request(prompt=PROMPTS[0], sampling=sampling)
    alone = texts(engine, drawn)[0]
    assert texts(engine, greedy(PROMPTS[2]), drawn, greedy(PROMPTS[1]))[1] == alone


def test_a_prefill_opens_the_answer_of_an_encoder_decoder(checkpoint: Checkpoint) -> None:
    folder = checkpoint("t5")
    prefill = "def f(x):"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.T5ForConditionalGeneration.from_pretrained(folder)
    opening = [0, *tokenizer(prefill, add_special_tokens=False)["input_ids"]]
    written = model.generate(
        **tokenizer(PROMPTS[0], return_tensors="pt"),
        decoder_input_ids=torch.tensor([opening]), max_new_tokens=TOKENS, do_sample=False,
    )[0, len(opening) :]  # fmt: skip
    expected = tokenizer.decode(written, skip_special_tokens=True).rstrip("\ufffd")
    requests = [greedy(PROMPTS[0], prefill=prefill), greedy(PROMPTS[1], prefill="a")]
    assert texts(TransformersEngine(folder), *requests)[0] == expected


def test_a_chat_is_read_as_the_tokenizers_own_template_renders_it(checkpoint: Checkpoint) -> None:
    from codelathe.wiring import open_engine

    folder = checkpoint("llama")
    engine: Any = open_engine(str(folder))
    chat = (Message("system", "Be brief."), Message("user", "두 수를 더해 줘"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [{"role": m.role, "content": m.content} for m in chat]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert engine._tokens(Request(messages=chat))[0] == tokenizer(text)["input_ids"]


def test_a_template_that_writes_the_first_token_gets_no_second(checkpoint: Checkpoint) -> None:
    engine = TransformersEngine(checkpoint("llama"))
    begun = engine._tokens(greedy(f"{checkpoints.BEGIN}x"))
    assert begun == engine._tokens(greedy("x"))


def test_a_base_model_takes_no_chat(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path, "gpt2", chat=False)
    from codelathe.wiring import open_engine

    with pytest.raises(UnsupportedArgument, match="messages"):
        open_engine(str(folder)).generate([Request(messages=(Message("user", "hello"),))])


@pytest.fixture(scope="session")
def adapter(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.save_adapter(tmp_path_factory.mktemp("adapter"), checkpoint("llama"))


def merged(base: Path, adapter: Path) -> Any:
    import peft

    under = transformers.AutoModelForCausalLM.from_pretrained(base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers in a way that will go
        return peft.PeftModel.from_pretrained(under, adapter).merge_and_unload()


def test_an_adapters_text_is_that_of_the_merged_model(
    checkpoint: Checkpoint, adapter: Path
) -> None:
    base = checkpoint("llama")
    model = merged(base, adapter)
    engine = TransformersEngine(base, adapter=adapter)
    assert texts(engine, *map(greedy, PROMPTS)) == [
        generated(base, prompt, model=model) for prompt in PROMPTS
    ]


def test_an_adapter_changes_what_its_base_writes(checkpoint: Checkpoint, adapter: Path) -> None:
    base = checkpoint("llama")
    own, adapted = TransformersEngine(base), TransformersEngine(base, adapter=adapter)
    assert texts(own, greedy(PROMPTS[0])) != texts(adapted, greedy(PROMPTS[0]))


def test_an_adapters_reference_leads_to_its_base(checkpoint: Checkpoint, adapter: Path) -> None:
    from codelathe.wiring import open_engine

    engine: Any = open_engine(f"adapter:{adapter}")
    direct = TransformersEngine(checkpoint("llama"), adapter=adapter)
    assert texts(engine, greedy(PROMPTS[0])) == texts(direct, greedy(PROMPTS[0]))


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("Qwen/Qwen2.5-0.5B", "hf:Qwen/Qwen2.5-0.5B@abc"),
        ("smollm2-135m", "smollm2-135m"),
        ("hf:a/b@c", "hf:a/b@c"),
        ("../base", "{adapter}/../base"),
        ("/no/such/folder", "/no/such/folder"),
    ],
)
def test_the_base_of_an_adapter_is_a_reference_a_repository_or_a_path(
    tmp_path: Path, named: str, meant: str
) -> None:
    from codelathe.wiring import base_of

    (tmp_path / "base").mkdir()
    (tmp_path / "own").mkdir()
    header = AdapterHeader(tmp_path / "own", {}, named, "abc")
    assert str(base_of(header)) == meant.format(adapter=tmp_path / "own")


def test_an_adapter_of_another_model_is_refused(checkpoint: Checkpoint, adapter: Path) -> None:
    with pytest.raises(ModelFileError, match=r"cannot load|does not hold"):
        texts(TransformersEngine(checkpoint("gpt2"), adapter=adapter), greedy("x"))


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(checkpoint: Checkpoint) -> None:
    engine = TransformersEngine(checkpoint("gpt2"))
    with pytest.raises(ContextOverflow, match=r"200 tokens .* context of 160"):
        engine.generate([greedy("x" * 200)])
    assert engine._loaded is None


def test_an_encoder_decoder_has_a_context_for_each_side(checkpoint: Checkpoint) -> None:
    engine = TransformersEngine(checkpoint("bart"))
    fits = greedy("x" * 150, 100)
    assert len(texts(engine, fits)) == 1
    with pytest.raises(ContextOverflow, match="at most 160"):
        engine.generate([greedy("x" * 10, 160)])


def test_relative_positions_have_no_end(checkpoint: Checkpoint) -> None:
    engine = TransformersEngine(checkpoint("t5"))
    assert engine.info.context_length is None


def test_an_encoder_writes_no_text(checkpoint: Checkpoint) -> None:
    with pytest.raises(ModelFileError, match="encoder"):
        texts(TransformersEngine(checkpoint("bert")), greedy("x"))


def test_pickled_weights_are_refused_unless_asked_for(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path, "gpt2", pickled=True)
    with pytest.raises(ModelFileError, match="pickle"):
        TransformersEngine(folder)
    assert len(texts(TransformersEngine(folder, pickled=True), greedy("x"))) == 1


def test_a_checkpoint_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    checkpoints.model("gpt2").save_pretrained(tmp_path)
    with pytest.raises(ModelFileError, match="no tokenizer"):
        TransformersEngine(tmp_path).generate([greedy("x")])


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = checkpoints.save(tmp_path, "llama")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match=r"lacks 1 .* model\.layers\.1\.mlp\.up_proj"):
        texts(TransformersEngine(folder), greedy("x"))


def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path, "llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelFileError, match="cannot load"):
        texts(TransformersEngine(folder), greedy("x"))


def test_a_tokenizer_of_another_model_is_an_error(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path, "llama")
    other = checkpoints.tokenizer("llama")
    other.add_tokens([f"<extra{n}>" for n in range(50)])
    other.save_pretrained(folder)
    with pytest.raises(ModelFileError, match="do not belong together"):
        TransformersEngine(folder).generate([greedy("<extra49>")])


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = checkpoints.save(tmp_path, "llama")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelFileError):
        texts(TransformersEngine(folder), greedy("x"))


def test_an_unknown_precision_names_the_known_ones(checkpoint: Checkpoint) -> None:
    with pytest.raises(UnknownName, match="float8"):
        TransformersEngine(checkpoint("llama"), precision="float8")


def test_sixteen_bits_are_told_and_answer(checkpoint: Checkpoint) -> None:
    engine = TransformersEngine(checkpoint("llama"), precision="bfloat16")
    assert len(texts(engine, *map(greedy, PROMPTS))) == len(PROMPTS)
    assert engine.info.version.endswith("bfloat16 on cpu")


def test_a_package_that_is_missing_is_named_with_its_extra(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency) as caught:
        TransformersEngine(checkpoint("llama"))
    assert caught.value.hint == "pip install 'codelathe[train]'"


def test_nothing_is_printed(checkpoint: Checkpoint, capfd: pytest.CaptureFixture[str]) -> None:
    made = checkpoint("qwen2")
    capfd.readouterr()  # making it may print
    texts(TransformersEngine(made), greedy("x"))
    assert capfd.readouterr() == ("", "")


def test_the_context_is_read_without_loading_anything(checkpoint: Checkpoint) -> None:
    assert read_checkpoint_header(checkpoint("codegen")).context_length == 160


def test_a_model_too_large_for_the_memory_is_refused_with_the_numbers(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.engines import _torch_memory

    monkeypatch.setattr(_torch_memory, "free_memory", lambda device: 10_000)
    with pytest.raises(EngineError, match=r"in float32, and 0\.0 GB of memory are free \(cpu\)"):
        texts(TransformersEngine(checkpoint("llama")), greedy("x"))


def test_memory_that_runs_out_says_what_to_lower() -> None:
    from codelathe.engines._torch_rows import computing

    with pytest.raises(EngineError, match="4 answers") as caught, computing(4):
        torch.empty(1 << 50)
    assert "--max-tokens" in caught.value.hint


def test_eight_and_four_bits_name_the_package_they_need(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codelathe.engines import _torch_place

    monkeypatch.setattr(_torch_place, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="bitsandbytes"):
        TransformersEngine(checkpoint("llama"), precision="int4")


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_eight_and_four_bits_answer(
    tmp_path: Path, precision: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bitsandbytes")
    folder = checkpoints.save(tmp_path, "llama", hidden_size=128, intermediate_size=128)
    capfd.readouterr()
    engine = TransformersEngine(folder, precision=precision)
    assert len(texts(engine, *map(greedy, PROMPTS))) == len(PROMPTS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_a_gguf_file_is_read_as_llamacpp_reads_it(smollm2_path: Path) -> None:
    from codelathe.engines.llamacpp import LlamaCppEngine

    engine, other = TransformersEngine(smollm2_path), LlamaCppEngine(smollm2_path)
    try:
        for text in (
            *PROMPTS,
            "<|im_start|>user\n안녕 123 é ½<|im_end|>\n",
            "  a\n\n\n\tb 1234567",
        ):
            assert engine._tokens(greedy(text))[0] == other.tokens(text)
    finally:
        other.close()


@pytest.mark.model
def test_a_gguf_models_text_is_that_of_generate(
    smollm2_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = TransformersEngine(smollm2_path)
    answers: list[Completion] = list(engine.generate([greedy(p) for p in PROMPTS]))
    assert capfd.readouterr() == ("", "")
    loaded: Any = engine._loaded
    for answer in answers:
        ids = torch.tensor([engine._tokens(greedy(PROMPTS[answer.request]))[0]])
        written = loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=TOKENS, do_sample=False
        )[0, ids.shape[1] :]
        text = engine._tokenizer.decode(written, skip_special_tokens=True)
        assert answer.text == text.rstrip("\ufffd")
