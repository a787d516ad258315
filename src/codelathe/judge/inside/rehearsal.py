"""Goes the way of a candidate a few times in the warden, before there are any.

Python rewrites its own instructions while it learns what they meet (PEP 659), and fills
tables when they are first asked. Done here, once, that is inherited; left to each candidate,
it is copied page by page in each: about a sixth of what a candidate costs.
"""

# pathlib would be one more module in the memory of every fork.
from __future__ import annotations

import _socket
import marshal
import os
import sys

from codelathe.judge import codec
from codelathe.judge.inside import suites
from codelathe.judge.inside.channel import Channel

_TIMES = 24  # instructions are rewritten after 8; the rest settles what they keep
_CODE = '''import math
from typing import List


def play(numbers: List[int], by=2, *rest, **named) -> List[int]:
    """ What a small program does.
    >>> play([1, 2])
    [4]
    """
    found = []
    for i, number in enumerate(numbers):
        if number % by == 0 and number > 1:
            found.append(number * 2)
    names = {str(n): n for n in numbers}
    return sorted(found, key=lambda n: -n), [n for n in names], math.floor(1.5)
'''
_ORDER = {"nonce": "", "kind": "suite", "code": _CODE, "entry": "play"}
_SIZES = {"output": 1 << 20, "value": 1 << 20, "frame": 1 << 20}


def rehearse() -> None:
    """Leave the interpreter as it was, but used to the work."""
    streams = {name: getattr(sys, name) for name in suites.STREAMS}
    hidden = {name: sys.modules[name] for name in suites.HIDDEN if name in sys.modules}
    ours, theirs = _socket.socketpair()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for _ in range(_TIMES):
            _play(Channel(ours.fileno()), Channel(theirs.fileno(), 1 << 20), nowhere)
    finally:
        os.close(nowhere)
        ours.close()
        theirs.close()
        for name in suites.HIDDEN:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)
        for name, stream in streams.items():
            setattr(sys, name, stream)


def _play(parent: Channel, channel: Channel, nowhere: int) -> None:
    given = [codec.encode(([1, 2, 3, 4], 2), 1 << 10), codec.encode({}, 1 << 10)]
    parent.ask(marshal.dumps({**_ORDER, **_SIZES, "sheet": nowhere}))
    parent.ask(marshal.dumps([given] * 5))
    suites.calls(channel, channel.order())
    parent.receive()
