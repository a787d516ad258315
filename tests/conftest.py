"""What every test stands on: an empty environment, and real models where they can be had."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Set before any test clears the environment: where models outlive the test run.
MODEL_HOME = os.environ.get("CODELATHE_HOME")
DATA = os.environ.get("CODELATHE_DATA")

# A shell gives what it starts in the background no Ctrl-C, nohup no hang-up; children inherit it.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

SECRETS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HUGGINGFACE_API_KEY", "HF_TOKEN", "HF_ENDPOINT")


@pytest.fixture(autouse=True)
def clean_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty home and store, no keys, and a working folder without a `.env`."""
    home = tmp_path_factory.mktemp("home")
    for name in os.environ:
        if name.startswith(("CODELATHE_", "HF_", "XDG_")) or name in SECRETS:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CODELATHE_HOME", str(home / "store"))
    monkeypatch.chdir(home)


@pytest.fixture(autouse=True)
def same_chances() -> None:
    """What a test draws without a seed of its own is the same in each run."""
    random.seed(0)
    for module, seed in (("torch", "manual_seed"), ("numpy.random", "seed")):
        if module in sys.modules:
            getattr(sys.modules[module], seed)(0)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of benchmark files; the test is skipped where it is not given."""
    if not DATA or not Path(DATA).is_dir():
        pytest.skip("set CODELATHE_DATA to the folder of benchmark files")
    return Path(DATA).resolve()


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """torch with one thread, and then as before: some sums round otherwise with another number.

    Threads that share small work wait for each other, and for whatever else runs.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _obtain(alias: str) -> Path:
    from codelathe.core.errors import ArtefactUnavailable
    from codelathe.core.modelref import parse_model_ref
    from codelathe.store import Store

    store = Store(home=Path(MODEL_HOME) if MODEL_HOME else None)
    try:
        return store.obtain(parse_model_ref(alias)).path
    except ArtefactUnavailable as error:
        pytest.skip(f"{alias} cannot be had here: {error}")


@pytest.fixture(scope="session")
def smollm2_path() -> Path:
    """SmolLM2-135M-Instruct as a GGUF file, fetched once into the user's own store."""
    return _obtain("smollm2-135m")


@pytest.fixture(scope="session")
def default_model_path() -> Path:
    """The default model (1.1 GB), fetched once into the user's own store."""
    return _obtain("qwen2.5-coder-1.5b")
