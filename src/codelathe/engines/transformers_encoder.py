"""Vectors of texts from an encoder (BERT, CodeBERT, MiniLM...), by `transformers`.

One vector for each text, to search and group by, or one for each token. It is no engine: nothing
is written. Of an encoder-decoder the encoder is used. BERTScore has an encoder of its own
(`metrics/bertscore.py`), which stops at the layer that it needs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import ModelFileError, UsageError
from codelathe.core.spinning import load_torch

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from codelathe.engines._torch_place import Place, Weights

#: Tokens in one pass, padding included.
_PASS = 4096


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The tokens of one text.

    `special` marks those that are not of the text ([CLS] and its like); `vectors` has the
    shape (tokens, size); `cut` says that the text was longer than the encoder reads.
    """

    ids: tuple[int, ...]
    special: tuple[bool, ...]
    vectors: NDArray[numpy.float32]
    cut: bool


class TransformersEncoder:
    """The encoder in the checkpoint folder `path`; loaded at first use, freed by `close`.

    `precision` and `pickled` are those of TransformersEngine.

    Raises:
        MissingDependency: torch or transformers is missing.
        ModelFileError: there is no model, or none that is safe to read.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, precision: str = "auto", pickled: bool = False
    ) -> None:
        from codelathe.engines.transformers import require_packages

        require_packages("the encoder of texts")
        load_torch()
        from codelathe.engines._torch_loading import read_header
        from codelathe.engines._torch_place import Weights, choose_place

        self._weights: Weights = Weights(Path(path), None, precision, pickled)
        header = read_header(self._weights)
        self._place: Place = choose_place(self._weights, header)
        self._limit = header.context_length
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    @property
    def layers(self) -> int:
        """The number of layers."""
        model, _ = self._ready()
        return int(model.config.num_hidden_layers)

    def embed(self, texts: Sequence[str]) -> NDArray[numpy.float32]:
        """One vector of length 1 for each text: (texts, size).

        The mean of the last layer's vectors over all tokens, special ones included, scaled to
        length 1 (Sentence-BERT, Reimers and Gurevych 2019). What is longer than the encoder
        reads is cut.

        Raises:
            ModelFileError: the weights cannot be loaded.
        """
        import numpy

        model, _ = self._ready()
        means = numpy.zeros((len(texts), model.config.hidden_size), dtype=numpy.float32)
        for index, token in self._encoded(texts, -1):
            mean = token.vectors.mean(axis=0)
            means[index] = mean / max(float(numpy.linalg.norm(mean)), 1e-12)
        return means

    def tokens(self, texts: Sequence[str], layer: int = -1) -> list[TokenVectors]:
        """The vectors of every token of each text, out of layer `layer`.

        Layer 0 is what goes into the first layer, `layers` and -1 what comes out of the last.

        Raises:
            UsageError: there is no such layer.
            ModelFileError: the weights cannot be loaded.
        """
        if not -1 <= layer <= self.layers:
            raise UsageError(
                f"the encoder has layers 0 to {self.layers}, not {layer}", field="layer"
            )
        found = dict(self._encoded(texts, layer))
        return [found[index] for index in range(len(texts))]

    def close(self) -> None:
        """Free the model."""
        with self._lock:
            self._loaded = None

    def _ready(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                from codelathe.engines._torch_loading import load_encoder, load_tokenizer

                tokenizer = load_tokenizer(self._weights)
                self._loaded = load_encoder(self._weights, self._place), tokenizer
            return self._loaded

    def _encoded(self, texts: Sequence[str], layer: int) -> Iterator[tuple[int, TokenVectors]]:
        """Each text's index and vectors, the longest texts first."""
        model, tokenizer = self._ready()
        limit = min(self._limit or tokenizer.model_max_length, tokenizer.model_max_length)
        read = [_Read.of(tokenizer, text, limit) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: -len(read[index].ids))
        start = 0
        while start < len(order):
            width = max(1, len(read[order[start]].ids))
            group = order[start : start + max(1, _PASS // width)]
            start += len(group)
            vectors = self._vectors(model, [read[index].ids for index in group], layer)
            for index, found in zip(group, vectors, strict=True):
                one = read[index]
                yield index, TokenVectors(one.ids, one.special, found, one.cut)

    def _vectors(
        self, model: Any, group: Sequence[tuple[int, ...]], layer: int
    ) -> list[NDArray[numpy.float32]]:
        import torch

        from codelathe.engines._torch_rows import computing

        width = max(map(len, group))
        ids = torch.tensor([[*t, *[0] * (width - len(t))] for t in group], device=model.device)
        mask = torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t in group])
        with computing(len(group)):
            output = model(
                input_ids=ids, attention_mask=mask.to(model.device), output_hidden_states=True
            )
            hidden = output.hidden_states[layer].float().cpu().numpy()
        return [hidden[row, : len(tokens)].copy() for row, tokens in enumerate(group)]


@dataclass(frozen=True, slots=True)
class _Read:
    """A text as tokens."""

    ids: tuple[int, ...]
    special: tuple[bool, ...]
    cut: bool

    @classmethod
    def of(cls, tokenizer: Any, text: str, limit: int) -> _Read:
        whole = tokenizer(text, add_special_tokens=True, verbose=False)["input_ids"]
        cut = len(whole) > limit
        found = tokenizer(
            text,
            add_special_tokens=True,
            return_special_tokens_mask=True,
            truncation=cut,
            max_length=limit if cut else None,
        )
        if not found["input_ids"]:
            raise ModelFileError(
                "the encoder's tokenizer reads a text as no token at all",
                hint="name an encoder whose tokenizer marks where a text begins",
            )
        return cls(tuple(found["input_ids"]), tuple(map(bool, found["special_tokens_mask"])), cut)
