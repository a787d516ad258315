"""Whatever is taken out of the sandbox, something notices: its own self-test, a fact, an attack.

`mutants.py` says how a sandbox is built with something missing. Each mutation here names its
witness: `self-test` and `start` (no slot comes to be), `facts` (what can be known of a
candidate's confinement differs from what is written down below), or an attack that gets
somewhere. Filters' rules are taken out one by one in `test_syscalls.py` as well.
"""

from __future__ import annotations

import inspect
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.judging import Candidate, Case, Limits, Status
from codelathe.core.problem import CallExample
from codelathe.judge import SandboxJudge, exchange, python
from codelathe.judge import slot as slots
from codelathe.judge.exchange import Run, Stopped
from codelathe.judge.inside import launch, rooms, seccomp
from codelathe.judge.slot import Failure, Slot
from judge import golden, mutants, zoo
from judge.mutants import Mutation
from judge.users import as_nobody, ordinary_python

ROOT = os.geteuid() == 0
_LIMITED = {"AS": 335544320, "CPU": 41, "FSIZE": 8388608, "NOFILE": 64, "NPROC": 64}


def _limit_names() -> dict[str, int]:
    names = {getattr(resource, n): n[7:] for n in dir(resource) if n.startswith("RLIMIT_")}
    return {names[kind]: value for kind, value in launch._LIMITS.items()}


def differences(slot: Slot) -> list[str]:
    """What is not as it is written down here, in tiers A and A-."""
    found = mutants.facts(slot)
    user = str(slots.UNPRIVILEGED if ROOT else os.geteuid())
    none = "0" * 16
    expected: dict[str, Any] = {
        "environment": {}, "argv": [""], "modules": [], "packages": [], "bytecode": True,
        "descriptors": [0, 1, 2, 3], "umask": 0o77, "folder": "/w", "parent": 1, "chain": 2,
        "sizes": {"/": [16384, 4096], "/w": [8192, 512]},
        "NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "2", "dumpable": False,
        "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
        "processors": str(processor()), "victim": "1000", "user": [user] * 4,
    }  # fmt: skip
    if ROOT:
        namespaces = ("mnt", "pid", "net", "ipc", "uts", "cgroup", "user")
        expected |= {f"{name} namespace": "own" for name in namespaces}
    wrong = [f"{k}: {found.get(k)}" for k, v in expected.items() if found.get(k) != v]
    for name, value in {**_LIMITED, **EXPECTED_LIMITS}.items():
        if found["limits"][f"RLIMIT_{name}"] != [value, value]:
            wrong.append(f"RLIMIT_{name}: {found['limits'][f'RLIMIT_{name}']}")
    # ST_RDONLY 1, ST_NOSUID 2, ST_NODEV 4, ST_NOEXEC 8
    for path, flags in found["mounts"].items():
        if flags != (14 if path == "/w" else 7):
            wrong.append(f"mount {path}: {flags}")
    for place, allowed in (("root", ROOM), ("above", ROOM), ("devices", DEVICES)):
        if not set(found[place]) <= allowed:
            wrong.append(f"{place}: {found[place]}")
    return wrong


