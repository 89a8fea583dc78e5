"""The error tree of the relay.

RelayError
├── SourceLost          the sender stopped, closed its connection or never came
├── NoMedia             nothing playable arrived in time
├── StreamClosed        the stream ended while somebody was reading it
├── Unsupported         a codec or container that this output cannot carry
├── RelayUnreachable    the relay of another process or machine does not answer, or refuses us
├── Overload            a port, a queue or a disk ran out
│   └── SsrcTaken           another stream of the shared port has this SSRC
└── MalformedMedia      bytes that break their format
    ├── MalformedRtp        RFC 3550 packet
    ├── MalformedFraming    RFC 4571 or interleaved framing that cannot be found again
    ├── MalformedBitstream  parameter sets, ADTS and other elementary stream headers
    └── MalformedMp4        boxes of a recording
"""

EXCERPT_BYTES = 32


class RelayError(Exception):
    """Root of everything the relay raises."""


class SourceLost(RelayError):
    """The sender stopped, closed its connection or never came."""


class NoMedia(RelayError):
    """Nothing playable arrived in time."""


class StreamClosed(RelayError):
    """The stream ended while somebody was reading it; `reason` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsupported(RelayError):
    """A codec or container that this output cannot carry; `what` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class RelayUnreachable(RelayError):
    """The relay of another process or machine does not answer as it should; says what is wrong."""


class Overload(RelayError):
    """A bounded resource (ports, queue, disk) is used up."""


class SsrcTaken(Overload):
    """Another stream of the shared port has this SSRC: packets could not be told apart."""


class MalformedMedia(RelayError):
    """Bytes that break their format: what was expected, where, and the first bytes seen there."""

    def __init__(self, expectation: str, offset: int = 0, data: bytes = b"") -> None:
        super().__init__(expectation)
        self.expectation = expectation
        self.offset = offset
        self.data = bytes(data[:EXCERPT_BYTES])

    def __str__(self) -> str:
        return f"{self.expectation} (offset {self.offset}, bytes {self.data.hex(' ')})"


class MalformedRtp(MalformedMedia):
    """Not an RTP packet (RFC 3550 §5.1)."""


class MalformedFraming(MalformedMedia):
    """A TCP media connection in which no RTP packet can be found again (RFC 4571)."""


class MalformedBitstream(MalformedMedia):
    """A parameter set or frame header of an elementary stream that cannot be read."""


class MalformedMp4(MalformedMedia):
    """Boxes that are not those of a fragmented MP4 file (ISO/IEC 14496-12)."""
