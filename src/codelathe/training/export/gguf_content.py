"""What goes into a GGUF file, from a checkpoint or from another GGUF file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import ModelFileError, UnsupportedArgument
from codelathe.core.lineage import Lineage
from codelathe.training.export.architectures import (
    Architecture,
    architecture_of,
    arranged,
    context_length,
    rope_factors,
)
from codelathe.training.export.gguf_file import Content, Weight
from codelathe.training.export.vocabulary import Vocabulary, read_vocabulary

if TYPE_CHECKING:
    import gguf
    import numpy as np

#: Where a file that is made here says what it was made from, as JSON.
LINEAGE_KEY = "codelathe.lineage"
#: Tensors of checkpoints that are computed anew everywhere.
_COMPUTED = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")
_OURS = ("general.file_type", "general.quantization_version", "general.architecture", LINEAGE_KEY)
_HEAD, _OUTPUT = "lm_head.weight", "output.weight"


def content_of_checkpoint(
    header: CheckpointHeader, weights: Mapping[str, Weight], lineage: Lineage, name: str
) -> Content:
    """A checkpoint's weights, by their names in `transformers`, with its tokenizer.

    Raises:
        UnknownName: llama.cpp has no such architecture.
        UnsupportedArgument: it has none with these settings, or no such tokenizer.
        ModelFileError: a tensor that has no place, or a tokenizer that does not fit.
    """
    config = header.config
    found = architecture_of(config)
    settings = found.settings(config)
    context, cut = context_length(config)
    tensors = _renamed(weights, found, config)
    rows = dict(tensors)["token_embd.weight"].shape[0]
    vocabulary = read_vocabulary(header, rows, _ends(config, header.path))
    if "vocab_size" in settings:
        settings["vocab_size"] = rows
    metadata = [
        ("general.type", "model"),
        ("general.name", name),
        (f"{found.name}.context_length", context),
        *((f"{found.name}.{key}", value) for key, value in settings.items()),
        *_tokenizer_metadata(vocabulary),
        (LINEAGE_KEY, _told(lineage)),
    ]
    notes = tuple(filter(None, (cut, *vocabulary.notes)))
    return Content(found.name, metadata, tensors, notes)


def content_of_gguf(
    path: Path, lineage: Lineage, replaced: Mapping[str, Weight] | None = None
) -> Content:
    """The content of a GGUF file, dequantized; metadata and tokenizer as they are.

    `replaced` are weights, by their names in the file, that others take the place of.

    Raises:
        ModelFileError: the file is none, or a weight in `replaced` has no place in it.
    """
    import gguf
    from gguf.gguf_writer import GGUFValue

    try:
        reader = gguf.GGUFReader(path)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelFileError(f"{path} cannot be read as GGUF: {error}") from None
    replaced = replaced or {}
    names = {tensor.name for tensor in reader.tensors}
    if strange := sorted(set(replaced) - names - {_OUTPUT}):
        raise ModelFileError(f"{path} has no tensor {strange[0]} to put the merged one in")
    metadata = [
        (key, GGUFValue(found.contents(), found.types[0], found.types[-1]))
        for key, found in reader.fields.items()
        if not key.startswith("GGUF.") and key not in _OURS
    ]
    tensors = [(t.name, replaced.get(t.name) or _dequantized(t)) for t in reader.tensors]
    if _OUTPUT in replaced and _OUTPUT not in names:  # an adapter has parted it from the embedding
        tensors.append((_OUTPUT, replaced[_OUTPUT]))
    architecture = str(reader.fields["general.architecture"].contents())
    return Content(architecture, [*metadata, (LINEAGE_KEY, _told(lineage))], tensors)


def gguf_weights(weights: Mapping[str, Weight], config: Mapping[str, Any]) -> dict[str, Weight]:
    """A model's weights, by their names in `transformers`, by those in GGUF files."""
    return dict(_renamed(weights, architecture_of(config), config))


def _renamed(
    weights: Mapping[str, Weight], found: Architecture, config: Mapping[str, Any]
) -> list[tuple[str, Weight]]:
    import gguf

    number = next(n for n, name in gguf.MODEL_ARCH_NAMES.items() if name == found.name)
    layers = int(config.get("num_hidden_layers") or config.get("n_layer") or 0)
    names = gguf.get_tensor_name_map(number, layers)
    tied = bool(config.get("tie_word_embeddings", found.name == "gpt2"))
    tensors = []
    for name, weight in weights.items():
        if name.endswith(_COMPUTED) or (tied and name == _HEAD):
            continue
        renamed = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if renamed is None:
            raise ModelFileError(
                f"the tensor {name} has no place in a GGUF file of the architecture {found.name}",
                hint="use the checkpoint as it is, with the engine transformers",
            )
        tensors.append((renamed, _arranged(name, weight, found, config)))
    if (factors := rope_factors(config)) is not None:
        tensors.append(("rope_freqs.weight", _constant(factors)))
    return tensors


def _arranged(name: str, weight: Weight, found: Architecture, config: Mapping[str, Any]) -> Weight:
    turned = bool(found.transposed) and name.endswith(found.transposed)
    shape = weight.shape[::-1] if turned else weight.shape
    return Weight(shape, lambda: arranged(name, weight.load(), found, config))


def _constant(values: list[float]) -> Weight:
    def load() -> np.ndarray:
        import numpy as np

        return np.array(values, dtype=np.float32)

    return Weight((len(values),), load)


def _dequantized(tensor: gguf.ReaderTensor) -> Weight:
    def load() -> np.ndarray:
        import gguf

        try:
            return gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
        except NotImplementedError:
            raise UnsupportedArgument(
                f"{tensor.name} is of the type {tensor.tensor_type.name}, which cannot be read",
                hint="name a file of another type, or the checkpoint it was made from",
            ) from None

    shape = tuple(int(size) for size in reversed(tensor.shape))
    return Weight(shape, load)


def _tokenizer_metadata(own: Vocabulary) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = [
        ("tokenizer.ggml.model", own.kind),
        ("tokenizer.ggml.pre", own.pre),
        ("tokenizer.ggml.tokens", list(own.tokens)),
        ("tokenizer.ggml.token_type", list(own.types)),
    ]
    if own.merges:
        pairs.append(("tokenizer.ggml.merges", list(own.merges)))
    if own.kind == "llama":
        pairs.append(("tokenizer.ggml.scores", list(own.scores)))
        pairs.append(("tokenizer.ggml.add_space_prefix", own.space_before))
    pairs += [(f"tokenizer.ggml.{kind}_token_id", token) for kind, token in own.special.items()]
    pairs += [
        ("tokenizer.ggml.add_bos_token", own.begins), ("tokenizer.ggml.add_eos_token", own.ends),
    ]  # fmt: skip
    if own.template:
        pairs.append(("tokenizer.chat_template", own.template))
    return pairs


def _ends(config: Mapping[str, Any], folder: Path) -> list[int]:
    """The end tokens by the model's settings: what generating follows, else the configuration."""
    try:
        settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = {}
    told = settings.get("eos_token_id") if isinstance(settings, dict) else None
    told = config.get("eos_token_id") if told is None else told
    return [end for end in (told if isinstance(told, list) else [told]) if isinstance(end, int)]


def _told(lineage: Lineage) -> str:
    return json.dumps(lineage.document(), ensure_ascii=False, sort_keys=True)
