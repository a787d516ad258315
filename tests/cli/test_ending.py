"""How a run ends: with its exit code, whatever other threads are doing."""

from __future__ import annotations

import subprocess
import sys

import pytest

_BUSY = """
import atexit, threading, time, torch
from codelathe import cli

numbers = torch.ones(500, 500)

def work():
    while True:
        torch.mm(numbers, numbers)

threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
run = cli.run

def registering(args):
    atexit.register(print, "put away")
    return run(args)

cli.run = registering
cli.main(ARGS)
"""


@pytest.mark.parametrize(("args", "code"), [(["--version"], 0), (["no-such-verb"], 2)])
def test_a_thread_inside_a_library_does_not_abort_the_program(args: list[str], code: int) -> None:
    script = _BUSY.replace("ARGS", repr(args))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    assert "put away" in done.stdout, "what is to be done at the end was done"
    assert "terminate called" not in done.stderr
