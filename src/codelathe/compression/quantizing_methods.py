"""The methods that `lathe compress quantize` knows: a table, and nothing that computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codelathe.core.errors import UnknownName, UsageError

Family = Literal["int8", "bitsandbytes", "openvino", "gguf", "llama-quantize"]
#: Windows of calibration text that are taken, if nobody says otherwise.
SAMPLES = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a quantized model may be from the original, on code that it was not made with.

    `divergence` is the mean KL(original || quantized) in nats a token, `agreeing` the share of
    tokens for which both have the same first choice.
    """

    divergence: float
    agreeing: float


_EIGHT, _FIVE, _FOUR = Bounds(0.05, 0.85), Bounds(0.30, 0.75), Bounds(0.80, 0.55)


@dataclass(frozen=True, slots=True)
class Method:
    """One way to quantize.

    `kind` is what the tool itself calls it; `zeros` tells whether weights that are zero stay
    exactly zero; `engines` run the result, of GGUF files those of some models.
    """

    name: str
    family: Family
    kind: str
    bounds: Bounds
    zeros: bool
    about: str
    engines: tuple[str, ...] = ("transformers",)
    calibrated: bool = False

    @property
    def file(self) -> bool:
        """Whether the result is one GGUF file and not a folder."""
        return self.family in ("gguf", "llama-quantize")


_GGUF_ENGINES = ("llamacpp", "openvino", "transformers")
_OPENVINO = ("openvino",)
_K_QUANTS = {"q3_k_m": _FOUR, "q4_k_m": _FOUR, "q5_k_m": _FIVE, "q6_k": _EIGHT}
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "dynamic-int8", "int8", "int8", _EIGHT, True,
            "linear layers and embeddings in int8, products in int8, activations quantized a "
            "token at a time",
        ),
        Method(
            "int8", "bitsandbytes", "int8", _EIGHT, True,
            "linear layers in int8 by bitsandbytes, outliers of the activations in 16 bits "
            "(LLM.int8(), Dettmers et al. 2022)",
        ),
        Method(
            "nf4", "bitsandbytes", "nf4", _FOUR, True,
            "linear layers in 4-bit NormalFloat by bitsandbytes, scales quantized too (QLoRA, "
            "Dettmers et al. 2023)",
        ),
        Method(
            "openvino-int8", "openvino", "int8_asym", _EIGHT, True,
            "weights in 8 bits for OpenVINO, by NNCF, without data", _OPENVINO,
        ),
        Method(
            "openvino-int4", "openvino", "int4_asym", _FOUR, True,
            "weights in 4 bits a group for OpenVINO, embeddings and head in 8, by NNCF, without "
            "data", _OPENVINO,
        ),
        Method(
            "openvino-int4-awq", "openvino", "int4_asym", _FOUR, True,
            "the same with activation-aware scales (AWQ, Lin et al. 2023) and scale estimation, "
            "calibrated on code", _OPENVINO, calibrated=True,
        ),
        Method(
            "q8_0", "gguf", "q8_0", _EIGHT, True,
            "GGUF, 8 bits with a scale for each 32 weights", _GGUF_ENGINES,
        ),
        Method(
            "q5_1", "gguf", "q5_1", _FIVE, False,
            "GGUF, 5 bits with scale and minimum for each 32 weights, head in 8", _GGUF_ENGINES,
        ),
        Method(
            "q4_1", "gguf", "q4_1", _FOUR, False,
            "GGUF, 4 bits with scale and minimum for each 32 weights, head in 8", _GGUF_ENGINES,
        ),
        *(
            Method(
                name, "llama-quantize", name.upper(), bounds, False,
                f"GGUF, {name.upper()} by llama.cpp's own llama-quantize", _GGUF_ENGINES,
            )
            for name, bounds in _K_QUANTS.items()
        ),
    )
}  # fmt: skip


def quantize_method(name: str) -> Method:
    """The method of that name, in any case of its letters.

    Raises:
        UnknownName: there is none; the hint has the nearest names.
    """
    found = METHODS.get(name.lower())
    if found is None:
        raise UnknownName(
            "quantization method", name, METHODS, also=f"there is: {', '.join(METHODS)}",
            field="method",
        )  # fmt: skip
    return found


def check_samples(method: Method, samples: int | None, *, texts: bool) -> int:
    """How many windows to calibrate on, 0 for a method that looks at weights alone.

    Raises:
        UsageError: calibration was asked for, and the method has none.
    """
    if method.calibrated:
        return samples or SAMPLES
    if texts or samples is not None:
        known = ", ".join(name for name, one in METHODS.items() if one.calibrated)
        raise UsageError(
            f"{method.name} looks at weights alone and is not calibrated",
            hint=f"leave --calibration and --samples out, or: --method {known}",
            field="calibration",
        )
    return 0
