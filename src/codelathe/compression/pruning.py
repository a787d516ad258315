"""A model is pruned, saved, opened again and compared: `lathe compress prune` from end to end.

Opening models is handed in, so that what is saved is read back the way every other verb reads
it. The pruned model is let go before that: memory holds one of them at a time.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.compression.calibration import Windows, library_texts, model_windows
from codelathe.compression.card import card
from codelathe.compression.folder import check_fits, check_free, fresh_folder
from codelathe.compression.job import Doors, Opened, Pruned, PruneJob
from codelathe.compression.listening import Heard, silent
from codelathe.compression.memory import check_global_memory, told_of_memory
from codelathe.compression.options import CALIBRATED, PruneOptions
from codelathe.compression.saving import save_checkpoint
from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.errors import ModelFileError, UsageError
from codelathe.core.gguf import read_gguf_header
from codelathe.core.lineage import Lineage, write_lineage
from codelathe.core.spinning import load_torch

if TYPE_CHECKING:
    from codelathe.compression._torch_blocks import Layer
    from codelathe.compression._torch_inspection import Fingerprint, LayerZeros
    from codelathe.compression._torch_recovery import Recovered

#: Windows of text that recovery takes at most, and needs at least.
_MOST_LEARNED, _LEAST_LEARNED = 4096, 8
#: What a model's own tokens are scored on before and after saving.
_PROBED = 32
#: Zeros that are there before pruning and no accident.
_PRUNED_BEFORE = 0.01
_OTHER_NUMBERS = "fetch the model again, or load it in float32: --precision float32"
_NO_FASTER = "no engine here runs faster because of zeros: they save room on disk, not time"


def prune(job: PruneJob, doors: Doors, heard: Heard = silent) -> Pruned:
    """Prune, save, open again, compare; the folder is in place when all of it was done.

    Raises:
        InputError: something asked for does not go with this model; the place is taken.
        StoreError: the disk is full.
        EngineError: the model cannot be had or saved, there is too little memory, or what was
            saved is not what was pruned.
    """
    began = time.monotonic()
    check_free(job.out)
    with told_of_memory(job.model), fresh_folder(job.out) as folder:
        pruned, fingerprint, probe = _prune_into(folder, job, doors.open, heard)
        heard("comparing", 0, 1)
        gc.collect()  # modules refer to each other: two models would be in memory
        _check_saved(doors.reopen(folder), fingerprint, probe, pruned)
        return replace(pruned, seconds=time.monotonic() - began)


def _prune_into(
    folder: Path, job: PruneJob, open_model: Callable[[], Opened], heard: Heard
) -> tuple[Pruned, Fingerprint, Sequence[int]]:
    """The model pruned, saved, let go; its fingerprint, and the tokens that were scored for it."""
    load_torch()
    from codelathe.compression import _torch_inspection as inspection

    heard("loading", 0, 1)
    opened = open_model()
    _refuse(opened, job)
    model = opened.model
    layers = _layers(model)
    inspection.check_finite(model, "before anything was pruned", _OTHER_NUMBERS)
    before, parameters = inspection.count_zeros(layers), model.num_parameters()
    notes = list(_notes(opened, before, job.options))
    windows, lessons = _windows(opened, job), _lessons(opened, job)
    removed = _apply(model, windows, job.options, heard)
    recovered = _recover(opened, lessons, job, open_model, heard) if lessons else None
    if recovered and recovered.recovered >= recovered.pruned:
        notes.append("recovery won nothing on the windows that were held out of it")
    layers = _layers(model)
    inspection.check_finite(model, "after pruning", _OTHER_NUMBERS)
    after = inspection.count_zeros(layers)
    kept = sum(layer.weights - layer.zeros for layer in after)
    if job.options.reads_text:
        notes += (windows or _cut(opened, job, job.options.samples)).notes
    if job.options.unstructured:
        notes.append(_NO_FASTER)
    heard("saving", 0, 1)
    probe = opened.tokenizer("def f(x):\n    return x + 1\n" * 4)["input_ids"][:_PROBED]
    _complete(opened)
    fingerprint = inspection.take_fingerprint(model, opened.tokenizer, probe)
    pruned = Pruned(
        job=job,
        sparsity=1 - kept / sum(layer.weights for layer in before),
        layers=after,
        parameters=(parameters, model.num_parameters()),
        bytes=_save(opened, folder, job),
        mask_sha256=inspection.mask_sha256(layers) if job.options.unstructured else "",
        precisions=fingerprint.precisions,
        removed=removed,
        calibration=windows.document() if windows else None,
        lessons=lessons.document() if lessons else None,
        recovered=recovered,
        notes=tuple(notes),
    )
    _describe(opened, pruned, folder)
    return pruned, fingerprint, probe


def _layers(model: Any) -> list[Layer]:
    from codelathe.compression._torch_blocks import find_blocks

    return [layer for block in find_blocks(model) for layer in block.layers]


def _refuse(opened: Opened, job: PruneJob) -> None:
    if opened.adapter is not None:
        raise UsageError(
            f"{job.model} is an adapter on {opened.base}, and only whole models are pruned",
            hint=f"merge it into its base first, or prune {opened.base}",
            field="model",
        )
    if opened.path.is_dir() and read_checkpoint_header(opened.path).config.get(
        "quantization_config"
    ):
        raise UsageError(
            f"{job.model} is quantized, and its numbers cannot be made zero one by one",
            hint="name the checkpoint it was made from, and quantize after pruning",
            field="model",
        )


def _notes(opened: Opened, before: Sequence[LayerZeros], options: PruneOptions) -> Iterator[str]:
    """What is to be said of the model as it was.

    Raises:
        UsageError: so many weights are zero already that nothing would be pruned.
    """
    if opened.path.is_file():
        types = Counter(tensor.type for tensor in read_gguf_header(opened.path).tensors)
        quantized = [name for name, _ in types.most_common() if name not in ("F32", "F16", "BF16")]
        if quantized:
            yield (
                f"the weights were quantized ({', '.join(quantized)}) and are saved in "
                f"{opened.precision}: what quantizing them cost stays lost"
            )
    zeros = sum(layer.zeros for layer in before) / sum(layer.weights for layer in before)
    # A pattern takes others than those that are zero already.
    if zeros >= options.sparsity and options.unstructured and not options.pattern:
        raise UsageError(
            f"{zeros:.1%} of the weights are zero already: {options.sparsity:.1%} takes none",
            hint="choose a larger --sparsity, or name the model it was pruned from",
            field="sparsity",
        )
    if zeros > _PRUNED_BEFORE:
        yield f"{zeros:.1%} of the weights were zero already; they count as pruned"


def _windows(opened: Opened, job: PruneJob) -> Windows | None:
    """What to calibrate on, None where the method looks at weights alone."""
    if job.options.method not in CALIBRATED:
        return None
    return _cut(opened, job, job.options.samples)


def _cut(opened: Opened, job: PruneJob, count: int) -> Windows:
    """So many windows of the calibration text, fewer where there is less of it."""
    return model_windows(opened, job.texts or library_texts(), count)


def _apply(
    model: Any, windows: Windows | None, options: PruneOptions, heard: Heard
) -> dict[str, Any]:
    """Prune in place; what structured methods removed."""
    from codelathe.compression import _torch_masks as masks

    if options.method == "l1-structured":
        from codelathe.compression._torch_structured import prune_structures

        return asdict(prune_structures(model, options.sparsity))
    layers = _layers(model)
    masks.check_pattern(layers, options)
    if options.method == "l1":
        if options.scope == "global":
            count = sum(layer.matrix.numel() for layer in layers)
            check_global_memory(count, layers[0].matrix.element_size(), options.sparsity)
        masks.prune_by_magnitude(layers, options)
        return {}
    assert windows is not None, "calibrated methods have windows"
    if options.method == "depth":
        from codelathe.compression._torch_depth import prune_depth

        return {"blocks": list(prune_depth(model, windows.ids, options.sparsity, heard))}
    from codelathe.compression._torch_layerwise import prune_layerwise

    prune_layerwise(model, windows.ids, options, heard)
    return {}


def _lessons(opened: Opened, job: PruneJob) -> Windows | None:
    """What the pruned model is to learn from, None where it is not to.

    Raises:
        InputError: there is too little text.
    """
    from codelathe.compression._torch_recovery import BATCH

    if not job.options.recover:
        return None
    windows = _cut(opened, job, min(job.options.recover * BATCH * 2, _MOST_LEARNED))
    if len(windows.ids) < _LEAST_LEARNED:
        raise UsageError(
            f"{len(windows.ids)} windows of text are too few to recover on",
            hint="name a larger file with --calibration, or leave it out for the standard library",
            field="recover",
        )
    return windows


def _recover(
    opened: Opened,
    lessons: Windows,
    job: PruneJob,
    open_model: Callable[[], Opened],
    heard: Heard,
) -> Recovered:
    """Let the pruned model learn from the original, which is opened once more beside it."""
    from codelathe.compression._torch_inspection import count_zeros
    from codelathe.compression._torch_recovery import recover

    before = count_zeros(_layers(opened.model))
    steps = job.options.recover
    recovered = recover(opened.model, open_model().model, lessons.ids, steps, heard)
    after = count_zeros(_layers(opened.model))
    assert all(b.zeros <= a.zeros for b, a in zip(before, after, strict=True)), "zeros stay"
    return recovered


def _complete(opened: Opened) -> None:
    """Put the chat template where `transformers` saves it from: GGUF files keep it elsewhere."""
    tokenizer, path = opened.tokenizer, opened.path
    if tokenizer.chat_template is None:
        header = read_gguf_header(path) if path.is_file() else read_checkpoint_header(path)
        tokenizer.chat_template = header.chat_template or None


def _save(opened: Opened, folder: Path, job: PruneJob) -> tuple[int, int]:
    """Write the checkpoint; the bytes of its weights dense, and as they are stored."""
    tensors = opened.model.state_dict().values()
    dense = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    check_fits(folder, dense * 2 if job.packed else dense)
    save_checkpoint(opened.model, opened.tokenizer, folder)
    if job.packed:
        from codelathe.compression._torch_packing import pack_folder

        return pack_folder(folder)
    written = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return written, written


def _describe(opened: Opened, pruned: Pruned, folder: Path) -> None:
    """Say beside the weights what they are: `lathe.json` and the card."""
    recipe = {
        **pruned.job.options.document(),
        "precision": opened.precision,
        "calibration": pruned.calibration,
        "lessons": pruned.lessons,
    }
    lineage = Lineage(
        kind="checkpoint",
        base=opened.base,
        base_sha256=opened.sha256,
        parent=pruned.job.model,
        recipe=recipe,
        made_by="compress prune",
        details={"pruning": pruned.pruning()},
    )
    write_lineage(folder, lineage)
    (folder / "README.md").write_text(card(pruned, lineage), encoding="utf-8")


def _check_saved(
    again: Opened, fingerprint: Fingerprint, probe: Sequence[int], pruned: Pruned
) -> None:
    """Refuse what was saved unless it is, bit for bit, what was pruned.

    Raises:
        ModelFileError: with what differs.
    """
    from codelathe.compression import _torch_inspection as inspection

    where = str(pruned.job.out)
    now = inspection.take_fingerprint(again.model, again.tokenizer, probe)
    inspection.check_same(fingerprint, now, where)
    if inspection.count_zeros(_layers(again.model)) != pruned.layers:
        raise ModelFileError(f"zeros of {where} came back as something else")
