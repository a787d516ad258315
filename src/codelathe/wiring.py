"""Names become objects here, and only here.

A ModelRef string becomes an Engine, and the judge and the store are opened. The
adapters stand in registries as strings, so that nothing is imported before it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.core.checkpoint import (
    AdapterHeader,
    CheckpointHeader,
    read_adapter_header,
    read_checkpoint_header,
    read_tokenizer_header,
)
from codelathe.core.errors import (
    ArtefactUnavailable,
    IntegrityError,
    ModelRefError,
    StoreError,
    UnknownName,
    UnsupportedArgument,
    UsageError,
)
from codelathe.core.generation import Engine
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.core.registry import Registry

if TYPE_CHECKING:
    from codelathe.benchmarks import Benchmark
    from codelathe.engines.transformers_encoder import TransformersEncoder
    from codelathe.judge import SandboxJudge
    from codelathe.metrics.similarity import Encoder
    from codelathe.store import Progress, Store
    from codelathe.text.chat import ChatTemplate
    from codelathe.training.data.tokenizer import Tokenizer

DEFAULT_MODEL = "qwen2.5-coder-1.5b"
#: What BERTScore takes where the encoder that it would take cannot be had.
SPARE_ENCODER = "minilm"

#: Engines for weights on this machine: their path, their chat template, a cache folder. All
#: take GGUF files; `transformers` takes checkpoints, and adapters on them, as well.
LOCAL_ENGINES = Registry(
    "engine",
    {
        "auto": "codelathe.engines.auto:AutoEngine",
        "llamacpp": "codelathe.engines.llamacpp:LlamaCppEngine",
        "openvino": "codelathe.engines.openvino:OpenVinoEngine",
        "transformers": "codelathe.engines.transformers:TransformersEngine",
    },
)

#: Engines that a scheme of ModelRef names itself.
NAMED_ENGINES = Registry(
    "engine",
    {
        "openai": "codelathe.engines.openai:OpenAIEngine",
        "huggingface": "codelathe.engines.huggingface:HuggingFaceEngine",
        "scripted": "codelathe.engines.scripted:ScriptedEngine.from_file",
    },
)


def open_store() -> Store:
    """The store in the user's own folder."""
    from codelathe.store import Store

    return Store()


def open_judge(mode: str = "hardened", workers: int | None = None) -> SandboxJudge:
    """The judge of this machine; its processes start with the first case.

    Raises:
        UsageError: there is no such mode, or `workers`, where given, is below 1.
    """
    from codelathe.judge import SandboxJudge

    return SandboxJudge(workers, mode=mode)


def open_benchmark(
    name: str,
    data: Path | None,
    judge: SandboxJudge,
    progress: Progress | None = None,
    *,
    base_only: bool = False,
) -> Benchmark:
    """The benchmark `name`, from the file `data` where given.

    `judge` runs canonical solutions for those whose expected values are not in the data.
    `base_only` leaves out the tests that a `+` benchmark adds.

    Raises:
        UnknownName: there is no such benchmark.
        UsageError: `base_only` of one that adds none.
        InputError: the data is not as it should be.
        StoreError: the data is nowhere, or not the pinned file.
    """
    from codelathe.benchmarks import open_benchmark

    return open_benchmark(
        name,
        data,
        values=judge.values,
        store=open_store(),
        progress=progress,
        base_only=base_only,
    )


def open_engine(
    model: str = DEFAULT_MODEL,
    engine: str = "auto",
    progress: Progress | None = None,
    *,
    precision: str = "auto",
    several: bool = False,
) -> Engine:
    """The engine for the model named `model`, its weights fetched where they are missing.

    `precision` is for the engine `transformers`: float32, bfloat16, float16, int8 or int4.
    With `several`, `auto` is the engine for many answers, also where few of them are left.

    Raises:
        InputError: the reference does not parse, or names nothing known.
        StoreError: the weights cannot be had.
        EngineError: the weights cannot be loaded, or a key is missing.
    """
    ref = parse_model_ref(model)
    if engine not in LOCAL_ENGINES:
        raise UnknownName("engine", engine, LOCAL_ENGINES, field="engine")
    if ref.scheme in NAMED_ENGINES:
        for option, value in (("engine", engine), ("precision", precision)):
            if value != "auto":
                raise UsageError(
                    f"--{option} {value} is for local models, and {model} is not one",
                    hint=f"leave --{option} out, or name a local model: lathe models list",
                    field=option,
                )
        named: Engine = NAMED_ENGINES.load(ref.scheme)(ref.name)
        return named
    if ref.scheme == "adapter":
        return _open_adapter(ref, engine, progress, precision)
    return _open_local(ref, engine, progress, precision, several=several)


