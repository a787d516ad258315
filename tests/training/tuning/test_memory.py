"""Memory is kept while a model is tuned, and given back to what comes after."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from pathlib import Path
from codelathe.training.tuning.memory import keep_memory, release_memory

def held():
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) >> 10

keep_memory()
blocks, kept = [], []
for _ in range(100):
    blocks.append(b"1" * (1 << 20))
    kept.append(b"2" * 1000)  # what lives on stands between what does not
full = held()
blocks.append(blocks)  # as the modules of a model refer to each other
del blocks
freed = held()
release_memory()
print(full, freed, held())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's C library")
def test_what_was_kept_while_tuning_is_given_back_to_the_gate() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True)
    full, freed, released = map(int, done.stdout.split())
    assert freed > full - 20, "kept meanwhile: else this test shows nothing"
    assert released < full - 80, (full, released)
