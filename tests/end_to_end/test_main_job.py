"""The main job as a user does it: the default model, the real store, the real sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def lathe(*args: str, home: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CODELATHE_HOME": home}
    return subprocess.run(
        [sys.executable, "-m", "codelathe", *args], capture_output=True, text=True, env=environment
    )


@pytest.fixture(scope="module")
def home(default_model_path: Path) -> str:
    """The store that holds the default model."""
    return str(default_model_path.parents[2])


@pytest.mark.model
def test_the_readmes_example_is_proved_with_the_default_model(home: str) -> None:
    done = lathe(
        "generate", "Write a Python function to reverse a string.",
        "--input", "'hello'", "--output", "'olleh'", "--json", home=home,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["proof"]["proved"] is True
    assert document["proof"]["isolation"] in ("A", "A-", "B")
    assert "return" in document["generated_code"]


@pytest.mark.model
def test_a_korean_coding_test_is_proved_with_the_default_model(home: str) -> None:
    done = lathe(
        "generate", "정수 배열에서 두 번째로 큰 값을 반환하는 파이썬 함수를 작성하세요.",
        "--input", "[3, 1, 4, 2]", "--output", "3", "--json", home=home,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["proof"]["proved"] is True


@pytest.mark.model
def test_the_demo_is_proved(home: str) -> None:
    done = lathe("demo", "--json", home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["proof"]["passed"] == 3
