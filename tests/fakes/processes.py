"""Processes on this machine, and waiting until something has come about."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def below(pid: int | None = None) -> set[int]:
    """All live processes below `pid`, or below this one."""
    parents: dict[int, set[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (told := _told(int(entry.name))):
            parents.setdefault(int(told[1]), set()).add(int(entry.name))
    found: set[int] = set()
    waiting = [pid or os.getpid()]
    while waiting:
        children = parents.get(waiting.pop(), set())
        found |= children
        waiting += children
    return found


def alive(pids: Iterable[int]) -> set[int]:
    """Those of `pids` that have not ended."""
    return {pid for pid in pids if _told(pid)}


def parent(pid: int) -> int:
    """The process that `pid` is a child of, 0 where it has ended."""
    return int((_told(pid) or ["", "0"])[1])


def _told(pid: int) -> list[str]:
    """State, parent and so on, as the kernel tells; empty of one that has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if told[0] in "ZX" else told


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)
