"""A workshop whose variants are made up: how many problems they pass, and what they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from codelathe.compression.variants import Variant
from codelathe.core.errors import LatheError
from codelathe.evaluation.sweep import Asked, Workshop
from fakes import evaluating

PROBLEMS = 40
ASKED = Asked("smollm2-135m", "5" * 64, "llamacpp", "toy", "6" * 64, None)


class Made:
    """`passed` problems by the name of a row; `fails` raise; `called` is what was done, in order.

    Of a row named in `speeds` or `peaks` these are as said, else 10 tokens a second and 100 MB.
    """

    def __init__(
        self,
        passed: Mapping[str, int] | None = None,
        *,
        fails: Mapping[str, LatheError | BaseException] | None = None,
        speeds: Mapping[str, float] | None = None,
        peaks: Mapping[str, int] | None = None,
    ) -> None:
        self.passed, self.fails = passed or {}, fails or {}
        self.speeds, self.peaks = speeds or {}, peaks or {}
        self.called: list[str] = []

    @property
    def workshop(self) -> Workshop:
        return Workshop(self.describe, self.make, self.measure, self.ask)

    def describe(self) -> dict[str, Any]:
        self._begin("describe")
        return {"bytes": 1000, "perplexity": 5.0}

    def make(self, variant: Variant, path: Path) -> dict[str, Any]:
        self._begin(f"make {variant.name}")
        path.write_text("weights")
        return {
            "bytes": 500, "perplexity": 6.0, "kl_nats_per_token": 0.1, "agreeing": 0.9,
            "notes": ["as it was"],
        }  # fmt: skip

    def measure(self, name: str, model: str, engine: str) -> dict[str, Any]:
        self._begin(f"measure {name}")
        return {
            "engine": engine, "version": "1", "load_seconds": 1.0,
            "peak_bytes": self.peaks.get(name, 100_000_000), "prompt_speed": 50.0,
            "decode_speed": self.speeds.get(name, 10.0),
        }  # fmt: skip

    def ask(self, name: str, model: str, engine: str, folder: Path) -> None:
        self._begin(f"ask {name}")
        passed = self.passed.get(name, PROBLEMS)
        says = ("passed",) * passed + ("failed",) * (PROBLEMS - passed)
        benchmark = replace(evaluating.asking(PROBLEMS), name="toy")
        evaluating.run(folder, says, benchmark=benchmark, name=model)

    def _begin(self, what: str) -> None:
        self.called.append(what)
        if what in self.fails:
            raise self.fails[what]
