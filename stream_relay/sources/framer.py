"""The bytes of one TCP connection into an intake (RFC 4571). Compiled as `_framer`."""

from stream_relay.formats import rfc4571
from stream_relay.sources import intake

USED, REFUSED, MALFORMED = 0, 2, 3
"""Verdicts of the intake."""


class IntakeFramer(rfc4571.TcpFramer):
    """Counts what became of its packets; a connection whose packets are refused can be closed."""

    def __init__(self, taken_by: intake.Intake, peer: int) -> None:
        super().__init__()
        self.intake = taken_by
        self.peer = peer
        self.used = 0
        # Packets that were refused or no RTP.
        self.refused = 0
        self._now_us = 0

    def bring(self, data: bytes | bytearray, start: int, end: int, now_us: int) -> int:
        """Take what TCP brought; not 0 when the connection is not worth keeping."""
        self._now_us = now_us
        fault = self.receive(data, start, end)
        if fault:
            self.intake.complain(self.peer, fault)
        return fault

    def take(self, data: bytes | bytearray, start: int, end: int, is_stable: bool) -> None:
        """See `TcpFramer.take`."""
        verdict = self.intake.receive(data, start, end, is_stable, self.peer, self._now_us)
        if verdict == USED:
            self.used += 1
        elif verdict == REFUSED or verdict == MALFORMED:
            self.refused += 1

    def push_all(self, data: bytes, now_us: int) -> int:
        """See `bring`."""
        return self.bring(data, 0, len(data), now_us)
