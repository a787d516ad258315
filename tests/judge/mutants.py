"""Sandboxes with one thing taken out, and the witnesses that have to notice.

A mutation is a line of Python that runs in the launcher, after the sandbox's modules are
loaded and before they build anything. `program` gives what stands in for `slot._program`.
"""

from __future__ import annotations

import ast
import marshal
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.judging import Limits
from codelathe.judge import codec
from codelathe.judge import slot as slots
from codelathe.judge.exchange import Run, Stopped, framed
from codelathe.judge.slot import Slot
from judge import zoo

_original = slots._program

_HEAD = """
import resource, sys
from codelathe.judge import codec
from codelathe.judge.inside import candidate, landlock, launch, probe, rooms, seccomp, syscalls
from codelathe.judge.inside import warden
def nothing(*anything, **more):
    pass
def within(owner, name, patched):
    real = getattr(owner, name)
    setattr(owner, name, lambda *a, **k: patched(real, *a, **k))
main = launch.main
"""

#: The filters answer 1001 (F1) and 1002 (F2), so that a refusal tells who refused.
TELLING = """
seccomp.EPERM = seccomp.ENOSYS = seccomp.ENOTTY = seccomp.ERRNO | 1001
def telling(real, self):
    seccomp.EPERM = seccomp.ERRNO | 1002
    real(self)
    seccomp.EPERM = seccomp.ERRNO | 1001
real = seccomp.CandidateFilter.__init__
seccomp.CandidateFilter.__init__ = lambda self: telling(real, self)
"""

#: Calls each number with arguments that no call takes, but for the few that would not return.
ERRNOS = """
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
ENDING = {15: "rt_sigreturn", 34: "pause", 60: "exit", 231: "exit_group", 335: "", 336: ""}


def errnos(last):
    found = []
    for number in range(last + 1):
        if number not in ENDING:
            answer = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
            found.append((number, ctypes.get_errno() if answer == -1 else 0))
    return {code: [n for n, e in found if e == code] for code in (1001, 1002)}
"""


def refusals(got: str) -> tuple[set[int], set[int]]:
    """What `ERRNOS` found: the numbers that F1 refused, and those that F2 did."""
    found: dict[int, list[int]] = ast.literal_eval(got)
    return set(found[1001]), set(found[1002])


def program(patch: str) -> Callable[[tuple[str, ...]], bytes]:
    """The sandbox's code with a patch in it."""

    def mutated(names: tuple[str, ...]) -> bytes:
        packages, modules = marshal.loads(_original(names))
        code = compile(_HEAD + patch, "<mutation>", "exec")
        return marshal.dumps((packages, [*modules, ("mutation", code)]))

    return mutated


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is taken out, by which line, in which tier, and what is asked of the witnesses."""

    name: str
    patch: str
    tier: str = "A"
    alone: str = ""
    """The lines that leave a layer alone, so that no other hides that it is gone."""


#: Landlock without filters: only so does it show what it refuses itself.
NO_FILTERS = (
    "seccomp.install_inherited = seccomp.CandidateFilter.install = nothing\nprobe.run = nothing\n"
)

FACTS = """
import os
import resource
import stat
import sys


def flags(path):
    try:
        told = os.statvfs(path)
    except OSError:
        return None
    return told.f_flag & 15


def size(path):
    told = os.statvfs(path)
    return [told.f_blocks * told.f_frsize >> 10, told.f_files]


