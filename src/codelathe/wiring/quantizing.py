"""What quantizing needs of other rooms: a model by its name, opened, and written in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.errors import UnsupportedArgument, UsageError
from codelathe.core.gguf import read_gguf_header
from codelathe.wiring.checkpoints import Checkpoint, open_checkpoint
from codelathe.wiring.models import Found, find_weights

if TYPE_CHECKING:
    from codelathe.compression.listening import Heard
    from codelathe.compression.quantizing_job import QuantizeDoors
    from codelathe.compression.quantizing_methods import Method
    from codelathe.store import Progress


def find_quantizable(model: str, progress: Progress | None = None) -> Found:
    """What `model` names, fetched where it is missing; nothing is loaded.

    Raises:
        InputError: the reference names nothing, no whole model, or one without open weights.
        StoreError: it cannot be had.
    """
    found = find_weights(model, progress)
    if found.adapter is not None:
        raise UsageError(
            f"{model} is an adapter, and only whole models are quantized",
            hint=f"merge it first: lathe export merge {model} --out merged",
            field="model",
        )
    if found.local.format == "openvino":
        raise UsageError(
            f"{model} is in OpenVINO's form, whose weights are for running alone",
            hint="name the checkpoint or the GGUF file that it was made from",
            field="model",
        )
    return found


def quantize_doors(found: Found, heard: Heard) -> QuantizeDoors:
    """What `compression.quantizing.quantize` is handed for the model `found`."""
    from codelathe.compression.quantizing_job import QuantizeDoors

    def check(method: Method) -> None:
        from codelathe.compression.quantizing_making import require_tools

        require_tools(method)
        if method.file or method.family == "openvino":
            _check_gguf(found.path, openvino=method.family == "openvino")

    def to_gguf(out: Path, kind: str) -> object:
        from codelathe.training.export.gguf_export import GgufOrder, make_gguf

        order = GgufOrder(found.ref, found.path, found.sha256, out, kind, 0)
        return make_gguf(order, open_checkpoint, heard)

    def to_openvino(gguf: Path, folder: Path) -> None:
        from codelathe.engines._converted import convert_gguf

        heard("converting for OpenVINO", 0, 1)
        convert_gguf(gguf, folder)

    def to_int8(model: object) -> None:
        from codelathe.engines.checkpoint import to_int8

        to_int8(model)

    def reopen(path: Path) -> Checkpoint:
        # A name with a slash is a path; a folder's own numbers, and a GGUF file's in 32 bits.
        name = f"{path.absolute()}" if path.is_file() else f"{path.absolute()}/"
        return _opened(name, "float32" if path.is_file() else "auto")

    return QuantizeDoors(
        open=lambda: _opened(found.ref, "float32"),
        reopen=reopen,
        to_int8=to_int8,
        to_gguf=to_gguf,
        to_openvino=to_openvino,
        check=check,
        engines=_engines,
    )


def _opened(model: str, precision: str) -> Checkpoint:
    opened = open_checkpoint(model, precision)
    opened.text.close()
    return opened


def _engines(method: Method, path: Path) -> tuple[str, ...]:
    """Those of the method's engines that read what it wrote."""
    from codelathe.engines._converted import unreadable

    if method.file and unreadable(read_gguf_header(path)):
        return tuple(engine for engine in method.engines if engine != "openvino")
    return method.engines


def _check_gguf(path: Path, *, openvino: bool) -> None:
    """Refuse a model that has no form as GGUF, or none that OpenVINO reads.

    Raises:
        InputError: there is none.
    """
    from codelathe.engines._converted import ARCHITECTURES
    from codelathe.training.export.architectures import architecture_of

    if path.is_file():
        name = read_gguf_header(path).architecture
    else:
        name = architecture_of(read_checkpoint_header(path).config).name
    if openvino and name not in ARCHITECTURES:
        raise UnsupportedArgument(
            f"OpenVINO's reader builds no {name}, so nothing here could run the result",
            hint=f"it knows {', '.join(sorted(ARCHITECTURES))}; or choose --method q8_0",
            field="method",
        )
