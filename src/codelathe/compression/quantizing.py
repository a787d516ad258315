"""A model is quantized, saved, opened again and compared: `lathe compress quantize`, whole.

What belongs to other rooms is handed in (`QuantizeDoors`), so that the result is read the way every
other verb reads it, and asked by what runs it. Memory holds the original or the result, never
both. Whether the result still solves problems is not measured here.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.compression.calibration import library_texts, model_windows
from codelathe.compression.folder import check_fits, check_free, fresh_folder, weight_bytes
from codelathe.compression.job import Opened
from codelathe.compression.listening import Heard, silent
from codelathe.compression.memory import told_of_memory
from codelathe.compression.quantizing_card import card
from codelathe.compression.quantizing_job import (
    Quantized,
    QuantizeDoors,
    QuantizeJob,
    lineage_of,
    read_done,
)
from codelathe.compression.quantizing_making import Making, check_model, make
from codelathe.compression.quantizing_methods import Method
from codelathe.compression.quantizing_scores import (
    Agreement,
    Original,
    Score,
    held_out_windows,
    torch_score,
)
from codelathe.compression.quantizing_tensors import (
    WHOLE,
    Stored,
    count_types,
    folder_tensors,
    gguf_tensors,
    share_whole,
)
from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.errors import UsageError
from codelathe.core.gguf import read_gguf_header
from codelathe.core.lineage import read_lineage
from codelathe.core.spinning import load_torch

_LESS = "choose a smaller model, or a machine with more memory: the original is read in 32 bits"
#: Texts of what tokenizers differ in: digits, indents, other scripts, special tokens.
_PROBES = (
    "def f(x: int) -> str:\n    return f'{x:>08.3f} 두 수'  # 1234567\n\n\t<|x|>",
    "class A:\n\n    x = [1, 22, 333]\r\n",
    "<|im_start|>user\nHi<|im_end|>\n",
    " \u00e9\U0001f600 ",
)
#: Of all weights, what may stay as it is without a word: norms, biases.
_LEFT = 0.01
#: Bytes that are written for each weight, at most.
_WRITTEN = {"int8": 2, "bitsandbytes": 8, "openvino": 6, "gguf": 2, "llama-quantize": 4}


@dataclass(frozen=True, slots=True)
class _Text:
    """What a model does with text. `ends` are empty where a form keeps only one end token."""

    tokens: tuple[tuple[int, ...], ...]
    template: str
    end: int | None
    ends: tuple[int, ...] = ()


def quantize(job: QuantizeJob, doors: QuantizeDoors, heard: Heard = silent) -> Quantized:
    """Quantize, save, open again, compare; answered at once where that was done already.

    Beyond the bounds the result is kept and says so: `Quantized.passed`.

    Raises:
        InputError: something asked for does not go with this model; the place is taken.
        StoreError: the disk is full.
        EngineError: the model cannot be had or written, nothing could run the result, a package
            is missing, or there is too little memory.
    """
    if done := read_done(job):
        return done
    _check_place(job)
    check_original(job.model, job.path)
    doors.check(job.method)
    with told_of_memory(job.model, "quantize", _LESS):
        if not job.method.file:
            with fresh_folder(job.out) as folder:
                details = _quantized(folder, folder, job, doors, heard)
            return Quantized(job.out, details)
        stage = job.out.with_name(f".{job.out.name}.made")
        shutil.rmtree(stage, ignore_errors=True)
        try:
            with fresh_folder(stage) as folder:
                details = _quantized(folder, folder / job.out.name, job, doors, heard)
            check_free(job.out)  # somebody else may have been faster
            (stage / job.record.name).replace(job.record)
            (stage / job.out.name).replace(job.out)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        return Quantized(job.out, details)


def _quantized(
    folder: Path, target: Path, job: QuantizeJob, doors: QuantizeDoors, heard: Heard
) -> dict[str, Any]:
    """Fill `folder`, whose `target` is the model; what was done and found."""
    began = time.monotonic()
    scratch = folder / ".scratch"
    scratch.mkdir()
    making, original, before = _opened(scratch, target, job, doors, heard)
    settings = make(making, job.method, doors, heard)
    heard("comparing", 0, 1)
    with _result(target, job.method, doors) as (score, after):
        agreement = original.compare(score, heard)
    shutil.rmtree(scratch)
    tensors = _tensors(target, job.method)
    notes = [*making.notes, *_left_notes(tensors, job.method)]
    faults = [*agreement.broken(job.method.bounds), *_text_faults(before, after)]
    details = {
        "method": job.method.name,
        "about": job.method.about,
        "engines": list(doors.engines(job.method, target)),
        "settings": settings,
        "calibration": making.calibration.document() if making.calibration else None,
        "bytes": {"original": weight_bytes(job.path), "stored": weight_bytes(target)},
        "precisions": count_types(tensors),
        "tensors": {tensor.name: tensor.type for tensor in tensors},
        "check": _checked(agreement, job.method, faults),
        "notes": notes,
        "seconds": round(time.monotonic() - began, 2),
    }
    _describe(folder, job, details)
    return details


def _opened(
    scratch: Path, target: Path, job: QuantizeJob, doors: QuantizeDoors, heard: Heard
) -> tuple[Making, Original, _Text]:
    """The original, asked and ready to be quantized."""
    load_torch()
    from codelathe.compression._torch_inspection import check_finite

    heard("loading", 0, 1)
    opened = doors.open()
    _refuse_opened(opened, job)
    check_model(opened.model, job.method)
    check_finite(opened.model, "before anything was quantized", "make or fetch the model again")
    _complete(opened)
    windows = held_out_windows(opened)
    count = opened.model.num_parameters()
    vocabulary = opened.model.config.get_text_config().vocab_size
    check_fits(scratch, count * _WRITTEN[job.method.family] + windows.tokens * vocabulary * 4)
    original = Original(torch_score(opened.model), windows.ids, scratch / "scores")
    original.ask(heard)
    calibration = None
    if job.samples:
        texts = job.texts or library_texts()
        calibration = model_windows(opened, texts, job.samples)
    notes = [*_notes(job, opened), *(calibration.notes if calibration else ())]
    return Making(opened, scratch, target, calibration, tuple(notes)), original, _text(opened)


def _check_place(job: QuantizeJob) -> None:
    named = job.out.name.lower().endswith(".gguf")
    if named != job.method.file:
        what = "a file, FILE.gguf" if job.method.file else "a folder"
        raise UsageError(
            f"{job.method.name} makes {what}, and {job.out} is named as something else",
            hint=f"--out small{'.gguf' if job.method.file else ''}",
            field="out",
        )
    if job.method.file and job.out.absolute().parent.resolve() == job.path.resolve():
        raise UsageError(
            f"{job.out} would be in the folder of the model it is made from, which would then be "
            "taken for a GGUF model",
            hint="name a file in another folder",
            field="out",
        )
    check_free(job.out)


def check_original(model: str, path: Path) -> None:
    """Refuse by what its files say what cannot be quantized by any method, before it is loaded.

    Raises:
        UsageError: it is quantized, or an encoder-decoder.
        ModelFileError: its files are damaged.
    """
    if not path.is_dir():
        return
    header = read_checkpoint_header(path)
    if header.quantization:
        raise UsageError(
            f"{model} is quantized already ({header.quantization})",
            hint="name the checkpoint that it was made from",
            field="model",
        )
    if header.encoder_decoder:
        raise UsageError(
            f"{model} is an encoder-decoder, and only decoders are quantized",
            hint="lathe evaluate ... --precision int8 loads it in 8 bits",
            field="model",
        )


def _refuse_opened(opened: Opened, job: QuantizeJob) -> None:
    if opened.adapter is not None:
        raise UsageError(
            f"{job.model} is an adapter on {opened.base}, and only whole models are quantized",
            hint=f"merge it first: lathe export merge {job.model} --out merged",
            field="model",
        )


def _notes(job: QuantizeJob, opened: Opened) -> Iterator[str]:
    """What is to be said of the model as it was."""
    if opened.path.is_file():
        types = Counter(tensor.type for tensor in read_gguf_header(opened.path).tensors)
        if told := ", ".join(name for name, _ in types.most_common() if name not in WHOLE):
            yield (
                f"the weights were quantized before ({told}) and lose twice: what that cost stays "
                "lost, and the comparison is with them as they are; start from the checkpoint "
                "where you have it"
            )
    before = read_lineage(opened.path) if opened.path.is_dir() else None
    if before is not None and before.details.get("pruning"):
        stay = "stay exactly zero" if job.method.zeros else "do not all stay zero"
        yield f"the model is pruned: its zeros {stay} in {job.method.name}, and take room again"


def _complete(opened: Opened) -> None:
    """Put the chat template where `transformers` saves it from: GGUF files keep it elsewhere."""
    if opened.tokenizer.chat_template is None:
        opened.tokenizer.chat_template = _template(opened.path) or None


def _template(path: Path) -> str:
    header = read_gguf_header(path) if path.is_file() else read_checkpoint_header(path)
    return header.chat_template


def _text(opened: Opened) -> _Text:
    tokenizer = opened.tokenizer
    tokens = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in _PROBES)
    told = getattr(opened.model.generation_config, "eos_token_id", None)
    ends = told if isinstance(told, list) else [] if told is None else [told]
    return _Text(
        tokens=tuple(tuple(ids) for ids in tokens),
        template=_template(opened.path),
        end=tokenizer.eos_token_id,
        ends=tuple(sorted(ends)) if opened.path.is_dir() else (),
    )


@contextmanager
def _result(target: Path, method: Method, doors: QuantizeDoors) -> Iterator[tuple[Score, _Text]]:
    """What was written, opened as it is run: its scores, and what it does with text."""
    if method.family == "openvino":
        from codelathe.compression.quantizing_openvino import openvino_score, openvino_tokens

        header = read_checkpoint_header(target)
        tokens = tuple(tuple(openvino_tokens(target, text)) for text in _PROBES)
        ended = header.config.get("eos_token_id")
        end = ended[0] if isinstance(ended, list) else ended
        with openvino_score(target) as score:
            yield score, _Text(tokens, header.chat_template, end)
        return
    again = doors.reopen(target)
    yield torch_score(again.model), _text(again)


def _text_faults(before: _Text, after: _Text) -> Iterator[str]:
    """Where text is not read, framed or ended as it was."""
    parted = sum(a != b for a, b in zip(before.tokens, after.tokens, strict=True))
    if parted:
        yield f"{parted} of {len(_PROBES)} texts become other tokens"
    if before.template != after.template:
        yield "the chat template is another"
    if before.end != after.end:
        yield f"the end token {before.end} became {after.end}"
    if before.ends and after.ends and before.ends != after.ends:
        yield f"the tokens that end an answer, {before.ends}, became {after.ends}"


def _tensors(target: Path, method: Method) -> tuple[Stored, ...]:
    if method.file:
        return gguf_tensors(target)
    if method.family != "openvino":
        return folder_tensors(target)
    from codelathe.compression.quantizing_openvino import openvino_tensors

    return openvino_tensors(target)


def _left_notes(tensors: Sequence[Stored], method: Method) -> Iterator[str]:
    share, names = share_whole(tensors)
    if share > _LEFT:
        yield (
            f"{share:.1%} of the weights stay as they are in {method.name}: {', '.join(names[:3])}"
            f"{', ...' if len(names) > 3 else ''}"
        )


def _checked(agreement: Agreement, method: Method, faults: list[str]) -> dict[str, Any]:
    bounds = method.bounds
    return {
        **agreement.document(),
        "bounds": {"kl_nats_per_token": bounds.divergence, "agreeing": bounds.agreeing},
        "faults": faults,
    }


def _describe(folder: Path, job: QuantizeJob, details: dict[str, Any]) -> None:
    """Say beside the weights what they are."""
    before = read_lineage(job.path) if job.path.is_dir() else None
    lineage = lineage_of(job, details, before)
    text = json.dumps(lineage.document(), ensure_ascii=False, indent=2) + "\n"
    (folder / job.record.name).write_text(text, encoding="utf-8")
    if not job.method.file:
        (folder / "README.md").write_text(card(job, lineage), encoding="utf-8")
