"""Builds the sandbox around itself, tests it, and becomes the slot's first process.

There are two profiles of a slot: `python`, whose first process is a warden that forks itself
into candidates, and `process`, whose first process is a foreman that starts programs.
Started by the parent with an empty environment, `-I -S`, its control socket and nothing
else. The order of the steps matters; each says why where it does. Anything that cannot
be had ends the start with the feature's name: there is no half-built sandbox.
"""

# pathlib would be one more module in the memory of every fork.
# ruff: noqa: PTH116, PTH123, PTH208
from __future__ import annotations

import _socket
import json
import os
import resource
import signal
from typing import Any, NoReturn

from codelathe.judge.inside import landlock, rooms, seccomp, syscalls

_SIGKILL = 9
_MIB = 1 << 20
_THREADS = {"python": 64, "process": 128}
_OTHERS = 256  # room for what the same user starts elsewhere, where processes are not kept apart
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_SIGPENDING: 256,
    resource.RLIMIT_STACK: 8 * _MIB,
}
_DESCRIPTORS = {"python": 64, "process": 256}


def main(descriptor: int) -> NoReturn:
    """Read the plan, build, report, serve."""
    # The parent may hold many descriptors, so this one's number may lie past the limit up
    # to which a candidate closes what it inherits. A copy takes the lowest number.
    control = _socket.socket(fileno=os.dup(descriptor))
    os.close(descriptor)
    plan = json.loads(control.recv(1 << 16))
    try:
        _launch(plan, control)
    except syscalls.SetupError as e:
        failure = [e.feature, e.what, e.number]
    except OSError as e:
        failure = ["launcher", str(e), e.errno or 0]
    control.send(json.dumps({"failed": failure}).encode())
    os._exit(1)


def _launch(plan: dict[str, Any], control: _socket.socket) -> None:
    os.environ.clear()  # the start of Python itself puts a locale there
    _die_with_parent()
    if os.getppid() != plan["parent"]:
        os._exit(1)
    os.sched_setaffinity(0, plan["cpu"])
    if plan["profile"] == "python":
        from codelathe.judge.inside import warden

        plan["loaded"] = warden.preload(plan["preload"], plan["packages"])
    _be_first_victim()
    if not seccomp.supported():
        raise syscalls.SetupError("seccomp", f"no system call table for {syscalls.MACHINE}", 38)
    if plan["tier"] == "B":
        _without_namespaces(plan, control)
    else:
        _with_namespaces(plan, control)


def _die_with_parent() -> None:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, _SIGKILL)


def _be_first_victim() -> None:
    """When memory runs out, the kernel shall take a candidate and not a server."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return


def _is_root(plan: dict[str, Any]) -> bool:
    """Whether this is a root that can become somebody else.

    In a user namespace with a single user (rootless containers) it cannot, and need not:
    to the kernel it is an ordinary user already.
    """
    if os.geteuid() != 0:
        return False
    with open("/proc/self/uid_map") as file:
        spans = [[int(n) for n in line.split()] for line in file]
    return any(first <= plan["uid"] < first + count for first, _, count in spans)


def _become(uid: int, gid: int) -> None:
    """Leave root for good. Only then does the kernel count processes against a limit."""
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as e:
        raise syscalls.SetupError("unprivileged user", str(e), e.errno or 0) from e


def _without_namespaces(plan: dict[str, Any], control: _socket.socket) -> None:
    """Tier B: files by Landlock, the rest by the filters."""
    if _is_root(plan):
        _become(plan["uid"], plan["gid"])
    _die_with_parent()  # a change of user undoes it
    version = landlock.abi()
    if version < landlock.ALONE:
        raise syscalls.SetupError("landlock", f"ABI {version}, needs {landlock.ALONE}", 38)
    threads = _running() + _OTHERS + _THREADS["python"]
    os.chdir("/")
    _confine(plan, _layout(plan), writable=())
    features = {"landlock": version, "missing": []}
    _serve_python(control, features, plan, threads, own_pids=False)


def _running() -> int:
    """Processes and threads of this user now: in tier B the limit counts all of them."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue
    return count


