"""What is pruned, how far, and by which method; refused here where it makes no sense."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from codelathe.core.errors import UnknownName, UsageError

Method = Literal["l1", "wanda", "sparsegpt", "l1-structured", "depth"]
METHODS: tuple[Method, ...] = get_args(Method)
Scope = Literal["layer", "global"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
#: Methods that look at what the model does with calibration text.
CALIBRATED: frozenset[Method] = frozenset({"wanda", "sparsegpt", "depth"})
#: Methods that leave zeros in matrices of the same size; the others make the model smaller.
UNSTRUCTURED: frozenset[Method] = frozenset({"l1", "wanda", "sparsegpt"})
#: Windows of calibration text that are taken, if nobody says otherwise.
SAMPLES = 64

_PATTERN = re.compile(r"(\d{1,4}):(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Of every `group` neighbouring inputs of an output, `kept` weights stay: 2:4 keeps 2 of 4."""

    kept: int
    group: int

    @property
    def sparsity(self) -> float:
        """The share of weights that become zero."""
        return 1 - self.kept / self.group

    def __str__(self) -> str:
        return f"{self.kept}:{self.group}"


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """What to prune away. `sparsity` is the share of the blocks' linear weights, in (0, 1).

    `scope` is where L1 compares weights: in each layer, or in all together. `samples` is how
    many windows of calibration text are taken, `recover` for how many steps the pruned model
    learns from the original.
    """

    method: Method
    sparsity: float
    pattern: Pattern | None = None
    scope: Scope = "layer"
    samples: int = SAMPLES
    recover: int = 0

    @property
    def unstructured(self) -> bool:
        """Whether the matrices keep their size and hold zeros."""
        return self.method in UNSTRUCTURED

    @property
    def reads_text(self) -> bool:
        """Whether calibration text is looked at or learned from."""
        return self.method in CALIBRATED or bool(self.recover)

    def document(self) -> dict[str, Any]:
        """As recipes and results have it."""
        return {
            "method": self.method,
            "sparsity": self.sparsity,
            "pattern": str(self.pattern) if self.pattern else None,
            "scope": self.scope,
            "samples": self.samples if self.method in CALIBRATED else None,
            "recover": self.recover,
        }


def prune_options(
    method: str,
    sparsity: float | None,
    pattern: str | None = None,
    scope: str = "layer",
    samples: int = SAMPLES,
) -> PruneOptions:
    """Options out of what a user wrote. With a pattern the sparsity follows from it.

    Raises:
        UnknownName: no such method or scope; the hint has the nearest names.
        UsageError: a sparsity or a pattern that makes no sense, or not with the method.
    """
    chosen = _named("pruning method", method, METHODS)
    where = _named("scope", scope, SCOPES)
    form = parse_pattern(pattern) if pattern else None
    if where == "global" and (chosen != "l1" or form):
        why = "a pattern holds in every layer" if form else f"{chosen} compares within each layer"
        raise UsageError(
            f"the scope global is for l1 without a pattern: {why}",
            hint="leave --scope out, or: --method l1 --scope global",
            field="scope",
        )
    if form and chosen not in UNSTRUCTURED:
        raise UsageError(
            f"the pattern {form} is for weights, and {chosen} takes whole parts away",
            hint=f"leave --pattern out, or choose --method {', '.join(sorted(UNSTRUCTURED))}",
            field="pattern",
        )
    if samples < 1:
        raise UsageError(f"{samples} samples are no calibration", field="samples")
    return PruneOptions(chosen, _sparsity(sparsity, form), form, where, samples)


def parse_pattern(text: str) -> Pattern:
    """`2:4` as a Pattern.

    Raises:
        UsageError: it is not N:M with 0 < N < M.
    """
    match = _PATTERN.fullmatch(text.strip())
    kept, group = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 0 < kept < group:
        raise UsageError(
            f"{text!r} is no pattern: N:M keeps N of every M neighbouring weights, 0 < N < M",
            hint="--pattern 2:4",
            field="pattern",
        )
    return Pattern(kept, group)


def _sparsity(asked: float | None, pattern: Pattern | None) -> float:
    if asked is None:
        if pattern is None:
            raise UsageError(
                "nothing says how much to prune", hint="--sparsity 0.5", field="sparsity"
            )
        return pattern.sparsity
    if not (math.isfinite(asked) and 0 < asked < 1):
        meant = f"; {asked:g}% is --sparsity {asked / 100:g}" if 1 < asked < 100 else ""
        raise UsageError(
            f"a sparsity of {asked:g} is not between 0 and 1{meant}",
            hint="--sparsity 0.5",
            field="sparsity",
        )
    if pattern and not math.isclose(asked, pattern.sparsity, abs_tol=1e-9):
        raise UsageError(
            f"the pattern {pattern} makes {pattern.sparsity:g} of the weights zero, not {asked:g}",
            hint="leave --sparsity out",
            field="sparsity",
        )
    return asked


def _named(kind: str, name: str, known: tuple[Any, ...]) -> Any:
    if name not in known:
        raise UnknownName(kind, name, known, field=kind.rpartition(" ")[2])
    return name
