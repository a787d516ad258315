"""The variants of a model that a sweep makes, by one name each; nothing here computes.

Quantized: a method's name, `q8_0`. Pruned: the method and how much, `wanda:0.5`, `l1:2:4`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codelathe.compression.options import METHODS as PRUNINGS
from codelathe.compression.options import UNSTRUCTURED, PruneOptions, prune_options
from codelathe.compression.quantizing_methods import METHODS, SAMPLES, Method
from codelathe.core.errors import UnknownName, UsageError

#: Made if nobody says otherwise: what runs on processors, in 8 and in 4 bits.
USUAL = "dynamic-int8,openvino-int8,openvino-int4,q8_0,q4_1"
#: What the engines stand on, as Python imports it.
_ENGINES = {"transformers": "torch", "openvino": "openvino_genai", "llamacpp": "xllamacpp"}
_FAMILIES = {"bitsandbytes": ("bitsandbytes",), "openvino": ("nncf",)}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to make a model smaller; `how` is a method of quantizing, or what to prune.

    `engine` is what it is measured with.
    """

    name: str
    how: Method | PruneOptions

    @property
    def kind(self) -> str:
        """`quantized` or `pruned`."""
        return "quantized" if isinstance(self.how, Method) else "pruned"

    @property
    def engine(self) -> str:
        """The first engine that runs the result: of a GGUF file llama.cpp."""
        return self.how.engines[0] if isinstance(self.how, Method) else "transformers"

    @property
    def samples(self) -> int:
        """Windows that a quantization is calibrated on, 0 for none."""
        return SAMPLES if isinstance(self.how, Method) and self.how.calibrated else 0

    @property
    def folder(self) -> str:
        """A name for its folder."""
        return self.name.replace(":", "-")

    @property
    def suffix(self) -> str:
        """What the name of the result ends in."""
        return ".gguf" if isinstance(self.how, Method) and self.how.file else ""

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages, as Python imports them, without which it can be neither made nor run."""
        if isinstance(self.how, Method):
            needed = _FAMILIES.get(self.how.family, ())
        else:
            needed = ("zstandard",) if self.how.unstructured else ()
        return (*needed, _ENGINES[self.engine])


def parse_variants(text: str) -> tuple[Variant, ...]:
    """The variants in a list with commas, each once.

    Raises:
        UnknownName: a method that there is not; the hint has the nearest names.
        UsageError: nothing is named; a sparsity or pattern is missing, wrong, or too much.
    """
    found = {one.name: one for one in map(parse_variant, _names(text))}
    if not found:
        raise UsageError("no method is named", hint=f"--methods {USUAL}", field="methods")
    return tuple(found.values())


def parse_variant(text: str) -> Variant:
    """`q8_0`, `wanda:0.5` or `sparsegpt:2:4` as a Variant.

    Raises:
        UnknownName: there is no such method.
        UsageError: a sparsity or pattern is missing, wrong, or too much.
    """
    name, _, much = text.lower().partition(":")
    if name in METHODS:
        if much:
            raise UsageError(
                f"{text}: {name} quantizes, and takes nothing behind a colon",
                hint=f"--methods {name}",
                field="methods",
            )
        return Variant(name, METHODS[name])
    if name not in PRUNINGS:
        known = [*METHODS, *PRUNINGS]
        raise UnknownName(
            "method", name, known, also=f"there is: {', '.join(known)}", field="methods"
        )
    return _pruned(name, much)


def _pruned(name: str, much: str) -> Variant:
    hint = f"--methods {name}:0.5" + (f", or {name}:2:4" if name in UNSTRUCTURED else "")
    if not much:
        raise UsageError(f"{name} prunes, and nothing says how much", hint=hint, field="methods")
    share, pattern = ("", much) if ":" in much else (much, None)
    try:
        options = prune_options(name, None if pattern else float(share), pattern)
    except ValueError:
        told = f"{share!r} is no share of the weights"
    except UsageError as error:
        told = error.message
    else:
        return Variant(f"{name}:{options.pattern or options.sparsity}", options)
    raise UsageError(f"{name}:{much}: {told}", hint=hint, field="methods")


def _names(text: str) -> Iterator[str]:
    yield from filter(None, re.split(r"[\s,]+", text.strip()))
