"""The original becomes the quantized model on disk: one way for each family of methods."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.compression.calibration import Windows
from codelathe.compression.job import Opened
from codelathe.compression.listening import Heard
from codelathe.compression.quantizing_job import QuantizeDoors
from codelathe.compression.quantizing_methods import Method
from codelathe.compression.saving import no_bars, save_checkpoint
from codelathe.core.errors import MissingDependency, ModelFileError, UnsupportedArgument
from codelathe.core.packed import PACKED

#: llama.cpp's own program for types that Python cannot write.
TOOL = "llama-quantize"
_PACKAGES = {"bitsandbytes": "bitsandbytes", "openvino": "nncf"}


@dataclass(slots=True)
class Making:
    """The opened original, an empty folder for what goes again, and where the result goes.

    `target` is a folder that is there, or a file that is not.
    """

    opened: Opened | None
    scratch: Path
    target: Path
    calibration: Windows | None
    notes: tuple[str, ...]

    def take(self) -> Opened:
        """The original; it is let go here, so that its memory ends with the caller."""
        opened, self.opened = self.opened, None
        assert opened is not None, "it is taken once"
        return opened


def require_tools(method: Method) -> None:
    """See that what the method needs is installed.

    Raises:
        MissingDependency: a package is not.
        UnsupportedArgument: llama.cpp's program is not on the path.
    """
    from importlib.util import find_spec

    package = _PACKAGES.get(method.family)
    if package and find_spec(package) is None:
        raise MissingDependency(package, "compress", f"--method {method.name}")
    if method.family == "llama-quantize" and shutil.which(TOOL) is None:
        raise UnsupportedArgument(
            f"{method.name} is written by llama.cpp's own program {TOOL}, which is not on the PATH",
            hint="install llama.cpp, or choose --method q8_0, q5_1 or q4_1",
            field="method",
        )


def check_model(model: Any, method: Method) -> None:
    """Refuse what could be written and not be run.

    Raises:
        UnsupportedArgument: the method's kernels cannot compute with layers of this size.
    """
    if method.family == "bitsandbytes":
        from codelathe.compression._torch_bitsandbytes import check_layers

        check_layers(model, method.kind)


def make(making: Making, method: Method, doors: QuantizeDoors, heard: Heard) -> dict[str, Any]:
    """Write the quantized model to `making.target`; the settings that were taken."""
    heard("quantizing", 0, 1)
    if method.family == "int8":
        return _int8(making, doors)
    if method.family == "bitsandbytes":
        return _bitsandbytes(making, method)
    if method.family == "openvino":
        return _openvino(making, method, doors)
    making.take()
    if method.family == "gguf":
        doors.to_gguf(making.target, method.kind)
        return {"type": method.kind}
    whole = making.scratch / "whole.gguf"
    doors.to_gguf(whole, "f16")
    _run_tool(whole, making.target, method.kind)
    return {"type": method.kind}


def _int8(making: Making, doors: QuantizeDoors) -> dict[str, Any]:
    opened = making.take()
    doors.to_int8(opened.model)
    save_checkpoint(opened.model, opened.tokenizer, making.target)
    return {"weights": "int8, a scale for each output", "activations": "15 bits, a scale a token"}


def _bitsandbytes(making: Making, method: Method) -> dict[str, Any]:
    from codelathe.compression._torch_bitsandbytes import load_quantized

    opened = making.take()
    tokenizer, folder = opened.tokenizer, opened.path
    if folder.is_file() or (folder / PACKED).is_file() or not any(folder.glob("*.safetensors")):
        folder = making.scratch / "whole"
        save_checkpoint(opened.model, tokenizer, folder)
    del opened  # before the weights are read once more
    with no_bars():
        model = load_quantized(folder, method.kind)
    save_checkpoint(model, tokenizer, making.target)
    return {
        "type": method.kind,
        "computes_in": str(model.dtype).removeprefix("torch."),
        "double_quantization": method.kind == "nf4",
    }


def _openvino(making: Making, method: Method, doors: QuantizeDoors) -> dict[str, Any]:
    from codelathe.compression.quantizing_openvino import compress_folder

    opened = making.take()
    beside = making.scratch / "beside"
    opened.model.config.save_pretrained(beside)
    if opened.model.can_generate():
        opened.model.generation_config.save_pretrained(beside)
    opened.tokenizer.save_pretrained(beside)
    del opened
    whole, converted = making.scratch / "whole.gguf", making.scratch / "converted"
    doors.to_gguf(whole, "f16")
    doors.to_openvino(whole, converted)
    whole.unlink()
    windows = making.calibration.ids if making.calibration else ()
    settings = compress_folder(converted, method.kind, windows)
    for folder in (beside, converted):
        for file in folder.iterdir():
            file.replace(making.target / file.name)
    return settings


def _run_tool(whole: Path, target: Path, kind: str) -> None:
    """llama.cpp's own program, from the f16 file `whole`.

    Raises:
        ModelFileError: it ended with an error, or wrote nothing.
    """
    told = subprocess.run(
        [str(shutil.which(TOOL)), str(whole), str(target), kind],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if told.returncode != 0 or not target.is_file():
        lines = [line.strip() for line in told.stdout.splitlines() if line.strip()]
        raise ModelFileError(
            f"{TOOL} ended with code {told.returncode}: {lines[-1] if lines else 'without a word'}",
            hint="choose --method q8_0, q5_1 or q4_1, which need no other program",
        )
