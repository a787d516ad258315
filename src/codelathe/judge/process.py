"""A process slot: the parent's handle on one foreman, which runs programs one at a time.

Bytes go in and come out by descriptors of files in memory; no path of the sandbox is ever
opened from outside. A slot shows one language's toolchain and no other's. It needs the
namespaces of tier A: a compiler starts processes, and only they keep those in.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from codelathe.core.errors import LanguageError
from codelathe.judge import artefacts
from codelathe.judge.slot import Sandbox, SlotLost
from codelathe.judge.toolchains.base import OUT, Toolchain

_MODULES = (
    "codelathe.judge.archive",
    *(
        f"codelathe.judge.inside.{name}"
        for name in (
            "syscalls", "seccomp", "landlock", "rooms", "orders", "program", "foreman",
            "probe", "launch",
        )  # each after those it imports
    ),
)  # fmt: skip
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_SLACK_SECONDS = 10.0
"""What a foreman may take beyond a program's own time before it counts as lost."""

_HANDED_BYTES = 240 << 20
_SAID_BYTES = 1 << 20
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/w", "TMPDIR": "/w", "LANG": "C.UTF-8"}

#: wait status, who killed it, seconds, processor seconds, bytes handed out, residue, failure
Answer = tuple[int, str, float, float, int, bool, str]


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, as waitpid tells it, what it printed and what it used.

    `killed` says who ended it early: `time` or `parent`; `failure` why it never began.
    `handed` is the archive of what it made, None where it made none or too much.
    """

    status: int
    killed: str
    seconds: float
    cpu_seconds: float
    failure: str
    printed: bytes
    complained: bytes
    handed: bytes | None = None

    @classmethod
    def of(
        cls, answer: Answer, printed: bytes, complained: bytes, handed: bytes | None = None
    ) -> Done:
        """What a foreman answered, and what the program left."""
        status, killed, seconds, cpu, _, _, failure = answer
        return cls(status, killed, seconds, cpu, failure, printed, complained, handed)

    @property
    def well(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.status == 0 and not self.killed and not self.failure

    @property
    def signal(self) -> int:
        """The signal that ended it, 0 where it left by itself."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else 0

    def __str__(self) -> str:
        if self.signal:
            return f"was ended by {signal.Signals(self.signal).name}"
        return f"left with exit code {os.waitstatus_to_exitcode(self.status)}"


class ProcessSlot(Sandbox):
    """One running foreman, for one language."""

    def __init__(self, tier: str, processors: Sequence[int], toolchain: Toolchain) -> None:
        """Start and test a sandbox of `tier` that shows `toolchain`.

        Raises:
            Failure: this machine does not offer it.
            LanguageError: the tier has no namespaces of its own.
        """
        if tier == "B":
            raise LanguageError(
                f"{toolchain.language} needs isolation of tier A or A-, this machine has B: "
                "compilers start processes, which only namespaces keep in",
                hint="see what `lathe doctor` says of user namespaces",
                field="language",
            )
        self.toolchain = toolchain
        self.kits: dict[bool, str] = {}
        """The folder of the kit for programs (False) and for tests (True), once it is known."""
        plan = {
            "profile": "process",
            "tier": tier,
            "cpu": list(processors),
            "shown": list(toolchain.shown),
            "execute": [path for path in toolchain.shown if os.access(path, os.X_OK)][:1],
            "kits": str(artefacts.kits()),
        }
        super().__init__(_MODULES, plan)

    def build(
        self,
        commands: Sequence[Sequence[str]],
        files: bytes,
        environment: Mapping[str, str],
        limits: Mapping[str, int],
        seconds: float,
    ) -> Done:
        """Run compilers over `files`; what they put into `out/` is handed out.

        Raises:
            SlotLost: the foreman is gone.
        """
        with _files(files, b"", _sized(), _sized(), _memory()) as descriptors:
            order: dict[str, Any] = {
                "commands": commands,
                "strict": False,
                "execute": [],
                "collect": OUT,
            }
            order |= {"program": False, "env": environment, "limits": limits}
            answer = self._run({**order, "seconds": seconds}, descriptors)
            handed = _read(descriptors[4], answer[4]) if answer[4] else None
            printed, complained = (_read(fd, _SAID_BYTES).rstrip(b"\0") for fd in descriptors[2:4])
        return Done.of(answer, printed, complained, handed)

    def run(
        self,
        command: Sequence[str],
        given: tuple[bytes, bytes, bytes | None],
        execute: Sequence[str],
        environment: Mapping[str, str],
        limits: Mapping[str, int],
        seconds: float,
    ) -> Done:
        """Run one program: `given` its files, its standard input and, if it is one, its binary.

        `limits` must have FSIZE, which bounds what it prints.

        Raises:
            SlotLost: the foreman is gone.
        """
        files, text, binary = given
        extra = [] if binary is None else [binary]
        with _files(files, text, _memory(), _memory(), *map(_sealed, extra)) as descriptors:
            order: dict[str, Any] = {
                "commands": [command],
                "strict": True,
                "execute": execute,
                "collect": "",
            }
            order |= {"program": binary is not None, "env": environment, "limits": limits}
            answer = self._run({**order, "seconds": seconds}, descriptors)
            printed, complained = (_read(fd, limits["FSIZE"]) for fd in descriptors[2:4])
        return Done.of(answer, printed, complained)

    def _run(self, order: dict[str, Any], descriptors: Sequence[int]) -> Answer:
        environment = {**_ENVIRONMENT, **self.toolchain.environment, **order["env"]}
        order |= {"env": environment, "files": True, "most": _HANDED_BYTES}
        self.runs += 1
        try:
            self._control.settimeout(order["seconds"] + _SLACK_SECONDS)
            socket.send_fds(self._control, [b"X" + json.dumps(order).encode()], descriptors)
            answer: Answer = json.loads(self._control.recv(1 << 12) or b"[]")
            residue = answer[5]
        except (OSError, ValueError, IndexError) as e:
            raise SlotLost(f"the foreman does not answer: {e}") from e
        self.residue = self.residue or residue
        return answer

    def recall(self) -> None:
        """End the running program early. Called from another thread."""
        try:
            self._control.send(b"E")
        except OSError:
            return


@contextmanager
def _files(files: bytes, text: bytes, *others: int) -> Iterator[list[int]]:
    """Descriptors for one program, closed here when it has ended."""
    descriptors = [_sealed(files), _sealed(text), *others]
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _memory() -> int:
    return os.memfd_create("codelathe", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def _sealed(data: bytes) -> int:
    """A file in memory that holds `data` for good, read from its start."""
    descriptor = _memory()
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def _sized() -> int:
    """A file in memory that takes so much and no more: a compiler's messages."""
    descriptor = _memory()
    os.ftruncate(descriptor, _SAID_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor


def _read(descriptor: int, most: int) -> bytes:
    parts = []
    at = 0
    while at < most:
        part = os.pread(descriptor, min(most - at, 1 << 24), at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)
