"""The two system call filters, as classic BPF programs.

F1 is inherited by everything in a slot: a list of what Python needs (and, in a process
slot, what compilers and other languages need besides); all else is refused. F2 is put on
each candidate and only takes away: no process may be created,
no signal sent, no limit changed. `clone3` answers 'no such call', so that the C
library falls back on `clone`, whose flags a filter can read.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable

from codelathe.judge.inside import syscalls

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS, ENOTTY = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS, ERRNO | errno.ENOTTY
X32 = 0x40000000
CLONE_THREAD = 0x00010000
CLONE_NEW = 0x7E020080  # every namespace flag
AF_UNIX = 1
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20
SET_MODE_FILTER = 1

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16

#: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX: what `isatty` and sockets ask
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5451, 0x5450)
#: Duplicates, flags and locks. The others have the kernel send signals to any process.
_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)

_FILES = """read write open openat close stat fstat lstat newfstatat statx lseek pread64 pwrite64
readv writev preadv pwritev preadv2 pwritev2 access faccessat faccessat2 dup dup2 dup3 sendfile
fsync fdatasync truncate ftruncate getdents getdents64 getcwd chdir fchdir rename renameat
renameat2 mkdir mkdirat rmdir creat unlink unlinkat symlink symlinkat readlink readlinkat umask
statfs fstatfs fallocate fadvise64 close_range pipe pipe2"""
_WAITING = """poll ppoll select pselect6 epoll_create epoll_create1 epoll_wait epoll_pwait
epoll_pwait2 epoll_ctl eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime pause
nanosleep clock_nanosleep futex futex_waitv restart_syscall sched_yield"""
_MEMORY = "mmap mprotect munmap mremap brk madvise msync membarrier"
_SIGNALS = """rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend
sigaltstack getitimer setitimer alarm kill tgkill"""
_ASKING = """sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
sched_get_priority_min clock_gettime clock_getres gettimeofday time times getrusage sysinfo uname
getpid gettid getppid getpgrp getpgid getsid getuid geteuid getgid getegid getgroups getresuid
getresgid getpriority getrlimit capget getrandom getcpu"""
_PROCESS = """wait4 waitid exit exit_group prlimit64 setrlimit prctl arch_prctl set_tid_address
set_robust_list get_robust_list rseq seccomp fork vfork"""
_SOCKETS = """socketpair sendto recvfrom sendmsg recvmsg shutdown getsockname getpeername
getsockopt setsockopt"""

_ALLOWED = f"{_FILES} {_WAITING} {_MEMORY} {_SIGNALS} {_ASKING} {_PROCESS} {_SOCKETS}".split()

#: What F1 has besides in a process slot: becoming a program, what tools do with files, and
#: Landlock, by which a run step gives up more.
PROGRAMS = (
    *("execve", "execveat", "chmod", "fchmod", "fchmodat", "utimensat", "mincore"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
)

#: What a candidate loses. `sendmsg` and `recvmsg` carry descriptors between processes.
_DENIED = ("fork", "vfork", "kill", "setrlimit", "prctl", "seccomp", "sendmsg", "recvmsg")


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _argument(index: int) -> bytes:
    """Load the low half of an argument; the calls looked at take 32-bit values."""
    return _op(_LOAD, _ARGS + 8 * index)


def _on(name: str, *body: bytes) -> bytes:
    """`body`, which must end in a return, run for the call `name` alone."""
    nr = syscalls.number(name)
    if nr is None:
        return b""
    return _op(_JEQ, nr, 0, len(body)) + b"".join(body)


def _one_of(argument: int, values: tuple[int, ...], refusal: int) -> tuple[bytes, ...]:
    """A body that allows a call whose argument is one of `values`."""
    asked = [_op(_JEQ, value, len(values) - i, 0) for i, value in enumerate(values)]
    return _argument(argument), *asked, _op(_RETURN, refusal), _op(_RETURN, ALLOW)


def _guard() -> bytes:
    """Refuse other architectures' entries, which would renumber every call."""
    arch = syscalls.MACHINES[syscalls.MACHINE][1]
    code = _op(_LOAD, _ARCH) + _op(_JEQ, arch, 1, 0) + _op(_RETURN, KILL) + _op(_LOAD, _NR)
    if syscalls.MACHINE == "x86_64":
        code += _op(_JGE, X32, 0, 1) + _op(_RETURN, KILL)
    return code


