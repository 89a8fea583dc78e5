"""A door from compiled code into Python, for what is rare: tests, and formats not worth compiling.

Compiled as `_callbacks`.
"""

from collections.abc import Callable

from stream_relay.formats import units

FEED, INTERRUPT, FINISH, RESTART = "feed", "interrupt", "finish", "restart"

Call = Callable[[str, bytes, int, bool], None]
"""What happens, and with "feed" the payload, its time stamp and marker."""


class CallbackDepacketizer(units.Depacketizer):
    """Tells a Python function whatever a depacketizer is told."""

    def __init__(self, call: Call, sink: "units.UnitSink | None" = None) -> None:
        super().__init__(sink)
        self.call = call

    def feed(
        self, data: bytes | bytearray, start: int, end: int, timestamp: int, marker: bool
    ) -> None:
        """See `Depacketizer.feed`."""
        self.call(FEED, bytes(data[start:end]), timestamp, bool(marker))

    def interrupt(self) -> None:
        """See `Depacketizer.interrupt`."""
        self.call(INTERRUPT, b"", 0, False)

    def finish(self) -> None:
        """See `Depacketizer.finish`."""
        self.call(FINISH, b"", 0, False)

    def restart(self) -> None:
        """See `Depacketizer.restart`."""
        self.call(RESTART, b"", 0, False)
