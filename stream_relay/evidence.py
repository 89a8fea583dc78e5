"""What a media port has seen, for whoever has to say why there is no picture. Sans-IO.

Everything here is bounded and is read now and then; nothing is counted for it on the hot path.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log2

from stream_relay.formats.detect import choose_depacketizer
from stream_relay.formats.units import Depacketizer, UnitSink

SAMPLE_BYTES = 1400
"""Of the first payload: one packet over UDP."""
MOST_REFUSED = 8
"""Strangers that are named; how many packets all of them sent is counted elsewhere."""
EVEN_BITS = 0.97
"""Share of the greatest possible entropy from which on bytes look encrypted."""
LEAST_EVEN_BYTES = 1000


class Container(StrEnum):
    """What the payloads are read as."""

    NONE = ""
    """Nothing has come yet."""
    PROGRAM = "ps"
    TRANSPORT = "ts"
    VIDEO = "es"
    """One elementary stream of pictures."""
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody whose packets are not taken."""

    host: str
    port: int
    ssrc: int | None
    """The latest that was seen of it; None: what it sends is no RTP."""
    packets: int


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What one receiver has seen since it was opened."""

    is_partial: bool = False
    """Another machine has seen it and told its counters only."""
    packets: int = 0
    source: tuple[str, int] | None = None
    """Whose packets are taken."""
    ssrc: int | None = None
    """The SSRC that really arrives."""
    first_packet_s: float | None = None
    """Seconds from opening to the first packet that was taken, at most half a second late."""
    malformed: int = 0
    """Packets that are no RTP."""
    refused: tuple[Stranger, ...] = ()
    """Sources with another SSRC than the agreed one, or beside the one that is taken."""
    strays: tuple[Stranger, ...] = ()
    """At a shared port: the latest that no stream expects, from the host that signalled."""
    container: Container = Container.NONE
    payload_type: int | None = None
    is_even: bool = False
    """The first payload looks like noise: encrypted, or compressed by something unknown."""
    begins: str = ""
    """The first bytes of the first payload, hexadecimal."""
    packs: int | None = None
    """Packs of a program stream; None: it is none."""
    has_map: bool = False
    """A stream map, or the tables of a transport stream, came."""
    garbage_bytes: int = 0
    """Bytes between packets that belong to nothing."""
    pictures: int = 0
    """Pictures that can be decoded, from the first key frame on."""
    skipped_pictures: int = 0
    """Pictures thrown away while the first key frame was waited for."""
    is_contradicted: bool = False
    """The stream map names another codec than the bytes show."""
    connections: int = 0
    """TCP connections that were made."""
    attempts: int = 0
    """Connections that we tried to make."""
    connect_fault: str = ""
    """Why the latest of them failed: `refused`, `timeout` or `unreachable`."""


@dataclass(slots=True)
class Arrivals:
    """What came to the sockets of one stream."""

    connections: int = 0
    """TCP connections that were made, by either side."""
    attempts: int = 0
    """Connections that we tried to make."""
    fault: str = ""
    """Why the latest of them failed: `refused`, `timeout` or `unreachable`."""

    def failed(self, error: Exception) -> None:
        """Note why a connection could not be made."""
        self.fault = "unreachable"
        if isinstance(error, ConnectionRefusedError):
            self.fault = "refused"
        elif isinstance(error, TimeoutError):
            self.fault = "timeout"


class Observer:
    """Sees the first payload of a source: gives the intake its `choose`."""

    def __init__(self) -> None:
        self.sample = b""
        self.payload_type: int | None = None
        self._judged = (b"", False)

    @property
    def is_even(self) -> bool:
        """Whether the sample looks like noise; found out once."""
        if self._judged[0] is not self.sample:
            self._judged = (self.sample, is_even(self.sample))
        return self._judged[1]

    def choose(
        self, payload_type: int, payload: bytes, announced: dict[int, str], sink: UnitSink | None
    ) -> Depacketizer:
        """See `choose_depacketizer`; keeps what it was asked for."""
        self.payload_type, self.sample = payload_type, payload[:SAMPLE_BYTES]
        return choose_depacketizer(payload_type, payload, announced, sink)


def is_even(sample: bytes) -> bool:
    """Whether all byte values are about equally frequent, as in what is encrypted.

    Compressed pictures come close to it, so it only says something of bytes without structure.
    """
    size = len(sample)
    if size < LEAST_EVEN_BYTES:
        return False
    shares = [count / size for count in Counter(sample).values()]
    return -sum(share * log2(share) for share in shares) >= EVEN_BITS * log2(min(size, 256))


def container_of(depacketizer: object) -> Container:
    """What a depacketizer reads, by its class: both twins have the same names."""
    name = type(depacketizer).__name__
    if name == "Depacketizer":
        return Container.NONE
    for part, container in (
        ("Ps", Container.PROGRAM),
        ("Ts", Container.TRANSPORT),
        ("Audio", Container.AUDIO),
    ):
        if name.startswith(part):
            return container
    return Container.VIDEO


def strangers(
    refused: Sequence[tuple[tuple[str, int], int | None, int]],
) -> tuple[Stranger, ...]:
    """The loudest of those that were refused: peer, SSRC, packets."""
    found = [Stranger(host, port, ssrc, count) for (host, port), ssrc, count in refused]
    return tuple(sorted(found, key=lambda each: -each.packets)[:MOST_REFUSED])