def inherited(besides: tuple[str, ...] = ()) -> bytes:
    """F1: what the first process of a slot and all it forks may do."""
    allow, deny = _op(_RETURN, ALLOW), _op(_RETURN, EPERM)
    code = _guard()
    code += _on("clone3", _op(_RETURN, ENOSYS))
    code += _on("clone", _argument(0), _op(_JSET, CLONE_NEW, 1, 0), allow, deny)
    code += _on("ioctl", *_one_of(1, _IOCTLS, ENOTTY))
    code += _on("fcntl", *_one_of(1, _FCNTLS, EPERM))
    for name in (*_ALLOWED, *besides):
        code += _on(name, allow)
    return code + deny


class CandidateFilter:
    """F2: what F1 allows, less what a candidate must not do.

    It is assembled once, in the warden; only the candidate's own process number, to which
    it may send signals, is filled in after the fork. With `counted` memory must be of the
    kind that a limit on data counts, where no limit on addresses is set: none that is shared.
    """

    def __init__(self, counted: bool = False) -> None:
        allow, deny = _op(_RETURN, ALLOW), _op(_RETURN, EPERM)
        code = _guard()
        for name in _DENIED:
            code += _on(name, deny)
        code += _on("clone", _argument(0), _op(_JSET, CLONE_THREAD, 1, 0), deny, allow)
        code += _on("socketpair", _argument(0), _op(_JEQ, AF_UNIX, 1, 0), deny, allow)
        # Reading limits goes through prlimit64 too: a new value (argument 2) must be null.
        null = (_argument(2), _op(_JEQ, 0, 0, 2), _op(_LOAD, _ARGS + 8 * 2 + 4), _op(_JEQ, 0, 1, 0))
        code += _on("prlimit64", *null, deny, allow)
        if counted:
            anonymous, shared = _op(_JSET, MAP_ANONYMOUS, 0, 2), _op(_JSET, MAP_SHARED, 0, 1)
            code += _on("mmap", _argument(3), anonymous, shared, deny, allow)
        own = (_argument(0), _op(_JEQ, 0, 1, 0), deny, allow)
        self._pid_at = len(code) + 8 + 8 + 4  # in the comparison's value
        code += _on("tgkill", *own) + allow
        self._code = ctypes.create_string_buffer(code, len(code))
        self._install = _installing(_head(self._code))

    def install(self) -> None:
        """Put it on this process, for ever.

        Raises:
            SetupError: the kernel refused it.
        """
        struct.pack_into("=I", self._code, self._pid_at, os.getpid())
        self._install()


def install_inherited(besides: tuple[str, ...] = ()) -> None:
    """Put F1 on this process and all it will fork. Needs no-new-privileges set.

    Raises:
        SetupError: the kernel refused it.
    """
    program = inherited(besides)
    code = ctypes.create_string_buffer(program, len(program))
    _installing(_head(code))()


def _head(code: ctypes.Array[ctypes.c_char]) -> bytes:
    return struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(code))


def _installing(head: bytes) -> Callable[[], None]:
    make = syscalls.prepared("seccomp", SET_MODE_FILTER, 0, head)

    def install() -> None:
        try:
            make()
        except OSError as e:
            raise syscalls.SetupError("seccomp", str(e), e.errno or 0) from e

    return install


def supported() -> bool:
    """Whether this machine has a table of numbers."""
    return os.uname().machine in syscalls.MACHINES
