"""Which checkpoints have a form as GGUF, and what their configuration and weights become there.

The names of the metadata are those that llama.cpp reads (ggml-org/ggml, docs/gguf.md); the names
of tensors are looked up in the tables of the package `gguf`. Only what llama.cpp computes as
`transformers` does is taken: a setting that it would pass over is refused, or where it only
matters for long texts the context is cut to where it does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import UnknownName, UnsupportedArgument

if TYPE_CHECKING:
    import numpy as np

Config = Mapping[str, Any]
#: A key of the metadata (without the architecture) -> its value.
Settings = dict[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one `model_type` of `transformers` is told to llama.cpp as `name`.

    `activations` are those that llama.cpp's graph has. `transposed` are the ends of the names of
    weights that are stored the other way round, `rotated` of those whose rows are in the order
    of interleaved rotary embeddings there.
    """

    name: str
    activations: frozenset[str]
    settings: Callable[[Config], Settings]
    transposed: tuple[str, ...] = ()
    rotated: tuple[str, ...] = ()


def architecture_of(config: Config) -> Architecture:
    """The architecture of a checkpoint's configuration, after what cannot be kept was refused.

    Raises:
        UnknownName: llama.cpp has no graph for it, or none that is known here.
        UnsupportedArgument: a setting that llama.cpp does not have.
    """
    kind = str(config.get("model_type", ""))
    if kind not in ARCHITECTURES:
        raise UnknownName(
            "architecture for GGUF", kind, ARCHITECTURES, also="others have no form that is tested"
        )
    found = ARCHITECTURES[kind]
    activation = config.get("hidden_act", config.get("activation_function"))
    if activation is not None and activation not in found.activations:
        raise _foreign(kind, "activation", activation)
    for setting in ("scale_attn_by_inverse_layer_idx", "add_cross_attention"):
        if config.get(setting):
            raise _foreign(kind, setting, config[setting])
    if config.get("scale_attn_weights") is False:
        raise _foreign(kind, "scale_attn_weights", value=False)
    if config.get("quantization_config"):
        raise UnsupportedArgument(
            "the checkpoint is stored quantized; rounded once more it would lose too much",
            hint="name the checkpoint that it was quantized from",
        )
    return found


def context_length(config: Config) -> tuple[int, str]:
    """The context to write, and a note where it is cut to what a sliding window covers."""
    whole = int(config.get("max_position_embeddings") or config.get("n_positions") or 0)
    window = config.get("sliding_window")
    slides = config.get("use_sliding_window", config.get("model_type") != "qwen2")
    if not isinstance(window, int) or not slides or window >= whole or _sparse(config):
        return whole, ""
    return window, (
        f"llama.cpp has no sliding window for this architecture: the context is cut from {whole} "
        f"to {window} tokens, within which it does not matter"
    )


def arranged(name: str, weights: np.ndarray, found: Architecture, config: Config) -> np.ndarray:
    """A tensor as llama.cpp has it: (rows, columns) for products from the right."""
    if name.endswith(found.transposed) and found.transposed:
        return weights.T
    if found.rotated and name.endswith(found.rotated):
        heads = int(config["num_attention_heads"])
        if ".k_proj." in name:
            heads = int(config.get("num_key_value_heads") or heads)
        half = weights.shape[0] // heads // 2
        # Halves side by side become neighbours: rotary pairs (i, i + half) -> (2i, 2i + 1).
        pairs = weights.reshape(heads, 2, half, *weights.shape[1:])
        return pairs.swapaxes(1, 2).reshape(weights.shape)
    return weights


def rope_factors(config: Config) -> list[float] | None:
    """What each rotary frequency is divided by, where the scaling is Llama 3's; else None.

    Raises:
        UnsupportedArgument: llama.cpp's graph takes no such factors.
    """
    rope = _rope(config)
    if rope["rope_type"] != "llama3":
        return None
    kind = str(config.get("model_type"))
    if ARCHITECTURES[kind] is not _LLAMA:
        raise _foreign(kind, "rotary scaling", "llama3")
    size, base = _head_size(config), float(rope.get("rope_theta", 10000.0))
    factor, old = float(rope["factor"]), float(rope["original_max_position_embeddings"])
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    factors = []
    for index in range(0, size, 2):
        turns = old / (2 * math.pi * base ** (index / size))  # within the old context
        part = min(max((turns - low) / (high - low), 0.0), 1.0)
        factors.append(1 / ((1 - part) / factor + part))
    return factors