def _with_namespaces(plan: dict[str, Any], control: _socket.socket) -> None:
    """Tiers A and A-: own namespaces and own root first, then as tier B."""
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    privileged = _is_root(plan)
    if privileged:
        try:
            _leave_namespaces()
        except syscalls.SetupError:  # root in a container, without the capability for it
            _become(plan["uid"], plan["gid"])
            syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
            privileged = False
    if not privileged:
        _own_user_namespace(proc)
        _leave_namespaces()
    owner = (plan["uid"], plan["gid"]) if privileged else (os.geteuid(), os.getegid())
    layout = _layout(plan)
    rooms.build(layout, owner)
    _die_with_parent()
    child = os.fork()
    if child:
        control.close()
        os.close(proc)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    _first_process(plan, layout, control, proc, privileged)


def _layout(plan: dict[str, Any]) -> rooms.Layout:
    if plan["profile"] == "python":
        return rooms.libraries(plan["packages"])
    return rooms.tools(plan["shown"], plan["kits"])


def _own_user_namespace(proc: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    rooms.unshare(rooms.NEWUSER, "user namespace")
    rooms.map_identity(proc, uid, gid)


def _leave_namespaces() -> None:
    for feature, flag in rooms.NAMESPACES.items():
        rooms.unshare(flag, feature)


def _first_process(
    plan: dict[str, Any],
    layout: rooms.Layout,
    control: _socket.socket,
    proc: int,
    privileged: bool,
) -> None:
    """Process 1 of the slot."""
    missing: list[str] = []
    if privileged:
        _become(plan["uid"], plan["gid"])
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # else its own uid_map is not its own
        try:
            _own_user_namespace(proc)  # here the limit on processes counts this slot alone
        except syscalls.SetupError as e:
            missing.append(e.feature)
    os.close(proc)
    _die_with_parent()
    # With Python's own handler in place, process 1 could be interrupted from inside.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Without a user namespace the limit counts this user's processes elsewhere as well.
    threads = _THREADS[plan["profile"]] + (_OTHERS if missing else 0)
    resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
    os.chdir(rooms.WRITABLE)
    features = {"landlock": landlock.abi() if plan["tier"] == "A" else 0, "missing": missing}
    _confine(plan, layout, writable=(rooms.WRITABLE,))
    if plan["profile"] == "python":
        _serve_python(control, features, plan, threads=None, own_pids=True)
    _serve_programs(control, features, plan)


def _drop_capabilities() -> None:
    for capability in range(64):
        try:
            syscalls.prctl(syscalls.PR_CAPBSET_DROP, capability)
        except OSError:
            break  # past the last one, or none were left
    header = (0x20080522).to_bytes(4, "little") + bytes(4)
    syscalls.call("capset", header, bytes(24))


def _confine(plan: dict[str, Any], layout: rooms.Layout, writable: tuple[str, ...]) -> None:
    """Limits, Landlock and F1: set once, inherited by every candidate."""
    runs_programs = plan["profile"] == "process"
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    _drop_capabilities()
    limits = {**_LIMITS, resource.RLIMIT_NOFILE: _DESCRIPTORS[plan["profile"]]}
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))
    # Landlock asks for it of a process without CAP_SYS_ADMIN, so it comes first.
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    if plan["tier"] != "A-":
        kits = [rooms.KITS] if layout.kits else []
        readable = [*layout.shown, *layout.packages, *kits]
        landlock.restrict(readable, writable, layout.devices, executable=runs_programs)
    seccomp.install_inherited(seccomp.PROGRAMS if runs_programs else ())


def _serve_python(
    control: _socket.socket,
    features: dict[str, Any],
    plan: dict[str, Any],
    threads: int | None,
    own_pids: bool,
) -> NoReturn:
    from codelathe.judge.inside import candidate, probe, warden

    cell = candidate.Cell(threads, plan["loaded"])
    probe.run(lambda: cell.confine(probe.LIMITS), probe.PYTHON)
    control.send(json.dumps({"ready": features}).encode())
    warden.serve(control, own_pids, cell)


def _serve_programs(
    control: _socket.socket, features: dict[str, Any], plan: dict[str, Any]
) -> NoReturn:
    from codelathe.judge.inside import foreman, probe, program

    landlocked = plan["tier"] == "A"
    cell = program.Cell(landlocked)
    probe.run(lambda: cell.confine(probe.PROGRAM_LIMITS, None), probe.BUILD)
    run = probe.run_step(plan["execute"] if landlocked else [])
    probe.run(lambda: cell.confine(probe.PROGRAM_LIMITS, []), run)
    control.send(json.dumps({"ready": features}).encode())
    foreman.serve(control, cell)
