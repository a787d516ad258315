"""Benchmark problems for the tests of prompts and answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def humaneval(data_folder: Path) -> list[dict[str, Any]]:
    """The problems of HumanEval; the test is skipped where the file is absent."""
    path = data_folder / "HumanEval.jsonl.gz"
    if not path.exists():
        pytest.skip("HumanEval.jsonl.gz is not in CODELATHE_DATA")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
