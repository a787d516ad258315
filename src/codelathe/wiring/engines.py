"""A model's name becomes an Engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.core.checkpoint import (
    read_adapter_header,
    read_checkpoint_header,
    read_tokenizer_header,
)
from codelathe.core.errors import ModelRefError, UnknownName, UnsupportedArgument, UsageError
from codelathe.core.generation import Engine
from codelathe.core.gguf import read_gguf_header
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.core.registry import Registry
from codelathe.wiring.models import (
    base_of,
    cache_folder,
    open_store,
    pickles_trusted,
    require_base,
    template_of,
)

if TYPE_CHECKING:
    from codelathe.store import Progress, Store


DEFAULT_MODEL = "qwen2.5-coder-1.5b"


#: Engines for weights on this machine: their path, their chat template, a cache folder. All
#: take GGUF files; `transformers` takes checkpoints, and adapters on them, as well, and
#: `openvino` folders in OpenVINO's form.
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


def _open_local(
    ref: ModelRef, engine: str, progress: Progress | None, precision: str, *, several: bool
) -> Engine:
    store = open_store()
    _refuse_encoder(ref, store)
    local = store.obtain(ref, progress)
    if local.format == "openvino":
        return _open_openvino(local.path, str(ref), engine, precision)
    if local.format != "gguf":
        _transformers_only(engine, f"{ref} is a {local.format} checkpoint")
        return _open_transformers(local.path, str(ref), precision)
    if engine == "transformers":
        return _open_transformers(local.path, str(ref), precision)
    if precision != "auto":
        raise _no_precision(precision, engine, ", or add --engine transformers")
    header = read_gguf_header(local.path)
    if engine == "auto" and several:
        from codelathe.engines._converted import unreadable

        engine = "llamacpp" if unreadable(header) else "openvino"
    opened: Engine = LOCAL_ENGINES.load(engine)(
        local.path, template=template_of(header), cache_dir=cache_folder(), model=str(ref)
    )
    return opened


def _open_openvino(folder: Path, model: str, engine: str, precision: str) -> Engine:
    if engine not in ("auto", "openvino"):
        raise UnsupportedArgument(
            f"{model} is in OpenVINO's form, which the engine {engine} does not read",
            hint="leave --engine out, or say --engine openvino",
            field="engine",
        )
    if precision != "auto":
        raise _no_precision(precision, "openvino")
    opened: Engine = LOCAL_ENGINES.load("openvino")(
        folder,
        template=template_of(read_checkpoint_header(folder)),
        cache_dir=cache_folder(),
        model=model,
    )
    return opened


def _no_precision(precision: str, engine: str, otherwise: str = "") -> UsageError:
    return UsageError(
        f"the precision {precision} is for the engine transformers, not {engine}",
        hint=f"leave the precision out{otherwise}",
        field="precision",
    )


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
    base = base_of(header)
    local = open_store().obtain(base, progress)
    require_base(header, base)
    return _open_transformers(local.path, str(ref), precision, header.path)


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
    template = template_of(talks if talks is not None and talks.chat_template else header)
    opened: Engine = LOCAL_ENGINES.load("transformers")(
        path,
        template=template,
        model=model,
        adapter=adapter,
        precision=precision,
        pickled=pickles_trusted(),
    )
    return opened