def model_sha256(model: str) -> str:
    """The SHA-256 of the weights that `open_engine` would load; empty for a service's model.

    Raises:
        InputError: the reference names nothing, or what cannot be read.
        StoreError: it is not in place.
    """
    from codelathe.store.folders import expanded
    from codelathe.store.hashes import content_sha256

    ref = parse_model_ref(model)
    if ref.remote:
        return ""
    remembered = _cache_folder() / "hashes.json"
    if ref.scheme == "scripted":
        return content_sha256(Path(ref.name), remembered)
    if ref.scheme == "adapter":
        folder = expanded(ref.name)
        base = _base_of(read_adapter_header(folder))
        return f"{content_sha256(folder, remembered)} on {model_sha256(str(base))}"
    local = open_store().obtain(ref)
    return local.sha256 or content_sha256(local.path, remembered)


@dataclass(frozen=True, slots=True)
class TextSide:
    """What a model does with text, without its weights. `template` is None for a base model.

    A tokenizer may hold a file open until `close` is called.
    """

    tokenizer: Tokenizer
    template: ChatTemplate | None
    context_length: int | None
    model: str
    close: Callable[[], None] = lambda: None


def open_text_side(model: str, progress: Progress | None = None) -> TextSide:
    """The tokenizer and the template of the model named `model`, fetched where it is missing.

    Raises:
        InputError: the reference does not parse, names nothing known, or a service's model.
        StoreError: it cannot be had.
        EngineError: its tokenizer cannot be read, or a package is missing.
    """
    from codelathe.store.folders import expanded

    ref = parse_model_ref(model)
    if ref.remote or ref.scheme == "scripted":
        raise UsageError(
            f"{model} does not show its tokenizer",
            hint="name a model on this machine: lathe models list",
            field="model",
        )
    folder = None
    if ref.scheme == "adapter":
        adapter = read_adapter_header(expanded(ref.name))
        folder, ref = adapter.path, _base_of(adapter)
    local = open_store().obtain(ref, progress)
    if local.format == "gguf":
        from codelathe.engines.gguf_tokenizer import GgufTokenizer

        gguf = read_gguf_header(local.path)
        own = GgufTokenizer(gguf)
        return TextSide(own, _template(gguf), gguf.context_length, model, own.close)
    from codelathe.training.data.tokenizer import open_tokenizer

    header = talks = read_checkpoint_header(local.path)
    if folder is not None and (beside := read_tokenizer_header(folder)).has_tokenizer:
        talks = beside
    template = _template(talks if talks.chat_template else header)
    return TextSide(open_tokenizer(talks), template, header.context_length, model)


def open_encoder(model: str, progress: Progress | None = None) -> TransformersEncoder:
    """The encoder of texts named `model`, its weights fetched where they are missing.

    Raises:
        InputError: the reference does not parse, or names nothing known.
        StoreError: the weights cannot be had.
        EngineError: they cannot be loaded, or a package is missing.
    """
    from codelathe.engines.transformers_encoder import TransformersEncoder

    local = open_store().obtain(parse_model_ref(model), progress)
    return TransformersEncoder(local.path, pickled=_pickles_trusted())


def find_encoder(
    named: str | None = None, language: str = "", progress: Progress | None = None
) -> tuple[Encoder, str]:
    """The encoder for BERTScore, fetched where it is missing, and what to say of it, if anything.

    `named` is a model reference. Without it, it is the one for texts in `language`, from the
    hub, and where that cannot be had `SPARE_ENCODER`.

    Raises:
        InputError: `named` does not parse, names nothing known, or no checkpoint.
        StoreError: there is no encoder to be had.
        MissingDependency: a package that would read it is missing.
    """
    from codelathe.metrics.bertscore import default_encoder, require_packages

    require_packages()
    if named is not None:
        return _encoder(parse_model_ref(named), progress), ""
    usual = ModelRef("hf", default_encoder(language))
    try:
        return _encoder(usual, progress), ""
    except ArtefactUnavailable as error:
        reason = error.message
    try:
        spare = _encoder(ModelRef("alias", SPARE_ENCODER), progress)
    except StoreError as error:
        raise ArtefactUnavailable(
            f"there is no encoder for bertscore: {reason}; {error.message}",
            hint=f"{error.hint}; then --encoder {SPARE_ENCODER}. Or name a folder: --encoder DIR",
        ) from None
    return spare, (
        f"bertscore is by the encoder {SPARE_ENCODER}, in place of {usual.name}: {reason}. Scores "
        f"by the two cannot be compared. To choose it: --encoder {SPARE_ENCODER}"
    )


def _encoder(ref: ModelRef, progress: Progress | None) -> Encoder:
    from codelathe.metrics.similarity import Encoder
    from codelathe.store.hashes import content_sha256

    local = open_store().obtain(ref, progress)
    if local.format == "gguf":
        raise UsageError(
            f"{ref} is a GGUF file, and an encoder is a checkpoint",
            hint=f"--encoder {SPARE_ENCODER}, or name a folder that transformers reads",
            field="encoder",
        )
    sha256 = local.sha256 or content_sha256(local.path, _cache_folder() / "hashes.json")
    return Encoder(ref.name, str(local.path), sha256)


