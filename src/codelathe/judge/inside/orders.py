"""The form of orders and answers on a control socket, for both of its ends."""

from __future__ import annotations

import _socket
import struct

CHANNEL = 3
"""A candidate's descriptor of its channel to the parent."""
BESIDE = 4
"""That of the sheet for its answers, or of the link to another process."""
START = struct.Struct("=QQQ")
"""Of a candidate: MiB of memory, seconds of the processor, bytes of a file."""
ENDING = struct.Struct("=i?d")
"""Wait status (-1: it never started), whether the warden had to kill it, processor seconds."""
_BYTES = 1 << 16


def receive(control: _socket.socket, most: int) -> tuple[bytes, list[int]] | None:
    """The next message with the descriptors that came along, at most `most`; None at the end."""
    data, ancillary, _, _ = control.recvmsg(_BYTES, _socket.CMSG_SPACE(4 * most))
    if not data:
        return None
    descriptors: list[int] = []
    for _level, _kind, payload in ancillary:
        descriptors.extend(struct.unpack(f"={len(payload) // 4}i", payload))
    return data, descriptors
