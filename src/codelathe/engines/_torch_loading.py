"""Weights and tokenizer of a checkpoint, a GGUF file or an adapter, loaded by `transformers`.

Only from this disk, only safetensors unless pickled weights were asked for, and never with
code that comes with a model. What the file does not hold is not made up: weights that are
missing are an error, where `transformers` would draw them at random and go on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import pre_tokenizers
from transformers.models.auto import modeling_auto

from codelathe.core.checkpoint import (
    AdapterHeader,
    CheckpointHeader,
    read_adapter_header,
    read_checkpoint_header,
)
from codelathe.core.errors import (
    MissingDependency,
    ModelFileError,
)
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.engines import _torch_int8, _torch_seq2seq  # noqa: F401 (int8 registers itself)
from codelathe.engines._torch_memory import check_memory
from codelathe.engines._torch_packed import packed_class, packed_file, read_packed
from codelathe.engines._torch_place import QUANTIZED, Place, Weights
from codelathe.engines._torch_told import quiet, told_of

_torch_seq2seq.register()


def read_header(weights: Weights) -> GgufHeader | CheckpointHeader:
    """The header of the file or folder, after what can be refused by it was refused.

    Raises:
        ModelFileError: no model, pickled weights, no tokenizer, an adapter without weights.
    """
    header: GgufHeader | CheckpointHeader
    if weights.gguf:
        header = read_gguf_header(weights.path)
    else:
        header = read_checkpoint_header(weights.path)
        _refuse_pickles(header, weights, "*.bin")
    if weights.adapter is not None:
        _refuse_pickles(read_adapter_header(weights.adapter), weights, "adapter_model.bin")
    return header


def load_tokenizer(weights: Weights) -> Any:
    """The tokenizer; an adapter's own where it has one.

    Raises:
        ModelFileError: there is none, or it cannot be read.
    """
    where = weights.path
    if weights.adapter is not None and _has_tokenizer(weights.adapter):
        where = weights.adapter
    elif not weights.gguf and not _has_tokenizer(where):
        raise ModelFileError(
            f"{where} holds no tokenizer",
            hint="copy tokenizer.json and tokenizer_config.json of the model it was made from "
            "into the folder",
        )
    folder, extra = _source(where)
    with told_of(where), quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **extra)
        if where.is_file() and _splits_digits(where):
            tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Digits(individual_digits=True),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
                ]
            )
        return tokenizer


def load_model(weights: Weights, place: Place) -> Any:
    """The model, ready to write.

    Raises:
        ModelFileError: it writes no text, its weights are incomplete or unreadable, or the
            adapter does not fit.
        EngineError: there is too little memory for it.
        MissingDependency: an adapter, and peft is not installed.
    """
    model, missing = _load(weights, place, _writer)
    if missing:
        raise ModelFileError(
            f"{weights.path} lacks {len(missing)} of the model's tensors, such as {missing[0]}",
            hint="fetch the model again, or name one with a head that writes text",
        )
    if weights.adapter is not None:
        model = _adapted(model, weights.adapter, merge=place.precision == "float32")
    return _placed(model, place)


def make_model(config: Mapping[str, Any], seed: int) -> Any:
    """A new model of `config`, which names its `model_type`, on the device it is trained on.

    Its weights are drawn with `seed`, on the processor and apart from what else is drawn.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        settings = transformers.AutoConfig.for_model(**config)
        return _writer(settings, Path(settings.model_type)).from_config(settings).to(device)


def load_encoder(weights: Weights, place: Place) -> Any:
    """The model without a head, ready to read; of an encoder-decoder the encoder.

    Raises:
        ModelFileError: its weights are incomplete or unreadable.
    """
    model, missing = _load(weights, place, lambda *_: transformers.AutoModel)
    # What sums up a text is not used, and models trained to fill gaps in are saved without it.
    missing = [name for name in missing if not name.startswith("pooler.")]
    if missing:
        raise ModelFileError(
            f"{weights.path} lacks {len(missing)} of the encoder's tensors, such as {missing[0]}",
            hint="fetch the model again",
        )
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    return _placed(model, place)


