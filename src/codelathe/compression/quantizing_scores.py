"""How far a quantized model is from the original: on windows of code, token by token.

The original is asked first and its log-probabilities are kept in a file, so that only one of
the two models is in memory at any time. Each window stands alone; all of its tokens are places
for the comparison, and all but the first are predicted for perplexity.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.compression.calibration import Windows, library_texts, model_windows
from codelathe.compression.listening import Heard
from codelathe.compression.quantizing_methods import Bounds
from codelathe.core.opened import OpenedModel

if TYPE_CHECKING:
    import numpy as np

#: Tokens of one window, and how many windows are scored, if nobody says otherwise.
LENGTH, WINDOWS = 128, 4
#: The scores of a window (tokens) over the vocabulary: (tokens, vocabulary), 32 bits.
Score = Callable[[Sequence[int]], "np.ndarray"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What came of comparing `tokens` places; perplexities are of the original, the quantized."""

    tokens: int
    divergence: float
    agreeing: float
    perplexity: tuple[float, float]
    finite: bool

    def broken(self, bounds: Bounds) -> list[str]:
        """What is not within the bounds, in words."""
        if not self.finite:
            return ["its scores are no numbers"]
        told = []
        if self.divergence > bounds.divergence:
            told.append(f"KL {self.divergence:.3g} nats a token, more than {bounds.divergence:g}")
        if self.agreeing < bounds.agreeing:
            told.append(
                f"{self.agreeing:.1%} of first choices are the original's, fewer than "
                f"{bounds.agreeing:.0%}"
            )
        return told

    def document(self) -> dict[str, Any]:
        """As JSON has it; what is no number is null."""
        before, after = self.perplexity
        return {
            "tokens": self.tokens,
            "kl_nats_per_token": _number(self.divergence),
            "agreeing": self.agreeing,
            "perplexity": {"original": _number(before), "quantized": _number(after)},
        }


class Original:
    """The original's log-probabilities on some windows, kept at `path`.

    That takes four bytes for each token and each word of the vocabulary.
    """

    def __init__(self, score: Score, windows: Sequence[Sequence[int]], path: Path) -> None:
        self._score, self._windows, self._path = score, windows, path
        self._loss = 0.0
        self._width = 0

    def ask(self, heard: Heard) -> None:
        """Ask the model, and let it go."""
        with self._path.open("wb") as file:
            for number, window in enumerate(self._windows):
                heard("scoring the original", number, len(self._windows))
                logs = _log_softmax(self._score(window))
                self._width = logs.shape[1]
                self._loss += _loss(logs, window)
                logs.tofile(file)
        del self._score

    def compare(self, score: Score, heard: Heard) -> Agreement:
        """How `score`, another form of the model, says the same."""
        import numpy as np

        divergence, agreeing, loss, places, finite = 0.0, 0, 0.0, 0, True
        with self._path.open("rb") as file:
            for number, window in enumerate(self._windows):
                heard("scoring the quantized model", number, len(self._windows))
                first = np.fromfile(file, np.float32, len(window) * self._width)
                first = first.reshape(len(window), self._width)
                # A model's own padding behind the vocabulary is no token.
                second = _log_softmax(score(window)[:, : self._width])
                finite = finite and bool(np.isfinite(second).all())
                first = first[:, : second.shape[1]]
                divergence += float((np.exp(first) * (first - second)).sum(dtype=np.float64))
                agreeing += int((first.argmax(1) == second.argmax(1)).sum())
                loss += _loss(second, window)
                places += len(window)
        predicted = max(places - len(self._windows), 1)
        return Agreement(
            tokens=places,
            divergence=divergence / places,
            agreeing=agreeing / places,
            perplexity=(_exp(self._loss / predicted), _exp(loss / predicted)),
            finite=finite,
        )


def held_out_windows(opened: OpenedModel) -> Windows:
    """The code on which models are compared: none that calibration sees.

    Raises:
        InputError: this Python has no library in source code.
    """
    return model_windows(opened, library_texts("held out"), WINDOWS, LENGTH)


def compare_opened(
    original: Callable[[], OpenedModel],
    other: Callable[[], OpenedModel],
    scratch: Path,
    heard: Heard,
) -> Agreement:
    """How near another form of a model is to the original; they are opened one after the other.

    `scratch` is a folder for the original's scores.
    """
    asked = _asked(original(), scratch / "scores", heard)
    gc.collect()  # modules refer to each other: two models would be in memory
    return asked.compare(torch_score(other().model), heard)


def _asked(opened: OpenedModel, path: Path, heard: Heard) -> Original:
    original = Original(torch_score(opened.model), held_out_windows(opened).ids, path)
    original.ask(heard)
    return original


def torch_score(model: Any) -> Score:
    """The scores of a causal `transformers` model."""

    def score(window: Sequence[int]) -> np.ndarray:
        import torch

        ids = torch.tensor([list(window)], device=model.device)
        with torch.no_grad():
            scores = model(input_ids=ids, use_cache=False).logits[0].float().cpu()
        found: np.ndarray = scores.numpy()
        return found

    return score


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    with np.errstate(invalid="ignore"):
        shifted = np.asarray(scores, np.float32) - scores.max(axis=1, keepdims=True)
        found: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def _loss(logs: np.ndarray, window: Sequence[int]) -> float:
    return -float(sum(logs[place, token] for place, token in enumerate(window[1:])))


def _exp(mean: float) -> float:
    return math.exp(mean) if math.isfinite(mean) and mean < math.log(1e300) else math.inf


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
