"""A general test in a process of its own, with a proxy in the candidate's place.

Test and context are trusted and the candidate's code is not here: each call goes to its
process as data, and a value, the arguments as they were left, or an exception comes back as
data. Iterators arrive as iterators, exceptions by the name of their built-in class.
"""

from __future__ import annotations

import builtins
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from codelathe.judge import codec
from codelathe.judge.inside.channel import FILENAME, Channel, Sink, at_depth, raised
from codelathe.judge.inside.orders import BESIDE
from codelathe.judge.inside.suites import DEPTH, PRINTED, guard

_INPUT_BYTES = 64 << 20
_EXCEPTIONAL = ("error", "memory", "output")
#: Exceptions that a loop of the test would take for its own end.
_QUIET = ("StopIteration", "StopAsyncIteration", "GeneratorExit")


class _Ended(BaseException):
    """The test cannot go on: what there is to say to the parent."""


class _Proxy:
    """Makes the candidate's calls, as if it were here."""

    def __init__(self, frame: int) -> None:
        self._link = Channel(BESIDE, _INPUT_BYTES)
        self._frame = frame
        self._answers = 0
        self.outcome: tuple[str, Any] | None = None
        self.error: BaseException | None = None
        self.detail: tuple[str, str] = ("", "")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the candidate.

        Raises:
            BaseException: whatever the candidate raised.
        """
        if self.outcome is not None:  # the test has caught what ends it
            raise _Ended
        try:
            given = [codec.encode(args, _INPUT_BYTES, plain=True)]
            given.append(codec.encode(kwargs, _INPUT_BYTES, plain=True))
        except (TypeError, codec.TooLarge) as e:
            raise self._ended("unjudged", f"the test hands over what cannot be data: {e}") from e
        kind, payload = self._exchange(given)
        if kind == "value":
            return self._value(payload, args, kwargs)
        if kind == "raised":
            self._raise(payload)
        if kind in ("output", "memory") and type(payload) is str:
            raise self._ended(kind, payload)
        raise self._ended("tampered", "an answer of unknown kind")

    def _ended(self, kind: str, detail: str) -> _Ended:
        self.outcome = kind, detail
        return _Ended()

    def _exchange(self, given: list[Any]) -> tuple[Any, Any]:
        try:
            self._link.ask(codec.dumps(given))
            frame = self._link.receive(self._frame)
        except OSError:
            frame = None
        except codec.CodecError as e:
            raise self._ended("tampered", f"a frame that is none: {e}") from e
        if frame is None:
            raise self._ended("gone", "")
        if type(frame) is not list or frame[:2] != ["", self._answers] or len(frame) != 4:
            raise self._ended("tampered", "a frame out of order")
        self._answers += 1
        return frame[2], frame[3]

    def _value(self, payload: Any, args: Any, kwargs: Any) -> Any:
        try:
            tree, after = payload
            value = codec.decode(tree, codec.LIVE)
            if after is not None:
                left, named = codec.decode(after[0]), codec.decode(after[1])
                renewed(args, left)
                for name in kwargs.keys() & named.keys():
                    renewed(kwargs[name], named[name])
        except (codec.CodecError, TypeError, ValueError, LookupError, AttributeError) as e:
            raise self._ended("tampered", f"a value that is none: {e}") from e
        return value

    def _raise(self, payload: Any) -> NoReturn:
        if type(payload) is not list or [type(p) for p in payload] != [str] * 4:
            raise self._ended("tampered", "an exception that is none")
        name, text, kind, detail = payload
        if kind not in _EXCEPTIONAL:
            raise self._ended("tampered", "an exception that is none")
        made = getattr(builtins, name, None)
        if not (isinstance(made, type) and issubclass(made, BaseException)) or name in _QUIET:
            made = RuntimeError
        try:
            error = made(text) if text else made()
        except TypeError:  # a class of exception that asks for more
            error = RuntimeError(text)
        self.error, self.detail = error, (kind, detail)
        raise error


def renewed(old: Any, new: Any) -> Any:
    """`old` made equal to `new` in place, where it can be; else `new`."""
    if type(old) is not type(new):
        return new
    if isinstance(old, tuple):
        if len(old) != len(new):
            return new
        items = tuple(renewed(o, n) for o, n in zip(old, new, strict=True))
        return old if all(map(_is, items, old)) else items
    if type(old).__name__ == "ndarray":
        return _array(old, new)
    renew = _IN_PLACE.get(type(old)) or (_mapping if isinstance(old, dict) else None)
    if renew is None:
        return old if old == new else new
    renew(old, new)
    return old


def _is(one: Any, other: Any) -> bool:
    return one is other


def _items(old: Any, new: Any) -> list[Any]:
    kept = [renewed(o, n) for o, n in zip(old, new, strict=False)]
    return kept + list(new)[len(kept) :]


def _list(old: Any, new: Any) -> None:
    old[:] = _items(old, new)


def _deque(old: Any, new: Any) -> None:
    items = _items(old, new)
    old.clear()
    old.extend(items)


def _mapping(old: Any, new: Any) -> None:
    items = {k: renewed(old[k], v) if k in old else v for k, v in new.items()}
    old.clear()
    dict.update(old, items)


def _set(old: Any, new: Any) -> None:
    old.clear()
    old.update(new)


def _array(old: Any, new: Any) -> Any:
    if (old.shape, old.dtype) != (new.shape, new.dtype):
        return new
    old[...] = new
    return old


def _bytes(old: Any, new: Any) -> None:
    old[:] = new


_IN_PLACE: dict[type, Callable[[Any, Any], None]] = {
    list: _list,
    deque: _deque,
    set: _set,
    bytearray: _bytes,
}


def test(channel: Channel, order: dict[str, Any]) -> None:
    """Run the test; say what came of it."""
    printed = guard(order["code"], order["output"])
    proxy = _Proxy(order["frame"])
    outcome = at_depth(DEPTH, _run, order, proxy, printed)
    channel.send(*(proxy.outcome or outcome))


def _run(order: dict[str, Any], proxy: _Proxy, printed: Sink) -> tuple[str, Any]:
    name = order["entry"]

    def candidate(*args: Any, **kwargs: Any) -> Any:
        return proxy.call(*args, **kwargs)

    candidate.__name__ = candidate.__qualname__ = name
    try:
        namespace: dict[str, Any] = {name: candidate}
        exec(compile(order["context"], FILENAME, "exec", dont_inherit=True), namespace)  # noqa: S102
        namespace[name] = candidate
        exec(compile(order["code"], FILENAME, "exec", dont_inherit=True), namespace)  # noqa: S102
    except BaseException as e:  # noqa: BLE001 -- whatever it raises is its answer
        kind, detail = proxy.detail if e is proxy.error else raised(e)
        return ("failed" if isinstance(e, AssertionError) else kind), detail
    return PRINTED if printed.over else ("passed", None)