def _sparse(config: Config) -> bool:
    """Whether no layer slides, by the list that newer configurations have."""
    layers = config.get("layer_types")
    return isinstance(layers, list) and "sliding_attention" not in layers


def _rope(config: Config) -> dict[str, Any]:
    """Rotary settings from either form: `rope_parameters`, or `rope_theta` and `rope_scaling`."""
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope.setdefault("rope_type", rope.pop("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    return rope


def _head_size(config: Config) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _llama_like(config: Config) -> Settings:
    """Decoders with rotary positions and RMS norms."""
    settings: Settings = {
        "embedding_length": int(config["hidden_size"]),
        "block_count": int(config["num_hidden_layers"]),
        "feed_forward_length": int(config["intermediate_size"]),
        "attention.head_count": int(config["num_attention_heads"]),
        "attention.head_count_kv": int(
            config.get("num_key_value_heads") or config["num_attention_heads"]
        ),
        "attention.layer_norm_rms_epsilon": float(config.get("rms_norm_eps", 1e-6)),
        "vocab_size": int(config["vocab_size"]),
        **_rotary(config),
    }
    if _head_size(config) * int(config["num_attention_heads"]) != int(config["hidden_size"]):
        settings["attention.key_length"] = settings["attention.value_length"] = _head_size(config)
    return settings


def _qwen3(config: Config) -> Settings:
    size = _head_size(config)
    return {
        **_llama_like(config), "attention.key_length": size, "attention.value_length": size,
    }  # fmt: skip


def _starcoder2(config: Config) -> Settings:
    settings = _llama_like({**config, "rms_norm_eps": 0.0})
    del settings["attention.layer_norm_rms_epsilon"]
    return {**settings, "attention.layer_norm_epsilon": float(config.get("norm_epsilon", 1e-5))}


def _rotary(config: Config) -> Settings:
    rope = _rope(config)
    settings: Settings = {
        "rope.dimension_count": _head_size(config), "rope.freq_base": float(rope["rope_theta"]),
    }  # fmt: skip
    kind = rope["rope_type"]
    if kind in ("default", "llama3"):
        return settings
    if kind not in ("linear", "yarn"):
        raise _foreign(str(config.get("model_type")), "rotary scaling", kind)
    settings["rope.scaling.type"] = kind
    settings["rope.scaling.factor"] = float(rope["factor"])
    if kind == "yarn":
        old = rope.get("original_max_position_embeddings") or config["max_position_embeddings"]
        settings["rope.scaling.original_context_length"] = int(old)
        names = {
            "extrapolation_factor": "yarn_ext_factor", "attention_factor": "yarn_attn_factor",
            "beta_fast": "yarn_beta_fast", "beta_slow": "yarn_beta_slow",
        }  # fmt: skip
        for ours, theirs in names.items():
            if isinstance(rope.get(ours), int | float):
                settings[f"rope.scaling.{theirs}"] = float(rope[ours])
    return settings


def _gpt2(config: Config) -> Settings:
    width = int(config["n_embd"])
    return {
        "embedding_length": width,
        "block_count": int(config["n_layer"]),
        "feed_forward_length": int(config.get("n_inner") or 4 * width),
        "attention.head_count": int(config["n_head"]),
        "attention.layer_norm_epsilon": float(config.get("layer_norm_epsilon", 1e-5)),
    }


def _foreign(kind: str, what: str, value: object) -> UnsupportedArgument:
    return UnsupportedArgument(
        f"this {kind} model has the {what} {value!r}, which llama.cpp's graph for it has not",
        hint="use the checkpoint as it is, with the engine transformers",
    )


_SILU = frozenset({"silu", "swish"})
_GELU = frozenset({"gelu_new", "gelu_fast", "gelu_pytorch_tanh"})
_ROTATED = ("q_proj.weight", "k_proj.weight", "q_proj.bias", "k_proj.bias")
_CONV1D = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
_LLAMA = Architecture("llama", _SILU, _llama_like, rotated=_ROTATED)

#: `model_type` of transformers -> its form.
ARCHITECTURES: Mapping[str, Architecture] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": Architecture("qwen2", _SILU, _llama_like),
    "qwen3": Architecture("qwen3", _SILU, _qwen3),
    "starcoder2": Architecture("starcoder2", _GELU, _starcoder2),
    "gpt2": Architecture("gpt2", _GELU, _gpt2, transposed=_CONV1D),
}
