"""A function in a process of its own: answers, errors, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import DiskFull, LatheError, MissingDependency
from codelathe.core.fresh import Tell, peak_memory, run_fresh


def silent(*_: object) -> None:
    """Hear nothing."""


@pytest.fixture(autouse=True)
def found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process find the functions below."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def call(name: str, tell: Tell = silent, **asked: Any) -> dict[str, Any]:
    return run_fresh(f"test_fresh:{name}", asked, tell)


def echo(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    print("a library's own words")
    os.write(1, b"and those of C\n")
    tell("half", 1, 2, "way")
    return {"pid": os.getpid(), **asked}


def fail(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    raise {
        "full": DiskFull("full", hint="make room"), "package": MissingDependency("x", "y", "z"),
        "other": ZeroDivisionError("by zero"), "memory": MemoryError(),
        "written": OSError("307200 requested and 0 written"),
    }[asked["how"]]  # fmt: skip


def end(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    print("the last words", file=sys.stderr, flush=True)
    if asked.get("code"):
        os._exit(asked["code"])
    os.kill(os.getpid(), asked["signal"])
    return {}


def wait(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    try:
        Path(asked["path"]).write_text(str(os.getpid()))
        tell("waiting", 0, 1, "")
        time.sleep(60)
    finally:
        Path(asked["path"]).write_text("in order")
    return {}


def hold(asked: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    block = bytearray(asked["bytes"])
    block[::4096] = b"x" * len(block[::4096])
    return {"peak": peak_memory()}


def test_it_answers_from_another_process_and_tells_how_far_it_is() -> None:
    heard: list[tuple[object, ...]] = []
    found = call("echo", lambda *told: heard.append(told), text="값", number=1.5)
    assert found.pop("pid") != os.getpid()
    assert found == {"text": "값", "number": 1.5}
    assert heard == [("half", 1, 2, "way")]


def test_an_error_comes_back_as_what_it_was() -> None:
    with pytest.raises(DiskFull) as caught:
        call("fail", how="full")
    assert (caught.value.message, caught.value.hint) == ("full", "make room")


def test_an_error_with_other_arguments_comes_back_too() -> None:
    with pytest.raises(MissingDependency, match="z needs the package 'x'"):
        call("fail", how="package")


def test_a_disk_that_a_library_found_full_is_told_as_one() -> None:
    with pytest.raises(DiskFull, match="the disk is full"):
        call("fail", how="written")


@pytest.mark.parametrize(
    ("how", "told"), [("other", "ZeroDivisionError: by zero"), ("memory", "too little memory")]
)
def test_a_fault_is_told_in_words(how: str, told: str) -> None:
    with pytest.raises(LatheError, match=told):
        call("fail", how=how)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"signal": signal.SIGKILL}, "where memory runs out"),
        ({"signal": signal.SIGABRT}, "by signal 6: the last words"),
        ({"code": 7}, "with code 7: the last words"),
    ],
)
def test_an_end_without_an_answer_is_told(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(LatheError, match=told):
        call("end", **asked)


def test_an_interruption_lets_it_put_its_things_in_order(tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call("wait", interrupt, path=str(tmp_path / "told"))
    assert (tmp_path / "told").read_text() == "in order"


def test_it_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = (
        "from codelathe.core.fresh import run_fresh\n"
        f"run_fresh('test_fresh:wait', {{'path': {str(told)!r}}}, lambda *_: None)"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        while not told.exists() or not told.read_text():
            time.sleep(0.01)
        process.kill()
    number = int(told.read_text())
    deadline = time.monotonic() + 30
    while _alive(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(number)


def _alive(number: int) -> bool:
    """Whether a process runs; one that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_its_peak_is_its_own() -> None:
    large = bytearray(300_000_000)
    large[::4096] = b"x" * len(large[::4096])
    small = call("hold", bytes=1_000_000)["peak"]
    assert small < 100_000_000 < call("hold", bytes=200_000_000)["peak"]
