"""What of a model learns: a LoRA beside frozen weights, or all of them with zeros that stay.

A weight matrix with many exact zeros is taken for a pruned one; rounding to a few bits makes some
too, so of a quantized GGUF file it takes more of them. With `full` its zeros stay: their
gradients are masked, their values are set back after each step, and at the end it is asserted. A
LoRA leaves the base as it is, zeros and all; merging it would fill them, which is why the result
says that its base was pruned.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peft
import torch

from codelathe.core.errors import LatheError, ModelFileError, UsageError
from codelathe.core.gguf import read_gguf_header
from codelathe.core.opened import OpenedModel
from codelathe.training.recipe import ALL_LINEAR, MethodPart, Recipe
from codelathe.training.tuning._torch_lora import fuse
from codelathe.training.tuning._torch_norm import speed_up
from codelathe.training.tuning.result import durable_name

#: From this share of exact zeros on a matrix counts as pruned.
PRUNED = 0.05
#: The same where weights were rounded, which makes some zero: 6% by Q5_0, 12% by Q4_0 (measured).
PRUNED_ROUNDED = 0.3
#: Types that make next to none.
_FEW_ZEROS = frozenset({"F32", "F16", "BF16", "Q8_0", "Q4_1", "Q5_1"})


@dataclass(slots=True)
class Zeros:
    """The places of a model's weights that are zero and stay so, by parameter name.

    `least` is the share of them from which a matrix counts as pruned.
    """

    least: float = PRUNED
    masks: dict[str, Any] = field(default_factory=dict)
    _named: dict[str, Any] = field(default_factory=dict)

    @property
    def sparsity(self) -> float:
        """The share of zeros in the matrices that have masks."""
        total = sum(mask.numel() for mask in self.masks.values())
        kept = sum(int(mask.sum()) for mask in self.masks.values())
        return 1 - kept / total if total else 0.0

    def watch(self, model: Any) -> None:
        """Take the masks of `model`'s weights that learn, and mask their gradients from now on."""
        for name, weight in _matrices(model):
            if weight.requires_grad and (mask := _mask(weight, self.least)) is not None:
                self.masks[name], self._named[name] = mask, weight
                weight.register_hook(lambda gradient, mask=mask: gradient * mask)

    def hold(self) -> None:
        """Set back what a step may have moved."""
        with torch.no_grad():
            for name, weight in self._named.items():
                weight.mul_(self.masks[name])

    def require(self) -> None:
        """Assert that every zero is one still.

        Raises:
            LatheError: one is not.
        """
        for name, weight in self._named.items():
            if torch.count_nonzero(weight.detach().masked_select(~self.masks[name])):
                raise LatheError(
                    f"weights of {name} that were pruned are not zero any more",
                    hint="report it with the recipe",
                )


