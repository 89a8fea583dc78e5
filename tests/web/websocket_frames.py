"""WebSocket frames (RFC 6455 §5.2), as far as a server needs them that only talks."""

import struct
from collections.abc import Iterator

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
LARGEST_MESSAGE = 4096
"""Clients have nothing to say; this bounds what is read from them."""
TOO_BIG, PROTOCOL_ERROR = 1009, 1002


class BadFrame(Exception):
    """What the client sent is no frame that it may send; `code` is for the close frame."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def frame(kind: int, payload: bytes) -> bytes:
    """One unmasked frame, the whole message."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 127, size)
    return head + payload


class FrameReader:
    """Cuts what a client sends into frames, unmasked."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The kind and payload of each frame that is complete; raises BadFrame."""
        self._data += data
        while (found := self._cut()) is not None:
            yield found

    def _cut(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        if data[0] & 0x70 or not data[1] & 0x80:
            raise BadFrame(PROTOCOL_ERROR)  # an extension that was not agreed on, or no mask
        size, start = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, start = int.from_bytes(data[2:4], "big"), 4
        if size > LARGEST_MESSAGE or data[1] & 0x7F == 127:
            raise BadFrame(TOO_BIG)
        end = start + 4 + size
        if len(data) < end:
            return None
        mask = data[start : start + 4]
        payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(data[start + 4 : end]))
        self._data = data[end:]
        return data[0] & 0x0F, payload
