"""A slot: the parent's handle on one warden, pinned to one processor.

It starts a fresh interpreter with an empty environment, hands it the code of
`codelathe.judge.inside` and a plan, and waits until the sandbox reports that it is
built and tested. Then `start` runs one candidate at a time and `end` makes sure it is
gone. A slot must be used by the thread that started it: the kernel ends the launcher
when that thread ends.
"""

from __future__ import annotations

import functools
import json
import marshal
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codelathe.core.judging import Limits
from codelathe.judge.inside.orders import CHANNEL, ENDING, START

UNPRIVILEGED = 65534
"""The user and group that root becomes: `nobody`."""

RUNS = 1000
"""Candidates after which a slot is replaced by a fresh one."""

_START_SECONDS = 20.0
_END_SECONDS = 5.0
_GRACE_MS = 50

_MODULES = (
    "codelathe.judge.codec_kinds",
    "codelathe.judge.codec_writing",
    "codelathe.judge.codec_reading",
    "codelathe.judge.codec",
    *(
        f"codelathe.judge.inside.{name}"
        for name in (
            "syscalls", "seccomp", "landlock", "rooms", "orders", "channel", "suites", "rehearsal",
            "trial", "candidate", "warden", "probe", "launch",
        )  # each after those it imports
    ),
)  # fmt: skip
_PACKAGES = ("codelathe", "codelathe.judge", "codelathe.judge.inside")

#: What candidates often import: found loaded in every fork, at a little memory for each. Not
#: those that run code of their own in each child after a fork (`random`, `threading`), nor large
#: ones that few import (`dataclasses`, `hashlib`): a MiB more costs each candidate 60 us.
PRELOADED = (
    "abc", "bisect", "cmath", "collections", "contextlib", "copy", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "io", "itertools", "json", "math", "numbers", "operator",
    "re", "string", "struct", "textwrap", "time", "typing",
)  # fmt: skip

_BOOT = """
import marshal, os, sys, types
packages, modules = marshal.loads(os.pread(int(sys.argv[1]), 1 << 24, 0))
os.close(int(sys.argv[1]))
for name in packages:
    sys.modules[name] = types.ModuleType(name)
for name, code in modules:
    sys.modules[name] = module = types.ModuleType(name)
    exec(code, module.__dict__)
module.main(int(sys.argv[2]))
"""


class Failure(Exception):
    """A slot that did not start: the feature, what was tried, the system's error number."""

    def __init__(self, feature: str, what: str, number: int) -> None:
        super().__init__(feature, what, number)
        self.feature = feature
        self.what = what
        self.number = number


@dataclass(frozen=True, slots=True)
class Ending:
    """How a candidate's process ended, as waitpid tells it, and what it used.

    `killed`: the warden had to end it.
    """

    status: int
    killed: bool
    cpu_seconds: float

    def __str__(self) -> str:
        if self.killed:
            return "gave up its channel"
        if os.WIFSIGNALED(self.status):
            return f"was ended by {signal.Signals(os.WTERMSIG(self.status)).name}"
        return f"left with exit code {os.waitstatus_to_exitcode(self.status)}"


class SlotLost(Exception):
    """The warden is gone or does not answer; the slot has to be started again."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a started slot enforces: the Landlock ABI (0: none), and what it lacks."""

    landlock: int
    missing: tuple[str, ...]


def interpreter() -> str:
    """The interpreter that candidates run on: this one, without its virtual environment."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


@functools.cache
def _program(names: tuple[str, ...]) -> bytes:
    """The sandbox's own code, compiled for this interpreter. The last module is the main one."""
    modules = []
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        modules.append((name, spec.loader.get_code(name)))  # type: ignore[attr-defined]
    return marshal.dumps((_PACKAGES, modules))


