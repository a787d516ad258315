"""One answer in the making, as the engines that write many at a time keep it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from codelathe.core.generation import Completion, EngineInfo, FinishReason, Sampling, Watch
from codelathe.engines._answer import Answer


class Line:
    """One answer in the making: its prompt, its tokens so far and its text so far."""

    def __init__(
        self, request: int, choice: int, prompt: Sequence[int], sampling: Sampling
    ) -> None:
        self.request = request
        self.choice = choice
        self.prompt = prompt
        self.sampling = sampling
        self.seed = sampling.seed + choice
        self.answer = Answer(sampling.stop)
        self.reason: FinishReason | None = None
        self.written = 0  # tokens, the one that ends the answer included
        self.begun = 0.0
        self.handle: Any = None
        self._tokens: list[int] = []
        self._base = self._told = 0

    @property
    def room(self) -> int:
        """The most tokens that this line will hold."""
        return len(self.prompt) + self.sampling.max_tokens

    @property
    def last(self) -> int:
        """The token that the model wrote last."""
        return self._tokens[-1]

    def take(self, tokens: Sequence[int], ends: frozenset[int]) -> None:
        """Append tokens that the model wrote."""
        self.written += len(tokens)
        self._tokens += [token for token in tokens if token not in ends]

    def undecoded(self) -> tuple[list[int], list[int]]:
        """The last tokens whose text is known, and the same with those that follow."""
        return self._tokens[self._base : self._told], self._tokens[self._base :]

    def advance(self, before: str, after: str, watch: Watch | None) -> None:
        """Add what `after` has more than `before`, the texts of `undecoded`.

        A token that ends amid a character adds nothing until the rest has come. `reason` is
        set where the answer ends here.
        """
        piece = after[len(before) :]
        if piece:
            self._base, self._told = self._told, len(self._tokens)
        grown = self.answer.add(piece, last=self.reason is not None)
        if self.answer.stopped:
            self.reason = "stop"
        if grown and watch is not None and watch(self.request, self.choice, self.answer.text):
            self.reason = self.reason or "watch"

    def completion(self, info: EngineInfo) -> Completion:
        """The answer, once it has ended."""
        assert self.reason is not None
        return Completion(
            request=self.request,
            choice=self.choice,
            text=self.answer.text,
            prompt_tokens=len(self.prompt),
            completion_tokens=self.written,
            seconds=time.monotonic() - self.begun,
            finish_reason=self.reason,
            seed=self.seed,
            model=info.model,
            engine=info.name,
        )
