"""BERTScore: tokens of two texts matched by the cosine of their vectors (Zhang et al. 2020).

Equal to the package `bert-score` with the same encoder and layer. By default the encoders are
those of CodeBERTScore (Zhou et al. 2023) for the texts' language. Unlike there, a text is cut
at the encoder's longest input, as `bert-score` does.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import ArtefactUnavailable, MissingDependency
from codelathe.metrics.similarity import Encoder, References, Row, Settings

ENCODERS: dict[str, str] = {
    language: f"neulab/codebert-{language}"
    for language in ("python", "javascript", "java", "c", "cpp")
}
"""Language -> hub repository of the encoder that was trained on it."""

ANY_CODE = "microsoft/codebert-base-mlm"
"""The encoder for all other texts."""

LAYERS: dict[str, int] = {
    **dict.fromkeys((f"codebert-{language}" for language in ENCODERS), 10),
    "codebert-base-mlm": 10,
    "roberta-base": 10,
    "bert-base-uncased": 9,
    "bert-base-multilingual-cased": 9,
    "roberta-large": 17,
    "deberta-xlarge-mnli": 40,
}
"""Encoder -> the layer whose vectors agree best with people, as published; else the last."""

_PAIRS = 64
"""So many pairs are held as vectors at once: about 0.1 GB."""
_TOKENS = 2048
"""At most so many tokens in a batch, padding included: of 64 pairs, larger batches pad more."""
_UNBOUNDED = 1 << 20
"""For tokenizers that write 'any length' as a number beyond all integer types."""
_DIGITS = 12
"""Of the weights' hash in a signature."""
_BROKEN = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, ImportError,
    EOFError,
)  # fmt: skip
"""What files that are broken, foreign or no encoder's make `transformers` raise."""

Triple = tuple[float, float, float]
"""Precision, recall, F1."""


class Encoded(NamedTuple):
    """A text's token ids, and one unit vector for each: a tensor of (tokens, width)."""

    ids: tuple[int, ...]
    vectors: Any


def require_packages() -> None:
    """See that what reads an encoder is installed, before one is fetched.

    Raises:
        MissingDependency: naming the first package that is not.
    """
    for name in ("torch", "transformers"):
        if find_spec(name) is None:
            raise MissingDependency(name, "metrics", "BERTScore")


def default_encoder(language: str = "") -> str:
    """The hub repository of the encoder for texts in `language`, where nobody names another."""
    return ENCODERS.get(language, ANY_CODE)


class BertScore:
    """BERTScore's F1, with precision and recall.

    Each token of one text is matched with the token of the other that is nearest; precision
    is the mean over the prediction's tokens, recall over the reference's. Start and end marks
    may be matched, but count for nothing. With several references the best counts, for each
    number alone. An empty text scores 0, whatever it is compared with. An encoder whose vectors
    are no numbers is ArtefactUnavailable: a score of them would be none.

    A row: precision, recall, F1, 1.
    """

    def __init__(self, settings: Settings) -> None:
        encoder = settings.encoder or Encoder(default_encoder(settings.language))
        self._network = _Network(encoder)
        weights = f"|weights:{encoder.sha256[:_DIGITS]}" if encoder.sha256 else ""
        self.signature = (
            f"bertscore|encoder:{_last_part(encoder.name)}{weights}"
            f"|layer:{self._network.layer}|idf:no|rescaled:no|version:{self._network.version}"
        )

    def rows(self, predictions: Sequence[str], references: Sequence[References]) -> Iterator[Row]:
        """One row for each prediction."""
        for start in range(0, len(predictions), _PAIRS):
            some, theirs = predictions[start : start + _PAIRS], references[start : start + _PAIRS]
            known = self._network.encode((*some, *(text for many in theirs for text in many)))
            for text, many in zip(some, theirs, strict=True):
                matches = [
                    _match(known[text], known[wanted], self._network.marks) for wanted in many
                ]
                yield (*map(max, zip(*matches, strict=True)), 1.0)

    def scores(self, total: Row) -> Mapping[str, float]:
        """The means over the pairs."""
        precision, recall, f1, count = total
        return {"bertscore": f1 / count, "precision": precision / count, "recall": recall / count}


def token_weights(ids: Sequence[int], marks: Collection[int]) -> list[float]:
    """What each token counts, 1 in all: marks nothing, the others alike; 0 where all are marks."""
    counting = [token not in marks for token in ids]
    share = 1.0 / sum(counting) if any(counting) else 0.0
    return [share if counts else 0.0 for counts in counting]


def _match(given: Encoded, wanted: Encoded, marks: Collection[int]) -> Triple:
    ours, theirs = token_weights(given.ids, marks), token_weights(wanted.ids, marks)
    if not any(ours) or not any(theirs):
        return 0.0, 0.0, 0.0
    near = given.vectors @ wanted.vectors.T
    precision = math.fsum(map(float.__mul__, near.amax(1).tolist(), ours))
    recall = math.fsum(map(float.__mul__, near.amax(0).tolist(), theirs))
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