@dataclass(slots=True)
class Learner:
    """A model set up to learn. `base` is the bare model within; `zeros` what stays zero.

    `base_sparsity` is the share of zeros in the pruned matrices of a frozen base.
    """

    model: Any
    base: Any
    adapter: bool
    zeros: Zeros
    base_sparsity: float = 0.0

    @property
    def trainable(self) -> int:
        """How many numbers are learned."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)


def make_learner(start: OpenedModel, recipe: Recipe) -> Learner:
    """Set the model of `start` up as the recipe says.

    Raises:
        UsageError: an encoder-decoder; target modules that are not there; `full` of an adapter or
            of weights that are quantized.
        ModelFileError: the adapter to go on from does not fit.
    """
    model = start.model
    if model.config.is_encoder_decoder:
        raise UsageError(
            f"{start.base} is an encoder-decoder, and only decoders are tuned",
            hint="name a decoder; a new encoder-decoder: lathe tune --from-scratch --architecture "
            "encoder-decoder",
            field="model.name",
        )
    if recipe.method.name == "full":
        return _full(start, model)
    model.requires_grad_(False)
    _keep_packing_away(model)
    sparsity = _base_sparsity(model, _least(start.path))
    if start.adapter is not None:
        tuned = _go_on(model, start.adapter)
    else:
        targets = _targets(model, recipe.method)
        tuned = _begin(model, recipe, targets)
    tuned.active_peft_config.base_model_name_or_path = durable_name(start.base)
    fuse(tuned)
    speed_up(model)
    return Learner(tuned, model, adapter=True, zeros=Zeros(), base_sparsity=sparsity)


def _full(start: OpenedModel, model: Any) -> Learner:
    if start.adapter is not None:
        raise UsageError(
            f"method full learns the weights themselves, and {start.adapter} is an adapter",
            hint=f"merge it first: lathe export merge {start.adapter}; or method.name = 'lora'",
            field="method.name",
        )
    model.requires_grad_(True)
    zeros = Zeros(_least(start.path))
    zeros.watch(model)
    return Learner(model, model, adapter=False, zeros=zeros)


def _config(method: MethodPart, targets: str | list[str]) -> Any:
    return peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=method.r,
        lora_alpha=method.alpha,
        lora_dropout=method.dropout,
        target_modules=targets,
    )


def _begin(model: Any, recipe: Recipe, targets: str | list[str]) -> Any:
    torch.manual_seed(recipe.train.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers in a way that will go
        try:
            return peft.get_peft_model(model, _config(recipe.method, targets))
        except ValueError as error:  # modules that PEFT knows not to bear a LoRA
            raise UsageError(
                f"PEFT puts no LoRA there: {str(error)[:300]}",
                hint='name other modules: method.targets = ["..."]',
                field="method.targets",
            ) from None


def _keep_packing_away(model: Any) -> None:
    """Let no forward pass turn 4-bit weights into a form that has no way back.

    bitsandbytes does so on some processors as soon as a layer is only read from.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _targets(model: Any, method: MethodPart) -> str | list[str]:
    """What PEFT is told; each name has to be there."""
    if method.targets == (ALL_LINEAR,):
        return ALL_LINEAR
    head = model.get_output_embeddings()
    there = [
        name for name, module in model.named_modules() if _linear(module) and module is not head
    ]
    unknown = [target for target in method.targets if not _matches(target, there)]
    if unknown:
        names = sorted({name.rpartition(".")[2] for name in there})
        raise UsageError(
            f"the model has no modules named {', '.join(unknown)} that a LoRA can stand beside",
            hint=f"there are: {', '.join(names)}; or {ALL_LINEAR}",
            field="method.targets",
        )
    return list(method.targets)


def _linear(module: Any) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(module, torch.nn.Linear) or (
        type(module).__name__ == "Conv1D" and weight is not None
    )


def _matches(target: str, names: Sequence[str]) -> bool:
    return any(name == target or name.endswith(f".{target}") for name in names)


def _go_on(model: Any, folder: Path) -> Any:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            tuned = peft.PeftModel.from_pretrained(model, folder, is_trainable=True)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            told = (str(error).strip().splitlines() or ["?"])[0][:300]
            raise ModelFileError(
                f"the adapter in {folder} does not fit its base: {told}",
                hint="name the folder that the adapter was saved to",
            ) from None
    kind = tuned.active_peft_config.peft_type.value
    absent = [str(w.message) for w in said if "missing adapter keys" in str(w.message)]
    if kind != "LORA" or absent:
        why = absent[0][:200] if absent else f"it is of the kind {kind}"
        raise ModelFileError(
            f"the adapter in {folder} cannot be gone on from: {why}",
            hint="a LoRA that lathe tune, or PEFT, saved can be",
        )
    return tuned


def _matrices(model: Any) -> Iterator[tuple[str, Any]]:
    """The weights that pruning may have made zero: of linear layers, but for the head."""
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if _linear(module) and module is not head and module.weight.is_floating_point():
            yield f"{name}.weight", module.weight


def _least(path: Path) -> float:
    """The share of zeros from which a matrix of the model in `path` counts as pruned."""
    if not path.is_file():
        return PRUNED
    types = {tensor.type for tensor in read_gguf_header(path).tensors}
    return PRUNED if types <= _FEW_ZEROS else PRUNED_ROUNDED


def _mask(weight: Any, least: float) -> Any:
    """Where a matrix is not zero; None of one that is not pruned."""
    mask = weight.detach() != 0
    return mask if 1 - int(mask.sum()) / mask.numel() >= least else None


def _base_sparsity(model: Any, least: float) -> float:
    zeros = Zeros()
    for name, weight in _matrices(model):
        if (mask := _mask(weight, least)) is not None:
            zeros.masks[name] = mask
    return zeros.sparsity
