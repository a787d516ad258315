"""llama.cpp's server is let go at any moment, also before it has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

OPEN = """
import sys
from codelathe.engines.llamacpp import LlamaCppEngine
from codelathe.core.generation import Request
engine = LlamaCppEngine(sys.argv[1])
import xllamacpp
print("loading", flush=True)
try:
    engine.generate([Request(prompt="a")]).close()
except KeyboardInterrupt:
    sys.exit(130)
engine.close()
"""


def opening(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(path)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.model
def test_ctrl_c_while_the_weights_are_read_ends_it(smollm2_path: Path) -> None:
    """The destructor of a server whose loop does not run yet waits for ever."""
    with opening(smollm2_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(60) == 130
        finally:
            child.kill()


@pytest.mark.model
def test_a_model_that_was_not_used_is_let_go(smollm2_path: Path) -> None:
    with opening(smollm2_path) as child:
        try:
            assert child.wait(60) == 0
        finally:
            child.kill()
