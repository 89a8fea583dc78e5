"""Messages out of a byte stream, by Content-Length (RFC 3261 §18.3)."""

import re

from sip.errors import MalformedMessage

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024
"""A catalog of some 7,000 channels in one message; what all connections hold is bounded above."""
REJECTED_BYTES = 1024

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\r\n]*)", re.I)
_NUMBER = re.compile(rb"[0-9]{1,10}")
_PING = b"\r\n\r\n"
_LONGEST_END = 3
"""How far back a head's end may have begun before the octets that just came."""


class StreamFramer:
    """Cuts the octets of one connection into messages; holds one head and body at most.

    After an error the stream cannot be understood any more: every further call raises again, and
    the connection is to be closed. `rejected` then holds the head, for a last answer.
    """

    __slots__ = ("_buffer", "_error", "_ping", "_scanned", "_size", "keepalives", "rejected")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._size = 0
        self._ping = b""
        self._error: MalformedMessage | None = None
        self.keepalives = 0
        """CRLFCRLF pings not answered yet (RFC 5626 §3.5.1); the transport resets it."""
        self.rejected = b""
        """Head whose extent is unknown, or the beginning of one without end; made to fail in the
        parser too, which is how the endpoint hears of it."""

    def clear(self) -> None:
        """Forget what is pending, because the connection is closed."""
        self._buffer.clear()

    def receive(self, data: bytes) -> None:
        """Take octets; what they mean is told by `next_message`."""
        if self._error is None:
            self._buffer += data

    @property
    def pending_bytes(self) -> int:
        """Octets that belong to a message not complete yet."""
        return len(self._buffer)

    def next_message(self) -> bytes | None:
        """Return the next whole message, None until there is one.

        Raises MalformedMessage where the stream cannot be followed any more.
        """
        if self._error is not None:
            raise self._error
        if not self._size:
            self._skip_line_ends()
            self._find_size()
        if not self._size or len(self._buffer) < self._size:
            return None
        message = bytes(self._buffer[: self._size])
        del self._buffer[: self._size]
        self._size = self._scanned = 0
        return message

    def _skip_line_ends(self) -> None:
        """Drop what stands between messages, counting the pings in it."""
        if not self._buffer:
            return
        if self._buffer[0] in b"\r\n":
            rest = self._buffer.lstrip(b"\r\n")
            skipped = bytes(self._buffer[: len(self._buffer) - len(rest)])
            pieces = (self._ping + skipped).split(_PING)
            self.keepalives += len(pieces) - 1
            self._ping = pieces[-1][-_LONGEST_END:]
            self._buffer = rest
        if self._buffer:
            self._ping = b""

    def _find_size(self) -> None:
        start = max(self._scanned - _LONGEST_END, 0)
        end = _HEAD_END.search(self._buffer, start)
        if end is None:
            self._scanned = len(self._buffer)
            if self._scanned > MAX_HEAD_BYTES:
                self._fail("head too long", status=513)
            return
        head = bytes(self._buffer[: end.end()])
        if len(head) > MAX_HEAD_BYTES:
            self._fail("head too long", status=513)
        lengths = {value.strip(b" \t") for value in _LENGTH.findall(head)}
        if len(lengths) != 1:
            self._fail("conflicting Content-Length" if lengths else "missing header", head)
        length = lengths.pop()
        if not _NUMBER.fullmatch(length):
            self._fail("bad Content-Length", head, length)
        if int(length) > MAX_BODY_BYTES:
            self._fail("body too long", head, length, status=513)
        self._size = len(head) + int(length)

    def _fail(self, reason: str, head: bytes = b"", data: bytes = b"", status: int = 400) -> None:
        self._error = MalformedMessage(reason, data or bytes(self._buffer[:32]), status_hint=status)
        self.rejected = head or bytes(self._buffer[:REJECTED_BYTES])
        self._buffer.clear()
        raise self._error