def _load(
    weights: Weights, place: Place, choose: Callable[[Any, Path], Any]
) -> tuple[Any, list[str]]:
    """The model of the Auto class that `choose` takes, and the tensors that no file has."""
    check_memory(weights, place)
    folder, extra = _source(weights.path)
    with told_of(weights.path), quiet():
        config = transformers.AutoConfig.from_pretrained(folder, **extra)
        if weights.gguf:
            _complete(config, read_gguf_header(weights.path))
        model_class = choose(config, weights.path)
        if not weights.gguf and (packed := packed_file(weights.path)) is not None:
            chosen = packed_class(model_class, config)
            return _load_packed(packed, (chosen, config), _numbers(weights, place))
        # Pickled weights only where there are no others: asking for them allows, not prefers.
        pickled = not weights.gguf and not read_checkpoint_header(weights.path).has_safetensors
        model, found = model_class.from_pretrained(
            folder,
            config=config,
            output_loading_info=True,
            use_safetensors=not pickled,
            **extra,
            **_numbers(weights, place),
        )
    return model, sorted(found["missing_keys"])


def _load_packed(
    path: Path, kind: tuple[Any, Any], numbers: dict[str, Any]
) -> tuple[Any, list[str]]:
    """The model of packed weights, which `transformers` takes as tensors without a folder.

    `kind` is its class and configuration.
    """
    chosen, config = kind
    settings = path.with_name("generation_config.json")
    if settings.is_file():
        numbers = {
            **numbers,
            "generation_config": transformers.GenerationConfig.from_pretrained(str(path.parent)),
        }
    model, found = chosen.from_pretrained(
        None, config=config, state_dict=read_packed(path), output_loading_info=True, **numbers
    )
    model.config.name_or_path = str(path.parent)
    return model, sorted(found["missing_keys"])


def _placed(model: Any, place: Place) -> Any:
    # bitsandbytes places its weights as it loads them.
    if getattr(model, "quantization_method", None) != "bitsandbytes":
        model = model.to(place.device)
    model.eval()
    return model


def end_tokens(model: Any, tokenizer: Any, also: tuple[str, ...]) -> frozenset[int]:
    """The tokens that end an answer: those the model's files name, and `also` by their text."""
    named = [tokenizer.eos_token_id, model.config.eos_token_id]
    named.append(getattr(model.generation_config, "eos_token_id", None))
    vocabulary = tokenizer.get_vocab()
    named += [vocabulary[text] for text in also if text in vocabulary]
    ends: set[int] = set()
    for token in named:
        ends.update(token if isinstance(token, list) else [] if token is None else [token])
    return frozenset(ends)


def opening_tokens(model: Any) -> list[int]:
    """What an encoder-decoder's answer begins with, before anything it says; else nothing.

    Raises:
        ModelFileError: the model does not say.
    """
    if not model.config.is_encoder_decoder:
        return []
    settings = model.generation_config
    start = settings.decoder_start_token_id
    if start is None:
        start = getattr(model.config, "decoder_start_token_id", None) or settings.bos_token_id
    if start is None:
        raise ModelFileError(
            "the model's configuration names no decoder_start_token_id",
            hint='write it into config.json: "decoder_start_token_id": 0 for T5',
        )
    forced = settings.forced_bos_token_id
    return [start] if forced is None else [start, forced]


