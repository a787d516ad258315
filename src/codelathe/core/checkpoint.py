"""What a checkpoint folder, or an adapter's, says of itself: its JSON files, never the weights.

A checkpoint is the folder that `transformers` saves and the hub holds: `config.json`, the
tokenizer's files, and the weights as safetensors (or pickled, which is refused elsewhere).
An adapter (PEFT) is a folder with `adapter_config.json` that names its base model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codelathe.core.errors import ModelFileError

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
#: How `config.json` names weights in dynamic int8, which only codelathe writes.
INT8_METHOD = "codelathe-int8"
#: Any one of these is a tokenizer; the rest of its files only say more of it.
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json",
    "vocab.txt",
)  # fmt: skip
#: Where configurations keep the number of positions, the present name first.
_CONTEXT = (
    "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length",
    "seq_length",
)  # fmt: skip
#: Encoder-decoders whose positions are relative: any length can be read.
_UNBOUNDED = frozenset({"t5", "mt5", "umt5", "longt5", "switch_transformers"})


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """What a checkpoint says of itself. `path` is its folder."""

    path: Path
    config: dict[str, Any]
    tokenizer_config: dict[str, Any] = field(default_factory=dict)
    chat_template: str = ""

    @property
    def architecture(self) -> str:
        """For example `qwen2`, `gpt2` or `t5`."""
        return str(self.config.get("model_type", ""))

    @property
    def encoder_decoder(self) -> bool:
        """Whether prompt and answer are two texts to the model, each with a context of its own."""
        return bool(self.config.get("is_encoder_decoder"))

    @property
    def context_length(self) -> int | None:
        """The most tokens the model can place, None where nothing bounds them."""
        if self.architecture in _UNBOUNDED:
            return None
        nested = self.config.get("text_config")
        for config in (self.config, nested if isinstance(nested, dict) else {}):
            for name in _CONTEXT:
                if isinstance(value := config.get(name), int) and value > 0:
                    return value
        return None

    def special_token(self, kind: str) -> str:
        """The text of the `bos`, `eos`, ... token, empty where the model has none."""
        token = self.tokenizer_config.get(f"{kind}_token")
        if isinstance(token, dict):  # as tokenizers write an AddedToken
            token = token.get("content")
        return token if isinstance(token, str) else ""

    @property
    def quantization(self) -> str:
        """How the weights are quantized, such as `int8` or `nf4`; empty where they are not."""
        told = self.config.get("quantization_config")
        if not isinstance(told, dict):
            return ""
        method = str(told.get("quant_method") or "quantized")
        if method == INT8_METHOD or told.get("load_in_8bit"):
            return "int8"
        if told.get("load_in_4bit"):
            return str(told.get("bnb_4bit_quant_type") or "int4")
        return method

    @property
    def has_tokenizer(self) -> bool:
        """Whether a tokenizer lies beside the weights."""
        return any((self.path / name).is_file() for name in TOKENIZER_FILES)

    @property
    def has_safetensors(self) -> bool:
        """Whether there are weights that are not pickled."""
        return any(self.path.glob("*.safetensors"))


@dataclass(frozen=True, slots=True)
class AdapterHeader:
    """What an adapter says of itself.

    `base` names its base model as it was saved: a ModelRef, or a bare repository of the hub,
    at `revision` where that is given.
    """

    path: Path
    config: dict[str, Any]
    base: str
    revision: str = ""

    @property
    def has_safetensors(self) -> bool:
        """Whether there are weights that are not pickled."""
        return any(self.path.glob("*.safetensors"))


def read_checkpoint_header(folder: Path | str) -> CheckpointHeader:
    """Read the configuration, and of the tokenizer what templates need.

    Raises:
        ModelFileError: no `config.json`, or a file that is not a JSON object.
    """
    folder = Path(folder)
    config = _object(folder / CONFIG)
    if config is None:
        raise ModelFileError(
            f"{folder} is no checkpoint: it has no {CONFIG}",
            hint="name the folder that holds config.json and the weights",
        )
    return read_tokenizer_header(folder, config)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that a checkpoint's weights are in, as `transformers` chooses them.

    Repositories hold others beside them, such as the same weights in their makers' own form.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if index.is_file():
        told = (_object(index) or {}).get("weight_map")
        names = set(told.values()) if isinstance(told, dict) else set()
        return [folder / name for name in sorted(names) if Path(name).name == name]
    return sorted(folder.glob("*.safetensors"))


def read_tokenizer_header(
    folder: Path | str, config: dict[str, Any] | None = None
) -> CheckpointHeader:
    """Read what a folder says of its tokenizer alone; an adapter may bring its own.

    Raises:
        ModelFileError: a file that is not a JSON object.
    """
    folder = Path(folder)
    tokenizer = _object(folder / "tokenizer_config.json") or {}
    return CheckpointHeader(folder, config or {}, tokenizer, _chat_template(folder, tokenizer))


def read_adapter_header(folder: Path | str) -> AdapterHeader:
    """Read an adapter's configuration.

    Raises:
        ModelFileError: no `adapter_config.json`, one that is no JSON object, or names no base.
    """
    folder = Path(folder)
    config = _object(folder / ADAPTER_CONFIG)
    if config is None:
        raise ModelFileError(
            f"{folder} is no adapter: it has no {ADAPTER_CONFIG}",
            hint="name the folder that an adapter was saved to",
        )
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelFileError(
            f"{folder / ADAPTER_CONFIG} does not name the adapter's base model",
            hint='write it in: "base_model_name_or_path": "hf:OWNER/REPO"',
        )
    return AdapterHeader(folder, config, base, str(config.get("revision") or ""))


def _chat_template(folder: Path, tokenizer: dict[str, Any]) -> str:
    """The template for plain chats: a file of its own, else in the tokenizer's configuration.

    A list holds several by name, of which `default` is the one for chats without tools.
    """
    own = _text(folder / "chat_template.jinja")
    if own is not None:
        return own
    template = tokenizer.get("chat_template")
    if template is None:
        template = (_object(folder / "chat_template.json") or {}).get("chat_template")
    if isinstance(template, list):
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else ""


def _object(path: Path) -> dict[str, Any] | None:
    """The JSON object in the file at `path`, None where there is no such file."""
    text = _text(path)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is not JSON: {error}", hint="fetch the model again") from None
    if not isinstance(document, dict):
        raise ModelFileError(f"{path} is not a JSON object", hint="fetch the model again")
    return document


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise ModelFileError(f"{path} is not UTF-8 text", hint="fetch the model again") from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None