def listed(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def facts(n):
    library = os.path.dirname(os.__file__)
    names = [x for x in dir(resource) if x.startswith("RLIMIT_")]
    fds = []
    for fd in range(64):
        try:
            os.fstat(fd)
        except OSError:
            continue
        fds.append(fd)
    return {
        "limits": {x: list(resource.getrlimit(getattr(resource, x))) for x in names},
        "mounts": {p: flags(p) for p in ("/", "/w", "/usr/lib", library)},
        "sizes": {p: size(p) for p in ("/", "/w")},
        "root": listed("/"),
        "above": listed("/.."),
        "devices": listed("/dev"),
        "packages": [*listed(f"{library}/site-packages"), *listed(f"{library}/dist-packages")],
        "descriptors": fds,
        "environment": dict(os.environ),
        "argv": list(sys.argv),
        "umask": os.umask(0o77),
        "folder": os.getcwd(),
        "parent": os.getppid(),
        "user": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
        "groups": os.getgroups(),
        "modules": sorted(x for x in sys.modules if x.partition(".")[0] == "codelathe"),
        "bytecode": sys.dont_write_bytecode,
    }
"""

LANDLOCKED = """
import errno
import fcntl
import os
import socket


def attempt(worked, name, action):
    try:
        action()
    except OSError as error:
        return
    worked.append(name)


def solve(folder):
    worked = []
    at = lambda name: os.path.join(folder, name)
    attempt(worked, "read", lambda: open(at("file")).read())
    attempt(worked, "list", lambda: os.listdir(folder))
    attempt(worked, "write", lambda: open(at("file"), "r+"))
    attempt(worked, "truncate", lambda: os.truncate(at("file"), 0))
    attempt(worked, "make", lambda: os.mknod(at("new"), 0o100600))
    attempt(worked, "remove", lambda: os.remove(at("removable")))
    attempt(worked, "folder", lambda: os.mkdir(at("d")))
    attempt(worked, "remove folder", lambda: os.rmdir(at("empty")))
    attempt(worked, "link", lambda: os.symlink("x", at("l")))
    attempt(worked, "fifo", lambda: os.mkfifo(at("p")))
    attempt(worked, "socket", lambda: socket.socket(socket.AF_UNIX).bind(at("s")))
    attempt(worked, "move", lambda: os.rename(at("moved"), at("into/moved")))
    attempt(worked, "execute", lambda: os.posix_spawn(LOADER, ["ld.so", "--version"], {}))
    attempt(worked, "bind", lambda: socket.socket().bind(("127.0.0.1", 0)))
    attempt(worked, "connect", lambda: connect())
    attempt(worked, "abstract", lambda: socket.socket(socket.AF_UNIX).connect("\\0" + folder))
    attempt(worked, "device", lambda: device())
    attempt(worked, "signal", lambda: os.kill(int(open_pid()), 0))
    return worked


def connect():
    try:
        socket.create_connection(("127.0.0.1", 9))
    except ConnectionRefusedError:
        pass


LOADER = "/lib64/ld-linux-x86-64.so.2"


def open_pid():
    return PID


def device():
    try:
        fcntl.ioctl(os.open("/dev/null", os.O_RDWR), 0x5401, bytes(60))
    except OSError as error:
        if error.errno != errno.ENOTTY:
            raise
"""


@contextmanager
def candidate(slot: Slot, code: str, entry: str) -> Iterator[Run]:
    """A candidate that waits to be called."""
    limits = Limits(seconds=20.0, memory_mb=256, output_bytes=1 << 20)
    channel = slot.start(limits, 41, 8 << 20)
    run = Run(slot, channel, limits, "word")
    try:
        run.allow()
        order = {
            "nonce": "word", "kind": "call", "code": code, "entry": entry,
            "output": limits.output_bytes, "frame": 1 << 21,
        }  # fmt: skip
        run.send(framed(order))
        kind, payload = run.receive()
        assert kind == "loaded", payload
        yield run
    finally:
        slot.end(False)
        channel.close()


def call(run: Run, argument: Any) -> Any:
    """What the candidate gives for one argument."""
    run.allow()
    run.send(framed([codec.encode((argument,), 1 << 20), codec.encode({}, 1 << 20)]))
    kind, payload = run.receive()
    return codec.decode(payload) if kind == "value" else f"{kind}: {payload}"


def youngest(pid: int) -> int:
    """The last process of a chain."""
    while below := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(below[-1])
    return pid


def outside(slot: Slot) -> dict[str, Any]:
    """What the machine knows of the candidate that runs now."""
    pid = youngest(slot._process.pid)
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    names = ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapInh", "CapPrm", "CapEff", "CapBnd")
    found: dict[str, Any] = {name: status[name].strip() for name in (*names, "CapAmb")}
    found["user"] = status["Uid"].split()
    found["groups"] = [*status["Gid"].split(), *status["Groups"].split()]
    found["processors"] = status["Cpus_allowed_list"].strip()
    found["dumpable"] = Path(f"/proc/{pid}/status").stat().st_uid != 0
    found["victim"] = Path(f"/proc/{pid}/oom_score_adj").read_text().strip()
    found["chain"] = len(status["NSpid"].split())
    if os.geteuid() == 0:
        for name in ("mnt", "pid", "net", "ipc", "uts", "cgroup", "user"):
            theirs, mine = (Path(f"/proc/{p}/ns/{name}").readlink() for p in (pid, "self"))
            same = theirs == mine
            found[f"{name} namespace"] = "shared" if same else "own"
    return found


def attacked(slot: Slot, name: str) -> list[str]:
    """What an attack gets, where it must get nothing; and whether its files are seen after it."""
    told = zoo.metadata(zoo.attacks()[name])
    try:
        with candidate(slot, zoo.source(zoo.attacks()[name]), "solve") as run:
            answer = call(run, 1)
    except Stopped as stopped:
        return [] if stopped.status in told["expect"].split() else [f"{name}: {stopped}"]
    if "returns" in told and answer != []:
        return [f"{name}: {answer}"]
    if "failed" not in told["expect"].split():
        return [f"{name}: {answer}"]
    if name == "leaves_things" and not slot.residue:
        return [f"{name}: not seen"]
    return []


def facts(slot: Slot) -> dict[str, Any]:
    """Everything that can be known of a candidate's confinement."""
    with candidate(slot, FACTS, "facts") as run:
        inside = call(run, 1)
        told: dict[str, Any] = inside if isinstance(inside, dict) else {"nothing": inside}
        return {**told, **outside(slot)}


def landlocked(slot: Slot, folder: Path, pid: int) -> list[str]:
    """What Landlock alone does not refuse. `folder` is anybody's, `pid` is of another domain."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\0" + os.fspath(folder))
    listening.listen()
    try:
        with candidate(slot, LANDLOCKED.replace("PID", str(pid)), "solve") as run:
            found: list[str] = call(run, os.fspath(folder))
            return found
    finally:
        listening.close()