def _writer(config: Any, path: Path) -> Any:
    """The Auto class that makes of `config` a model that writes text."""
    if config.is_encoder_decoder:
        return transformers.AutoModelForSeq2SeqLM
    named = set(config.architectures or ())
    writers = set(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    encoders = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    # The table of decoders lists BERT and its like too, with a head that nobody trained.
    if config.model_type in encoders and not named & writers:
        what = ", ".join(sorted(named)) or config.model_type
        raise ModelFileError(
            f"{path} is an encoder ({what}): it reads text and writes none",
            hint="name a model that writes; encoders serve bertscore and search for duplicates",
        )
    return transformers.AutoModelForCausalLM


def _numbers(weights: Weights, place: Place) -> dict[str, Any]:
    """The arguments that decide in which numbers the weights are loaded."""
    if weights.gguf:
        settings = transformers.GgufConfig(dequantize=True)
        return {"quantization_config": settings, "dtype": getattr(torch, place.precision)}
    if place.precision not in QUANTIZED:
        return {"dtype": getattr(torch, place.precision)}
    # What bitsandbytes computes in: another type would be cast at every product.
    computed = torch.float16 if place.precision == "int8" else torch.bfloat16
    settings = transformers.BitsAndBytesConfig(
        load_in_8bit=place.precision == "int8",
        load_in_4bit=place.precision == "int4",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=computed,
    )
    return {
        "quantization_config": settings,
        "dtype": computed,
        "device_map": {"": place.device},
    }


def _adapted(model: Any, folder: Path, *, merge: bool) -> Any:
    """`model` with the adapter in `folder` in its layers, merged into them where `merge`.

    Merged weights are as fast as before. In 32 bits that changes nothing that can be seen; in
    16 it would round the adapter's small numbers away, and 8 and 4 bits cannot hold it.
    """
    if find_spec("peft") is None:
        raise MissingDependency("peft", "train", "an adapter")
    getLogger("bitsandbytes").setLevel(ERROR)  # peft loads it, and it tells of kernels it lacks
    import peft

    with told_of(folder), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        adapted = peft.PeftModel.from_pretrained(model, folder)
    if adapted.active_peft_config.is_prompt_learning:
        kind = adapted.active_peft_config.peft_type.value
        raise ModelFileError(
            f"{folder} is an adapter of the kind {kind}, which is not in the model's weights",
            hint="LoRA, IA3 and other adapters of the weights can be used",
        )
    if absent := [str(w.message) for w in said if "missing adapter keys" in str(w.message)]:
        raise ModelFileError(
            f"{folder} does not hold the weights that its configuration names: {absent[0][:200]}",
            hint="name the folder that the adapter was saved to",
        )
    return adapted.merge_and_unload() if merge else adapted.get_base_model()


def _refuse_pickles(
    header: CheckpointHeader | AdapterHeader, weights: Weights, pattern: str
) -> None:
    if header.has_safetensors:
        return
    pickles = sorted(path.name for path in header.path.glob(pattern))
    if not pickles:
        raise ModelFileError(
            f"{header.path} holds no weights (*.safetensors)", hint="fetch the model again"
        )
    if not weights.pickled:
        raise ModelFileError(
            f"{header.path} holds its weights only as a pickle ({pickles[0]}), a format that can "
            "run code when it is read",
            hint="name a revision with safetensors (hf:REPO@REVISION); or, where you trust it, "
            "set CODELATHE_TRUST_PICKLE=1",
        )


def _splits_digits(path: Path) -> bool:
    """Whether the vocabulary of a GGUF file was learned with each digit by itself.

    The file names its kind, which `transformers` does not look at.
    """
    kind = read_gguf_header(path).metadata.get("tokenizer.ggml.pre")
    return kind in (
        "smollm",
        "starcoder",
        "refact",
        "command-r",
        "codeshell",
        "exaone",
        "minerva-7b",
    )


def _complete(config: Any, header: GgufHeader) -> None:
    """Take from a GGUF file what its reader in `transformers` has one value for."""
    told = header.metadata
    context, size = header.context_length, told.get(f"{header.architecture}.attention.key_length")
    if config.model_type == "gpt2" and context:
        config.n_positions = context
    if config.model_type == "qwen3" and size:
        config.head_dim = int(size)


def _has_tokenizer(folder: Path) -> bool:
    return CheckpointHeader(folder, {}).has_tokenizer


def _source(path: Path) -> tuple[str, dict[str, Any]]:
    """The folder, and what else `from_pretrained` is told: this disk alone, no foreign code."""
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if path.is_file():
        return str(path.parent), {**safe, "gguf_file": path.name}
    return str(path), safe
