"""The converted model of the engine `openvino`: made once from a GGUF file, then kept.

OpenVINO GenAI reads GGUF itself, in about ten times the time that its own form takes, and
not without loss. So a child process reads the file once, mends what the reader got wrong
(`_zero_points.py`, `_lift_length_limit`) and writes OpenVINO's form into the cache folder:
a temporary folder, then renamed, so that it is there whole or not at all. What is kept is
used again while size and time of change of the file and the versions are the same; a damaged
or outdated copy is noticed and made anew in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from codelathe.core.errors import DiskFull, ModelFileError
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.engines._zero_points import restore_zero_points

T = TypeVar("T")

#: What OpenVINO GenAI's reader builds graphs for.
ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
TENSOR_TYPES = frozenset({"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q8_0"})
_TOKENIZERS = frozenset({"gpt2"})
_MANIFEST = "files.json"
_OTHERWISE = "choose --engine llamacpp"
#: Counts up when what is written here changes, so that older copies are not used.
_FORM = 2


def unreadable(header: GgufHeader) -> str:
    """Why OpenVINO's reader cannot take this file, empty where it can."""
    if header.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        return f"its architecture is {header.architecture or 'not named'}, not one of {known}"
    if foreign := sorted({t.type for t in header.tensors} - TENSOR_TYPES):
        return f"it has tensors of type {', '.join(foreign)}"
    tokenizer = header.metadata.get("tokenizer.ggml.model")
    if tokenizer not in _TOKENIZERS:
        return f"its tokenizer is of the kind {tokenizer}"
    return ""


def load_converted(header: GgufHeader, cache: Path, load: Callable[[Path], T]) -> T:
    """`load` the converted model, converting it first where that has not been done.

    Raises:
        ModelFileError: the file cannot be converted or what came of it cannot be loaded.
        DiskFull: the converted model, about as large as the file, has no room.
    """
    folder = _folder(header.path, cache)
    with _locked(folder):
        if _whole(folder, _stamp(header)):
            with contextlib.suppress(RuntimeError):
                return load(folder)
        _discard(folder)
        _convert(header, folder)
        try:
            return load(folder)
        except RuntimeError as error:
            raise ModelFileError(
                f"OpenVINO cannot load {header.path}: {_last_line(str(error))}",
                hint=_OTHERWISE,
            ) from None


def forget_converted(path: Path, cache: Path) -> int:
    """Remove what was converted from the file at `path`; how many bytes that frees."""
    folder = _folder(path, cache)
    if not folder.parent.exists():
        return 0
    with _locked(folder):
        freed = sum(f.stat().st_size for f in folder.glob("*") if f.is_file())
        _discard(folder)
    return freed


def convert_gguf(path: Path, folder: Path) -> None:
    """Write OpenVINO's form of the GGUF file at `path` into `folder`, which is made for it.

    Raises:
        ModelFileError: OpenVINO's reader cannot take the file.
        DiskFull: there is no room.
    """
    header = read_gguf_header(path)
    if reason := unreadable(header):
        raise ModelFileError(f"OpenVINO cannot read {path}: {reason}", hint=_OTHERWISE)
    _convert(header, folder)
    (folder / _MANIFEST).unlink()


def _folder(path: Path, cache: Path) -> Path:
    """One for each file: what an altered file or another version makes takes its place."""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:20]
    return cache / "openvino" / name


def _stamp(header: GgufHeader) -> list[Any]:
    """What a converted model was made from, and by what."""
    found = header.path.stat()
    return [found.st_size, found.st_mtime_ns, _FORM, version("openvino-genai")]


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time converts; the others wait and then find it done."""
    from filelock import FileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        yield


def _whole(folder: Path, stamp: list[Any]) -> bool:
    """Whether it was made from this file, and every part has the size it was written with."""
    try:
        made = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        sizes = made["sizes"].items()
        return made["stamp"] == stamp and all(
            (folder / name).stat().st_size == size for name, size in sizes
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _discard(folder: Path) -> None:
    """Remove the model, and what conversions that were killed have left; the lock is held."""
    for found in (folder, *folder.parent.glob(f"{folder.name}.making-*")):
        if found.exists():
            shutil.rmtree(found)


def _convert(header: GgufHeader, folder: Path) -> None:
    _check_room(header, folder.parent)
    with tempfile.TemporaryDirectory(
        prefix=f"{folder.name}.making-", dir=folder.parent, ignore_cleanup_errors=True
    ) as made:
        work = Path(made)
        # A process of its own: the memory of reading goes with it, and a file that makes the
        # native reader crash does not take this process along.
        told = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(header.path.resolve()), str(work)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if told.returncode != 0:
            why = _last_line(told.stdout) or f"its reader ended with code {told.returncode}"
            raise ModelFileError(f"OpenVINO cannot convert {header.path}: {why}", hint=_OTHERWISE)
        manifest = {
            "stamp": _stamp(header),
            "sizes": {file.name: file.stat().st_size for file in work.iterdir()},
        }
        (work / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        work.chmod(0o755)
        work.rename(folder)
        work.mkdir()  # for the context manager to remove


def _check_room(header: GgufHeader, folder: Path) -> None:
    need = header.path.stat().st_size * 5 // 4
    free = shutil.disk_usage(folder).free
    if free < need:
        raise DiskFull(
            f"converting {header.path.name} needs {need:,} bytes in {folder}, {free:,} are free",
            hint="free some room, or choose --engine llamacpp",
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _main(source: str, target: str) -> None:
    """In the child process: read the GGUF file `source`, write OpenVINO's form to `target`."""
    import openvino_genai

    # The reader writes beside the file that it is given.
    link = Path(target) / "model.gguf"
    link.symlink_to(source)
    tokenizer = openvino_genai.Tokenizer(link, enable_save_ov_model=True)
    scheduler = openvino_genai.SchedulerConfig()
    openvino_genai.ContinuousBatchingPipeline(
        link, tokenizer, scheduler, "CPU", enable_save_ov_model=True
    )
    link.unlink()
    restore_zero_points(Path(source), Path(target))
    _lift_length_limit(Path(target))
    for made in Path(target).iterdir():
        with made.open("rb") as file:
            os.fsync(file.fileno())


def _lift_length_limit(folder: Path) -> None:
    """Let the tokeniser read texts of any length.

    As converted it keeps the last 8192 tokens and drops the rest without a word, whatever
    length a call asks for: one minimum with a constant, which is raised here.
    """
    graph = ElementTree.parse(folder / "openvino_tokenizer.xml").getroot()  # noqa: S314  # ours
    layers = {layer.get("id"): layer for layer in graph.iterfind("layers/layer")}
    for edge in graph.iterfind("edges/edge"):
        limit, user = layers[edge.get("from-layer")], layers[edge.get("to-layer")]
        data = limit.find("data")
        if user.get("type") == "Minimum" and limit.get("type") == "Const" and data is not None:
            with (folder / "openvino_tokenizer.bin").open("r+b") as file:
                file.seek(int(data.get("offset", "")))
                file.write((0x7FFFFFFF).to_bytes(int(data.get("size", "")), "little"))


if __name__ == "__main__":
    _main(*sys.argv[1:])
