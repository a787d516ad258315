"""How the verbs load torch: OpenMP reads only then how long threads spin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

# Ends at the first import of torch, with what OpenMP would read.
RUN = """
import os, sys

class Torch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, self)

    def create_module(self, spec):
        print("torch is loaded,", os.environ.get("GOMP_SPINCOUNT"), "turns", flush=True)
        os._exit(0)

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Torch())
from codelathe.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `base` and an `adapter` of it."""
    pytest.importorskip("trl", reason="the extra 'train' is not installed")
    from fakes import checkpoints

    folder = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checkpoints.save_adapter(folder / "adapter", checkpoints.save(folder / "base", "qwen2"))
    return folder


@pytest.mark.parametrize(
    "verb",
    [
        "tune recipe.toml --model {}/base --data rows.jsonl --max-length 96",
        "export merge adapter:{}/adapter",
        "export gguf {}/base",
        "export gguf adapter:{}/adapter",
        "compress quantize {}/base --method dynamic-int8",
        "compress prune {}/base --method l1 --sparsity 0.5",
    ],
)
def test_a_verb_loads_torch_with_its_threads_told_how_long_to_spin(verb: str, models: Path) -> None:
    rows = [{"prompt": f"add {n} to it", "completion": f"return it + {n}\n"} for n in range(10)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("recipe.toml").write_text("[data]\nagainst = []\nnear = 0\n")
    command = [*verb.format(models).split(), "--out", "out.gguf" if "gguf" in verb else "out"]
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command], env=environment, capture_output=True, text=True
    )
    assert done.stdout == "torch is loaded, 1000 turns\n", done.stderr
