"""Rows to tokens: by the model's own template and tokens, with the loss on what is learned.

The loss counts completions: each turn of the assistant with the token that ends it, the
middle of a hole, the whole of a plain text. With `everything` it counts all tokens but the
first. Which order a hole is written in, PSM or SPM, is drawn by the row's own content, so
that a row is the same wherever it stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codelathe.core.errors import ModelFileError, UsageError
from codelathe.core.generation import Message
from codelathe.text.chat import ChatTemplate
from codelathe.training.data.holes import HoleTokens, Order, document_end, hole_tokens
from codelathe.training.data.rows import Chat, Hole, Pair, Row, Text
from codelathe.training.data.tokenizer import Tokenizer
from codelathe.training.data.tokens import Tokens
from codelathe.training.data.turns import Span, check_template, render_turns


@dataclass(frozen=True, slots=True)
class Rendering:
    """How rows become tokens.

    `everything` puts the loss on prompts too. `spm` is the share of holes written suffix
    first, drawn with `seed`.
    """

    everything: bool = False
    spm: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.spm <= 1.0:
            raise UsageError(f"the share of SPM must lie in 0..1, not {self.spm}", field="spm")


class Renderer:
    """Turns rows into tokens for one model.

    `template` is None for a base model, or where prompts are to be plain text; `model` is named
    in errors.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        template: ChatTemplate | None,
        how: Rendering | None = None,
        model: str = "the model",
    ) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._how = how or Rendering()
        self._model = model
        self._end = document_end(tokenizer)
        self._holes: HoleTokens | None = None
        # One number object for each id, whatever documents it is in: a third of the memory.
        self._known: dict[int, int] = {}

    def check(self, rows: Iterable[Row]) -> None:
        """Refuse what no row of these could be rendered without, before anything starts.

        Raises:
            ModelFileError: a template or tokens that the rows need are missing, or the turns of
                the assistant cannot be located.
        """
        needs = {_need(row) for row in rows}
        if "hole" in needs:
            self._hole_tokens()
        if needs & {"chat", "chats"} and self._template is None:
            raise self._no_template()
        if self._template is not None and needs & {"pair", "chat", "chats"}:
            check_template(self._template, self._model, several="chats" in needs)

    def render(self, row: Row) -> Tokens:
        """The tokens of a row.

        Raises:
            ModelFileError: as of `check`.
            EngineError: the template refuses this row's messages, or its turns cannot be located.
        """
        content = row.content
        if isinstance(content, Text):
            return self._document(content.text, [(0, len(content.text))], self._end)
        if isinstance(content, Hole):
            return self._hole(content)
        if isinstance(content, Chat):
            return self._chat(content.messages)
        if self._template is not None:
            return self._chat((Message("user", content.prompt),
                               Message("assistant", content.completion)))  # fmt: skip
        if content.asked:
            raise self._no_template()
        return self._pair(content)

    def _chat(self, messages: tuple[Message, ...]) -> Tokens:
        if self._template is None:
            raise self._no_template()
        text, spans = render_turns(messages, self._template)
        start, stop = spans[-1]
        closed = not text[start:stop].rstrip().endswith(messages[-1].content.strip())
        # A turn that nothing ends would teach the model to go on for ever.
        return self._document(text, spans, None if closed else self._tokenizer.ends)

    def _pair(self, pair: Pair) -> Tokens:
        text = pair.prompt + pair.completion
        return self._document(text, [(len(pair.prompt), len(text))], self._end)

    def _document(self, text: str, spans: Sequence[Span], end: int | None) -> Tokens:
        """The tokens of `text`, `end` behind them unless they end so already."""
        ids, places = self._tokenizer.encode(text)
        trained = _marks(places, spans)
        begins = self._tokenizer.begins
        if begins is not None and ids[:1] != [begins]:
            ids, trained = [begins, *ids], [False, *trained]
        if end is not None and ids[-1:] != [end]:
            ids, trained = [*ids, end], [*trained, True]
        return self._finished(ids, trained)

    def _hole(self, hole: Hole) -> Tokens:
        own = self._hole_tokens()
        prefix, suffix, middle = (
            self._tokenizer.encode(part, special=False)[0]
            for part in (hole.prefix, hole.suffix, hole.middle)
        )
        if self._order(hole) == "psm":
            before = [own.prefix, *prefix, own.suffix, *suffix, own.middle]
        else:
            before = [own.prefix, own.suffix, *suffix, own.middle, *prefix]
        if self._tokenizer.begins is not None:
            before.insert(0, self._tokenizer.begins)
        learned = middle if own.end is None else [*middle, own.end]
        return self._finished([*before, *learned], [False] * len(before) + [True] * len(learned))

    def _order(self, hole: Hole) -> Order:
        drawn = hashlib.sha256(
            "\0".join((str(self._how.seed), hole.prefix, hole.middle, hole.suffix)).encode()
        ).digest()
        return "spm" if int.from_bytes(drawn[:8]) < self._how.spm * 2**64 else "psm"

    def _finished(self, ids: list[int], trained: list[bool]) -> Tokens:
        if self._how.everything:
            trained = [True] * len(ids)
        trained[:1] = [False] * len(trained[:1])  # nothing stands before it to be predicted from
        known = self._known
        return Tokens(tuple([known.setdefault(id_, id_) for id_ in ids]), tuple(trained))

    def _hole_tokens(self) -> HoleTokens:
        if self._holes is None:
            self._holes = hole_tokens(self._tokenizer, self._model)
        return self._holes

    def _no_template(self) -> ModelFileError:
        return ModelFileError(
            f"{self._model} has no chat template, and rows with messages or instructions need one",
            hint="name its -Instruct variant, or write the rows as prompt and completion, or text",
            field="model",
        )


def _need(row: Row) -> str:
    content = row.content
    if isinstance(content, Chat):
        answers = sum(message.role == "assistant" for message in content.messages)
        return "chats" if answers > 1 else "chat"
    if isinstance(content, Pair):
        return "chat" if content.asked else "pair"
    return "hole" if isinstance(content, Hole) else "text"


def _marks(places: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[bool]:
    """Which tokens stand, with any of their characters, in one of the spans, which are in order."""
    marks, upcoming = [], iter(spans)
    span = next(upcoming, None)
    for start, end in places:
        while span is not None and span[1] <= start:
            span = next(upcoming, None)
        marks.append(span is not None and max(start, span[0]) < min(end, span[1]))
    return marks
