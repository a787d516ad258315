"""An adapter and its base become one checkpoint, which is compared with the two before it counts.

The sum is made in 32 bits and stored in the base's numbers, or those asked for. What was
written is loaded again from the disk and led along the greedy answers of base and adapter.
Beyond the bounds the result is kept and marked as refused.

Not merged are a base that is stored quantized, and a pruned base, whose zeros the sum would fill.
That the base is the one the adapter was made on is seen to by whoever finds the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from codelathe.core.checkpoint import AdapterHeader, read_checkpoint_header
from codelathe.core.errors import (
    MissingDependency,
    ModelFileError,
    UnknownName,
    UnsupportedArgument,
    UsageError,
)
from codelathe.core.generation import Message
from codelathe.core.lineage import Lineage, read_lineage, write_lineage
from codelathe.core.opened import OpenedModel
from codelathe.core.spinning import load_torch
from codelathe.hub.card import CARD, licence_beside, model_card
from codelathe.training.export.comparing import BOUNDS, Comparison
from codelathe.training.export.exported import Exported
from codelathe.training.export.prompts import PROBES, prompts
from codelathe.training.export.staging import check_room, settle, workplace, writing

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
VERB = "export merge"


class Opened(OpenedModel, Protocol):
    """A model in 32 bits, and what turns chats into text."""

    @property
    def text(self) -> Any:
        """The side of the model that has to do with text: `template`, `close`."""
        ...


#: A ModelRef and a precision to what is loaded.
Open = Callable[[str, str], Opened]
#: A stage, how many of how many are done.
Heard = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """An adapter and its base as they were found: where they lie, and their hashes.

    `base` is a checkpoint's folder or a GGUF file, `base_ref` its name.
    """

    ref: str
    adapter: AdapterHeader
    adapter_sha256: str
    base: Path
    base_ref: str
    base_sha256: str

    @property
    def lineage(self) -> Lineage | None:
        """What the adapter says it was made from, None where it says nothing."""
        return read_lineage(self.adapter.path)


@dataclass(frozen=True, slots=True)
class Order:
    """What to merge, where to, stored in which numbers, compared on how many prompts."""

    parts: Parts
    out: Path
    precision: str = "auto"
    prompts: int = 5


def merge(order: Order, open_model: Open, heard: Heard) -> Exported:
    """Merge, write, load again, compare; answered at once where that has been done.

    Raises:
        UsageError: the folder holds something else.
        UnknownName: no such precision.
        EngineError: the two cannot be loaded, or cannot become one.
        DiskFull: there is no room for it.
    """
    _check(order)
    if done := _done(order):
        return done
    refuse_parts(order.parts)
    with workplace(order.out) as work:
        details = _made(order, open_model, heard, work)
        _done(order)  # what others have put there meanwhile stays
        settle(work / "model", order.out)
    return Exported(order.out, details)


def refuse_parts(parts: Parts) -> None:
    """Refuse an adapter and a base that cannot become one. That they belong together is known.

    Raises:
        ModelFileError: the adapter's weights are pickled, or not there.
        UnsupportedArgument: the base is stored quantized, or pruned.
        MissingDependency: peft is not installed.
    """
    from importlib.util import find_spec

    if parts.base.is_dir():
        _refuse_quantized(parts)
    _refuse_pruned(parts)
    if not parts.adapter.has_safetensors:
        raise ModelFileError(
            f"{parts.adapter.path} holds no weights as safetensors",
            hint="save the adapter again: model.save_pretrained(FOLDER)",
        )
    if find_spec("peft") is None:
        raise MissingDependency("peft", "train", "an adapter")


def _refuse_quantized(parts: Parts) -> None:
    told = read_checkpoint_header(parts.base).config.get("quantization_config")
    if told:
        kind = told.get("quant_method", "") if isinstance(told, dict) else ""
        raise UnsupportedArgument(
            f"{parts.base_ref} is stored quantized ({kind}): merged into rounded weights, the "
            "adapter's small numbers would be lost",
            hint="name the checkpoint it was quantized from as the adapter's base "
            "(base_model_name_or_path in adapter_config.json)",
        )


def _refuse_pruned(parts: Parts) -> None:
    """By what the base says of itself, or by what was seen of it when the adapter was tuned."""
    base, own = read_lineage(parts.base) if parts.base.is_dir() else None, parts.lineage
    if (base is not None and base.details.get("pruning")) or (
        own is not None and own.details.get("base_sparsity")
    ):
        raise UnsupportedArgument(
            f"{parts.base_ref} is pruned: merged with an adapter its zeros would be filled, or the "
            "adapter cut where they are, which is another model",
            hint=f'use it as it is (--model {parts.ref}), or tune with method = "full", which '
            "keeps the zeros",
        )


def _check(order: Order) -> None:
    if order.precision not in PRECISIONS:
        raise UnknownName(
            "precision",
            order.precision,
            PRECISIONS,
            also="8 and 4 bits are for lathe export gguf",
            field="precision",
        )


def _done(order: Order) -> Exported | None:
    """What the same order has left, None where there is nothing yet.

    Raises:
        UsageError: the place is taken.
    """
    out = order.out
    if not out.is_symlink() and not out.exists():
        return None
    if not out.is_symlink() and out.is_dir() and not any(out.iterdir()):
        return None
    own = read_lineage(out) if out.is_dir() else None
    if own is None or own.made_by != VERB or own.details.get("merge") != _key(order):
        raise UsageError(
            f"{out} exists and is not what this command makes",
            hint="name another folder, or remove this one",
            field="out",
        )
    return Exported(out, own.details, again=True)


def _key(order: Order) -> dict[str, Any]:
    """What makes two orders the same."""
    return {
        "adapter_sha256": order.parts.adapter_sha256,
        "base_sha256": order.parts.base_sha256,
        "precision": order.precision,
        "prompts": order.prompts,
    }


def _made(order: Order, open_model: Open, heard: Heard, work: Path) -> dict[str, Any]:
    """Everything but the last step: `work/model` is complete; what there is to say of it."""
    load_torch()
    from codelathe.training.export import _torch_merging as torch_side
    from codelathe.training.export._torch_answers import Answers

    parts, folder = order.parts, work / "model"
    for made in (folder, work / "logits"):
        made.mkdir()
    heard("loading", 0, order.prompts)
    opened = open_model(parts.ref, "float32")
    stored = torch_side.stored_types(parts.base)
    before = TokenSide.of(opened)
    adapted = torch_side.attach(opened.model, parts.adapter.path)
    notes = _notes(order, untied=torch_side.untie(adapted))
    first = Answers(
        adapted.get_base_model(),
        [before.read(opened, text) for text in prompts(order.prompts)],
        before.ends,
        work / "logits",
    )
    first.ask(lambda done: heard("base and adapter", done, order.prompts))
    merged = torch_side.merge_into(adapted)
    first.let_go()
    _check_size(merged, order, stored, work)
    precision = torch_side.round_to(merged, order.precision, stored)
    with writing(folder):
        torch_side.write(merged, opened.tokenizer, folder)
    opened.text.close()
    del opened, adapted, merged  # so that the two are never in memory together
    comparison = _compared(folder, open_model, heard, (first, before, BOUNDS[precision]))
    details = {
        "merge": _key(order),
        "precision": precision,
        "tensors": torch_side.written_types(folder),
        "check": comparison.document(),
        "notes": notes,
    }
    with writing(folder):
        _describe(order, details, folder)
    return details


def _compared(
    folder: Path, open_model: Open, heard: Heard, first: tuple[Any, TokenSide, Any]
) -> Comparison:
    answers, before, bounds = first
    again = open_model(str(folder), "float32")
    try:
        faults = before.differences(TokenSide.of(again))
        led = answers.lead(again.model, lambda done: heard("merged", done, answers.count))
    finally:
        again.text.close()
    return Comparison(led, bounds, tuple(faults))


def _check_size(model: Any, order: Order, stored: Mapping[str, torch.dtype], work: Path) -> None:
    from codelathe.training.export._torch_merging import parameters, usual_type

    width = usual_type(order.precision, stored).itemsize
    check_room(work, parameters(model) * width * 21 // 20)


def _notes(order: Order, *, untied: bool) -> list[str]:
    parts, notes = order.parts, []
    lineage = parts.lineage
    if lineage is None or not lineage.base_sha256:
        notes.append("the adapter does not say for which weights it was made (no lathe.json)")
    if parts.base.is_file():
        notes.append(
            f"the base is a GGUF file: its weights are written as they dequantize"
            f"{', in 32 bits' if order.precision == 'auto' else ''}"
        )
    if lineage is not None and _quantized(lineage):
        notes.append(
            "the adapter was tuned on the base in fewer bits (QLoRA) and is merged into its "
            "full weights: compared is with the adapter on those"
        )
    if untied:
        notes.append("the adapter changes the head or the embedding: the two are no longer tied")
    return notes


def _quantized(lineage: Lineage) -> bool:
    method = lineage.recipe.get("method")
    return isinstance(method, dict) and method.get("name") == "qlora"


def _describe(order: Order, details: dict[str, Any], folder: Path) -> None:
    """Card and lineage, written last."""
    parts, lineage = order.parts, order.parts.lineage
    gate = lineage.details.get("gate") if lineage is not None else None
    made = Lineage(
        kind="checkpoint",
        base=parts.base_ref,
        base_sha256=parts.base_sha256,
        parent=parts.ref,
        recipe=lineage.recipe if lineage is not None else {},
        made_by=VERB,
        details={**details, "adapter_gate": gate} if gate else details,
    )
    card = model_card(made, folder, licence=licence_beside(parts.base), name=order.out.name)
    (folder / CARD).write_text(card, encoding="utf-8")
    write_lineage(folder, made)


@dataclass(frozen=True, slots=True)
class TokenSide:
    """What a model does with text, for comparing: template, special and end tokens, probes."""

    template: str
    special: Mapping[str, Any]
    ends: frozenset[int]
    probes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, opened: Opened) -> TokenSide:
        """Of a model in memory."""
        from codelathe.training.export._torch_merging import end_tokens

        tokenizer = opened.tokenizer
        return cls(
            template=str(tokenizer.chat_template or ""),
            special=dict(tokenizer.special_tokens_map),
            ends=end_tokens(opened.model, tokenizer),
            probes=tuple(tuple(tokenizer(text, verbose=False)["input_ids"]) for text in PROBES),
        )

    def differences(self, other: TokenSide) -> list[str]:
        """What is not the same, in words."""
        told = {
            "the chat template differs": self.template == other.template,
            "the special tokens differ": self.special == other.special,
            f"the end tokens differ: {sorted(self.ends)} and {sorted(other.ends)}": (
                self.ends == other.ends
            ),
            "the tokenizer splits texts in another way": self.probes == other.probes,
        }
        return [fault for fault, same in told.items() if not same]

    def read(self, opened: Opened, text: str) -> list[int]:
        """The tokens of a prompt: as a chat where the model has a template."""
        template, tokenizer = opened.text.template, opened.tokenizer
        if template is None:
            tokens: list[int] = tokenizer(text, verbose=False)["input_ids"]
            return tokens
        chat = template((Message("user", text),))
        plain: list[int] = tokenizer(chat, add_special_tokens=False, verbose=False)["input_ids"]
        return plain
