"""A model in OpenVINO's form with its weights in 8 or 4 bits, by NNCF; and asking such a model.

NNCF's `compress_weights` follows its documentation: int8 with a scale and a zero point for each
output; int4 with both for each group of inputs, embeddings and head in 8 bits. Nothing is sent
anywhere: its telemetry is off.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.compression.quantizing_scores import Score
from codelathe.compression.quantizing_tensors import Stored
from codelathe.core.errors import UnsupportedArgument

if TYPE_CHECKING:
    import numpy as np

MODEL = "openvino_model.xml"
#: Inputs that share a scale, the widest first: the widest that divides all of them is taken.
_GROUPS = (128, 64, 32, 16)
#: Constants that are no weights: shapes, axes, a norm's factors.
_FEW = 4096
#: OpenVINO's types in which weights are stored.
_WEIGHTS = frozenset({"u8", "i8", "u4", "i4", "nf4", "f16", "bf16", "f32"})


def compress_folder(
    folder: Path, kind: str, calibration: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Compress the weights of the model in `folder`, in place; the settings that were taken.

    `kind` is a mode of NNCF. With `calibration` (windows of tokens) the scales are chosen by AWQ
    and by what the layers then give.

    Raises:
        UnsupportedArgument: the model's inputs cannot be divided into groups.
    """
    import openvino

    source = folder / MODEL
    with _quiet_nncf() as nncf:
        model = openvino.Core().read_model(source)
        settings: dict[str, Any] = {"mode": kind}
        if kind.startswith("int4"):
            settings |= {"group_size": _group_size(model), "ratio": 1.0}
        if calibration:
            settings |= {"awq": True, "scale_estimation": True, "subset_size": len(calibration)}
        asked = {**settings, "mode": nncf.CompressWeightsMode(kind)}
        if calibration:
            asked["dataset"] = nncf.Dataset([_inputs(window) for window in calibration])
        compressed = nncf.compress_weights(model, **asked)
    # The old weights are mapped while the model lives: write beside them, then replace.
    target = folder / "compressed.xml"
    openvino.save_model(compressed, target, compress_to_fp16=False)
    del model, compressed
    target.replace(source)
    target.with_suffix(".bin").replace(source.with_suffix(".bin"))
    return settings


@contextlib.contextmanager
def openvino_score(folder: Path) -> Iterator[Score]:
    """The scores of the model in `folder`, on the processor as it is run there."""
    import openvino

    request = openvino.Core().compile_model(folder / MODEL, "CPU").create_infer_request()

    def score(window: Sequence[int]) -> np.ndarray:
        request.reset_state()
        request.infer(_inputs(window))
        found: np.ndarray = request.get_tensor("logits").data[0].copy()
        return found

    yield score


def openvino_tokens(folder: Path, text: str) -> list[int]:
    """What the tokenizer in `folder` makes of `text`, nothing added."""
    import openvino_genai

    encoded = openvino_genai.Tokenizer(folder).encode(text, add_special_tokens=False)
    return [int(token) for token in encoded.input_ids.data[0]]


def openvino_tensors(folder: Path) -> tuple[Stored, ...]:
    """The weights of the model in `folder`, and the scales and zero points beside them."""
    import openvino

    found = []
    for node in openvino.Core().read_model(folder / MODEL).get_ops():
        if node.get_type_name() != "Constant":
            continue
        kind, count = node.get_element_type().get_type_name(), math.prod(node.get_output_shape(0))
        name = node.get_friendly_name()
        if kind in _WEIGHTS and count >= _FEW:
            beside = name.endswith(("/scale", "/zero_point", "_scale", "_zero_point"))
            found.append(Stored(name, kind, 0 if beside else count))
    return tuple(found)


def _inputs(window: Sequence[int]) -> dict[str, np.ndarray]:
    """A window as the model takes it: one row, nothing before it."""
    import numpy as np

    count = len(window)
    return {
        "input_ids": np.array([list(window)], np.int64),
        "attention_mask": np.ones((1, count), np.int64),
        "position_ids": np.arange(count, dtype=np.int64)[None],
        "beam_idx": np.zeros(1, np.int32),
    }


def _group_size(model: Any) -> int:
    """The widest group that every matrix in the blocks can be divided into."""
    widths = set()
    for node in model.get_ops():
        if node.get_type_name() == "MatMul":
            shape = node.input(1).get_partial_shape()
            if len(shape) == 2 and shape.is_static:
                widths.add(shape[1].get_length())
    for size in _GROUPS:
        if widths and not any(width % size for width in widths):
            return size
    raise UnsupportedArgument(
        f"layers of {', '.join(map(str, sorted(widths)))} inputs have no groups to quantize in",
        hint="choose --method openvino-int8",
        field="method",
    )


@contextlib.contextmanager
def _quiet_nncf() -> Iterator[Any]:
    """NNCF, saying nothing on standard output and sending nothing anywhere."""
    os.environ.setdefault("NNCF_CI", "1")  # what turns its telemetry off, read at import
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nncf

        nncf.set_log_level(40)
        yield nncf
