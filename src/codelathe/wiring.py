"""Names become objects here, and only here.

A ModelRef string becomes an Engine, and the judge and the store are opened. The
adapters stand in registries as strings, so that nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.core.errors import IntegrityError, UnknownName, UnsupportedArgument, UsageError
from codelathe.core.generation import Engine, Message
from codelathe.core.gguf import GgufHeader, read_gguf_header
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.core.registry import Registry

if TYPE_CHECKING:
    from codelathe.benchmarks import Benchmark
    from codelathe.judge import SandboxJudge
    from codelathe.store import Progress, Store

DEFAULT_MODEL = "qwen2.5-coder-1.5b"

#: Engines for weights on this machine: a GGUF file, its chat template, a cache folder.
LOCAL_ENGINES = Registry(
    "engine",
    {
        "auto": "codelathe.engines.auto:AutoEngine",
        "llamacpp": "codelathe.engines.llamacpp:LlamaCppEngine",
        "openvino": "codelathe.engines.openvino:OpenVinoEngine",
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
    name: str, data: Path | None, judge: SandboxJudge, progress: Progress | None = None
) -> Benchmark:
    """The benchmark `name`, from the file `data` where given.

    `judge` runs canonical solutions for those whose expected values are not in the data.

    Raises:
        UnknownName: there is no such benchmark.
        InputError: the data is not as it should be.
        StoreError: the data is nowhere, or not the pinned file.
    """
    from codelathe.benchmarks import open_benchmark

    return open_benchmark(name, data, values=judge.values, store=open_store(), progress=progress)


def open_engine(
    model: str = DEFAULT_MODEL, engine: str = "auto", progress: Progress | None = None
) -> Engine:
    """The engine for the model named `model`, its weights fetched where they are missing.

    Raises:
        InputError: the reference does not parse, or names nothing known.
        StoreError: the weights cannot be had.
        EngineError: the weights cannot be loaded, or a key is missing.
    """
    ref = parse_model_ref(model)
    if engine not in LOCAL_ENGINES:
        raise UnknownName("engine", engine, LOCAL_ENGINES, field="engine")
    if ref.scheme in NAMED_ENGINES:
        if engine != "auto":
            raise UsageError(
                f"--engine {engine} is for local models, and {model} is not one",
                hint="leave --engine out, or name a local model: lathe models list",
                field="engine",
            )
        named: Engine = NAMED_ENGINES.load(ref.scheme)(ref.name)
        return named
    return _open_local(ref, engine, progress)


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


def _open_local(ref: ModelRef, engine: str, progress: Progress | None) -> Engine:
    local = open_store().obtain(ref, progress)
    if local.format != "gguf":
        raise UnsupportedArgument(
            f"{ref} is a {local.format} checkpoint, and this release runs GGUF files",
            hint="name a GGUF file, or a repository that holds one: lathe models list",
            field="model",
        )
    header = read_gguf_header(local.path)
    opened: Engine = LOCAL_ENGINES.load(engine)(
        local.path, template=_template(header), cache_dir=_cache_folder(), model=str(ref)
    )
    return opened


def _template(header: GgufHeader) -> Callable[[Sequence[Message]], str] | None:
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


def _cache_folder() -> Path:
    from codelathe.store import home

    return home() / "cache"