class _Network:
    """A transformer encoder, cut off behind the layer whose vectors are wanted."""

    def __init__(self, encoder: Encoder) -> None:
        require_packages()
        self._encoder = encoder
        self._torch, transformers = import_module("torch"), import_module("transformers")
        config, self._tokenizer, model = _loaded(encoder, transformers)
        depth = config.num_hidden_layers
        self.layer = min(LAYERS.get(_last_part(encoder.name), depth), depth)
        self._model = model.get_encoder() if config.is_encoder_decoder else model
        self._cut(depth)
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._model.eval().to(self._device)
        longest = self._tokenizer.model_max_length
        places = getattr(config, "max_position_embeddings", longest)
        # RoBERTa counts positions from behind its padding mark.
        self._longest = min(longest, places - 2 * (config.model_type == "roberta"), _UNBOUNDED)
        self.marks = frozenset((self._tokenizer.cls_token_id, self._tokenizer.sep_token_id))
        self.version = f"transformers-{transformers.__version__}"

    def _cut(self, depth: int) -> None:
        """Drop the layers behind the wanted one, wherever the architecture keeps them."""
        stacks = [
            (module, name, child)
            for module in self._model.modules()
            for name, child in module.named_children()
            if isinstance(child, self._torch.nn.ModuleList) and len(child) == depth
        ]
        for module, name, stack in stacks if self.layer < depth else ():
            setattr(module, name, stack[: self.layer])

    def encode(self, texts: Iterable[str]) -> dict[str, Encoded]:
        """Each different text with its vectors, encoded in batches of like length."""
        different = list(dict.fromkeys(texts))
        found = sorted(zip(self._ids(different), different, strict=True), key=lambda x: len(x[0]))
        known: dict[str, Encoded] = {}
        for batch in _batches(found):
            vectors = self._vectors([ids for ids, _ in batch])
            for (ids, text), rows in zip(batch, vectors, strict=True):
                known[text] = Encoded(ids, rows[: len(ids)])
        return known

    def _ids(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        stripped = [text.strip() for text in texts]
        given = self._tokenizer(stripped, truncation=True, max_length=self._longest)
        return [tuple(ids) for ids in given["input_ids"]]

    def _vectors(self, batch: Sequence[tuple[int, ...]]) -> Any:
        torch, width = self._torch, max(map(len, batch))
        pad = self._tokenizer.pad_token_id or 0  # whatever it is, nothing looks at it
        ids = torch.tensor([[*ids, *[pad] * (width - len(ids))] for ids in batch])
        mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in batch])
        with torch.inference_mode():
            hidden = self._model(
                input_ids=ids.to(self._device), attention_mask=mask.to(self._device)
            )[0]
            vectors = (hidden / hidden.norm(dim=-1, keepdim=True)).cpu()
        if not vectors[mask.bool()].isfinite().all():
            raise _unusable(self._encoder, "gives vectors that are no numbers")
        return vectors


def _batches(
    found: Sequence[tuple[tuple[int, ...], str]],
) -> Iterator[Sequence[tuple[tuple[int, ...], str]]]:
    """Runs of rising length, each of at most `_TOKENS` when filled up to its longest."""
    start = 0
    for end, (ids, _) in enumerate(found):
        if start < end and len(ids) * (end + 1 - start) > _TOKENS:
            yield found[start:end]
            start = end
    yield found[start:]


def _loaded(encoder: Encoder, transformers: Any) -> tuple[Any, Any, Any]:
    """Configuration, tokenizer and model; pickled weights are read as data only."""
    broken = (*_BROKEN, import_module("safetensors").SafetensorError)
    place = encoder.folder or encoder.name
    if Path(place).is_dir() and not CheckpointHeader(Path(place), {}).has_tokenizer:
        raise _unusable(encoder, "has no tokenizer")  # the library would make one up
    try:
        with _quiet(transformers.utils.logging):
            config = transformers.AutoConfig.from_pretrained(place)
            tokenizer = transformers.AutoTokenizer.from_pretrained(place)
            model, found = transformers.AutoModel.from_pretrained(
                place, dtype="float32", weights_only=True, output_loading_info=True
            )
    except UnpicklingError:
        raise _unusable(encoder, "has a pickle that is broken or would run code") from None
    except broken as error:
        raise _unusable(encoder, f"could not be loaded: {_first_line(error)}") from None
    # The library draws at random what a file lacks; of the pooler nothing is used.
    if lacking := sorted(key for key in found["missing_keys"] if "pooler" not in key):
        raise _unusable(encoder, f"lacks weights: {lacking[0]}")
    return config, tokenizer, model


def _unusable(encoder: Encoder, what: str) -> ArtefactUnavailable:
    return ArtefactUnavailable(
        f"the encoder {encoder.name!r} {what}",
        hint="name a folder or a hub repository that has an encoder, or fetch a small one: "
        "lathe models pull minilm",
    )


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """No bars, and no word of heads that are left out: only the layers are wanted."""
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