class Sandbox:
    """One sandbox that was built and tested: its control socket and its outermost process."""

    def __init__(self, modules: tuple[str, ...], plan: Mapping[str, Any]) -> None:
        """Start and test a sandbox of `plan`, which `modules` carry out.

        Raises:
            Failure: this machine does not offer it.
        """
        self.runs = 0
        self.residue = False
        try:
            self._control, self._process = _spawn(_program(modules))
        except OSError as e:
            raise Failure("interpreter", f"{interpreter()}: {e}", e.errno or 0) from e
        try:
            self.ready = self._handshake(plan)
        except BaseException:
            self.kill()
            raise

    def _handshake(self, plan: Mapping[str, Any]) -> Ready:
        plan = {"uid": UNPRIVILEGED, "gid": UNPRIVILEGED, "parent": os.getpid(), **plan}
        self._control.settimeout(_START_SECONDS)
        try:
            self._control.send(json.dumps(plan).encode())
            report = json.loads(self._control.recv(1 << 16) or b"{}")
        except OSError as e:
            raise Failure("launcher", f"no answer: {e}", e.errno or 0) from e
        if "failed" in report:
            raise Failure(*report["failed"])
        if "ready" not in report:
            raise Failure("launcher", "it ended before it answered", 0)
        self._control.settimeout(_END_SECONDS)
        return Ready(report["ready"]["landlock"], tuple(report["ready"]["missing"]))

    @property
    def worn(self) -> bool:
        """Whether a fresh slot should take over."""
        return self.residue or self.runs >= RUNS

    def kill(self) -> None:
        """End the launcher, and by that everything in the slot."""
        self._control.close()
        self._process.kill()
        self._process.wait()


class Slot(Sandbox):
    """One running warden."""

    def __init__(self, tier: str, processors: Sequence[int], packages: Sequence[str] = ()) -> None:
        """Start and test a sandbox of `tier` for Python, pinned to `processors`.

        `packages` are folders of packages that candidates find loaded: the first by its name,
        the others are what it rests on.

        Raises:
            Failure: this machine does not offer it.
        """
        plan = {
            "profile": "python",
            "tier": tier,
            "cpu": list(processors),
            "preload": PRELOADED,
            "packages": list(packages),
        }
        super().__init__(_MODULES, plan)

    def start(
        self,
        limits: Limits,
        cpu: int,
        file: int,
        extra: Sequence[int] = (),
        targets: Sequence[int] = (0, 1),
    ) -> socket.socket:
        """Fork a candidate; its channel. `extra` become its descriptors `targets`.

        Raises:
            SlotLost: the warden is gone.
        """
        ours, theirs = socket.socketpair()
        order = START.pack(limits.memory_mb, cpu, file) + bytes([CHANNEL, *targets[: len(extra)]])
        try:
            message = b"R" + order
            socket.send_fds(self._control, [message], [theirs.fileno(), *extra])
        except OSError as e:
            ours.close()
            raise SlotLost(f"the warden does not take orders: {e}") from e
        finally:
            theirs.close()
        self.runs += 1
        return ours

    def end(self, grace: bool) -> list[Ending | None]:
        """Make sure that all processes are gone; None for one that never started.

        In the order they were started in. With `grace` they get a moment, until one has ended
        by itself, so that its status is its own.

        Raises:
            SlotLost: the warden does not answer.
        """
        try:
            self._control.send(b"E%d" % (_GRACE_MS if grace else 0))
            *endings, residue = self._control.recv(1 << 10)
            found = list(ENDING.iter_unpack(bytes(endings)))
        except (OSError, ValueError, struct.error) as e:
            raise SlotLost(f"the warden does not answer: {e}") from e
        self.residue = self.residue or bool(residue)
        return [None if status == -1 else Ending(status, *rest) for status, *rest in found]


class NumpySlot(Slot):
    """A slot in which candidates find numpy, the one that this program would import."""

    def __init__(self, tier: str, processors: Sequence[int]) -> None:
        super().__init__(tier, processors, numpy_folders())


@functools.cache
def numpy_folders() -> tuple[str, ...]:
    """The folders of numpy; none where it is not installed."""
    spec = find_spec("numpy")
    if spec is None or not spec.submodule_search_locations:
        return ()
    folder = Path(next(iter(spec.submodule_search_locations)))
    libraries = folder.with_name("numpy.libs")
    return tuple(str(path) for path in (folder, libraries) if path.is_dir())


def _spawn(code: bytes) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = -1
    try:
        program = os.memfd_create("codelathe-sandbox")
        with open(program, "wb", closefd=False) as file:
            file.write(code)
        process = subprocess.Popen(
            [interpreter(), "-I", "-S", "-c", _BOOT, str(program), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(program, theirs.fileno()),
            start_new_session=True,
            env={},
            cwd=Path("/"),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        if program >= 0:
            os.close(program)
    return ours, process


def nonce() -> str:
    """A word that frames of one candidate carry."""
    return secrets.token_hex(8)