EXPECTED_LIMITS = {"CORE": 0, "MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 256, "STACK": 8 << 20}
ROOM = {"dev", "usr", "lib", "lib64", "lib32", "w", Path(sys.base_prefix).parts[1]}
DEVICES = {"null", "zero", "urandom"}


def processor() -> int:
    return min(os.sched_getaffinity(0))


def cell(kind: str) -> str:
    """A limit of each candidate, left out."""
    return (
        "real, limit = candidate.Cell.confine, resource.setrlimit\n"
        "def confine(*anything):\n"
        "    resource.setrlimit = lambda kind, pair:"
        f" None if kind == resource.RLIMIT_{kind} else limit(kind, pair)\n"
        "    real(*anything)\n"
        "    resource.setrlimit = limit\n"
        "candidate.Cell.confine = confine"
    )


def second(name: str) -> str:
    """A rule of F2 that lets everything through."""
    return (
        "real, rule = seccomp.CandidateFilter.__init__, seccomp._on\n"
        "allow, deny = (seccomp._op(seccomp._RETURN, v) for v in (seccomp.ALLOW, seccomp.EPERM))\n"
        "def patched(name, *body):\n"
        f"    return rule(name, *(allow if b == deny and name == {name!r} else b for b in body))\n"
        "def init(self):\n"
        "    seccomp._on = patched\n"
        "    real(self)\n"
        "    seccomp._on = rule\n"
        "seccomp.CandidateFilter.__init__ = init"
    )


def first(name: str) -> str:
    """A rule of F1 that lets everything through."""
    return (
        "real, rule = seccomp.inherited, seccomp._on\n"
        "allow = seccomp._op(seccomp._RETURN, seccomp.ALLOW)\n"
        "def patched(name, *body):\n"
        f"    if name == {name!r}:\n"
        "        body = (allow,)\n"
        "    return rule(name, *body)\n"
        "def inherited(*anything):\n"
        "    seccomp._on = patched\n"
        "    try:\n"
        "        return real(*anything)\n"
        "    finally:\n"
        "        seccomp._on = rule\n"
        "seccomp.inherited = inherited"
    )


def allowing(name: str) -> str:
    """A call let through by F1 that is on no list."""
    number = golden.REFUSED[name]
    return f"syscalls.TABLE[{name!r}] = ({number}, None)\nseccomp._ALLOWED.append({name!r})"


def guard(index: int) -> str:
    """The first or the second check of the architecture, left out in both filters."""
    return (
        "real, kill = seccomp._guard, seccomp._op(seccomp._RETURN, seccomp.KILL)\n"
        "def patched():\n"
        "    parts = real().split(kill)\n"
        "    allow = seccomp._op(seccomp._RETURN, seccomp.ALLOW)\n"
        f"    joins = [allow if i == {index} else kill for i in range(len(parts) - 1)]\n"
        "    return parts[0] + b''.join(j + p for j, p in zip(joins, parts[1:]))\n"
        "seccomp._guard = patched"
    )


def without(option: tuple[int, int]) -> str:
    """A `prctl` that is not made, now or later."""
    return (
        "real, later = syscalls.prctl, getattr(syscalls, 'prepared', None)\n"
        "syscalls.prctl = lambda option, value:"
        f" None if (option, value) == {option} else real(option, value)\n"
        "if later:\n"
        "    syscalls.prepared = lambda name, *a:"
        f" nothing if name == 'prctl' and a[:2] == {option} else later(name, *a)"
    )


NUMBERED = {
    "sockets": "socket",
    "traces": "ptrace pidfd_open process_vm_readv process_vm_writev kcmp userfaultfd",
    "kernel_channels": (
        "keyctl add_key shmget msgget semget inotify_init1 memfd_create personality"
    ),
    "kernel_channels_otherwise": "flock io_setup",
    "namespaces": "unshare landlock_create_ruleset",
    "mounts": "name_to_handle_at",
    "priorities": "setpriority sched_setaffinity sched_setscheduler ioprio_set setsid setpgid",
    "privileges": "chmod setfsuid capset",
    "timers_of_others": "timer_create",
    "kills": "rt_sigqueueinfo tkill",
    "odd_files": "mknodat setxattr",
    "memory_of_others": "sched_setattr set_mempolicy",
}
"""Attacks, and the calls refused by F1 with each of which the attack would get somewhere.

All others are refused by the kernel too, for want of a privilege or of something to act on:
their rules are seen in `test_syscalls.py` alone.
"""

LOOSE = [
    *(
        Mutation(f"F1 lets {name} through", allowing(name), alone=attack)
        for attack, names in NUMBERED.items()
        for name in names.split()
    ),
    Mutation("F1 lets clone make namespaces", first("clone"), alone="golden"),
    Mutation("F1 lets every ioctl through", first("ioctl"), alone="golden"),
    Mutation("F1 lets every fcntl through", first("fcntl"), alone="signals_by_descriptor"),
    Mutation("F1 lets clone3 through", first("clone3"), alone="fork"),
    Mutation("F1 is not there", "seccomp.install_inherited = nothing", alone="facts"),
    Mutation("F2 is not there", "seccomp.CandidateFilter.install = nothing", alone="self-test"),
    *(
        Mutation(
            f"F2 lets {name} through",
            f"seccomp._DENIED = tuple(n for n in seccomp._DENIED if n != {name!r})",
            alone=by,
        )
        for name, by in {
            "fork": "fork",
            "vfork": "fork",
            "kill": "self-test",
            "setrlimit": "raises_limits",
            "prctl": "kernel_channels",
            "seccomp": "golden",
            "sendmsg": "passes_descriptors",
            "recvmsg": "golden",
        }.items()
    ),
    Mutation("F2 lets every clone through", second("clone"), alone="self-test"),
    Mutation("F2 lets every prlimit64 through", second("prlimit64"), alone="self-test"),
    Mutation("F2 lets tgkill reach others", second("tgkill"), alone="kills"),
    Mutation("F2 lets every socketpair through", second("socketpair"), alone="sockets"),
    Mutation("another architecture is let in", guard(0), alone="other_architecture_entry"),
    Mutation("x32's numbers are let in", guard(1), alone="other_architecture"),
    *(
        Mutation(f"no limit {name}", f"launch._LIMITS.pop(resource.RLIMIT_{name})", alone="facts")
        for name in _limit_names()
    ),
    Mutation("no limit NOFILE", "launch._DESCRIPTORS['python'] = 20000", alone="facts"),
    Mutation("no limit NPROC", "launch._THREADS['python'] = 20000", alone="facts"),
    Mutation("no limit AS", cell("AS"), alone="self-test"),
    Mutation("no limit CPU", cell("CPU"), alone="facts"),
    Mutation("no limit FSIZE", cell("FSIZE"), alone="facts"),
    *(
        Mutation(
            f"libraries without {what}",
            f"rooms._ATTR_LOCKED_DOWN = ({bits}).to_bytes(8, 'little') + bytes(24)",
            alone="facts",
        )
        for what, bits in (("read-only", 6), ("nosuid", 5), ("nodev", 3))
    ),
    Mutation("the root can be written", "rooms._ATTR_READ_ONLY = bytes(32)", alone="facts"),
    Mutation("the working folder can be executed from", "rooms._NOEXEC = 0", alone="facts"),
    Mutation("setuid files count in the working folder", "rooms._NOSUID = 0", alone="facts"),
    Mutation("devices count in the working folder", "rooms._NODEV = 0", alone="facts"),
    Mutation(
        "tmpfs without a size",
        "real = rooms._mount\n"
        "rooms._mount = lambda s, t, k, f, data='': real(s, t, k, f, 'mode=755' if data else '')",
        alone="facts",
    ),
    Mutation("/etc is shown", "rooms._SHOWN += ('/etc',)", alone="self-test"),
    Mutation(
        "one more device is shown",
        "real = rooms.libraries\n"
        "def patched(*anything):\n"
        "    layout = real(*anything)\n"
        "    return layout._replace(devices=(*layout.devices, '/dev/full'))\n"
        "rooms.libraries = patched",
        "A-",
        "facts",
    ),
    Mutation(
        "the old root is not let go",
        "rooms._DETACH = 0\nreal = syscalls.libc\n"
        "syscalls.libc = lambda name, *a: None if name == 'umount2' else real(name, *a)",
        "A-",
        "self-test facts",
    ),
    Mutation(
        "files are made for all to read",
        "rooms.os.umask = lambda mask, real=rooms.os.umask: real(0o022)",
        alone="facts",
    ),
    *(
        Mutation(
            f"no {name}", f"rooms.NAMESPACES.pop({name!r})\nwarden._sweep = nothing", alone="facts"
        )
        for name in rooms.NAMESPACES
        if name != "mount namespace"
    ),
    Mutation("capabilities are kept", "launch._drop_capabilities = nothing", alone="facts"),
    Mutation("no-new-privileges is not set", without((38, 1)), alone="start"),
    Mutation("its memory can be read by its user", without((4, 0)), alone="facts"),
    Mutation(
        "the last to go when memory is short", "launch._be_first_victim = nothing", alone="facts"
    ),
    Mutation("any processor", "launch.os.sched_setaffinity = nothing", alone="facts"),
    Mutation(
        "an environment",
        "real = warden.preload\n"
        "def preload(*anything):\n"
        "    launch.os.environ['KEY'] = 'sk-'\n    return real(*anything)\n"
        "warden.preload = preload",
        alone="self-test",
    ),
    Mutation("descriptors stay open", "candidate.os.closerange = nothing", alone="facts"),
    Mutation("the sandbox's modules stay", "warden._settle = nothing", alone="facts"),
    Mutation(
        "what is left is not looked for",
        "warden._Folder.changed = lambda self: False",
        alone="leaves_things",
    ),
    Mutation("Landlock is not there", "landlock.restrict = nothing", "B", "self-test"),
    Mutation(
        "Landlock lets everything be read",
        "rooms_of = launch._layout\nreal = landlock.restrict\n"
        "landlock.restrict = lambda r, w, d, **k: real(['/'], w, d, **k)",
        "B",
        "self-test",
    ),
]
if ROOT:
    LOOSE += [
        Mutation("root stays root", "launch._become = nothing", alone="facts start"),
        Mutation(
            "no user namespace of its own", "launch._own_user_namespace = nothing", alone="facts"
        ),
    ]


@pytest.fixture(scope="module", autouse=True)
def _this_machine() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the mutations have x86_64's numbers")
    try:
        Slot("A", [processor()]).kill()
    except Failure as failure:
        pytest.skip(f"no tier A here: {failure}")


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that an ordinary user can read: tier B does not show root's own."""
    found = ordinary_python()
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    if found is None or subprocess.run([found, "-c", same], check=False).returncode:
        pytest.skip("no Python of this version that an ordinary user can start")
    if ROOT:
        monkeypatch.setattr(slots, "interpreter", lambda: found)


def noticed(mutation: Mutation) -> list[str]:
    """What the witness of a mutation has to say."""
    try:
        slot = Slot(mutation.tier, [processor()])
    except Failure as failure:
        # That it falls over is no witness, unless it is meant to.
        said = failure.what.startswith("not refused") or "start" in mutation.alone
        return [f"{failure.feature}: {failure.what}"] if said else []
    try:
        found = []
        for witness in mutation.alone.split():
            if witness == "facts":
                try:
                    found += [f"facts: {d}" for d in differences(slot)]
                except Stopped as stopped:
                    found.append(f"facts: {stopped}")
            elif witness in zoo.attacks():
                found += [f"attack {a}" for a in mutants.attacked(slot, witness)]
        return found
    finally:
        slot.kill()


@pytest.mark.parametrize(
    "mutation", [m for m in LOOSE if m.alone != "golden"], ids=lambda m: m.name
)
def test_what_is_taken_out_is_noticed(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if mutation.tier == "B":
        request.getfixturevalue("ordinary")
    monkeypatch.setattr(slots, "_program", mutants.program(mutation.patch))
    assert noticed(mutation)


@pytest.mark.parametrize("tier", ["A", "A-"])
def test_a_whole_sandbox_is_as_it_is_written_down(tier: str) -> None:
    slot = Slot(tier, [processor()])
    try:
        assert differences(slot) == []
    finally:
        slot.kill()


def test_every_limit_that_is_set_is_written_down() -> None:
    assert _limit_names() == EXPECTED_LIMITS


@pytest.mark.parametrize(
    "mutation",
    [m for m in LOOSE if m.name[:3] in ("F1 ", "F2 ", "x32", "ano") and "not there" not in m.name],
    ids=lambda m: m.name,
)
def test_what_is_taken_out_of_a_filter_is_not_as_it_is_written_down(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in (seccomp, seccomp.CandidateFilter):
        for name, value in vars(owner).items():
            if not name.startswith("__") or name == "__init__":
                monkeypatch.setattr(owner, name, value)
    monkeypatch.setattr(seccomp, "_ALLOWED", [*seccomp._ALLOWED])
    monkeypatch.setattr(seccomp.syscalls, "TABLE", {**seccomp.syscalls.TABLE})
    exec(mutation.patch, {"seccomp": seccomp, "syscalls": seccomp.syscalls})
    second = bytes(seccomp.CandidateFilter()._code.raw)
    assert golden.discrepancies(seccomp.inherited(), second)


@pytest.mark.parametrize("number", sorted(golden.REFUSED.values()))
def test_a_call_let_through_by_mistake_is_noticed(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(seccomp.syscalls.TABLE, "mistake", (number, None))
    monkeypatch.setattr(seccomp, "_ALLOWED", [*seccomp._ALLOWED, "mistake"])
    second = bytes(seccomp.CandidateFilter()._code.raw)
    assert golden.discrepancies(seccomp.inherited(), second, {number})


# Landlock, with no filter to hide what it lets through.

RIGHTS = {
    "execute": 0, "write": 1, "read": 2, "list": 3, "remove folder": 4, "remove": 5, "folder": 7,
    "make": 8, "socket": 9, "fifo": 10, "link": 12, "truncate": 14, "device": 15,
}  # fmt: skip
"""What Landlock refuses alone, and the bit of the right (linux/landlock.h).

Not shown: MAKE_CHAR (6) and MAKE_BLOCK (11) need a privilege; REFER (13) is refused by the
kernel whether it is asked for or not.
"""
LANDLOCKS = [
    *((name, f"landlock._ABI1 &= ~{1 << bit}") for name, bit in RIGHTS.items() if bit < 13),
    ("truncate", "landlock._TRUNCATE = 0"),
    ("device", "landlock._IOCTL_DEV = 0"),
    ("bind", "landlock._NET &= ~1"),
    ("connect", "landlock._NET &= ~2"),
    ("abstract", "landlock._SCOPES &= ~1"),
    ("signal", "landlock._SCOPES &= ~2"),
]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that anybody may do anything in."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    for name in ("empty", "into"):
        (folder / name).mkdir()
    for name in ("file", "removable", "moved"):
        (folder / name).touch()
        (folder / name).chmod(0o666)
    for path in (folder, *folder.iterdir()):
        if path.is_dir():
            path.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def landlocked(patch: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(slots, "_program", mutants.program(mutants.NO_FILTERS + patch))
    command = [sys.executable if not ROOT else str(ordinary_python()), "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, **as_nobody()) as stranger:
        try:
            slot = Slot("B", [processor()])
        except Failure as failure:
            return [str(failure)]
        try:
            return mutants.landlocked(slot, scratch, stranger.pid)
        finally:
            slot.kill()
            stranger.communicate()


@pytest.mark.usefixtures("ordinary")
def test_landlock_alone_refuses_everything(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert landlocked("", scratch, monkeypatch) == []


@pytest.mark.usefixtures("ordinary")
def test_without_landlock_and_filters_nothing_is_refused(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = landlocked("landlock.restrict = nothing", scratch, monkeypatch)
    assert set(found) >= {*RIGHTS, "bind", "connect", "abstract", "signal"}


@pytest.mark.usefixtures("ordinary")
@pytest.mark.parametrize(("name", "patch"), LANDLOCKS)
def test_a_right_that_landlock_does_not_handle_is_noticed(
    name: str, patch: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = landlocked(patch, scratch, monkeypatch)
    assert name in found or any("landlock" in f for f in found)


# What happens when a process above is gone.


def orphaned(tier: str, patch: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a candidate outlives the process above it."""
    monkeypatch.setattr(slots, "_program", mutants.program(patch))
    slot = Slot(tier, [processor()])
    channel = slot.start(Limits(seconds=20.0), 41, 1 << 20)
    try:
        chain = [slot._process.pid]
        until = time.monotonic() + 10
        while len(chain) < (3 if tier == "A" else 2) and time.monotonic() < until:
            chain = [slot._process.pid]
            while below := Path(f"/proc/{chain[-1]}/task/{chain[-1]}/children").read_text().split():
                chain.append(int(below[-1]))
        os.kill(chain[0], 9)
        slot._process.wait()
        until = time.monotonic() + (2 if not patch else 0.5)
        while Path(f"/proc/{chain[-1]}").exists() and time.monotonic() < until:
            time.sleep(0.01)
        alive = Path(f"/proc/{chain[-1]}").exists()
        if alive:
            os.kill(chain[1], 9)
        return alive
    finally:
        channel.close()
        slot._control.close()


_ORPHANS = [("A", "launch._die_with_parent = nothing"), ("B", without((1, 9)))]


@pytest.mark.usefixtures("ordinary")
@pytest.mark.parametrize(("tier", "patch"), [*_ORPHANS, ("A", ""), ("B", "")])
def test_a_candidate_outlives_the_process_above_it_only_where_that_is_taken_out(
    tier: str, patch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert orphaned(tier, patch, monkeypatch) == bool(patch)


# The parent's side.

GUARDS = [
    ("wrong_nonce", "frame[:2] != [self.word, self.sequence]", "frame[1] != self.sequence"),
    ("wrong_number", "frame[:2] != [self.word, self.sequence]", "frame[0] != self.word"),
    ("long_frame", "or len(frame) != 4", ""),
    ("huge_frame", "size > frame_bytes(self.limits)", "False"),
]


def status_of(attack: str) -> Status:
    case = Case(
        Candidate(zoo.source(zoo.attacks()[attack]), entry_point="solve"),
        (CallExample("1", "'answer-1'", (1,), "answer-1"),),
        Limits(seconds=0.5),
    )
    with SandboxJudge(slots=1) as judge:
        (verdict,) = next(judge.judge([case]))
    return verdict.status


@pytest.mark.parametrize(("attack", "guard", "taken"), GUARDS)
def test_a_guard_of_the_channel_that_is_taken_out_is_noticed(
    attack: str, guard: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = textwrap.dedent(inspect.getsource(Run.receive))
    assert guard in source
    namespace = dict(vars(exchange))
    exec(source.replace(guard, taken), namespace)
    monkeypatch.setattr(Run, "receive", namespace["receive"])
    monkeypatch.setattr(Run, "silent", lambda run: True)  # which would notice most of them too
    assert str(status_of(attack)) not in zoo.metadata(zoo.attacks()[attack])["expect"].split()


def test_more_frames_than_answers_are_noticed_by_one_guard_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Run, "silent", lambda run: True)
    assert status_of("two_answers") is Status.PASSED


def test_a_kind_of_frame_that_only_a_judge_may_send_is_noticed_by_one_guard_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(python, "stopped", lambda kind, payload: Stopped(Status.FAILED, ""))
    monkeypatch.setattr(Run, "silent", lambda run: True)
    assert status_of("frame_of_another_kind") is not Status.TAMPERED


def test_a_frame_cut_short_is_noticed_by_one_guard_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Run.gone
    monkeypatch.setattr(Run, "gone", lambda run, begun: real(run, False))
    monkeypatch.setattr(Run, "silent", lambda run: True)
    assert status_of("cut_frame") is not Status.TAMPERED
