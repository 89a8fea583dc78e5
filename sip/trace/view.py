"""Traced messages as people see them: read, masked, joined with what they answer or repeat."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sip.trace.mask import mask
from sip.trace.reading import Reading, read
from sip.trace.ring import Entry

KEEPALIVE = "Keepalive"


@dataclass(frozen=True, slots=True)
class TracedMessage:
    """One message between us and a peer; nothing in it is secret."""

    number: int
    """Grows with each message of the server, over restarts too."""
    at: datetime
    is_sent: bool
    """By us."""
    transport: str
    host: str
    port: int
    size_bytes: int
    is_repeated: bool
    """The same octets passed before: a retransmission."""
    is_cut: bool
    """Longer than what is kept."""
    method: str
    """Of a response that of its CSeq."""
    status: int
    """0: a request."""
    reason: str
    cseq: int
    """-1: not readable."""
    call_id: str
    from_id: str
    to_id: str
    kind: str
    """Root of the body's MANSCDP: Query, Control, Notify, Response; a response has its request's,
    as with the next three."""
    command: str
    session: str
    about: str
    """The channel or device that it concerns."""
    has_credentials: bool
    is_end: bool
    """REGISTER or SUBSCRIBE with Expires 0."""
    octets: bytes
    """Masked."""

    @property
    def text(self) -> str:
        """The masked message; octets that are no UTF-8 are read as GB18030."""
        try:
            return self.octets.decode()
        except UnicodeDecodeError:
            return self.octets.decode("gb18030", "replace")


def build_views(
    entries: Iterable[Entry], wall: Callable[[float], datetime]
) -> Iterator[TracedMessage]:
    """Read and mask entries in their order; `wall` turns their times into times of the day."""
    passed: set[tuple[bool, bytes]] = set()
    requests: dict[tuple[str, int, str], Reading] = {}
    for entry in entries:
        octets = mask(entry.data)
        reading = read(octets)
        key = (reading.call_id, reading.cseq, reading.method)
        if reading.status:
            asked = requests.get(key, reading)
        else:
            asked = requests[key] = reading
        way = (entry.is_sent, entry.data)
        yield TracedMessage(
            number=entry.number,
            at=wall(entry.at),
            is_sent=entry.is_sent,
            transport=entry.peer.transport,
            host=entry.peer.host,
            port=entry.peer.port,
            size_bytes=entry.size_bytes,
            is_repeated=way in passed,
            is_cut=entry.size_bytes > len(entry.data),
            method=reading.method,
            status=reading.status,
            reason=reading.reason,
            cseq=reading.cseq,
            call_id=reading.call_id,
            from_id=reading.from_id,
            to_id=reading.to_id,
            kind=asked.kind,
            command=asked.command,
            session=asked.session,
            about=asked.about,
            has_credentials=reading.has_credentials,
            is_end=asked.is_end,
            octets=octets,
        )
        passed.add(way)


def wall_of(now: float, wall: datetime) -> Callable[[float], datetime]:
    """Return what tells the time of the day of a monotonic time, where `now` is `wall`."""
    return lambda at: wall + timedelta(seconds=at - now)