def remove_model(ref: ModelRef) -> int:
    """Remove a model from the store, with what an engine made of it; the bytes that frees.

    Raises:
        StoreError: it is not in the store, or cannot be removed.
    """
    from codelathe.engines._converted import forget_converted

    store = open_store()
    try:
        local = store.locate(ref)
    except IntegrityError:  # damaged, and wanted gone
        local = None
    freed = store.remove(ref)
    return freed + (forget_converted(local.path, _cache_folder()) if local else 0)


def _open_local(
    ref: ModelRef, engine: str, progress: Progress | None, precision: str, *, several: bool
) -> Engine:
    store = open_store()
    _refuse_encoder(ref, store)
    local = store.obtain(ref, progress)
    if local.format != "gguf":
        _transformers_only(engine, f"{ref} is a {local.format} checkpoint")
        return _open_transformers(local.path, str(ref), precision)
    if engine == "transformers":
        return _open_transformers(local.path, str(ref), precision)
    if precision != "auto":
        raise UsageError(
            f"the precision {precision} is for the engine transformers, not {engine}",
            hint="leave the precision out, or add --engine transformers",
            field="precision",
        )
    header = read_gguf_header(local.path)
    if engine == "auto" and several:
        from codelathe.engines._converted import unreadable

        engine = "llamacpp" if unreadable(header) else "openvino"
    opened: Engine = LOCAL_ENGINES.load(engine)(
        local.path, template=_template(header), cache_dir=_cache_folder(), model=str(ref)
    )
    return opened


def _refuse_encoder(ref: ModelRef, store: Store) -> None:
    """Refuse what the catalogue calls an encoder, before it is fetched for nothing."""
    from codelathe.store import ENCODER

    entry = store.catalogue.models.get(ref.name) if ref.scheme == "alias" else None
    if entry is not None and entry.type == ENCODER:
        raise ModelRefError(
            f"{ref} is an encoder: it reads text and writes none",
            hint="name a model that writes: lathe models list",
            field="model",
        )


def _open_adapter(ref: ModelRef, engine: str, progress: Progress | None, precision: str) -> Engine:
    from codelathe.store.folders import expanded

    _transformers_only(engine, f"{ref} is an adapter")
    header = read_adapter_header(expanded(ref.name))
    local = open_store().obtain(_base_of(header), progress)
    return _open_transformers(local.path, str(ref), precision, header.path)


def _base_of(header: AdapterHeader) -> ModelRef:
    """The base model that an adapter names: a ModelRef, or a bare repository of the hub.

    A path is looked for from the adapter's folder too, so that both can be moved together.
    """
    ref = parse_model_ref(header.base)
    if ref.scheme != "path" or Path(ref.name).expanduser().exists():
        return ref
    if (beside := header.path / ref.name).exists():
        return ModelRef("path", str(beside))
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", ref.name):
        return ModelRef("hf", ref.name, header.revision)
    return ref


def _transformers_only(engine: str, what: str) -> None:
    if engine not in ("auto", "transformers"):
        raise UnsupportedArgument(
            f"{what}, and the engine {engine} runs GGUF files",
            hint="leave --engine out, or say --engine transformers",
            field="engine",
        )


def _open_transformers(
    path: Path, model: str, precision: str, adapter: Path | None = None
) -> Engine:
    header = read_gguf_header(path) if path.is_file() else read_checkpoint_header(path)
    talks = read_tokenizer_header(adapter) if adapter is not None else None
    template = _template(talks if talks is not None and talks.chat_template else header)
    opened: Engine = LOCAL_ENGINES.load("transformers")(
        path,
        template=template,
        model=model,
        adapter=adapter,
        precision=precision,
        pickled=_pickles_trusted(),
    )
    return opened


def _pickles_trusted() -> bool:
    """Whether the user asks for weights that can run code when they are read."""
    return os.environ.get("CODELATHE_TRUST_PICKLE") == "1"


def _template(header: GgufHeader | CheckpointHeader) -> ChatTemplate | None:
    """The model's own chat template, None for a base model."""
    if not header.chat_template:
        return None
    from codelathe.text.chat import compile_chat_template

    source = header.chat_template
    # Reading a token's text walks the vocabulary: only where the template asks for it.
    bos, eos = (
        header.special_token(kind) if f"{kind}_token" in source else "" for kind in ("bos", "eos")
    )
    return compile_chat_template(source, bos_token=bos, eos_token=eos)


def runs_folder() -> Path:
    """Where commands leave their results, if nobody says otherwise."""
    from codelathe.store import home
    from codelathe.store.folders import Folders

    return Folders(home()).runs


def cache_folder(name: str) -> Path:
    """A folder for what can be made again."""
    return _cache_folder() / name


def _cache_folder() -> Path:
    from codelathe.store import home

    return home() / "cache"
